"""What the page on other tools shows for CI runs as it stands, and its hooks judge what people commit."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_tests.tool.site.shells import Shell, open_shell

pytestmark = pytest.mark.thorough

REPOSITORY = Path(__file__).parents[3]
DOCS = REPOSITORY / "tools" / "docs"
PAGE = (DOCS / "reference" / "integrations.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "test-in-ci.md").read_text(encoding="utf-8")
OF_OTHERS = {
    "actions/checkout": "the clone is there",
    "actions/setup-python": "Python is there",
    "actions/upload-artifact": "GitHub's; its path is looked at",
    "github/codeql-action/upload-sarif": "GitHub's; its file is looked at",
}
"""Actions that are not run, and why."""


def block(title: str, language: str, page: str = PAGE) -> str:
    """Return the block of a section."""
    return blocks(title, language, page)[0]


def blocks(title: str, language: str, page: str = PAGE) -> list[str]:
    """Return the blocks of a section."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert section
    found = re.findall(rf"^```{language}\n(.*?)^```$", section[1], re.DOTALL | re.MULTILINE)
    assert found
    return found


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return open_shell(tmp_path)


def test_the_job_for_github_passes_and_leaves_what_it_hands_on(shell: Shell) -> None:
    outputs = do(shell, yaml.safe_load(block("GitHub Actions", "yaml"))["jobs"]["drift"]["steps"])
    assert outputs
    assert shell.step_summary.read_text(encoding="utf-8").startswith("## opay-contract check")


def test_the_job_of_the_how_to_runs_the_clients_tests_and_checks_its_recordings(shell: Shell) -> None:
    for name, text in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", HOW_TO, re.DOTALL | re.MULTILINE):
        (shell.folder / name).write_text(text, encoding="utf-8")
    outputs = do(shell, yaml.safe_load(block("4. The job", "yaml", HOW_TO))["jobs"]["client"]["steps"])
    assert (shell.folder / outputs["html"]).is_file()


def do(shell: Shell, steps: list[dict[str, Any]]) -> dict[str, str]:
    """Do the steps of a job, which are to succeed, and return what the check hands on."""
    outputs: dict[str, str] = {}
    for step in steps:
        used = step.get("uses", "").partition("@")[0]
        if "run" in step:
            code, said = shell.run(step["run"])
            assert code == 0, said
        elif used == "OWNER/REPOSITORY/.github/actions/opay-contract":
            code, said, outputs = shell.act(**step["with"])
            assert code == 0, said
        else:
            assert used in OF_OTHERS
            for name in re.findall(r"\$\{\{ steps\.drift\.outputs\.(\w+) \}\}", yaml.safe_dump(step)):
                assert (shell.folder / outputs[name]).is_file()
    return outputs


def test_the_script_for_gitlab_passes_and_leaves_its_artifacts(shell: Shell) -> None:
    job = yaml.safe_load(block("GitLab", "yaml"))["drift"]
    code, said = shell.run("\n".join(job["script"]))
    assert code == 0, said
    for name in (*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()):
        assert (shell.folder / name).is_file()


def test_the_stage_for_jenkins_passes_and_leaves_its_report(shell: Shell) -> None:
    stage = block("Jenkins", "groovy")
    (command,) = re.findall(r"\bsh '([^']*)'", stage)
    code, said = shell.run(command)
    assert code == 0, said
    (report,) = re.findall(r"\bjunit '([^']*)'", stage)
    assert (shell.folder / report).is_file()


def test_the_nightly_jobs_of_gitlab_and_jenkins_test_a_target_and_leave_their_reports(shell: Shell) -> None:
    job = yaml.safe_load(blocks("GitLab", "yaml")[1])["sandbox"]
    stage = blocks("Jenkins", "groovy")[1]
    (command,) = re.findall(r"\bsh '([^']*)'", stage)
    reports = [*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()]
    for script, files in (
        ("\n".join(job["script"]), reports),
        (command, re.findall(r"junit '([^']*)'", stage)),
    ):
        assert "--target sandbox" in script
        code, said = shell.run(script.replace("--target sandbox", "--target mock --only operation"))
        assert code == 0, said
        assert all((shell.folder / name).is_file() for name in files)
        for name in files:
            (shell.folder / name).unlink()
