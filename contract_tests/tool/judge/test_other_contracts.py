"""What contracts of another build say of many bodies is what they say of each."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from contract_tests.tool.judge.full_evaluation import (
    CALL,
    ENVELOPE,
    RECORDED,
    Raw,
    assert_lines,
    changed,
    encode,
    lines_with,
)

from opay_contract.contract.contract import Contract

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
    lines = [
        encode(changed(CALL, "response", "body", to=body)).encode("utf-8", "surrogatepass") for body in bodies
    ]
    for first in range(2, len(lines) - 1):  # the orders of `assert_same` begin with the others
        assert_lines([*lines[first:], *lines[:first]], None, judge)
    assert_lines([*lines, *lines], None, judge)


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
        lines = [encode(changed(CALL, "response", "body", to=body)).encode() for body in bodies]
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
