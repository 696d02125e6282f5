"""What holds for all tests: a package that is not there leaves out files; a contract is built once."""

import gc
import re
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import pytest
from contract_tests.usual import FEW_EXAMPLES, MANY_EXAMPLES
from hypothesis import is_hypothesis_test, settings

from opay_contract.contract import loading
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import (
    Document,
    decode_document,
    default_directory,
    load_document,
    load_documents,
)

_HERE = Path(__file__).parent
_ABSENT = [
    package
    for package in [
        "cryptography",
        "dask",
        "distributed",
        "fsspec",
        "grimp",
        "moto",
        "orjson",
        "pyarrow",
        "s3fs",
        "sphinx",
    ]
    if find_spec(package) is None
]
_NEEDS = re.compile(rf"^(?:import|from) ({'|'.join(_ABSENT)})\b", re.MULTILINE)
_OF_OTHERS = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.(?:external|thorough)\b", re.MULTILINE)
_SETTINGS = "_hypothesis_internal_use_settings"
_OF_TESTS = re.compile(r"^from contract_tests\.([a-z_.]+) import", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a file of tests that imports what is not installed, or of which the usual run takes none."""
    if collection_path in _left_out():
        return True
    is_usual = config.option.markexpr == "not external and not thorough"
    is_file = collection_path.match("test_*.py")
    return (is_usual and is_file and bool(_OF_OTHERS.search(collection_path.read_text("utf-8")))) or None


def pytest_report_header() -> str | None:
    """Say what is left out, and how to have it."""
    if not _left_out():
        return None
    packages = ", ".join(sorted(set(_left_out().values())))
    count = len(_left_out())
    return f"not collected: {count} files of tests that need {packages} (pip install -e '.[dev]')"


def pytest_configure() -> None:
    """Let a contract of the same files be built once in a run: thousands of commands and fixtures ask.

    Nothing changes a contract that is built; other bytes are another contract. Documents alone are read anew.
    """
    decode = cache(decode_document)
    built: dict[tuple[object, ...], tuple[dict[str, Document], Contract]] = {}

    def read(path: Path, name: str) -> Document:
        try:
            data = path.read_bytes()
        except OSError:
            return load_document(path, name)
        return decode(data, name)

    def load_once(path: Path | None = None, base_urls: tuple[str, ...] = ()) -> Contract:
        documents = load_documents(path or default_directory(), read)
        key = (*map(id, documents.values()), *base_urls)
        if key not in built:
            built[key] = documents, loading.build_contract(documents, base_urls)
        return built[key][1]

    vars(loading)["load_contract"] = load_once
    gc.set_threshold(20_000)  # collections of garbage are fewer, which is a tenth of a run


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a property try few examples in the usual run, more in the thorough one, all with a profile."""
    test = getattr(item, "obj", None)
    if item.config.getoption("--hypothesis-profile") or not is_hypothesis_test(test):
        return
    wanted, is_thorough = vars(test)[_SETTINGS], item.config.option.markexpr == "thorough"
    if wanted.max_examples > FEW_EXAMPLES:
        most = min(wanted.max_examples, MANY_EXAMPLES) if is_thorough else FEW_EXAMPLES
        vars(test)[_SETTINGS] = settings(wanted, max_examples=most)
        if is_thorough:
            item.add_marker("thorough")


def pytest_collection_finish() -> None:
    """Let collections of garbage pass over what lives as long as the run."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Let the collections of garbage with which pytest ends find it looked through."""
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
