"""A single step that breaks a constraint is rejected by both libraries and found by its rule at its place."""

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import jsonschema
import pytest
from contract_tests.oracle import build_oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.loading import load_contract
from opay_contract.contract.operation import Form
from opay_contract.jsontext import Tokens
from opay_contract.judge.annotations import annotate
from opay_contract.judge.describing import fold_pointer
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.model.finding import Outcome
from opay_contract.suite import from_schema

QUICK = settings(deadline=None, derandomize=True, max_examples=12)
RUN = Settings(started_at=1_790_000_000.0)
QUERIES = {"by-customer": b'{"customerId": "c"}', "by-token": b'{"opayToken": "t"}'}
DATA = {"by-customer": "customer-tokens", "by-token": "token-info"}
OTHERS: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "number": 0.5,
    "string": "text",
    "array": [],
    "object": {},
}

contract = cache(load_contract)
FORMS = {form.id: form for form in contract().operations[0].forms}

Step = tuple[Tokens, str, Any]
"""A place, what becomes of it (`drop`, or the rule that a new value breaks), and the new value."""


@cache
def oracle(uri: str) -> jsonschema.Draft202012Validator:
    return build_oracle(contract(), uri)


def iter_steps(form: Form, answer: Any) -> Iterator[Step]:
    """Yield every step that breaks one constraint of an answer."""
    for tokens, value, _, node in annotate(contract(), schema_of(form, answer), answer).nodes():
        yield from (((*tokens, name), "drop", None) for name in node.get("required", ()) if name in value)
        if "type" in node and tokens:
            yield from ((tokens, "type", OTHERS[name]) for name in OTHERS if not allows(node["type"], name))
        if isinstance(value, str) and value:
            if "minLength" in node:
                yield tokens, "length", value[1:]
            if "maxLength" in node:
                yield tokens, "length", value + value[0]
            if "pattern" in node:
                yield tokens, "pattern", "x" + value[1:]


def schema_of(form: Form, answer: Any) -> str:
    """Return the schema of an answer to a form."""
    outcome = Outcome.SUCCESS if answer["code"] == "00000" else Outcome.BUSINESS_ERROR
    return str(contract().operations[0].answer_schema(form, outcome))


def allows(stated: str | list[str], name: str) -> bool:
    return name in ([stated] if isinstance(stated, str) else stated)


def apply(step: Step, answer: Any) -> Any:
    tokens, kind, new = step
    answer = deepcopy(answer)
    parent = answer
    for token in tokens[:-1]:
        parent = parent[token]
    if kind == "drop":
        del parent[tokens[-1]]
    else:
        parent[tokens[-1]] = new
    return answer


def expected_rule(step: Step, *, is_success: bool) -> str:
    tokens, kind, new = step
    if tokens == ("data",) and kind in ("drop", "type"):
        if not is_success:
            return "error-with-data"
        return "success-without-data" if new is None else "type-mismatch"
    if kind == "type":
        return "field-null" if new is None else "type-mismatch"
    return {"drop": "field-missing", "length": "length-out-of-range", "pattern": "pattern-mismatch"}[kind]


def answers(form: Form) -> st.SearchStrategy[Any]:
    data = from_schema(f"schemas/{DATA[form.id]}.json", contract())
    success = data.map(lambda one: {"code": "00000", "message": "SUCCESSFUL", "data": one})
    return success | st.just({"code": "02000", "message": "Authentication failed", "data": None})


@pytest.mark.parametrize("form", FORMS)
def test_a_step_that_breaks_a_constraint_is_rejected_and_found_where_it_is(form: str) -> None:
    @QUICK
    @given(answers(FORMS[form]), st.data())
    def is_found(answer: Any, data: st.DataObject) -> None:
        steps = list(iter_steps(FORMS[form], answer))
        kinds.update(kind for _, kind, _ in steps)
        step = data.draw(st.sampled_from(steps))
        broken, uri = apply(step, answer), schema_of(FORMS[form], answer)
        assert not contract().schemas.validator(uri).is_valid(broken)
        assert not oracle(uri).is_valid(broken)
        rule = expected_rule(step, is_success=answer["code"] == "00000")
        assert (rule, fold_pointer(step[0])) in found_in(form, broken)

    kinds: set[str] = set()
    is_found()
    assert kinds == {"drop", "type", "length", "pattern"}  # of another, the property would say nothing


def found_in(form: str, answer: Any) -> set[tuple[str, str]]:
    exchange = Exchange(
        place=Place(source=0, entry=1, file="-"),
        request=Request(body=QUERIES[form]),
        response=Response(status=200, body=json.dumps(answer).encode()),
    )
    found = check_exchange(contract(), exchange, contract().match(exchange), RUN)
    return {(finding.rule.id, finding.pointer) for finding in found}
