"""What contracts of another build say of many bodies is what they say of each, unions above all."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from contract_tests.tool.judge.full_evaluation import (
    PAN,
    RECORDED,
    STARTED_AT,
    TEMPLATES,
    Raw,
    assert_lines,
    changed,
    encode,
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

UNIT, PLAIN = {"type": "integer", "x-unit": "unix-seconds"}, {"type": "integer"}
CONDITIONAL = {
    "type": "object",
    "properties": {"kind": {"type": "string"}, "at": PLAIN},
    "if": {"properties": {"kind": {"const": "time"}}},
    "then": {"properties": {"at": UNIT}},
}
DOCUMENTED_BY_VALUE = {
    "type": "object",
    "properties": {"kind": {"type": "string"}},
    "allOf": [
        {"if": {"properties": {"kind": {"const": "big"}}}, "then": {"properties": {"size": PLAIN}}},
        {"if": {"properties": {"size": {"minimum": 0}}, "required": ["size"]}, "then": {}},
    ],
}

SYNTHETIC: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "numbers that may be cards": (
        {"type": "object"},
        [{"a": 1.5}, {"a": Raw("4.3e18")}, {"a": Raw("4.2e15")}, {"a": 1e16}],
    ),
    "a bare integer": ({"type": "integer"}, [5, 2**53 - 1, 2**53, 2**62, 4111111111111111]),
    "a bare number": ({"type": "number"}, [1.5, Raw("4.2e17"), Raw("1e400"), Raw("-0.0")]),
    "a bare text": ({"type": "string"}, [Raw('"\\"a\\""'), Raw('"\\"4111111111111111\\""')]),
    "a unit behind a condition": (
        CONDITIONAL,
        [{"kind": "count", "at": 10**12}, {"kind": "time", "at": 10**12}],
    ),
    "a member documented by a value": (
        DOCUMENTED_BY_VALUE,
        [{"kind": "big", "size": 1}, {"kind": "small", "size": 1}],
    ),
    "a month in a list": (
        {"type": "array", "items": {"type": "integer", "x-unit": "month"}},
        [[1, 2], [1, 13], [0], [12]],
    ),
    "a list that may not repeat": (
        {"type": "array", "x-unique-by": "/id", "items": {"type": "object", "properties": {"id": {}}}},
        [[{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 1}], [{"id": 1}, {"id": True}], [{"id": "1"}, {"id": 1}]],
    ),
    "a time that may be a float": (
        {"type": "object", "properties": {"at": {"x-unit": "unix-seconds"}}},
        [
            {"at": 1.5},
            {"at": 1e11},
            {"at": Raw("1e12")},
            {"at": Raw("-0.0")},
            {"at": RECORDED + 300.5},
            {"at": "1" * 400},
        ],
    ),
    "a text outside ascii": (
        {"type": "object", "properties": {"n": {"type": "string", "maxLength": 2}}},
        [{"n": "é"}, {"n": "😀😀"}, {"n": "😀😀😀"}, {"n": "e\u0301e"}],
    ),
    "members that are called by data": (
        {
            "type": "object",
            "properties": {
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "few": {"type": "array", "items": {"properties": {"a": {}}, "maxProperties": 2}},
                "free": {"type": "object", "additionalProperties": {}},
                "closed": {"properties": {"a": {}}, "additionalProperties": False},
            },
            "if": {"properties": {"free": {"minProperties": 2}}, "required": ["free"]},
            "then": {"properties": {"labels": {"x-unit": "month"}}},
        },
        [
            {"labels": {f"l{number}": label}, "few": [few, {"a": 1}], "free": free, "closed": closed}
            for number, (label, few, free, closed) in enumerate(
                [
                    ("a", {"b": 1}, {}, {"a": 1}),
                    (1, {"b": 1, "c": 2}, {"x1": 1}, {"a": 1, "x1": 1}),
                    ("a", {"b": 1, "c": 2, "d": 3}, {"x1": 1, "x2": 2}, {"x2": 1}),
                ]
            )
        ],
    ),
    "any member at all": (
        {"type": "object", "additionalProperties": {"type": "integer", "x-unit": "month"}},
        [{"x1": 1}, {"x2": 13}, {"x3": "1"}, {"x1": 1, "x2": 0}],
    ),
    "names as an address has them": (
        {
            "type": "object",
            "properties": {"a/b": {"properties": {"~": {}, "%41": {"x-unit": "month"}, "": {}}}},
        },
        [{"a/b": {"~": 1, "%41": 2, "": 3}}, {"a/b": {"~": 1, "%41": 13, "": 3}}, {"a/b": {"A": 13}}],
    ),
}


ENVELOPE = {
    "schema": {"$ref": "schemas/envelope.json"},
    "code": "/code",
    "message": "/message",
    "data": "/data",
    "success": {"$ref": "schemas/success.json"},
}


@pytest.mark.parametrize("name", SYNTHETIC)
@pytest.mark.parametrize("in_envelope", [False, True], ids=["bare", "in an envelope"])
def test_contracts_of_another_build(build: Callable[..., Contract], name: str, *, in_envelope: bool) -> None:
    schema, bodies = SYNTHETIC[name]
    words: dict[str, Any] = {"type": "object", "properties": {"code": {}, "message": {}, "data": {}}}
    schemas = {"query": {}, "answer": schema, "success": {"enum": ["0"]}, "envelope": words, "data": schema}
    if in_envelope:
        schemas["answer"] = {**words, "properties": {**words["properties"], "data": {"$ref": "data.json"}}}
        bodies = [{"code": "0", "message": "m", "data": body} for body in bodies]
    more = (
        {"x-envelope": ENVELOPE, "x-business-codes": [{"code": "0", "messages": ["m"]}]}
        if in_envelope
        else {}
    )
    judge = build(schemas, "query", "answer", **more)
    frame = changed(TEMPLATES[0], "request", "url", to="https://api.example/call")
    lines = [
        encode(changed(frame, "response", "body", to=body)).encode("utf-8", "surrogatepass")
        for body in bodies
    ]
    for first in range(2, len(lines) - 1):  # the orders of `assert_same` begin with the others
        assert_lines([*lines[first:], *lines[:first]], None, judge)
    assert_lines([*lines, *lines], None, judge)


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


def test_what_is_said_of_a_code_is_said_of_those_that_no_document_has(build: Callable[..., Contract]) -> None:
    """A condition that lists codes is decided for all others alike; what looks at a text is asked of each."""
    code: dict[str, Any] = {"type": "string", "pattern": "^[0-9]+$", "maxLength": 3}
    answer = {
        "properties": {"code": code, "message": {}, "data": PLAIN},
        "if": {"properties": {"code": {"const": "7"}}},
        "then": {"properties": {"data": UNIT}},
        "else": {"if": {"properties": {"message": {"minLength": 3}}}, "then": {"required": ["trace"]}},
    }
    bodies = [
        {"code": code, "message": message, "data": 10**12}
        for code, message in product(("7", "8", "9", "12345", "known", 5), ("ab", "abc", "abcd"))
    ]
    catalogue = [{"code": code, "messages": ["abc"]} for code in ("7", "8", "known")]
    plain = {"properties": answer["properties"]}
    union = {
        "properties": {"code": code, "message": {}},
        "oneOf": [
            {"properties": {"code": {"const": "7"}, "data": UNIT}},
            {"properties": {"code": {"not": {"const": "7"}}, "data": PLAIN}},
        ],
    }
    of_lengths = {
        "oneOf": [
            {"properties": {"code": {"maxLength": 1}, "data": UNIT}},
            {"properties": {"code": {"minLength": 2}, "data": PLAIN}},
        ]
    }
    for schema in (plain, answer, {**answer, "else": {"required": ["trace"]}}, union, of_lengths):
        schemas = {
            "query": {},
            "answer": schema,
            "success": {"enum": ["0"]},
            "envelope": schema,
            "data": PLAIN,
        }
        more = {"x-envelope": ENVELOPE, "x-business-codes": catalogue}
        frame = changed(TEMPLATES[0], "request", "url", to="https://api.example/call")
        lines = [encode(changed(frame, "response", "body", to=body)).encode() for body in bodies]
        judge = build(schemas, "query", "answer", **more)
        for some in (lines, lines[:9], lines[6:]):
            assert_lines(some, None, judge)


def test_times_of_many_bodies_are_judged_as_each_is(build: Callable[..., Contract]) -> None:
    """Zero is no time in milliseconds, digits may be of several lengths, and others' digits are none."""
    least, greatest = "1776629600000", "1776629800000"  # long before the exchange
    columns: list[list[Any]] = [
        [0, 5, int(greatest)],
        ["0" * 13, "0000000000005", greatest],
        [least, "17766297", greatest],
        [least, "17766297" + "\u00b2" * 5, greatest],
        [least, None, "", True, int(greatest)],
    ]
    answer = {"properties": {"at": {"x-unit": "unix-milliseconds"}}}
    judge = build({"query": {}, "answer": answer}, "query", "answer")
    for column in columns:
        assert_lines(lines_with([{"at": value} for value in column]), None, judge)
