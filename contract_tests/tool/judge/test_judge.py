"""What the judge remembers changes nothing: full evaluation gives the same summary, whatever comes."""

from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.judge.full_evaluation import (
    KEY,
    RECORDED,
    STARTED_AT,
    TEMPLATES,
    URL,
    Raw,
    assert_lines,
    changed,
    contract,
    encode,
    line_of,
    signed,
    template,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.suite import from_schema

QUICK = settings(deadline=None, derandomize=True, max_examples=250)
CASES = sorted((Path(__file__).parent / "cases").glob("*/*.ndjson"))

NUMBERS = [
    "0", "-0", "-1", "1.0", "1.5", "1.50", "1e2", "1E+2", "-0.0", "1e-7", "1e16", "1e400", "NaN",
    "9007199254740991", "9007199254740992", "-9007199254740992", "18446744073709551615",
    "18446744073709551616", "1" + "0" * 30, "4111111111111111", "4111111111111111.0", "4.2e15", "4.2e17",
    "4.3e18", "42e14", "-4200000000000000", "99999999999", "100000000000", "1700000000000", "1700000000.5",
    *(str(RECORDED + delta) for delta in (-1, 0, 299, 300, 301, 86_400)),
    *(str(int(STARTED_AT) + delta) for delta in (299, 300, 301)),
]  # fmt: skip
TEXTS = [
    "", " ", "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4111  1111--1111..1111",
    "41111111 11111111", "4111/1111/1111/1111", "4111\t1111\t1111\t1111",
    "4111\u00a01111\u00a01111\u00a01111",
    "\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11",
    "٤١١١١١١١١١١١١١١١", "4111\n1111\n1111\n1111", "41111111111111112", "4111111111111112",
    "card 378282246310005.", "x4111111111111111y", "411111111111 1111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "1700000000", "1777629901", "99999999999", "100000000000", "\uff11\uff17", "1", "12", "13", "00", "012",
    "٣", "1.0", "another", "121111113", "OPAY_TOKEN_0123456789abcdef0123456789abcdef", "20120000001",
    "OPAY_TOKEN_0123456789ABCDEF0123456789abcdef\n", "Zoë", "😀", "\x7f", "\x00", "\u2028", "a\\b", 'a"b',
    "<&>/", "1" * 40, "02", "411111", "Test Person", "²", "①", "½", "4111\u200b1111\u200b1111\u200b1111",
]  # fmt: skip
RAW_TEXTS = [
    r'"\u0034111111111111111"', r'"\ud800"', r'"\/"', r'"\u00e9"', '"\ud83d\ude00"', r'"\ud83d\ude00"',
    '"\t"', r'"\q"',
]  # fmt: skip
MOMENTS: list[Any] = [
    None, 1_777_629_600, 1_777_629_600.5, "2026-05-01T10:00:00Z", "2026-05-01T10:00:00.123456789+01:00",
    "2026-05-01t10:00:00z", "2026-05-01 10:00:00Z", "2026-05-01T10:00:00+23:59", "2026-05-01T10:00:00-23:59",
    "2026-05-01T10:00:00+24:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-05-01T23:59:60Z",
    "2026-05-01T24:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00",
    "Fri, 01 May 2026 10:00:00 GMT", "2026-05-01", "2026-05-01T10:00:00", "2026-W18-5", "garbage", "", True,
    [], "2020-01-01T00:00:00Z", "2026-05-01x", "2024-01-01T00:00:00Z",
]  # fmt: skip
MEDIA_TYPES = [
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "text/html",
    "",
    "application/json;x=4111111111111111",
]

DIGITS_AND_SEPARATORS = st.text("0123456789 -._/\t\u00a0\uff14٤", min_size=12, max_size=24)
TEXT_VALUES = (
    st.sampled_from(TEXTS) | DIGITS_AND_SEPARATORS | st.text(max_size=5) | st.sampled_from(RAW_TEXTS).map(Raw)
)
NUMBER_VALUES = (
    st.sampled_from(NUMBERS).map(Raw)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False).map(repr).map(Raw)
)
OTHER_VALUES = st.sampled_from([None, True, False, [], {}, [1], {"x": "y"}]).map(deepcopy)


