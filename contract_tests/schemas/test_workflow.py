"""The workflow runs what the README and .ci/run run, with no more rights than it needs.

The night's job is run as it stands in contract_tests/tool/site/test_the_night.py.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((REPOSITORY / ".github/workflows/contract.yml").read_text(encoding="utf-8"))
DOCUMENTED = "\n".join((REPOSITORY / name).read_text(encoding="utf-8") for name in ("README.md", ".ci/run"))
JOBS: dict[str, Any] = WORKFLOW["jobs"]

OF_THE_SHELL = re.compile(r'code=0|\[ "\$code" -eq 1 \]|echo .*|\[ "\$HAS_ALL" = true \] .*')
ITS_OWN = {
    ".venv/bin/pip install -e '.[test]'",  # the beginning of the README's second command
    "python3 -m venv .venv",  # the beginning of its first
    ".venv/bin/pip install --quiet -e '.[dev]'",  # what .ci/run installs in another way
    # what contract_tests/tool/site does with `-m thorough`
    ".venv/bin/sphinx-build --quiet --fail-on-warning tools/docs build/site",
    # what tools/docs/inside/mutation.md says
    ".venv/bin/python -m contract_tests.tool.whole.mutation",
    ".venv/bin/python -m contract_tests.tool.whole.mutation.lines --of-mock",
}


def commands() -> list[tuple[str, str]]:
    steps = [(name, step["run"]) for name, job in JOBS.items() for step in job["steps"] if "run" in step]
    return [(name, line.strip()) for name, text in steps for line in text.splitlines()]


def test_a_command_of_the_workflow_is_a_documented_one_or_runs_in_a_test() -> None:
    for job, line in commands():
        command = line.removesuffix(" || code=$?")
        documented = re.search(rf"^ *{re.escape(command)}$", DOCUMENTED, re.MULTILINE)
        runs = job == "sandbox" or OF_THE_SHELL.fullmatch(command) or command in ITS_OWN
        assert documented or runs, f"{job}: {command}"


def test_the_readmes_two_commands_are_run() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^(?:python3 -m venv|\.venv/bin/pip) .*$", readme, re.MULTILINE)
    run = {command.removesuffix(" || code=$?") for _, command in commands()}
    assert len(lines) == 2
    assert set(lines) <= run


def test_the_workflow_may_read_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all(job.get("permissions", {}) == {} for job in JOBS.values())


@pytest.mark.parametrize("job", JOBS)
def test_every_job_comes_to_an_end_and_keeps_no_credentials(job: str) -> None:
    assert 0 < JOBS[job]["timeout-minutes"] <= 60
    for step in JOBS[job]["steps"]:
        used = step.get("uses", "")
        assert not used or re.fullmatch(r"actions/[a-z-]+@v[0-9]+|\./\.github/actions/opay-contract", used)
        assert "checkout" not in used or step["with"]["persist-credentials"] is False


def test_secrets_are_given_to_nothing_but_the_sandboxs_tests() -> None:
    users = [
        (name, step.get("name", step.get("id")))
        for name, job in JOBS.items()
        for step in job["steps"]
        if "secrets." in yaml.safe_dump(step)
    ]
    assert users == [("credentials", "look"), ("sandbox", "The tests, against the sandbox")]


def test_no_untrusted_text_becomes_part_of_a_command() -> None:
    assert not [command for _, command in commands() if "${{" in command]


def test_the_sandbox_is_skipped_where_there_are_no_credentials() -> None:
    assert JOBS["sandbox"]["needs"] == "credentials"
    assert JOBS["sandbox"]["if"] == "${{ needs.credentials.outputs.present == 'true' }}"


def test_a_recording_is_kept_only_when_it_is_proved_to_be_redacted() -> None:
    kept = [step for step in JOBS["sandbox"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert [step["if"] for step in kept] == ["${{ !cancelled() && steps.verify.outcome == 'success' }}"]


def test_each_supported_python_is_tested() -> None:
    assert JOBS["mock"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert {"push", "schedule"} <= WORKFLOW[True].keys()  # YAML 1.1 takes the key `on` for true
