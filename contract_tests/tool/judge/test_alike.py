"""Exchanges that are alike are judged together, and those that drift among them are found at their places."""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.drift.conftest import CARD
from contract_tests.tool.judge.full_evaluation import (
    KEY,
    RECORDED,
    STARTED_AT,
    TEMPLATES,
    URL,
    Raw,
    assert_lines,
    assert_same,
    changed,
    contract,
    encode,
    exchanges_of,
    fold_all,
    fold_each,
    line_of,
)
from contract_tests.tool.redact.writers import (
    as_collection,
    as_events,
    as_flows,
    as_har,
    as_json_cassette,
    as_report,
    as_transcript,
    as_yaml_cassette,
)
from contract_tests.usual import FEW_EXAMPLES, one_in
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Evidence
from opay_contract.drift import field_statistics, fold
from opay_contract.drift.saving import summary_to_json
from opay_contract.judge import body_plan
from opay_contract.judge.annotations import Annotations, annotate
from opay_contract.judge.shapes import tags_of
from opay_contract.judge.subject import Alike, Bodies, Settings, gather
from opay_contract.model import observation, summary
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Severity
from opay_contract.model.observation import Window
from opay_contract.model.summary import merge
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges


def with_names(where: str, **values: str) -> dict[str, Any]:
    """Return the first template with headers whose names are given as `Content_Type`, before its own."""
    named = {name.replace("_", "-"): value for name, value in values.items()}
    headers = {**named, **TEMPLATES[0][where]["headers"]}
    return changed(TEMPLATES[0], where, "headers", to=headers)


def in_card(name: str, value: Any) -> dict[str, Any]:
    return changed(TEMPLATES[0], "response", "body", "data", "cardTokens", 0, name, to=value)


REFUSED = TEMPLATES[5]
PAIRS = {
    "a required header that is empty": (
        TEMPLATES[0],
        changed(TEMPLATES[0], "request", "headers", "MerchantId", to=""),
    ),
    "a media type under a name in another case": (
        with_names("response", content_type="application/json"),
        with_names("response", content_type="text/html"),
    ),
    "a card number under a second name of the media type": (
        with_names("request", content_type="application/json"),
        with_names("request", content_type="4111111111111111"),
    ),
    "a media type between two others": (
        with_names("response", content_type="application/json", CONTENT_TYPE="application/json"),
        with_names("response", content_type="text/html", CONTENT_TYPE="application/json"),
    ),
    "a media type and a header between two others": (
        with_names("response", content_type="application/json", x="1", CONTENT_TYPE="text/html"),
        with_names("response", content_type="application/json", x="2", CONTENT_TYPE="application/json"),
    ),
    "a signature under a name in another case": (
        with_names("request", authorization="[REDACTED]"),
        with_names("request", authorization="Bearer " + "0" * 128),
    ),
    "a body beside an empty base64 body": (
        TEMPLATES[0],
        changed(TEMPLATES[0], "response", "body_base64", to=""),
    ),
    "a query beside an empty base64 body": (
        TEMPLATES[0],
        changed(TEMPLATES[0], "request", "body_base64", to=""),
    ),
    "a month that the calendar lacks": (
        TEMPLATES[0],
        changed(TEMPLATES[0], "recorded_at", to="2026-13-01T00:00:00Z"),
    ),
    "a second that the clock lacks": (
        TEMPLATES[0],
        changed(TEMPLATES[0], "recorded_at", to="2026-05-01T23:59:60Z"),
    ),
    "a card number as a float": (REFUSED, changed(REFUSED, "request", "body", "amount", to=Raw("4.3e18"))),
    "a card number as a shorter float": (
        REFUSED,
        changed(REFUSED, "request", "body", "amount", to=Raw("4.2e17")),
    ),
    "an integer beyond a double": (TEMPLATES[0], in_card("createTimestamp", Raw("1" + "0" * 400))),
    "a time a moment too late": (TEMPLATES[0], in_card("createTimestamp", RECORDED + 301)),
    "a time just in time": (TEMPLATES[0], in_card("createTimestamp", RECORDED + 300)),
    "a customer id that is a card number": (
        TEMPLATES[0],
        changed(
            changed(TEMPLATES[0], "request", "body", "customerId", to="4111111111111111"),
            *("response", "body", "data", "customer", "customerId"),
            to="4111111111111111",
        ),
    ),
    "a token repeated": (
        TEMPLATES[1],
        changed(TEMPLATES[1], "response", "body", "data", "cardTokens", 1, "opayToken", to=CARD["opayToken"]),
    ),
    "a wrong echo": (TEMPLATES[0], changed(TEMPLATES[0], "request", "body", "customerId", to="2")),
    "deep nesting beside what is known": (
        TEMPLATES[0],
        changed(TEMPLATES[0], "request", "body", "deep", to=Raw("[" * 700 + "]" * 700)),
    ),
    "deep nesting in the answer": (TEMPLATES[0], in_card("deep", Raw("[" * 700 + "]" * 700))),
    "nesting beyond the schema library": (TEMPLATES[0], in_card("deep", Raw("[" * 300 + "]" * 300))),
    "nesting where a text should be": (TEMPLATES[0], in_card("brand", Raw("[" * 300 + "]" * 300))),
}


