# ruff: noqa: T201  a command prints
"""Changes one line of the package at a time, and runs the test that must fail then.

    python -m contract_tests.tool.whole.mutation.lines [--of-mock] [--only PATTERN] [--processes N]

From the root of the repository. Exit code 0 when the tests pass on the package as it is, and each change is
seen by the test that its list names. What a change needs is a fork of this process, which has imported all
that does not import its module: there the one module is compiled from its changed text.
"""

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from importlib import metadata
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType
from typing import Any

import grimp
import pytest
from contract_tests.tool.whole.mutation.lines.listed import Change, iter_drifts_of_the_mock, read_changes

ROOT = Path(__file__).parents[5]
PACKAGE = ROOT / "tools" / "opay_contract"
NEEDED = (
    "_hypothesis_pytestplugin",
    "brotli",
    "distributed",
    "httpx",
    "hypothesis.strategies",
    "jinja2",
    "jsonschema",
    "markdown_it",
    "moto.server",
    "msgspec",
    "pyarrow.parquet",
    "rich.progress",
    "s3fs",
    "schemathesis.pytest.plugin",
    "starlette.applications",
    "svg",
    "uvicorn",
    "xdist.plugin",
    "yaml",
    "zstandard",
)
"""What the package and its tests import; what is not there is not needed."""

OPTIONS = (
    "--override-ini=addopts=",
    "--import-mode=importlib",
    "--disable-plugin-autoload",
    "-p_hypothesis_pytestplugin",
    "-ppytester",
    "-ppytest_timeout",
    "-popay_contract.pytest_plugin.plugin",
    "-pno:cacheprovider",
    "-Wignore::pytest.PytestAssertRewriteWarning",
    "--quiet",
    "--exitfirst",
    "--tb=line",
)
"""As pytest's settings have it, with as few plugins as the tests need, which are half of a fork."""

_PASSED, _FAILED, _NO_IMPORT = 0, 1, 100
"""What pytest ends with when all tests passed, and when some failed; and a module that cannot be imported."""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m contract_tests.tool.whole.mutation.lines", description=__doc__
    )
    parser.add_argument("--of-mock", action="store_true", help="the mock drifts in each of its ways instead")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="modules that match, as judge/*")
    parser.add_argument(
        "--processes", type=int, default=2, metavar="N", help="how many tests to run at a time"
    )
    options = parser.parse_args()
    given = iter_drifts_of_the_mock() if options.of_mock else read_changes()
    changes = [change for change in given if fnmatchcase(change.module, options.only)]
    if not changes:
        print(f"no module of the lists matches '{options.only}'", file=sys.stderr)
        return 2
    survivors = replay(changes, options.processes)
    for change, why in survivors:
        print(f"SURVIVED: {change.module}: {change.new.strip()} ({change.killed_by}): {why}")
    modules = len({change.module for change in changes})
    print(f"{len(changes) - len(survivors)} of {len(changes)} changes in {modules} modules seen")
    return bool(survivors)


def replay(changes: Iterable[Change], processes: int) -> list[tuple[Change, str]]:
    """Return the changes that their tests do not see, and how the tests ended instead."""
    users = _count_users()
    given = sorted(changes, key=lambda change: -users[change.name])
    tests = list(dict.fromkeys(change.killed_by for change in given))
    for name in NEEDED:
        if importlib.util.find_spec(name.partition(".")[0]):
            importlib.import_module(name)
    if "opay_contract" in sys.modules:
        raise SystemExit("the package is imported before it is changed")
    plugins = [one for one in metadata.distributions() if one.entry_points.select(group="pytest11")]
    metadata.distributions = lambda **_: plugins  # pytest looks through all for each
    os.environ["CI"] = "true"
    with TemporaryDirectory() as folder:
        sys.dont_write_bytecode = False
        sys.pycache_prefix = f"{folder}/bytecode"  # of all but what is changed
        as_it_is = [partial(_run, None, tests[at::processes]) for at in range(min(processes, len(tests)))]
        for ended, said in _fork_each(as_it_is, processes, Path(folder, "as-it-is")):
            if ended != _PASSED:
                raise SystemExit(f"the tests of the lists fail on the package as it is\n{said}")
        results = _fork_each(_iter_runs(given, users), processes, Path(folder, "changed"))
        return [
            (
                change,
                "the module cannot be imported" if ended == _NO_IMPORT else said.strip().rpartition("\n")[2],
            )
            for change, (ended, said) in zip(given, results, strict=True)
            if ended != _FAILED
        ]


def _count_users() -> dict[str, int]:
    """Return how many modules import each, or what imports it; one that imports another has fewer of them."""
    graph = grimp.build_graph("opay_contract", cache_dir=None)
    for name in graph.modules - {"opay_contract"}:
        graph.add_import(importer=name, imported=name.rpartition(".")[0])
    return {name: len(graph.find_downstream_modules(name)) for name in graph.modules}


def _iter_runs(changes: Iterable[Change], users: dict[str, int]) -> Iterator[Callable[[Path], int]]:
    """Yield the runs of changes; before each import what has more users, and so cannot import its module."""
    waiting = sorted(users, key=lambda name: users[name])
    for change in changes:
        while users[waiting[-1]] > users[change.name]:
            if "test_" not in (name := waiting.pop()):  # pytest itself imports these
                importlib.import_module(name)
        yield partial(_run, change, [change.killed_by])


def _run(change: Change | None, tests: list[str], folder: Path) -> int:
    """Run tests of the package with a change, in a process that ends with it."""
    if change is not None:
        sys.meta_path.insert(0, _Changed(change))
        try:
            importlib.import_module(change.name)
        except Exception:  # noqa: BLE001  whatever a changed line does
            return _NO_IMPORT
    return pytest.main([*OPTIONS, f"--basetemp={folder}", *tests])


class _Changed(MetaPathFinder):
    """Finds the module that is changed."""

    def __init__(self, change: Change) -> None:
        self.name = change.name
        self.path = PACKAGE / change.module
        self.text = change.applied(self.path.read_text(encoding="utf-8"))

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        loader = _Loader(fullname, str(self.path), self.text)
        return spec_from_file_location(fullname, self.path, loader=loader) if fullname == self.name else None


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self.text = text

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  as the class above has it
        return self.source_to_code(self.text.encode(), self.path)


def _fork_each(
    runs: Iterable[Callable[[Path], int]], processes: int, folder: Path
) -> Iterator[tuple[int, str]]:
    """Yield how each run ended in a fork of this process, and what it printed; so many at a time."""
    folder.mkdir()
    running: dict[int, int] = {}
    ended: dict[int, int] = {}
    for number, run in enumerate(runs):
        if len(running) == processes:
            _wait(running, ended)
        child = os.fork()
        if child == 0:
            _run_and_exit(run, folder / str(number))
        running[child] = number
    while running:
        _wait(running, ended)
    for number in range(len(ended)):
        yield ended[number], (folder / f"{number}.txt").read_text(encoding="utf-8", errors="replace")


def _wait(running: dict[int, int], ended: dict[int, int]) -> None:
    child, status = os.wait()
    ended[running.pop(child)] = os.waitstatus_to_exitcode(status)


def _run_and_exit(run: Callable[[Path], int], folder: Path) -> None:
    """Run in a forked process, which comes back nowhere; garbage is looked for in what is new alone."""
    code = 99
    gc.freeze()
    try:
        output = os.open(folder.with_suffix(".txt"), os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = run(folder)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
