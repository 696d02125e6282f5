"""What the judge remembers changes nothing: full evaluation gives the same summary, whatever comes."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import cache
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.drift.conftest import CARD, CUSTOMER
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
from contract_tests.usual import one_in
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.evidence import build_probes, describe_exchange, weigh
from opay_contract.drift.fold import MAX_TOGETHER, Fold
from opay_contract.drift.saving import summary_to_json
from opay_contract.errors import OpayContractError
from opay_contract.formats.native import parse_line
from opay_contract.jsontext import Tokens, iter_nodes
from opay_contract.judge.describing import fold_pointer
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.model.signature import SignatureScheme
from opay_contract.model.summary import DriftSummary, merge
from opay_contract.model.timestamps import Window
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.signing.signer import sign
from opay_contract.suite import from_schema

QUICK = settings(deadline=None, derandomize=True, max_examples=250)
SOURCE = Source(ordinal=0, name="-", path=None)
STARTED_AT = 1_790_000_000.0
RECORDED = 1_777_629_600
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
CASES = sorted((Path(__file__).parent / "cases").glob("*/*.ndjson"))
URL = "https://cashierapi.opaycheckout.com/api/v1/international/token/query"

contract = cache(load_contract)


def exchanges_of(lines: Iterable[bytes]) -> list[Exchange | Unreadable]:
    return [parse_line(SOURCE.place(number, number), line) for number, line in enumerate(lines, 1)]


def fold_all(judge: Contract, run: Settings, items: Iterable[Exchange | Unreadable]) -> DriftSummary:
    fold = Fold(judge, run)
    for item in items:
        fold.add(item)
    return fold.summary()


def fold_each(judge: Contract, run: Settings, items: Iterable[Exchange | Unreadable]) -> DriftSummary:
    """Judge each exchange in full and by itself, and join what was found."""
    whole = DriftSummary()
    for item in items:
        fold = Fold(judge, run, has_memory=False)
        fold.add(item)
        whole = merge(whole, fold.summary())
    return whole


def assert_same(
    items: list[Exchange | Unreadable], run: Settings, judge: Contract | None = None
) -> DriftSummary:
    """Hold the judge with its memory against full evaluation, in this order and in the reverse one."""
    full = fold_each(judge or contract(), run, items)
    expected = summary_to_json(full)
    for order in (items, items[::-1], [*items[1::2], *items[::2]]):
        remembered = fold_all(judge or contract(), run, order)
        assert remembered.findings == full.findings
        assert remembered.readings == full.readings
        assert remembered.observations == full.observations
        assert summary_to_json(remembered) == expected
    assert full.readings == readings_of(judge or contract(), items, run)
    assert {spot: observed.count for spot, observed in full.observations.items()} == places_of(
        judge or contract(), items, run
    )
    return full


def assert_lines(
    lines: Iterable[bytes], private_key: str | None = None, judge: Contract | None = None
) -> DriftSummary:
    return assert_same(exchanges_of(lines), Settings(started_at=STARTED_AT, private_key=private_key), judge)


def judged(judge: Contract, items: Iterable[Exchange | Unreadable], run: Settings) -> Iterator[Exchange]:
    for item in items:
        if (
            isinstance(item, Exchange)
            and judge.route(item.request).in_scope
            and (run.window is None or run.window.holds(item.recorded_at))
        ):
            yield item


def readings_of(
    judge: Contract, items: Iterable[Exchange | Unreadable], run: Settings
) -> dict[tuple[str, str], int]:
    """Count the evidence in the plainest way: each piece, in each exchange, value by value."""
    counts: Counter[tuple[str, str]] = Counter()
    for exchange in judged(judge, items, run):
        match = judge.match(exchange)
        if match.route.path_known:
            counts += weigh(build_probes(judge), describe_exchange(exchange, match), match.outcome)
    return dict(counts)


def places_of(
    judge: Contract, items: Iterable[Exchange | Unreadable], run: Settings
) -> dict[tuple[str, ...], int]:
    """Count in the plainest way how often something stands at each place."""
    counts: Counter[tuple[str, ...]] = Counter()
    for exchange in judged(judge, items, run):
        match = judge.match(exchange)
        operation, form = match.route.operation, match.form
        scope = (operation.id if operation else "", form.id if form else "", match.outcome.value)
        seen = describe_exchange(exchange, match)
        places: list[Tokens] = [()]
        for part, name in product(("request", "response"), ("headers", "body")) if operation else ():
            if name in seen[part]:
                places += [tokens for tokens, _ in iter_nodes(seen[part][name], (part, name))]
        places += [("response", "status")] if operation else []
        counts.update((*scope, fold_pointer(tokens)) for tokens in places)
    return dict(counts)


DATED_CARD = {
    **CARD,
    "opayToken": "another",
    "expiryYear": "26",
    "expiryMonth": "02",
    "createTimestamp": "1700000000",
}
HEADERS = {
    "Authorization": "Bearer x",
    "MerchantId": "256612345678901",
    "Content-Type": "application/json",
    "X-Note": "n",
}


def template(query: Any, answer: Any) -> dict[str, Any]:
    return {
        "request": {"method": "POST", "url": URL, "headers": dict(HEADERS), "body": query},
        "response": {
            "status": 200,
            "headers": {"Content-Type": "application/json", "Date": "Fri, 01 May 2026 10:00:00 GMT"},
            "body": answer,
        },
        "recorded_at": "2026-05-01T10:00:00Z",
    }


def success(data: Any) -> dict[str, Any]:
    return {"code": "00000", "message": "SUCCESSFUL", "data": data}


TEMPLATES = [
    template({"customerId": "121111113"}, success({"customer": CUSTOMER, "cardTokens": [CARD]})),
    template({"customerId": "121111113"}, success({"customer": CUSTOMER, "cardTokens": [CARD, DATED_CARD]})),
    template({"customerId": "121111113"}, success({"customer": CUSTOMER, "cardTokens": []})),
    template({"opayToken": "another"}, success({**DATED_CARD, "customerInfo": CUSTOMER})),
    template({"customerId": "121111113"}, {"code": "02000", "message": "Authentication failed"}),
    template(
        {"amount": 1.5, "deep": [{"x": 1}]},
        {"code": "02001", "message": "request params not valid.", "data": None},
    ),
]
TWICE_NAMED = {"content-type": "application/json", "authorization": "Bearer x"}
TEMPLATES += [
    {
        **TEMPLATES[0],
        "request": {**TEMPLATES[0]["request"], "headers": {**TWICE_NAMED, **HEADERS}},
        "response": {
            **TEMPLATES[0]["response"],
            "headers": {**TWICE_NAMED, "Content-Type": "application/json"},
        },
    },
    {**TEMPLATES[3], "recorded_at": None},
    {
        "request": {"headers": dict(HEADERS), "body": {"customerId": "1"}},
        "response": TEMPLATES[2]["response"],
    },
]


class Raw(str):
    """JSON text that stands for itself."""

    __slots__ = ()


def encode(value: Any, *, spaced: bool = False) -> str:
    """Write JSON as `json.dumps` does, with `Raw` as it stands."""
    if isinstance(value, Raw):
        return str(value)
    comma, colon = (" ,\t", " : ") if spaced else (",", ":")
    if isinstance(value, dict):
        members = (f"{encode(key)}{colon}{encode(child, spaced=spaced)}" for key, child in value.items())
        return "{" + comma.join(members) + "}"
    if isinstance(value, list):
        return "[" + comma.join(encode(child, spaced=spaced) for child in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def signed(line: dict[str, Any]) -> dict[str, Any]:
    """Sign the request's body where it can be signed."""
    body = encode(line["request"]["body"]).encode("utf-8", "surrogatepass")
    try:
        value = sign(body, KEY, signature_scheme()).header
    except OpayContractError:
        return line
    return changed(line, "request", "headers", "Authorization", to=value)