def test_a_pair_of_lines_that_differ_in_one_thing() -> None:
    for number, pair in enumerate(PAIRS.values()):
        first, second = (line_of(line) for line in pair)
        for private_key in (KEY, None)[: 1 + (number % 4 == 0)]:
            assert_lines([first, second, first, second], private_key)


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


PAN = "4111111111111111"


def lines_with(bodies: list[Any]) -> list[bytes]:
    """Return exchanges whose request has the same body as the answer."""
    frame = changed(TEMPLATES[0], "request", "url", to="https://api.example/call")
    answered = (changed(frame, "response", "body", to=body) for body in bodies)
    return [encode(changed(one, "request", "body", to=one["response"]["body"])).encode() for one in answered]


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


WRITERS: dict[str, Callable[[list[Exchange]], bytes]] = {
    "har": as_har,
    "json": as_json_cassette,
    "yaml": as_yaml_cassette,
    "flow": as_flows,
    "txt": as_transcript,
    "postman.json": as_collection,
    "newman.json": as_report,
    "events.ndjson": as_events,
}
WINDOW = Window(since="2026-05-01T10:00:00.000000Z", until="2026-05-01T10:00:01.000000Z")


@pytest.mark.parametrize("suffix", one_in(3, WRITERS))
def test_traffic_from_every_reader_in_a_window_and_in_halves(suffix: str, tmp_path: Path) -> None:
    """What several processes do is this: each folds a part, and what they found is joined."""
    drifted = [
        in_card("brand", 5),
        in_card("createTimestamp", 10**12),
        in_card("extra", "4111111111111111"),
        changed(TEMPLATES[0], "recorded_at", to="2026-05-02T10:00:00Z"),
        changed(TEMPLATES[0], "response", "body", "data", "customer", "customerId", to="2"),
        changed(TEMPLATES[4], "response", "status", to=500),
    ]
    lines = [line_of(line) for line in (*TEMPLATES[:7], *drifted)]
    exchanges = [one for one in exchanges_of([*lines, *lines]) if isinstance(one, Exchange)]
    path = tmp_path / f"traffic.{suffix}"
    path.write_bytes(WRITERS[suffix](exchanges))
    items = list(iter_exchanges(Source(ordinal=0, name=str(path), path=path)))
    assert len(items) == len(exchanges)
    for run in (
        Settings(started_at=STARTED_AT, private_key=KEY),
        Settings(started_at=STARTED_AT, window=WINDOW),
    ):
        whole = assert_same(items, run)
        half = len(items) // 2
        parts = (fold_all(contract(), run, items[:half]), fold_all(contract(), run, items[half:]))
        assert summary_to_json(merge(*parts)) == summary_to_json(whole)
        assert whole.exchanges or run.window


IN_DATA = ("response", "body", "data")


