"""Two schema libraries agree on every body, and what they refuse is found where it is wrong."""

import json
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from contract_tests.oracle import build_oracle
from contract_tests.usual import each, one_in
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.jsontext import Tokens, iter_nodes
from opay_contract.judge.annotations import annotate
from opay_contract.judge.body import keyword_of
from opay_contract.judge.describing import fold_pointer
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.model.finding import Finding, Severity
from opay_contract.suite import from_schema

QUICK = settings(deadline=None, derandomize=True, max_examples=10)
FILES = sorted(path.name for path in (Path(__file__).parents[3] / "schemas").glob("*.json"))
LEDGER = Path(__file__).parents[1] / "whole" / "contracts" / "ledger"
SETTINGS = Settings(started_at=1_790_000_000.0)
CODE: Tokens = ("code",)
"""Another code asks for other data, so what it breaks is found there."""

NEW_NAMES = ["x", "", "a/b", "~", "é", "4111111111111111"]
OTHER_TYPES: tuple[Any, ...] = (None, True, 7, 1.5, "text", [], {}, ["x"], {"y": None}, "", 10**30, 62.0)

contract = cache(load_contract)


@cache
def oracle(file: str, directory: Path | None = None) -> jsonschema.Draft202012Validator:
    return build_oracle(contract(directory), f"{OPEN}schemas/{file}")


@st.composite
def mutated(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> tuple[Any, Tokens]:
    """Change a value in one place; returns it with that place, or the parent's where a member went."""
    value = deepcopy(draw(values))
    place = draw(st.sampled_from([tokens for tokens, _ in iter_nodes(value)]))
    old = value_at(value, place)
    kinds = ["retype", "null", "longer", "other"]
    kinds += ["add", "add"] if isinstance(old, dict) else []
    kinds += ["remove", "remove"] if place and isinstance(place[-1], str) else []
    kind = draw(st.sampled_from(kinds))
    if kind == "remove":
        del value_at(value, place[:-1])[place[-1]]
        return value, place[:-1]
    if kind == "add":
        old[draw(st.sampled_from(NEW_NAMES))] = draw(st.sampled_from(OTHER_TYPES).map(deepcopy))
        return value, place
    new = {"null": None, "longer": longer(old), "other": other(old)}.get(kind)
    if kind == "retype":
        new = draw(st.sampled_from(OTHER_TYPES).map(deepcopy))
    if not place:
        return new, place
    value_at(value, place[:-1])[place[-1]] = new
    return value, place


def value_at(value: Any, place: Tokens) -> Any:
    for token in place:
        value = value[token]
    return value


def longer(value: Any) -> Any:
    if isinstance(value, str):
        return value + value + "x"
    if isinstance(value, list):
        return [*value, *(value or ["x"])]
    return value * 10 + 1 if isinstance(value, int | float) and not isinstance(value, bool) else value


def other(value: Any) -> Any:
    if isinstance(value, str):
        return value[::-1] + "\n"
    return -value if isinstance(value, int | float) and not isinstance(value, bool) else value


def bodies(file: str, directory: Path | None = None) -> st.SearchStrategy[tuple[Any, Tokens]]:
    values = from_schema(f"schemas/{file}", contract(directory))
    return st.tuples(values, st.just(())) | mutated(values) | mutated(values)


@pytest.mark.parametrize("file", one_in(2, FILES))
def test_both_libraries_accept_and_reject_alike(file: str) -> None:
    judge = contract().schemas.validator(f"{OPEN}schemas/{file}")

    @QUICK
    @given(bodies(file))
    def alike(case: tuple[Any, Tokens]) -> None:
        assert judge.is_valid(case[0]) is oracle(file).is_valid(case[0])

    alike()


def test_both_libraries_agree_by_another_contract_but_for_formats() -> None:
    """The oracle takes any text with an @ for an e-mail address, so formats are left to the other."""
    judge = contract(LEDGER).schemas.validator(f"{OPEN}schemas/balance.json")

    @QUICK
    @given(bodies("balance.json", LEDGER))
    def alike(case: tuple[Any, Tokens]) -> None:
        broken = {keyword_of(error) for error in judge.iter_errors(case[0])}
        assert oracle("balance.json", LEDGER).is_valid(case[0]) is (broken <= {"format"})

    alike()


def findings_of(judge: Contract, query: bytes | None, answer: Any) -> list[Finding]:
    body = dumped(answer)
    exchange = Exchange(
        place=Place(source=0, entry=1, file="-"),
        request=Request(body=query),
        response=Response(status=200, body=body),
    )
    return list(check_exchange(judge, exchange, judge.match(exchange), SETTINGS))


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


QUERIES = {
    "customer-response.json": b'{"customerId": "121111113"}',
    "token-response.json": b'{"opayToken": "t"}',
    "query-response.json": None,
}


OF_SCHEMAS = {
    "field-missing",
    "field-null",
    "type-mismatch",
    "length-out-of-range",
    "pattern-mismatch",
    "success-without-data",
    "error-with-data",
}


@each("file", QUERIES)
def test_what_the_oracle_rejects_is_found_where_it_is_wrong_and_else_nothing_is(file: str) -> None:
    """Also, a finding of the schemas' rules has a reason in the oracle."""

    @QUICK
    @given(mutated(from_schema(f"schemas/{file}", contract())))
    def is_found(case: tuple[Any, Tokens]) -> None:
        value, place = case
        found = findings_of(contract(), QUERIES[file], value)
        errors = [finding.pointer for finding in found if finding.rule.severity is Severity.ERROR]
        if not oracle(file).is_valid(value):
            where = fold_pointer(place)
            above = {fold_pointer(place[:length]) for length in range(len(place) + 1)}
            near = [pointer for pointer in errors if pointer in above or pointer.startswith(where)]
            assert errors if place == CODE else near, (place, errors)
        elif QUERIES[file]:
            assert not {finding.rule.id for finding in found} & OF_SCHEMAS
        unknown = list(annotate(contract(), f"{OPEN}schemas/{file}", value).undocumented())
        assert bool(found) or (oracle(file).is_valid(value) and not unknown)

    is_found()


@settings(QUICK, max_examples=25)
@given(st.deferred(lambda: bodies("query-request.json")))
def test_what_the_oracle_rejects_in_a_query_is_found_unless_it_was_refused(case: tuple[Any, Tokens]) -> None:
    answer = {"code": "00", "message": "", "data": None}
    rules = {finding.rule.id for finding in findings_of(contract(), dumped(case[0]), answer)}
    wrong = not oracle(form_of(case[0])).is_valid(case[0])
    assert wrong is bool(rules & {"request-field-missing", "request-field-invalid"})


def form_of(query: Any) -> str:
    """Return the schema of the form that a query is taken for; the union of both has room for either."""
    is_by_token = isinstance(query, dict) and "opayToken" in query
    return "token-request.json" if is_by_token else "customer-request.json"


def test_a_schema_may_be_given_as_such() -> None:
    schema = {"type": "array", "items": {"$ref": "schemas/customer-id.json"}, "minItems": 1}

    @QUICK
    @given(from_schema(schema))
    def is_list_of_ids(value: Any) -> None:
        assert value
        assert all(isinstance(one, str) for one in value)

    is_list_of_ids()


def test_a_schema_that_is_not_there_is_a_wrong_argument() -> None:
    with pytest.raises(
        UsageError, match=r"no schema file 'schemas/none\.json' in the contract; there are schemas/"
    ):
        from_schema("schemas/none.json", contract())


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "schemathesis", None)
    with pytest.raises(UsageError, match=r"install opay-contract\[test\]"):
        from_schema("schemas/customer.json", contract())
