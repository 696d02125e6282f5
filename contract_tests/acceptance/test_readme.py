"""The README shows what the command really prints, and names every command."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from opay_contract.cli.main import COMMANDS

Run = Callable[..., CompletedProcess[str]]


def test_the_report_in_the_readme_is_what_the_command_prints(run: Run, repository: Path) -> None:
    shown = re.search(r"```console\n\$ opay-contract (.*)\n((?:.*\n)*?)```", readme(repository))
    assert shown is not None
    printed = run(*shown[1].split(), cwd=repository).stdout
    for line in shown[2].splitlines():
        assert line.replace("…/", "contract_tests/recordings/drifted/") in [*printed.splitlines(), "…"]


def test_every_command_is_named_in_the_readme(repository: Path) -> None:
    named = set(re.findall(r"opay-contract ([a-z]+)", readme(repository)))
    assert named >= COMMANDS.keys()


def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")