@pytest.mark.parametrize(
    ("request_part", "response_part"),
    [
        ({}, {"body": "out of order: {}"}),
        ({"body": "no JSON {}"}, {"body": {"code": "02001", "message": "request params not valid."}}),
        ({}, {"body": {"code": "02000", "message": "Authentication failed", "trace": "{}"}}),
        ({}, {"body": {"code": "02000", "message": "Authentication failed", "trace": ["x", "{}"]}}),
        ({"headers": {"X-Trace": "{}"}}, {"body": {"code": "02000", "message": "Authentication failed"}}),
        ({}, {"headers": {"X-Trace": "{}"}, "body": {"code": "02000", "message": "Authentication failed"}}),
        ({}, {"body": '{"code":"02000","message":"x","trace":{}.0}'}),
    ],
    ids=["answer", "request", "member", "item", "sent header", "received header", "float"],
)
def test_a_card_number_is_found_in_each_of_many_exchanges_that_are_alike(
    request_part: dict[str, Any], response_part: dict[str, Any]
) -> None:
    def line(number: str) -> bytes:
        request = {"method": "POST", "url": URL, "headers": {}, "body": {"customerId": "1"}, **request_part}
        response = {"status": 200, "headers": {}, **response_part}
        return json.dumps({"request": request, "response": response}).replace("{}", number).encode()

    def exchange(number: str) -> bytes:
        return line(number).replace(f'"headers": {number}'.encode(), b'"headers": {}')

    lines = [exchange(number) for number in ("17", "18", PAN, "19", PAN, PAN)]
    found = [one for key, one in assert_lines(lines).findings.items() if key[0] == "card-number-exposed"]
    assert [one.count for one in found] == [3]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> int:
    """Return after how many exchanges those that wait are judged; fewer than usual do, and come in halves."""
    monkeypatch.setattr(fold, "MAX_UNREAD", 8)
    monkeypatch.setattr(fold, "MAX_WAITING", 24)
    return 24