def signature_scheme() -> SignatureScheme:
    scheme = contract().signature
    assert scheme is not None
    return scheme


def changed(line: dict[str, Any], *steps: str | int, to: Any) -> dict[str, Any]:
    line = deepcopy(line)
    target: Any = line
    for step in steps[:-1]:
        target = target[step]
    target[steps[-1]] = to
    return line


def line_of(value: dict[str, Any]) -> bytes:
    return encode(signed(value)).encode("utf-8", "surrogatepass")


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
@settings(QUICK, max_examples=150, derandomize=False)
@given(native_lines(), KEYS)
def test_many_lines_of_one_template_with_changes(lines: list[bytes], private_key: str | None) -> None:
    assert_lines([*lines, *lines[1:]], private_key)


def test_the_recorded_cases_of_every_rule() -> None:
    lines = [line for path in CASES for line in path.read_bytes().splitlines()]
    assert len(lines) > 100
    assert_lines([*lines, *lines], KEY)


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
    for case in CASES[::3]:
        lines = case.read_bytes().splitlines()
        other = [line.replace(b"1111", b"2222").replace(b"VISA", b"MADA") for line in lines]
        assert_lines([*lines, *other, *lines])


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
    for (name, pair), private_key in zip(PAIRS.items(), cycle((None, KEY))):
        first, second = (line_of(line) for line in pair)
        assert_lines([first, second, first, second, second], private_key), name


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
    for first in lines:
        assert_lines([first, *lines, *lines], None, judge)


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


PAN = "4111111111111111"
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


def test_those_that_drift_among_many_that_are_alike_are_found_at_their_places() -> None:
    def line(number: int) -> dict[str, Any]:
        asked = changed(TEMPLATES[1], "request", "body", "customerId", to=f"{number}")
        token = changed(asked, *IN_DATA, "cardTokens", 0, "opayToken", to=f"OPAY_TOKEN_{number:032x}")
        times = changed(token, *IN_DATA, "cardTokens", 1, "createTimestamp", to=RECORDED - 1_000_000)
        return changed(times, *IN_DATA, "customer", "customerId", to=f"{number}")

    lines = {number: line(number) for number in range(1, 3 * MAX_TOGETHER)}
    first, last = MAX_TOGETHER, 2 * MAX_TOGETHER + 1
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
    places = {(key[0], folded.finding.place.entry, folded.count) for key, folded in found.items()}
    expected = {(rule, number, 1) for number, (rule, _) in drifted.items() if rule}
    assert expected <= places
    assert {place for place in places if place[2] == 1} == expected


def test_a_card_number_in_a_header_is_found_among_many_that_are_alike() -> None:
    def line(number: int) -> bytes:
        trace = PAN if number in (2, MAX_TOGETHER + 1) else f"{number:016x}"
        return encode(changed(TEMPLATES[0], "request", "headers", "X-Note", to=trace)).encode()

    summary = assert_lines([line(number) for number in range(1, 2 * MAX_TOGETHER)])
    (found,) = [one for key, one in summary.findings.items() if key[0] == "card-number-exposed"]
    assert (found.finding.place.entry, found.last_place.entry, found.count) == (2, MAX_TOGETHER + 1, 2)


def test_evidence_in_calls_of_an_unknown_method_counts_every_item() -> None:
    def called(cards: int) -> bytes:
        tokens = [{**CARD, "opayToken": f"{number}"} for number in range(cards)]
        line = changed(TEMPLATES[0], *IN_DATA, "cardTokens", to=tokens)
        return encode(changed(line, "request", "method", to="PUT")).encode()

    assert_lines([called(1), called(3), called(2)])


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
