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
    PAN,
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
from contract_tests.usual import one_in
from msgspec.structs import replace

from opay_contract.contract.operation import Evidence
from opay_contract.drift import field_statistics, fold
from opay_contract.drift.saving import summary_to_json
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


def test_a_number_that_hides_the_digits_of_a_card_is_found_among_many_that_are_alike() -> None:
    def line(amount: str) -> bytes:
        return encode(changed(REFUSED, "request", "body", "amount", to=Raw(amount))).encode()

    found = assert_lines([line(amount) for amount in ("1.5", "4.2e17", "2.5", "4.2e17")]).findings
    assert [one.count for key, one in found.items() if key[0] == "card-number-exposed"] == [2]
