"""Whatever the schemas of a contract of others are, a body is found wrong if the other library says so."""

from typing import Any

from contract_tests.oracle import build_oracle
from contract_tests.tool.whole.contracts.asking import call, fold
from contract_tests.tool.whole.contracts.test_meanings import BASE, of
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.model.finding import Kind

NAMES = st.sampled_from(["a", "b", "c"])
PLAIN: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, 7, -1, 1.5, "", "x", "red", "2026-01-02", [], {}]
)
BODIES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
LEAVES = st.sampled_from(
    [
        {},
        {"type": "string"},
        {"type": ["integer", "null"]},
        {"type": "number", "minimum": 0},
        {"type": "boolean"},
        {"enum": ["red", 7, None]},
        {"const": "x"},
        {"type": "string", "minLength": 1, "maxLength": 3},
        {"type": "array", "maxItems": 1},
        {"type": "integer", "multipleOf": 7},
        {"type": "string", "pattern": "^[a-z]+$"},
        {"$ref": "#/components/schemas/Named"},
    ]
)


def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return schemas made of others."""
    properties = st.dictionaries(NAMES, inner, max_size=3)
    objects = st.fixed_dictionaries(
        {"properties": properties},
        optional={
            "type": st.just("object"),
            "required": st.lists(NAMES, unique=True, max_size=2),
            "additionalProperties": st.booleans(),
            "minProperties": st.integers(0, 2),
        },
    )
    few = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        objects,
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"oneOf": few}),
        st.fixed_dictionaries({"anyOf": few}),
        st.fixed_dictionaries({"allOf": few}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"if": inner, "then": inner, "else": inner}),
    )


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.recursive(LEAVES, around, max_leaves=6), LEAVES, st.lists(BODIES, min_size=1, max_size=4))
def test_a_body_is_found_wrong_exactly_if_the_oracle_refuses_it(
    schema: dict[str, Any], named: dict[str, Any], bodies: list[Any]
) -> None:
    parts = {"Named": named if "$ref" not in named else {"type": "object"}}
    contract = of({"properties": {"body": schema}}, components={"schemas": parts})
    uri = contract.operations[0].responses["200"].media_types["application/json"]
    assert uri is not None
    oracle = build_oracle(contract, uri)
    for body in bodies:
        summary = fold(contract, call("GET", f"{BASE}/a", {"body": body}))
        found = [one for one in summary.findings.values() if one.rule.kind is Kind.CONTRADICTED]
        assert bool(found) is not oracle.is_valid({"body": body}), (schema, body, found)
