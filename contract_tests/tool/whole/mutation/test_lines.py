"""The kept list of one-line changes: each still applies to the package, and names a test that exists."""

import subprocess
import sys
from pathlib import Path

import pytest
from contract_tests.tool.whole.mutation.lines.__main__ import ROOT, replay
from contract_tests.tool.whole.mutation.lines.listed import Change, read_changes

from opay_contract import errors

PACKAGE = ROOT / "tools" / "opay_contract"
FEWEST = 60


def test_every_change_applies_and_names_a_test() -> None:
    changes = list(read_changes())
    for change in changes:
        change.applied((PACKAGE / change.module).read_text(encoding="utf-8"))
        file, _, name = change.killed_by.partition("::")
        defined = f"def {name.partition('[')[0]}(" if name else "def test_"
        assert defined in (ROOT / file).read_text(encoding="utf-8"), change
    assert len(changes) == len({(change.module, change.old, change.new) for change in changes})
    assert len({change.module for change in changes}) >= FEWEST


@pytest.mark.thorough
def test_a_change_that_its_test_does_not_see_or_that_cannot_be_imported_is_told() -> None:
    end = '"""\n'
    first = (PACKAGE / "errors.py").read_text(encoding="utf-8").partition(end)[0] + end
    this = Path(__file__).relative_to(ROOT).as_posix()
    killed_by = f"{this}::{test_that_sees_a_package_without_text.__name__}"
    seen, unseen, broken = (
        Change(module="errors.py", old=first, new=new, killed_by=killed_by)
        for new in ("", first + " ", "1 / 0")
    )
    program = f"from {replay.__module__} import Change, replay\n"
    program += f"print([one.new for one, _ in replay({[seen, unseen, broken]}, 1)])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == f"{[unseen.new, broken.new]}\n"


def test_that_sees_a_package_without_text() -> None:
    assert errors.__doc__
