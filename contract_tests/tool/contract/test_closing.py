"""The closed form of a schema allows exactly what the open form allows, less undocumented members."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each, one_in
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.addresses import OPEN
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.jsontext import iter_nodes
from opay_contract.judge.annotations import annotate
from opay_contract.suite import from_schema

QUICK = settings(deadline=None, derandomize=True, max_examples=10)
FILES = sorted(path.name for path in (Path(__file__).parents[3] / "schemas").glob("*.json"))
ODD_NAMES = ["x", "", "a/b", "~", "%41", "a b", "é", "0", "data", "opayToken", "#", "properties"]

contract = cache(load_contract)


STRICTER = {"if in all of"}


def agreement(contract: Contract, uri: str, *, may_be_stricter: bool = False) -> Callable[[Any], None]:
    """Return a function that holds the closed form of a schema against what nobody described.

    Where only branches of conditions have members, the closed form refuses more than it need.
    """
    schemas = contract.schemas
    closed, opened = schemas.closed_validator(uri), schemas.validator(uri)

    def agree(value: Any) -> None:
        unknown = [tokens for tokens, _, _ in annotate(contract, uri, value).undocumented()]
        is_fine = opened.is_valid(value) and not unknown
        assert closed.is_valid(value) is is_fine or (is_fine and may_be_stricter), unknown

    return agree


@st.composite
def with_more_members(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> Any:
    value = draw(values)
    objects = [node for _, node in iter_nodes(value) if isinstance(node, dict)]
    for target in draw(st.lists(st.integers(0, len(objects) - 1), max_size=2)) if objects else ():
        objects[target][draw(st.sampled_from(ODD_NAMES))] = draw(
            st.none() | st.just("text") | st.builds(lambda: {"y": {}})
        )
    return value


@pytest.mark.parametrize("file", one_in(2, FILES))
def test_each_schema_of_the_contract_closes(file: str) -> None:
    agree = agreement(contract(), f"{OPEN}schemas/{file}")

    @QUICK
    @given(with_more_members(from_schema(f"schemas/{file}", contract())))
    def closes(value: Any) -> None:
        agree(value)

    closes()


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
A, B, C = ({"properties": {name: TEXT}} for name in "abc")

SCHEMAS: dict[str, dict[str, Any]] = {
    "flat": {"properties": {"a": TEXT, "b": NUMBER}, "required": ["a"]},
    "undescribed": {"type": "object"},
    "nested": {"properties": {"a": {"properties": {"b": {"properties": {"c": TEXT}}}}}},
    "items": {"properties": {"a": {"items": {"properties": {"b": TEXT}}}}},
    "prefix items": {"properties": {"a": {"prefixItems": [A, {"properties": {"b": A}}], "items": B}}},
    "reference": {"$ref": "other.json"},
    "reference with more": {"$ref": "other.json", "properties": {"c": TEXT}},
    "reference below": {
        "properties": {"a": {"$ref": "other.json"}, "b": {"$ref": "other.json#/$defs/inner"}}
    },
    "reference to a definition": {
        "$ref": "#/$defs/d",
        "$defs": {"d": {"properties": {"a": {"$ref": "#/$defs/e"}}}, "e": B},
    },
    "reference to a reference": {"$ref": "through.json"},
    "reference into a list": {
        "properties": {"a": {"$ref": "#/allOf/0"}},
        "allOf": [{"properties": {"b": A}}],
    },
    "all of": {"allOf": [A, {"properties": {"b": C}}, {"$ref": "other.json"}]},
    "all of within": {"properties": {"a": {"allOf": [B, {"allOf": [C]}]}}},
    "if then else": {"if": {"required": ["a"]}, "then": A, "else": B},
    "if on a documented value": {
        "properties": {"a": TEXT},
        "if": {"properties": {"a": {"const": "x"}}, "required": ["a"]},
        "then": {"properties": {"b": A}},
        "else": {"properties": {"c": {"$ref": "other.json"}}},
    },
    "if in all of": {
        "allOf": [{"if": {"required": ["a"]}, "then": A}, {"if": {"required": ["b"]}, "then": B}]
    },
    "if on an undocumented value": {
        "if": {"properties": {"a": {"const": "x"}}, "required": ["a"]},
        "then": B,
        "else": C,
    },
    "open by true": {"properties": {"a": TEXT}, "additionalProperties": True},
    "open by schema": {"properties": {"a": TEXT}, "additionalProperties": {"properties": {"b": TEXT}}},
    "closed already": {"properties": {"a": B}, "additionalProperties": False},
    "open below a reference": {"$ref": "open.json", "properties": {"a": B}},
    "unevaluated": {"properties": {"a": B}, "unevaluatedProperties": {"type": "integer"}},
    "recursion": {"properties": {"a": TEXT, "b": {"$ref": "#"}, "c": {"items": {"$ref": "#"}}}},
    "recursion through files": {"properties": {"a": {"$ref": "back.json"}}},
    "any of": {"anyOf": [{**A, "required": ["a"]}, {**B, "required": ["b"]}]},
    "one of": {"oneOf": [{**A, "required": ["a"]}, {**B, "required": ["b"]}]},
    "not": {"properties": {"a": {}}, "not": {"properties": {"a": NUMBER}, "required": ["a"]}},
    "patterns": {"properties": {"a": TEXT}, "patternProperties": {"^b": NUMBER}},
    "dependent": {"properties": {"a": {}}, "dependentSchemas": {"a": {"properties": {"b": NUMBER}}}},
    "contains": {"properties": {"a": {"contains": {"properties": {"b": TEXT}, "required": ["b"]}}}},
    "named as keywords": {"properties": {"if": A, "not": {"properties": {"then": B}}, "$ref": TEXT}},
    "nothing allowed": {"properties": {"a": False, "b": True}},
}
OTHERS = {
    "other": {
        "properties": {"a": TEXT, "b": {"properties": {"a": {}}}},
        "$defs": {"inner": {"properties": {"c": {}}}},
    },
    "through": {"$ref": "other.json"},
    "open": {"properties": {"b": {}}, "additionalProperties": True},
    "back": {"properties": {"b": {"$ref": "tested.json"}, "c": {}}},
}
NAMES = st.sampled_from(["a", "b", "c", "d", "if", "not", "then", "$ref"])
VALUES = st.recursive(
    st.sampled_from(["x", "y", 1, None]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(NAMES, children, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_of_any_build_closes(build: Callable[..., Contract], name: str) -> None:
    contract = build({"tested": SCHEMAS[name], **OTHERS})
    agree = agreement(contract, f"{OPEN}schemas/tested.json", may_be_stricter=name in STRICTER)

    @QUICK
    @given(st.dictionaries(NAMES, VALUES, max_size=3) | VALUES)
    def closes(value: Any) -> None:
        agree(value)

    closes()


@each(
    ("name", "value"),
    [
        ("items", {"a": {"a": "x"}}),
        ("prefix items", {"a": {"a": "x"}}),
        ("contains", {"a": {"a": "x"}}),
        ("reference into a list", {"a": {"a": "x"}}),
        ("if in all of", {"c": "x"}),
        ("if on an undocumented value", {"a": "x"}),
        ("patterns", {"c": "x"}),
    ],
)
def test_values_that_once_told_both_apart(
    build: Callable[..., Contract], name: str, value: dict[str, Any]
) -> None:
    contract = build({"tested": SCHEMAS[name], **OTHERS})
    agreement(contract, f"{OPEN}schemas/tested.json", may_be_stricter=name in STRICTER)(value)


def test_a_member_is_undocumented_at_its_own_place() -> None:
    value = {"customer": {"x": 1, "customerName": {"y": 1}}, "cardTokens": [{}, {"a/b": 1}], "~": 1}
    found = annotate(contract(), f"{OPEN}schemas/customer-tokens.json", value).undocumented()
    assert sorted(tokens for tokens, _, _ in found) == [("cardTokens", 1, "a/b"), ("customer", "x"), ("~",)]
