"""What the page on other tools shows for CI runs as it stands, and its hooks judge what people commit."""

import re
from pathlib import Path

import pytest
import yaml
from contract_tests.tool.site.shells import Shell, open_shell

pytestmark = pytest.mark.thorough

REPOSITORY = Path(__file__).parents[3]
PAGE = (REPOSITORY / "tools/docs/reference/integrations.md").read_text(encoding="utf-8")
OF_OTHERS = {
    "actions/checkout": "the clone is there",
    "actions/setup-python": "Python is there",
    "actions/upload-artifact": "GitHub's; its path is looked at",
    "github/codeql-action/upload-sarif": "GitHub's; its file is looked at",
}
"""Actions that are not run, and why."""


def block(title: str, language: str) -> str:
    """Return the block of a section."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section
    found = re.search(rf"^```{language}\n(.*?)^```$", section[1], re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return open_shell(tmp_path)


def test_the_job_for_github_passes_and_leaves_what_it_hands_on(shell: Shell) -> None:
    steps = yaml.safe_load(block("GitHub Actions", "yaml"))["jobs"]["drift"]["steps"]
    outputs: dict[str, str] = {}
    for step in steps:
        used = step["uses"].partition("@")[0]
        if used == "OWNER/REPOSITORY/.github/actions/opay-contract":
            code, said, outputs = shell.act(**step["with"])
            assert code == 0, said
        else:
            assert used in OF_OTHERS
            for name in re.findall(r"\$\{\{ steps\.drift\.outputs\.(\w+) \}\}", yaml.safe_dump(step)):
                assert (shell.folder / outputs[name]).is_file()
    assert outputs
    assert shell.step_summary.read_text(encoding="utf-8").startswith("## opay-contract check")


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