@pytest.mark.parametrize(("kinds", "together"), [(1, 4), (3, 6), (9, 8)])
def test_the_fewer_are_alike_the_more_wait_for_each_other(
    kinds: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"MAX_UNREAD": 1, "MIN_WAITING": 4, "_ALIKE": 2, "MAX_WAITING": 8}.items():
        monkeypatch.setattr(fold, name, value)
    waited: list[int] = []

    def noting(waiting: dict[Alike, None]) -> list[Bodies]:
        waited.append(sum(len(alike.waiting) for alike in waiting))
        return gather(waiting)

    monkeypatch.setattr(fold, "gather", noting)
    lines = [changed(TEMPLATES[0], "response", "status", to=200 + number % kinds) for number in range(24)]
    run = Settings(started_at=STARTED_AT)
    fold_all(contract(), run, exchanges_of(encode(line).encode() for line in lines))
    assert waited == [together] * (24 // together) + [0]


def test_those_that_drift_among_many_that_are_alike_are_found_at_their_places(many: int) -> None:
    def line(number: int) -> dict[str, Any]:
        asked = changed(TEMPLATES[1], "request", "body", "customerId", to=f"{number}")
        token = changed(asked, *IN_DATA, "cardTokens", 0, "opayToken", to=f"OPAY_TOKEN_{number:032x}")
        times = changed(token, *IN_DATA, "cardTokens", 1, "createTimestamp", to=RECORDED - 1_000_000)
        return changed(times, *IN_DATA, "customer", "customerId", to=f"{number}")

    lines = {number: line(number) for number in range(1, 3 * many)}
    first, last = many, 2 * many + 1
    at = (*IN_DATA, "cardTokens", 0, "createTimestamp")
    drifted = {
        first: ("timestamp-in-future", changed(lines[first], *at, to=RECORDED + 301)),
        first + 1: ("", changed(lines[first + 1], *at, to=RECORDED + 300)),
        first + 3: (
            "answer-mismatched",
            changed(lines[first + 3], *IN_DATA, "customer", "customerId", to="x"),
        ),
        last: ("item-repeated", changed(lines[last], *IN_DATA, "cardTokens", 0, "opayToken", to="another")),
        last + 1: (
            "month-invalid",
            changed(lines[last + 1], *IN_DATA, "cardTokens", 1, "expiryMonth", to="13"),
        ),
        last + 2: ("timestamp-not-seconds", changed(lines[last + 2], *at, to=-1)),
    }
    lines |= {number: one for number, (_, one) in drifted.items()}
    found = assert_lines([encode(one).encode() for one in lines.values()]).findings
    places = {(key[0], folded.place.entry, folded.count) for key, folded in found.items()}
    expected = {(rule, number, 1) for number, (rule, _) in drifted.items() if rule}
    assert expected <= places
    assert {place for place in places if place[2] == 1} == expected


def test_a_card_number_in_a_header_is_found_among_many_that_are_alike(many: int) -> None:
    def line(number: int) -> bytes:
        trace = PAN if number in (2, many + 1) else f"{number:016x}"
        return encode(changed(TEMPLATES[0], "request", "headers", "X-Note", to=trace)).encode()

    summary = assert_lines([line(number) for number in range(1, 2 * many)])
    (found,) = [one for key, one in summary.findings.items() if key[0] == "card-number-exposed"]
    assert (found.place.entry, found.last_place.entry, found.count) == (2, many + 1, 2)


OTHERS = ("x1", "x2", "12345678", "87654321", "a b", "4111111111111111")
VALUES = (1, "4111111111111111", None, {"x3": [Raw("4.2e15"), {"x4": "é", "opayToken": PAN}]}, Raw("4.2e17"))


def test_members_that_nothing_names_are_told_whatever_they_are_called() -> None:
    """Where two are the same in words, the first in the text is the finding."""
    places = ((), ("data",), ("data", "customer"), ("data", "cardTokens", 1))
    lines = [*TEMPLATES[1:2]]
    for number, (name, value) in enumerate(product(OTHERS, VALUES)):
        body = TEMPLATES[1]["response"]["body"]
        for place in (places[number % 4], places[number // 4 % 4]):
            for more in (name, OTHERS[number % 6]):
                body = changed(body, *place, more, to=value) if place else {**body, more: value}
        asked = {name: value, "customerId": "121111113", OTHERS[-number % 6]: 1}
        line = changed(TEMPLATES[1], "response", "body", to=body)
        lines.append(changed(line, "request", "body", to=asked))
    assert_lines([encode(line).encode() for line in lines])


def test_codes_messages_headers_and_queries_that_nothing_names() -> None:
    codes = ("X_1", "99999", "lower", "02001", "00000")
    messages = ("no card of 7", " successful. ", "SYSTEM_DOWN", "", "request params not valid.")
    lines = []
    for number in range(20):
        body = {"code": codes[number % 5], "message": messages[number // 4], "data": None}
        line = changed(TEMPLATES[number % 5], "recorded_at", to=f"2026-05-{number % 3 + 1:02}T10:00:00Z")
        line = changed(line, "request", "headers", f"X-{number}", to=("n", PAN)[number % 7 == 0])
        line = changed(line, "response", "headers", f"x-{number % 4}", to="")
        line = changed(line, "request", "url", to=f"{URL}?p{number % 4}=1")
        lines.append(changed(line, "response", "body", to=body) if number % 3 else line)
    assert_lines([encode(line).encode() for line in lines])


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


def test_a_name_is_counted_though_many_others_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no summary keeps is let go of at once, and what is kept is what full evaluation keeps."""
    for module in (field_statistics, observation):
        monkeypatch.setattr(module, "MAX_LOCATIONS", 30)
    for module in (fold, summary):
        monkeypatch.setattr(module, "MAX_FINDINGS", 4)
    monkeypatch.setattr(fold, "MAX_UNREAD", 8)
    monkeypatch.setattr(fold, "MAX_WAITING", 16)
    lines = [changed(TEMPLATES[0], *IN_DATA, f"x{number % 45}", to=number) for number in range(70)]
    items, run = exchanges_of(encode(line).encode() for line in lines), Settings(started_at=STARTED_AT)
    full = fold_each(contract(), run, items)
    assert (len(full.findings), len(full.observations), full.occurrences) == (4, 30, {Severity.WARNING: 70})
    for order in (items, items[::-1]):
        assert summary_to_json(fold_all(contract(), run, order)) == summary_to_json(full)


def test_evidence_in_calls_of_an_unknown_method_counts_every_item() -> None:
    def called(cards: int) -> bytes:
        tokens = [{**CARD, "opayToken": f"{number}"} for number in range(cards)]
        line = changed(TEMPLATES[0], *IN_DATA, "cardTokens", to=tokens)
        return encode(changed(line, "request", "method", to="PUT")).encode()

    assert_lines([called(1), called(3), called(2)])


def test_evidence_about_whole_exchanges_looks_at_each_where_a_body_has_a_say() -> None:
    """What is no JSON has none; of JSON one text may be long enough, and that of the next may not."""
    said = {"properties": {"body": {"properties": {"customerName": {"minLength": 2}}}}}
    whole = Evidence(at=(), outcome=None, schema={"properties": {"request": said}}, other=None, equal=True)
    question = contract().questions[0]
    reading = replace(question.readings[0], evidence=(whole,))
    judge = replace(contract(), questions=(replace(question, readings=(reading,), operations=None),))
    asked: list[Any] = [Raw('""'), *({"customerName": name} for name in ("A B", "A", "B C"))]
    lines = [changed(TEMPLATES[0], "request", "body", to=body) for body in asked]
    lines += [changed(lines[0], "request", "body_base64", to=packed) for packed in ("PGh0bWw+", "PHA+")]
    summary = assert_lines([encode(line).encode() for line in lines], None, judge)
    assert summary.readings == {(question.id, reading.id): len(lines) - 1}


def test_flaws_of_the_request_are_told_from_those_of_the_answer() -> None:
    twice = Raw('{"customerId":"1","customerId":"121111113"}')
    asked = changed(TEMPLATES[0], "request", "body", to=twice)
    body = encode(TEMPLATES[0]["response"]["body"])
    answered = changed(TEMPLATES[0], "response", "body", to=Raw(body[:-1] + ',"code":"00000"}'))
    lines = [encode(line).encode() for line in (asked, answered, asked, TEMPLATES[0])]
    found = assert_lines(lines).findings
    assert [(key[0], one.count) for key, one in found.items() if key[0] == "duplicate-key"] == [
        ("duplicate-key", 1)
    ]


def test_headers_that_were_not_recorded_are_none_that_are_empty() -> None:
    given: list[Any] = [None, {}, None, {"Date": "x"}, None]
    lines = [
        changed(TEMPLATES[0], part, "headers", to=one) for part in ("request", "response") for one in given
    ]
    assert_lines([encode(line).encode() for line in lines])


def test_days_are_told_apart_at_every_place() -> None:
    """Also below lists of several lengths, and where a member is in some of their items alone."""
    tokens = [[CARD], [], [{**CARD, "opayToken": "a", "expiryYear": "26"}, CARD], [CARD, 5]]
    lines = [
        changed(
            changed(TEMPLATES[0], *IN_DATA, "cardTokens", to=cards), "recorded_at", to=f"2026-05-{day:02}"
        )
        for day, cards in enumerate(tokens * 2, 1)
    ]
    assert_lines([encode(line).encode() for line in lines])


def test_bodies_of_kinds_that_come_later_are_counted_with_those_before(many: int) -> None:
    """In one table lie bodies with items of other shapes, of which there may be none for a while."""
    plain = {name: value for name, value in CARD.items() if not name.startswith("expiry")}
    odd = {**plain, "createTimestamp": "1777629600", "brand": None, "opayToken": Raw("1.5")}
    lists = [
        [CARD],
        [plain, {**plain, "opayToken": "b"}],
        [],
        [plain],
        [odd, CARD],
        [plain],
        [odd] * 2,
        [CARD],
    ]
    lines = [
        changed(TEMPLATES[0], *IN_DATA, "cardTokens", to=cards) for cards in lists for _ in range(many // 4)
    ]
    for number in range(0, len(lines), 3):
        lines[number] = changed(lines[number], *IN_DATA[:-1], "code", to=("00", 0, None)[number % 9 // 3])
    assert_lines([encode(line).encode() for line in lines])


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


def test_a_number_that_hides_the_digits_of_a_card_is_found_among_many_that_are_alike() -> None:
    def line(amount: str) -> bytes:
        return encode(changed(REFUSED, "request", "body", "amount", to=Raw(amount))).encode()

    found = assert_lines([line(amount) for amount in ("1.5", "4.2e17", "2.5", "4.2e17")]).findings
    assert [one.count for key, one in found.items() if key[0] == "card-number-exposed"] == [2]
