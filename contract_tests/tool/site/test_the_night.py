"""The night against the sandbox from end to end: the lines of the workflow and of the pages, as they stand.

A mock in a process of its own is the sandbox. The address alone is replaced: the sandbox's by the mock's in
what is run, and the mock's by the sandbox's in what was recorded.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_tests.tool.site.shells import SANDBOX, Shell, open_shell

pytestmark = pytest.mark.thorough

REPOSITORY = Path(__file__).parents[3]
DOCS = REPOSITORY / "tools" / "docs"
WORKFLOW = REPOSITORY / ".github" / "workflows" / "contract.yml"
HOW_TO = DOCS / "how-to" / "test-in-ci.md"
CREDENTIALS = {
    "OPAY_MERCHANT_ID": "299911112222333",
    "OPAY_PRIVATE_KEY": "OPAYPRV_TEST_ANOTHER",
    "OPAY_CUSTOMER_ID": "121111113",
}
OF_THE_RUNNER = {"actions/checkout", "actions/setup-python"}
"""What a runner does before: the clone and Python are there."""

HASTE = "--pace 1000"
"""What a sandbox would be spared, a mock need not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A clone that knows no sandbox but the mock."""

    shell: Shell
    address: str

    def run(self, text: str, variables: Mapping[str, str] = {}) -> str:
        """Run lines of a page or of a job, which are to succeed."""
        asked = text.replace("--target sandbox", f"--target {self.address} {HASTE}")
        asked = asked.replace("https://HOST", self.address)
        code, said = self.shell.having(variables).run(asked)
        assert code == 0, f"{text}\n{said}"
        if self.recording.exists():
            recorded = self.recording.read_text(encoding="utf-8").replace(self.address, SANDBOX)
            self.recording.write_text(recorded, encoding="utf-8")
        return said

    @property
    def recording(self) -> Path:
        """What the run recorded."""
        return self.shell.folder / "sandbox.ndjson"

    def expect_proof(self) -> None:
        """Fail unless customers were asked for with success, much was refused, and nothing is given away."""
        text = self.recording.read_text(encoding="utf-8")
        exchanges = [json.loads(line) for line in text.splitlines()]
        answers = [exchange["response"]["body"] for exchange in exchanges]
        codes = [answer["code"] for answer in answers if isinstance(answer, dict)]
        assert codes.count("00000") >= 10
        assert {"02000", "02001"} <= set(codes)
        assert {"GET", "PUT", "DELETE"} < {exchange["request"]["method"] for exchange in exchanges}
        written = [path.read_text("utf-8") for path in self.shell.folder.glob("drift*/*") if path.is_file()]
        for secret in CREDENTIALS.values():
            assert secret not in "".join([text, *written])


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    shell = open_shell(tmp_path_factory.mktemp("sandbox")).having(CREDENTIALS)
    with shell.serving("opay-contract mock") as (_, said):
        found = re.search("address: (.*)", "".join(said))
        assert found, said
        yield found[1]


@pytest.fixture
def night(tmp_path: Path, address: str) -> Night:
    shell = open_shell(tmp_path, tests=("../tools",))
    (shell.folder / "sandbox.ndjson").unlink()
    return Night(shell=shell, address=address)


def blocks_of_the_night(language: str) -> list[str]:
    """Return the blocks of the how-to from its section on the night on."""
    _, title, text = HOW_TO.read_text(encoding="utf-8").partition("## 5. Every night, the sandbox itself\n")
    assert title
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def jobs() -> dict[str, Any]:
    """Return the jobs for the night: the workflow's, and the how-to's."""
    texts = {"workflow": WORKFLOW.read_text(encoding="utf-8"), "how-to": blocks_of_the_night("yaml")[0]}
    return {name: yaml.safe_load(text)["jobs"]["sandbox"] for name, text in texts.items()}


def test_the_job_of_the_night_passes_and_the_how_tos_job_and_lines_by_hand_do_the_same(night: Night) -> None:
    steps, of_how_to = (job["steps"] for job in jobs().values())
    assert {do(night, step) for step in steps} == {"run", "check", "upload", "of the runner"}
    assert "## opay-contract check" in night.shell.step_summary.read_text(encoding="utf-8")
    night.expect_proof()
    *_, test, verify, check, upload = map(work_of, of_how_to)
    assert [test, verify, check] == list(map(work_of, steps))[-4:-1]
    assert {*upload["with"]["path"].split()} < {*steps[-1]["with"]["path"].split()}
    asking, judging = blocks_of_the_night("sh")
    export, install, probing, testing = asking.splitlines()
    assert export == "export " + " ".join(f"{name}=…" for name in CREDENTIALS)
    assert install == "pip install 'opay-contract[suite] @ git+https://github.com/OWNER/REPOSITORY@REF'"
    night.run(probing, CREDENTIALS)
    assert test["run"].startswith(f"{testing} ")
    assert verify["run"] == judging.splitlines()[0]
    assert "keep the contract" in night.run(judging)
    assert (night.shell.folder / "drift.html").exists()


def work_of(step: dict[str, Any]) -> dict[str, Any]:
    """Return what a step does, wherever it has the command from."""
    done = {key: step[key] for key in ("env", "uses", "with") if key in step}
    return done | {"run": step.get("run", "").replace(".venv/bin/", "")}


def do(night: Night, step: dict[str, Any]) -> str:
    """Do a step of a job, and return what sort it is."""
    if "run" in step:
        night.run(step["run"], {name: valued(value) for name, value in step.get("env", {}).items()})
        return "run"
    used, given = step["uses"], step.get("with", {})
    if used == "./.github/actions/opay-contract":
        code, said, _ = night.shell.act(**given)
        assert code == 0, said
        return "check"
    if used.startswith("actions/upload-artifact@"):
        assert all((night.shell.folder / path).exists() for path in given["path"].split())
        return "upload"
    assert used.partition("@")[0] in OF_THE_RUNNER
    return "of the runner"


def valued(expression: str) -> str:
    """Return what a runner puts in the place of a secret."""
    return re.sub(r"\$\{\{ secrets\.(\w+) \}\}", lambda found: CREDENTIALS[found[1]], expression)


def test_the_line_for_schemathesis_passes(night: Night) -> None:
    page = (DOCS / "reference" / "contract-tests.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith("st --config-file"))
    assert "No issues found" in night.run(line, CREDENTIALS)
