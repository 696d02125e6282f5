"""Asks the contract's own tests about a mutant in this process: each test function, until one fails.

The modules are run anew for each mutant, as what they work out when they are imported is about the contract.
What a mutant cannot touch is not asked: instances of schemas say nothing about openapi.yaml. Tests whose
parameters have words of the mutant's name go first, then those that judge no exchange.
"""

import inspect
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from contract_tests.tool.whole.mutation.mutants import Mutant

from opay_contract.contract import loading
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document, parse_document
from opay_contract.contract.openapi import is_schema_file
from opay_contract.errors import OpayContractError
from opay_contract.spec.lint import prove_contract

TESTS = Path(__file__).parents[3] / "schemas"
MODULES = ("test_schema_keywords", "test_statements", "test_readings")
OF_SCHEMAS = ("test_schema_keywords",)
OTHER_FIXTURES = {"request", "repository", "tmp_path", "monkeypatch"}


def find_culprit(mutant: Mutant, documents: dict[str, Document]) -> str | None:
    """Return the first test that fails for a mutant of the contract, None where all pass."""
    mutated = documents | {mutant.file: parse_document(mutant.text, mutant.file)}
    try:
        contract = loading.build_contract(mutated)
    except OpayContractError:
        return "the contract cannot be loaded"
    with loaded(contract):
        calls: list[Call] = []
        for name in MODULES:
            if name in OF_SCHEMAS and not is_schema_file(mutant.file):
                continue
            try:
                calls += calls_in(name)
            except (AssertionError, LookupError, TypeError, ValueError, AttributeError, OpayContractError):
                return f"contract_tests/schemas/{name}.py, which cannot be imported"
        words = {Path(mutant.file).stem, *re.findall(r"[\w-]{4,}", mutant.name.partition("#")[2])}
        calls.sort(key=lambda call: (-sum(word in call.name for word in words), call.is_dear))
        culprit = first_failure(calls)
        if culprit is not None:
            return f"contract_tests/schemas/{culprit}"
    return "`opay-contract spec`" if not is_sound(mutant, documents) else None


def is_sound(mutant: Mutant, documents: dict[str, Document]) -> bool:
    with TemporaryDirectory() as folder:
        for name, document in documents.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(mutant.text if name == mutant.file else document.text, encoding="utf-8")
        return not prove_contract(Path(folder)).problems


@contextmanager
def loaded(contract: Contract) -> Iterator[None]:
    """Let `load_contract` return a contract."""
    before = loading.load_contract
    loading.load_contract = lambda *_: contract
    try:
        yield
    finally:
        loading.load_contract = before


@cache
def code_of(name: str) -> types.CodeType:
    path = TESTS / f"{name}.py"
    return compile(path.read_text(encoding="utf-8"), str(path), "exec")


def run_module(name: str) -> dict[str, Any]:
    module = types.ModuleType(f"mutated_{name}")
    module.__file__ = str(TESTS / f"{name}.py")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    exec(code_of(name), module.__dict__)  # noqa: S102  the tests of this repository
    return module.__dict__


@dataclass(frozen=True, slots=True)
class Call:
    """A test with the arguments of one of its calls."""

    name: str
    test: Callable[..., None]
    values: dict[str, Any]
    fixtures: Callable[[str], Any]
    wanted: frozenset[str]
    """The fixtures that it asks for."""

    @property
    def is_dear(self) -> bool:
        """Whether exchanges are judged."""
        return "bench" in self.wanted


def calls_in(name: str) -> Iterator[Call]:
    """Yield the calls of a module's tests that need no more than fixtures of their own."""
    module = run_module(name)
    fixtures = fixtures_of(run_module("conftest") | module)
    for function, test in module.items():
        for said, values in calls_of(function, test) if function.startswith("test_") else ():
            wanted = frozenset(inspect.signature(test).parameters.keys() - values.keys())
            if not wanted & OTHER_FIXTURES:
                yield Call(f"{name}.py::{said}", test, values, fixtures, wanted)


def first_failure(calls: Iterable[Call]) -> str | None:
    """Return the first test that fails."""
    for call in calls:
        try:
            call.test(**call.values, **{fixture: call.fixtures(fixture) for fixture in call.wanted})
        except AssertionError:
            return call.name
        except Exception as error:  # noqa: BLE001  a mutant may break a test in any way
            return f"{call.name} ({type(error).__name__})"
    return None


def calls_of(name: str, test: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a name and the arguments of each call that pytest's parameters make of a test."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    columns = []
    for mark in marks:
        names, values = mark.args[0], mark.args[1]
        names = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)
        columns.append([dict(zip(names, row_of(value, len(names)), strict=True)) for value in values])
    for chosen in product(*columns):
        values = {key: value for row in chosen for key, value in row.items()}
        yield f"{name}[{'-'.join(str(value)[-80:] for value in values.values())}]", values


def row_of(value: Any, number: int) -> tuple[Any, ...]:
    """Return the values of one set of parameters, as they are or as `pytest.param` holds them."""
    if hasattr(value, "marks"):
        return tuple(value.values)
    return tuple(value) if number > 1 else (value,)


def fixtures_of(module: dict[str, Any]) -> Any:
    """Return what makes a fixture of a name, those that it asks for among them, each once."""
    made: dict[str, Any] = {}

    def make(name: str) -> Any:
        if name not in made:
            function = module[name]
            function = getattr(function, "__wrapped__", None) or function._get_wrapped_function()  # noqa: SLF001
            made[name] = function(**{one: make(one) for one in inspect.signature(function).parameters})
        return made[name]

    return make
