"""What unions of schemas say of many bodies is what they say of each, asked as seldom as can be."""

from collections.abc import Callable
from typing import Any

import pytest
from contract_tests.tool.judge.full_evaluation import (
    ENVELOPE,
    PAN,
    STARTED_AT,
    Raw,
    assert_lines,
    exchanges_of,
    fold_all,
    lines_with,
)
from contract_tests.usual import FEW_EXAMPLES, one_in
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.contract import Contract
from opay_contract.judge import body_plan
from opay_contract.judge.annotations import Annotations, annotate
from opay_contract.judge.shapes import tags_of
from opay_contract.judge.subject import Settings

KINDS = [{"const": "a"}, {"const": "b"}, {"enum": ["c", "a"]}, {"const": True}, {"const": 1}, {}]
SAID = [
    {"x-unit": "month"},
    {"x-unit": "unix-seconds", "type": "integer"},
    {"x-sensitivity": "identifier"},
    {"x-sensitivity": "public", "maxLength": 3},
    {"type": "string"},
    {"maximum": 5},
    {"x-unique-by": "/kind"},
    {"oneOf": [{"const": "a", "x-unit": "month"}, {"type": "integer"}]},
    {"anyOf": [{"enum": ["a"]}, {"type": ["string", "number"]}]},
    {"items": {"type": "string"}},
    {"prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
    False,
]


def branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.fixed_dictionaries(
        {}, optional={"kind": st.sampled_from(KINDS), **dict.fromkeys("xyz", inner)}
    )
    return st.fixed_dictionaries(
        {"properties": members},
        optional={
            "type": st.sampled_from(["object", "string", "integer"]),
            "required": st.lists(st.sampled_from(["kind", "x", "y"]), min_size=1, max_size=2, unique=True),
            "additionalProperties": st.booleans(),
            "if": st.just({"properties": {"kind": {"const": "a"}}}),
            "then": st.just({"properties": {"x": {"x-unit": "month", "type": "string"}}}),
        },
    )


def unions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    of_objects = st.lists(branches(inner), min_size=2, max_size=3)
    return st.builds(lambda word, few: {word: few}, st.sampled_from(["oneOf", "anyOf"]), of_objects)


SAYINGS = st.sampled_from(SAID)
UNIONS = unions(SAYINGS | unions(SAYINGS) | unions(SAYINGS).map(lambda union: {"items": union}))
PLAIN_VALUES = st.sampled_from(["a", "b", "13", 1, 13, 2.0, 1.5, None, True, 10**12, PAN])
TAGS = st.sampled_from(["a", "b", "c", "d", True, False, 1, Raw("1.0")])
OBJECTS = st.fixed_dictionaries(
    {}, optional={"kind": TAGS, **dict.fromkeys(("x", "y", "other"), PLAIN_VALUES)}
)
DEEPER = st.fixed_dictionaries(
    {"kind": TAGS},
    optional=dict.fromkeys("xyz", PLAIN_VALUES | OBJECTS | st.lists(PLAIN_VALUES | OBJECTS, max_size=3)),
)


@pytest.mark.parametrize("examples", one_in(2, (FEW_EXAMPLES, 100)))
def test_unions_say_of_many_bodies_what_they_say_of_each(
    build: Callable[..., Contract], examples: int
) -> None:
    """Also nested, in lists, told apart by names, types, constants or nothing, and where none fits."""

    @settings(deadline=None, derandomize=True, max_examples=examples)
    @given(UNIONS, st.lists(DEEPER, min_size=3, max_size=6))
    def holds(union: dict[str, Any], found: list[Any]) -> None:
        answer = {"properties": {"one": union, "many": {"items": union}}}
        judge = build({"answer": answer}, "answer", "answer")
        bodies = [*({"one": one} for one in found), *({"many": some} for some in (found, found[::-2]))]
        assert_lines(lines_with(bodies), None, judge)

    holds()


def tagged(kind: Any, said: Any) -> dict[str, Any]:
    return {"properties": {"kind": kind, "at": said}, "required": ["kind"]}


MONTH = {"x-unit": "month", "maxLength": 2}
A, B, ONE, TWO = ({"const": one} for one in ("a", "b", 1, 2))
DECIDED: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "constants": ({"oneOf": [tagged(A, MONTH), tagged(B, {})]}, {"kind": "a"}, {"kind": "b"}),
    "truth values": (
        {"oneOf": [tagged({"const": True}, MONTH), tagged({"const": False}, {})]},
        {"kind": True},
        {"kind": False},
    ),
    "a list of texts": (
        {"anyOf": [tagged({"const": "a"}, MONTH), tagged({"enum": ["b", "c"]}, {})]},
        {"kind": "a"},
        {"kind": "c"},
    ),
    "a text that none lists": (
        {"oneOf": [
            tagged(A, {}), tagged(B, {}), tagged({"not": {"enum": ["a", "b"]}}, MONTH),
        ]},
        {"kind": "z"},
        {"kind": "b"},
    ),
    "required properties": (
        {"oneOf": [{"required": ["x"], "properties": {"at": MONTH}}, {"required": ["y"]}]},
        {"x": 1},
        {"y": 1},
    ),
    "closed properties": (
        {"oneOf": [
            {"properties": {"x": {}, "at": MONTH}, "additionalProperties": False},
            {"properties": {"x": False}},
        ]},
        {"x": 1},
        {"y": 1},
    ),
    "types": (
        {"oneOf": [
            {"allOf": [{"properties": {"x": {"type": "integer"}, "at": MONTH}}]},
            {"properties": {"x": {"type": "string"}}},
        ]},
        {"x": 1},
        {"x": "1"},
    ),
    "properties that one does not describe": (
        {"oneOf": [tagged(A, MONTH), {"properties": {"kind": B, "y": {}}}]},
        {"kind": "a", "w": 1},
        {"kind": "b", "y": 1},
    ),
    "what is searched": (
        {"oneOf": [
            {"allOf": [tagged(A, MONTH)], "properties": {"n": {"x-sensitivity": "identifier"}}},
            {"allOf": [tagged(B, {})], "properties": {"n": {}}},
        ]},
        {"kind": "a", "n": PAN},
        {"kind": "b", "n": PAN},
    ),
    "what is searched by its name": (
        {"oneOf": [
            {"allOf": [tagged(A, MONTH)], "properties": {"n": {}}},
            {
                "allOf": [tagged(B, {})],
                "properties": {"m": {"properties": {"n": {"x-sensitivity": "identifier"}}}},
                "additionalProperties": True,
            },
        ]},
        {"kind": "a", "n": PAN},
        {"kind": "b", "n": PAN},
    ),
    "a union in a union": (
        {"oneOf": [{"anyOf": [tagged(A, MONTH), tagged(B, MONTH)]}, tagged({"const": "c"}, {})]},
        {"kind": "b"},
        {"kind": "c"},
    ),
}  # fmt: skip
OPEN_QUESTIONS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "a length": (
        {"oneOf": [
            {"properties": {"x": {"maxLength": 1}, "at": MONTH}}, {"properties": {"x": {"minLength": 2}}},
        ]},
        {"x": "1"},
        {"x": "12"},
    ),
    "a length in a union": (
        {"oneOf": [
            {"anyOf": [{"properties": {"x": {"maxLength": 1}, "at": MONTH}}]},
            {"properties": {"x": {"minLength": 2}}},
        ]},
        {"x": "1"},
        {"x": "12"},
    ),
    "a text that tells schemas apart elsewhere": (
        {"oneOf": [
            {"properties": {"kind": A, "at": MONTH, "m": {"properties": {"kind": {"const": "x"}}}}},
            {"properties": {"kind": B, "m": {"properties": {"kind": {"minLength": 2}}}}},
        ]},
        {"m": {"kind": "x"}},
        {"m": {"kind": "xx"}},
    ),
    "a plain value": (
        {"properties": {"x": {"oneOf": [MONTH, {"minLength": 3}]}}},
        {"x": "13"},
        {"x": "133"},
    ),
    "a number": ({"oneOf": [tagged(ONE, MONTH), tagged(TWO, {})]}, {"kind": 1}, {"kind": 2}),
    "a fraction": (
        {"properties": {"at": MONTH}, "anyOf": [
            {"properties": {"x": {"type": "integer"}, "y": {}}},
            {"properties": {"x": {"type": "number"}}},
        ]},
        {"x": 2.0, "y": 1},
        {"x": 1.5, "y": 1},
    ),
    "what a condition asks": (
        {"oneOf": [
            {"if": {"properties": {"x": {"minLength": 2}}}, "then": False, "properties": {"at": MONTH}},
            {"properties": {"x": {"minLength": 2}}},
        ]},
        {"x": "1"},
        {"x": "12"},
    ),
    "positions": (
        {"oneOf": [
            {"properties": {"x": {"prefixItems": [{"type": "string"}]}, "at": MONTH}},
            {"properties": {"x": {"prefixItems": [{"type": "null"}]}}},
        ]},
        {"x": ["a", None]},
        {"x": [None, "a"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("is_decided", [True, False], ids=["decided", "open"])
def test_a_union_is_asked_about_once_where_the_shape_decides_it(
    build: Callable[..., Contract], monkeypatch: pytest.MonkeyPatch, *, is_decided: bool
) -> None:
    """Bodies that fit have the plan of their shape; one that does not is described by all schemas."""
    asked: list[Any] = []

    def counted(*given: Any) -> Annotations:
        asked.append(given)
        return annotate(*given)

    monkeypatch.setattr(body_plan, "annotate", counted)
    for name, (union, one, other) in (DECIDED if is_decided else OPEN_QUESTIONS).items():
        schema = {"properties": {"one": union, "many": {"items": union}}}
        judge = build({"answer": schema}, "answer", "answer")
        months = [{**some, "at": at} for at in ("12", "13") for some in (one, other)]
        bodies = [*({"one": some} for some in months), *({"many": [some, some]} for some in months)]
        items = exchanges_of(lines_with(bodies))
        asked.clear()
        fold_all(judge, Settings(started_at=STARTED_AT), [item for item in items for _ in range(2)])
        assert len(asked) == 8 if is_decided else len(asked) > 8, name
        wrong = {**one, "at": "123"}, {"kind": "other", "at": "123"}
        mixed = [*bodies, {"many": [one, other]}, {"many": months}, *({"one": bad} for bad in wrong)]
        months_wrong = [
            found.count
            for key, found in assert_lines(lines_with(mixed), None, judge).findings.items()
            if key[0] == "month-invalid"
        ]
        assert months_wrong, name


def test_texts_by_which_schemas_of_a_union_differ_are_told_apart_and_no_others(
    build: Callable[..., Contract],
) -> None:
    def listing(name: str, *values: Any) -> dict[str, Any]:
        return {"properties": {name: {"enum": values}, "code": {"const": values[0]}}}

    few = [f"{number}" for number in range(63)]
    unions = [
        {"oneOf": [listing("few", *few), listing("few", "x", 1)]},
        {"oneOf": [listing("many", *few, "63"), listing("many", "x")]},
        {"anyOf": [listing("same", "a"), listing("same", "a")]},
    ]
    schemas = {"query": {}, "answer": {"anyOf": unions}, "success": {"enum": ["0"]}, "data": {}}
    more = {"x-envelope": ENVELOPE, "x-business-codes": [{"code": "0", "messages": ["m"]}]}
    judge = build({**schemas, "envelope": {"properties": {"code": {}}}}, "query", "answer", **more)
    assert tags_of(judge) == {"few": {*few, "x"}}
