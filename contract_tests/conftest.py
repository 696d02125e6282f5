"""Files of tests that import a package of `.[dev]` are collected where it is installed, and else named."""

import gc
import re
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

_HERE = Path(__file__).parent
_ABSENT = [
    package
    for package in ("dask", "distributed", "fsspec", "moto", "orjson", "pyarrow", "s3fs", "sphinx")
    if find_spec(package) is None
]
_NEEDS = re.compile(rf"^(?:import|from) ({'|'.join(_ABSENT)})\b", re.MULTILINE)
_OF_TESTS = re.compile(r"^from contract_tests\.([a-z_.]+) import", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out a file of tests that imports what is not installed."""
    return collection_path in _left_out() or None


def pytest_report_header() -> str | None:
    """Say what is left out, and how to have it."""
    if not _left_out():
        return None
    packages = ", ".join(sorted(set(_left_out().values())))
    count = len(_left_out())
    return f"not collected: {count} files of tests that need {packages} (pip install -e '.[dev]')"


def pytest_collection_finish() -> None:
    """Let collections of garbage pass over what lives as long as the run; a tenth of its time went there."""
    gc.collect()
    gc.freeze()


@cache
def _left_out() -> dict[Path, str]:
    """Return the files of tests that cannot be imported, with a package that each needs."""
    needs = {path: _missing(path) for path in _HERE.rglob("test_*.py")} if _ABSENT else {}
    return {path: package for path, package in needs.items() if package}


@cache
def _missing(path: Path) -> str:
    """Return a package that is not installed, and that a module or what it imports of the tests needs."""
    text = path.read_text(encoding="utf-8")
    imported = (_HERE.joinpath(*name.split(".")).with_suffix(".py") for name in _OF_TESTS.findall(text))
    return next(chain(_NEEDS.findall(text), filter(None, map(_missing, filter(Path.is_file, imported)))), "")
