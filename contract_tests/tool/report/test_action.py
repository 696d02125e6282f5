"""The composite GitHub Action: its script in bash as a runner starts it, without the installation."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_tests.tool.running import run_command

import opay_contract

pytestmark = pytest.mark.external

REPOSITORY = Path(__file__).parents[3]
FOLDER = REPOSITORY / ".github" / "actions" / "opay-contract"
ACTION: Any = yaml.safe_load((FOLDER / "action.yml").read_text(encoding="utf-8"))
INSTALL, CHECK = ACTION["runs"]["steps"]
DATA = REPOSITORY / "contract_tests" / "tool" / "whole" / "acceptance" / "data"


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """The runner's temporary folder, where what the first step installs is this package."""
    command = tmp_path / "opay-contract" / "bin" / "opay-contract"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m opay_contract "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return tmp_path


def start(runner: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """Run the step and return its exit code, what it prints, and its outputs."""
    given = {name: entry.get("default", "") for name, entry in ACTION["inputs"].items()} | inputs
    variables = {
        name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, value in CHECK["env"].items()
    }
    outputs = runner / "outputs"
    environment = variables | {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(opay_contract.__file__).parents[1]),
        "RUNNER_TEMP": str(runner),
        "GITHUB_STEP_SUMMARY": str(runner / "summary.md"),
        "GITHUB_OUTPUT": str(outputs),
    }
    bash = shutil.which("bash")
    assert bash, "bash is missing: apt-get install bash"
    command = [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", CHECK["run"]]
    done = subprocess.run(
        command, cwd=DATA, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    lines = outputs.read_text(encoding="utf-8").splitlines() if outputs.exists() else []
    return done.returncode, done.stdout + done.stderr, dict(line.split("=", 1) for line in lines)


def test_it_annotates_summarises_and_leaves_reports(runner: Path) -> None:
    reports = runner / "my reports"
    code, said, outputs = start(runner, paths="drifted\nclean\n", reports=str(reports))
    assert code == 1
    assert said.startswith("::error file=")
    assert "\nopay-contract: OPay Token Info By User " in said
    assert (runner / "summary.md").read_text(encoding="utf-8").startswith("## opay-contract check")
    assert outputs.keys() == ACTION["outputs"].keys()
    assert outputs.pop("exit-code") == "1"
    for path in outputs.values():
        assert Path(path).parent == reports
        assert Path(path).stat().st_size > 1000


def test_clean_recordings_pass_and_the_summary_of_an_earlier_step_stays(runner: Path) -> None:
    (runner / "summary.md").write_text("earlier\n", encoding="utf-8")
    code, said, outputs = start(runner, paths="clean", reports=str(runner / "reports"))
    assert (code, outputs["exit-code"]) == (0, "0")
    assert said.startswith("::notice ")
    assert (runner / "summary.md").read_text(encoding="utf-8").startswith("earlier\n## opay-contract")


def test_inputs_are_never_run_and_never_options(runner: Path) -> None:
    attack = f"--output={runner / 'pwned'}\n$(touch {runner / 'pwned'})\n`touch {runner / 'pwned'}`"
    code, said, _ = start(runner, paths=attack, reports=str(runner / "reports"))
    assert code == 2
    assert "no such file" in said
    assert not (runner / "pwned").exists()
    assert not any("${{" in step["run"] for step in (INSTALL, CHECK))


def test_base_urls_are_added_and_out_of_scope_may_be_allowed(runner: Path, tmp_path: Path) -> None:
    recording = tmp_path / "calls.ndjson"
    url = "https://gw.shop.internal/psp/api/v1/international/token/query"
    answer = {"status": 200, "body": {"code": "02000", "message": "x"}}
    call = {"request": {"method": "POST", "url": url, "body": {}}, "response": answer}
    recording.write_text(json.dumps(call), encoding="utf-8")
    given = {"paths": str(recording), "reports": str(runner / "reports")}
    codes = [
        start(runner, **given, **more)[0]
        for more in (
            {},
            {"allow-out-of-scope": "true"},
            {"allow-out-of-scope": "maybe"},
            {"base-urls": "https://gw.shop.internal/psp\nhttps://other.example\n"},
        )
    ]
    assert codes == [3, 0, 2, 1]


def test_the_summary_says_that_nothing_succeeded_and_the_gate_is_an_input(
    runner: Path, tmp_path: Path
) -> None:
    cases = REPOSITORY / "contract_tests" / "tool" / "judge" / "cases" / "nothing-succeeded"
    refused = shutil.copy(cases / "finding.ndjson", tmp_path / "refused.ndjson")
    for number, expected in (("", 1), ("0", 0), ("1", 1), ("-1", 2), ("$(id)", 2)):
        summary = runner / "summary.md"
        summary.unlink(missing_ok=True)
        code, _, _ = start(
            runner, paths=str(refused), reports=str(runner / "reports"), **{"require-success": number}
        )
        assert code == expected, number
        if expected < 2:
            assert "None of the 4 exchanges succeeded" in summary.read_text(encoding="utf-8")


def test_a_setting_that_is_wrong_fails_the_step_without_a_summary(runner: Path) -> None:
    code, said, outputs = start(
        runner, paths="clean", reports=str(runner / "reports"), **{"fail-on": "panic"}
    )
    assert (code, outputs["exit-code"]) == (2, "2")
    assert "'panic' is not one of" in said
    assert not (runner / "summary.md").exists()


def test_settings_hold_and_the_inputs_win_over_them(runner: Path, tmp_path: Path) -> None:
    everything = '["contradicted", "undocumented"]'
    (tmp_path / "ci.toml").write_text(f"ignore = {everything}\n", encoding="utf-8")
    lines = [(DATA / name / "calls.ndjson").read_text(encoding="utf-8") for name in ("clean", "drifted")]
    calls = tmp_path / "calls.ndjson"
    calls.write_text(f"{lines[0].splitlines()[0]}\n{lines[1].splitlines()[3]}\n", encoding="utf-8")
    reports = {"paths": str(calls), "reports": str(runner / "reports")}
    settled = reports | {"config": str(tmp_path / "ci.toml")}
    assert start(runner, **reports)[0] == 1
    assert start(runner, **settled)[0] == 0
    assert start(runner, **settled, ignore="header\nencoding\n")[0] == 1
    assert start(runner, **reports, select="header")[0] == 0
    reason = (
        "--all-open",
        "--reason",
        "x",
        "--by",
        "me",
        "--expires",
        str(datetime.now(UTC).date() + timedelta(30)),
    )
    known = tmp_path / "known.toml"
    run_command("baseline", "add", known, calls, *reason, cwd=DATA)
    assert start(runner, **reports, baseline=str(known))[0] == 0


def test_the_first_step_installs_the_repository_that_the_action_is_in() -> None:
    source = INSTALL["env"]["SOURCE"].replace("${{ github.action_path }}", str(FOLDER))
    assert Path(source).resolve() == REPOSITORY
    assert (Path(source) / "pyproject.toml").is_file()
