# ruff: noqa: T201  a command prints
"""Changes one line of the package at a time, and runs the test that must fail then.

    python -m contract_tests.tool.whole.mutation.lines [--only PATTERN] [--processes N]

From the root of the repository. Exit code 0 when the tests pass on the package as it is, and each change is
seen by the test that its list names.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from contract_tests.tool.whole.mutation.judging import build_copy
from contract_tests.tool.whole.mutation.lines.listed import Change, read_changes

ROOT = Path(__file__).parents[5]
_FAILED = 1
"""What pytest ends with when tests ran and some failed; an import that breaks is no test that failed."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m contract_tests.tool.whole.mutation.lines", description=__doc__
    )
    parser.add_argument("--only", default="*", metavar="PATTERN", help="modules that match, as judge/*")
    parser.add_argument(
        "--processes", type=int, default=2, metavar="N", help="how many tests to run at a time"
    )
    options = parser.parse_args()
    changes = [change for change in read_changes() if fnmatchcase(change.module, options.only)]
    if not changes:
        print(f"no module of the lists matches '{options.only}'", file=sys.stderr)
        return 2
    survivors = replay(changes, options.processes)
    for change in survivors:
        print(f"SURVIVED: {change.module}: {change.new.strip()} ({change.killed_by})")
    modules = len({change.module for change in changes})
    print(f"{len(changes) - len(survivors)} of {len(changes)} changes in {modules} modules seen")
    return bool(survivors)


def replay(changes: Iterable[Change], processes: int) -> list[Change]:
    """Return the changes that their tests do not see; each process works in a copy of its own."""
    given = list(changes)
    with TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(processes):
            copies.put(_copy(Path(folder) / str(number)))
        first = copies.get()
        if _run(first, *dict.fromkeys(change.killed_by for change in given)) != 0:
            raise SystemExit("the tests of the lists fail on the package as it is")
        copies.put(first)

        def is_seen(change: Change) -> bool:
            copy = copies.get()
            module = copy / "tools" / "opay_contract" / change.module
            text = module.read_text(encoding="utf-8")
            try:
                module.write_text(change.applied(text), encoding="utf-8")
                return _run(copy, change.killed_by) == _FAILED
            finally:
                module.write_text(text, encoding="utf-8")
                copies.put(copy)

        return [change for change, seen in zip(given, pool.map(is_seen, given), strict=True) if not seen]


def _copy(target: Path) -> Path:
    """Copy the project with the contract as it is written, not as its mutants are."""
    copy = build_copy(ROOT, target)
    shutil.copy(ROOT / "openapi.yaml", copy)
    shutil.copytree(ROOT / "schemas", copy / "schemas", dirs_exist_ok=True)
    return copy


def _run(copy: Path, *tests: str) -> int:
    """Run tests in a copy, whatever they are marked with, and return how pytest ended."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-m", "", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy / "tools"), "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