def places(value: Any, before: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [before] if before else []
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return found + [place for key, child in children for place in places(child, (*before, key))]


def value_at(value: Any, place: Iterable[str | int]) -> Any:
    for step in place:
        value = value[step]
    return value


@st.composite
def with_other_values(draw: st.DrawFn, line: dict[str, Any]) -> dict[str, Any]:
    """Change plain values of the bodies, mostly without changing their type."""
    for _ in range(draw(st.integers(0, 2))):
        where = draw(st.sampled_from(["request", "response"]))
        plain = [
            place
            for place in places(line[where]["body"])
            if not isinstance(value_at(line[where]["body"], place), dict | list)
        ]
        if plain:
            place = draw(st.sampled_from(plain))
            old = value_at(line[where]["body"], place)
            same = TEXT_VALUES if isinstance(old, str) and not isinstance(old, Raw) else NUMBER_VALUES
            new = draw(same | same | same | TEXT_VALUES | NUMBER_VALUES | OTHER_VALUES)
            line = changed(line, where, "body", *place, to=new)
    return line


@st.composite
def with_other_headers(draw: st.DrawFn, line: dict[str, Any]) -> dict[str, Any]:
    where = draw(st.sampled_from(["request", "response"]))
    name = draw(
        st.sampled_from(
            [
                "Content-Type",
                "content-type",
                "CONTENT-TYPE",
                "X-Note",
                "authorization",
                "Authorization",
                "merchantid",
                "Date",
            ]
        )
    )
    values: st.SearchStrategy[Any] = TEXT_VALUES
    if name.lower() == "content-type":
        values = st.sampled_from(MEDIA_TYPES) | TEXT_VALUES
    if name.lower() == "authorization":
        values = (
            st.sampled_from(["Bearer " + "0" * 128, "Bearer", "[REDACTED]", "Bearer 4111111111111111"])
            | TEXT_VALUES
        )
    headers = {**line[where]["headers"], name: draw(values)}
    if draw(st.booleans()):
        headers = dict(reversed(headers.items()))
    return changed(line, where, "headers", to=headers)


@st.composite
def with_another_frame(draw: st.DrawFn, line: dict[str, Any]) -> dict[str, Any]:
    steps, values = draw(
        st.sampled_from(
            [
                (("recorded_at",), MOMENTS),
                (("recorded_at",), MOMENTS),
                (("response", "status"), [200, 201, 400, 403, 500, 0, -1, 99, 600, True, "200", 200.0, None]),
                (("request", "method"), ["POST", "post", "GET", "OPTIONS", None, "", 1]),
                (
                    ("request", "url"),
                    [
                        None,
                        "",
                        URL,
                        URL + "/",
                        URL + "?card=4111111111111111",
                        "https://other.example/",
                        "/x",
                        1,
                    ],
                ),
                (
                    ("request", "headers"),
                    [
                        None,
                        {},
                        [],
                        [["Content-Type", "application/json"]],
                        {"a": ["b", "c"]},
                        {"a": None},
                        "x",
                    ],
                ),
                (
                    ("response", "headers"),
                    [None, {}, [["Content-Type", "application/json"]], {"Content-Type": ["text/html", "x"]}],
                ),
                (("request", "body"), [None, "", "null", "{", "\ufeff{}", [], 1, Raw('"\\ud800"'), "x" * 3]),
                (
                    ("response", "body"),
                    [None, "", "null", "{", '\ufeff{"code":"00000"}', [], 1, "<html>", Raw("NaN")],
                ),
                (("request", "body_base64"), ["", "e30=", None, "!", 1]),
                (("response", "body_base64"), ["", "e30=", None, "!"]),
                (("request",), [None, {}, [], "x"]),
                (("response", "extra"), ["4111111111111111"]),
            ]
        )
    )
    return changed(line, *steps, to=draw(st.sampled_from(values)))


@st.composite
def with_another_body(draw: st.DrawFn, line: dict[str, Any]) -> dict[str, Any]:
    """Change the members or the text of a body."""
    where = draw(st.sampled_from(["request", "response"]))
    body = line[where]["body"]
    kind = draw(
        st.sampled_from(
            ["spaced", "text", "spaced text", "again", "more", "less", "reordered", "escaped", "nested"]
        )
    )
    if kind in ("spaced", "spaced text"):
        body = Raw(encode(body, spaced=True))
    if kind in ("text", "spaced text"):
        body = encode(body)
    elif isinstance(body, dict) and body:
        objects = [place for place in [(), *places(body)] if isinstance(value_at(body, place), dict)]
        place = draw(st.sampled_from(objects))
        new = members_changed(draw, kind, dict(value_at(body, place)))
        body = changed({"": body}, "", *place, to=new)[""]
    return changed(line, where, "body", to=body)


def members_changed(draw: st.DrawFn, kind: str, members: dict[str, Any]) -> Any:
    name = draw(
        st.sampled_from(
            ["x", "4111111111111111", "", "é", "data", "opayToken", "customerId", "code", *members]
        )
    )
    if kind == "again":
        return Raw(encode(members)[:-1] + ("," if members else "") + f'{encode(name)}:"4111111111111111"}}')
    if kind == "more":
        members[name] = draw(TEXT_VALUES | NUMBER_VALUES | OTHER_VALUES)
    if kind == "less":
        members.pop(name, None)
    if kind == "escaped":
        return Raw(encode(members).replace("a", r"\u0061"))
    if kind == "nested":
        depth = draw(st.sampled_from([1, 100, 240]))
        members[name] = Raw("[" * depth + "]" * depth)
    return dict(reversed(members.items())) if kind == "reordered" else members


@st.composite
def changed_line(draw: st.DrawFn, line: dict[str, Any]) -> dict[str, Any]:
    """Change values, then perhaps the rest; the frame last, as nothing may be left to change behind it."""
    line = draw(with_other_values(line))
    what = draw(st.sampled_from(["", "", "", "body", "headers", "frame", "body and headers"]))
    if what.startswith("body"):
        line = draw(with_another_body(line))
    if draw(st.booleans()):
        line = signed(line)
    if what.endswith("headers"):
        line = draw(with_other_headers(line))
    return draw(with_another_frame(line)) if what == "frame" else line


@st.composite
def native_lines(draw: st.DrawFn) -> list[bytes]:
    """Draw a few lines of one template: it as it is, then it with changes."""
    base = draw(st.sampled_from(TEMPLATES))
    lines = [signed(base), *draw(st.lists(changed_line(base), min_size=1, max_size=3))]
    lines += [signed(other) for other in draw(st.lists(st.sampled_from(TEMPLATES), max_size=2))]
    return [encode(line).encode("utf-8", "surrogatepass") for line in lines]


KEYS = st.sampled_from([None, KEY])


@settings(QUICK, max_examples=20)
@given(native_lines(), KEYS)
def test_lines_of_one_template_with_changes(lines: list[bytes], private_key: str | None) -> None:
    assert_lines([*lines, *lines[1:]], private_key)


@pytest.mark.thorough
@settings(QUICK, max_examples=30, derandomize=False)
@given(native_lines(), KEYS)
def test_many_lines_of_one_template_with_changes(lines: list[bytes], private_key: str | None) -> None:
    assert_lines([*lines, *lines[1:]], private_key)


def test_the_recorded_cases_of_every_rule() -> None:
    lines = [line for path in CASES for line in path.read_bytes().splitlines()]
    assert len(lines) > 100
    assert_lines([*lines, *lines[::4]], KEY)


@settings(QUICK, max_examples=8)
@given(st.data(), KEYS)
def test_generated_bodies(data: st.DataObject, private_key: str | None) -> None:
    """Bodies of the contract's schemas, each as it is, as text, and then with every plain text changed."""
    query = data.draw(from_schema("schemas/query-request.json", contract()))
    answer = data.draw(from_schema("schemas/query-response.json", contract()))
    line = template(query, answer)
    as_text = changed(
        changed(line, "response", "body", to=encode(answer)), "request", "body", to=encode(query)
    )
    others = data.draw(st.lists(with_other_values(line), max_size=2))
    assert_lines([line_of(one) for one in (line, as_text, *others, line)], private_key)


def test_every_case_again_and_again() -> None:
    """What was remembered of drifted exchanges does not stick to others of the same shape."""
    for case in CASES[::6]:
        lines = case.read_bytes().splitlines()
        other = [line.replace(b"1111", b"2222").replace(b"VISA", b"MADA") for line in lines]
        assert_lines([*lines, *other, *lines])
