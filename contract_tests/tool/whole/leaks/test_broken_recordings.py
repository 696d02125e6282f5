"""Recordings full of canaries, broken in every way: what cannot be read is said without being quoted."""

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from contract_tests.tool.whole.leaks import planting
from contract_tests.tool.whole.leaks.planting import load
from contract_tests.usual import each, one_in
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opay_contract.formats.table import Format

Listen = Callable[..., list[str]]
Search = Callable[..., None]

BODY = load("body")
FORMATS = {name: format_in for name, (format_in, _, _) in planting.FORMATS.items()}
QUICK = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def fill(node: Any, canary: Any) -> Any:
    """Return `node` with the canary in the place of every text."""
    if isinstance(node, dict):
        return {key: fill(value, canary) for key, value in node.items()}
    if isinstance(node, list):
        return [fill(item, canary) for item in node]
    if isinstance(node, str) and node.startswith('{"'):
        return json.dumps(fill(json.loads(node), canary), ensure_ascii=False)
    return canary if isinstance(node, str) else node


def write(name: str, canary: Any) -> bytes:
    return planting.FORMATS[name][1](fill(load(name), canary))


@each("name", FORMATS)
def test_a_recording_cut_anywhere_is_not_quoted(
    name: str, listen: Listen, canaries: dict[str, Any], assert_silent: Search
) -> None:
    for canary in (canaries["plain"], canaries["in-text"], canaries["e-mail"]):
        data = write(name, canary)
        cuts = [data[:end] for end in range(1, len(data), max(1, len(data) // 10))]
        assert_silent(*listen(*cuts, format_in=FORMATS[name]))
        assert_silent(*listen(*cuts[::8]))


JUNK = [b"\xff", b"NaN", b'"', b"{", b"]", b"\0", b"\\", b"\n", b": &a *b !!python/object:os.system "]


@pytest.mark.parametrize(("name", "junk"), one_in(10, product(FORMATS, JUNK)))
def test_a_recording_with_junk_in_it_is_not_quoted(
    name: str, junk: bytes, listen: Listen, canaries: dict[str, Any], assert_silent: Search
) -> None:
    data = write(name, canaries["in-text"])
    spoiled = [data[:at] + junk + data[at:] for at in range(0, len(data), max(1, len(data) // 15))]
    assert_silent(*listen(*spoiled, format_in=FORMATS[name]))


@each("name", FORMATS)
def test_a_recording_of_wrong_types_is_not_quoted(name: str, listen: Listen, assert_silent: Search) -> None:
    canaries: tuple[Any, ...] = (
        None,
        True,
        4111111111111111,
        -4111111111111111.0,
        [],
        {},
        [[["4111111111111111"]]],
    )
    assert_silent(*listen(*(write(name, one) for one in canaries), format_in=FORMATS[name]))


BODIES = {
    "truncated": '{"code":"00000","data":{"customer":{"customerName":"CANARY',
    "duplicate-keys": (
        '{"code":"00000","CANARY":"CANARY","CANARY":1,"code":"CANARY","data":null,"data":"CANARY"}'
    ),
    "not-a-number": '{"code":"00000","message":"CANARY","data":NaN,"CANARY":-Infinity}',
    "huge-number": '{"code":"CANARY","message":4111111111111111000000000000000,"data":1e999}',
    "lone-surrogate": '{"code":"\\ud800CANARY","CANARY\\udfff":"\\udc00"}',
    "byte-order-mark": '\ufeff{"code":"CANARY"}',
    "page": "<html><title>CANARY</title></html>",
    "deep": "[" * 5000 + '"CANARY"' + "]" * 5000,
    "two-values": '{"code":"CANARY"} {"CANARY":1}',
    "bare": '"CANARY"',
}


@pytest.mark.parametrize(("body", "status"), one_in(7, product(BODIES.values(), [200, 403, 502])))
def test_a_broken_body_is_not_quoted(
    body: str, status: int, listen: Listen, canaries: dict[str, Any], assert_silent: Search
) -> None:
    recordings = []
    for canary in canaries.values():
        text = body.replace("CANARY", str(canary))
        for media_type in ("application/json", str(canary)):
            headers = {"Content-Type": media_type, str(canary): text}
            response = {"status": status, "headers": headers, "body": text}
            recordings.append(json.dumps({"request": {"body": text}, "response": response}).encode())
    assert_silent(*listen(*recordings, format_in=Format.NDJSON))


@each(
    "body",
    [
        BODIES[name]
        for name in ("truncated", "duplicate-keys", "not-a-number", "page", "lone-surrogate", "deep")
    ],
)
def test_a_card_number_in_a_broken_body_is_found(body: str, listen: Listen, cards: dict[str, Any]) -> None:
    texts = [body.replace("CANARY", str(card)) for card in cards.values()]
    lines = [json.dumps({"response": {"status": 200, "body": text}}).encode() for text in texts]
    *found, _ = listen(*lines, format_in=Format.NDJSON)
    assert all("'card-number-exposed'" in findings for findings in found)


MOMENTS = [
    "2026-05-01T10:00:00.4111111111111111Z",
    "4111-11-11 4111111111111111",
    "4111111111111111",
    4111111111111111,
    4111111111.111111,
    ["4111111111111111"],
    "Mon, 23 Nov 2026 17:24:31 amira.canarywood",
]


@each("name", ["har", "vcr-json", "ndjson", "schemathesis-ndjson", "mitmproxy", "curl"])
def test_a_time_that_is_none_is_not_repeated(name: str, listen: Listen, assert_silent: Search) -> None:
    def with_moment(node: Any, moment: Any) -> Any:
        times = ("recorded_at", "startedDateTime", "timestamp", "timestamp_start", "Date")
        if isinstance(node, dict):
            return {
                key: moment if key in times else with_moment(value, moment) for key, value in node.items()
            }
        return [with_moment(item, moment) for item in node] if isinstance(node, list) else node

    recordings = [planting.FORMATS[name][1](with_moment(load(name), moment)) for moment in MOMENTS]
    assert_silent(*listen(*recordings, format_in=FORMATS[name]))


@each(
    "url",
    [
        "?card=4111111111111111",
        "?card=4111-1111-1111-1111&x=1",
        ";4111111111111111",
        "#4111111111111111",
        "?card=4111%201111%201111%201111",
        "?card=4111+1111+1111+1111",
        "?card%3D4111%2D1111%2D1111%2D1111",
    ],
)
def test_a_card_number_in_a_url_is_found_and_not_said(
    url: str, listen: Listen, assert_silent: Search
) -> None:
    base = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
    line = {"request": {"method": "POST", "url": base + url}, "response": {"status": 200, "body": BODY}}
    found, report = listen(json.dumps(line).encode(), format_in=Format.NDJSON)
    assert_silent(found, report)
    assert "'card-number-exposed'" in found


@each(
    "url",
    [
        "https://amira.canarywood@sandbox-cashierapi.opaycheckout.com/CANARY",
        "/CANARY",
        "CANARY",
        "mailto:CANARY",
        "https://cashierapi.opaycheckout.com/customers/CANARY/tokens?CANARY#CANARY",
        "http://[CANARY",
        "https://CANARY/",
    ],
)
@each("method", ["POST", "CANARY", ""])
def test_a_canary_in_a_route_is_not_said(
    url: str, method: str, listen: Listen, canaries: dict[str, Any], assert_silent: Search
) -> None:
    lines = [
        json.dumps(
            {
                "request": {
                    "method": method.replace("CANARY", str(canary)),
                    "url": url.replace("CANARY", str(canary)),
                },
                "response": {"status": 200, "body": BODY},
            }
        ).encode()
        for canary in canaries.values()
    ]
    assert_silent(*listen(*lines, format_in=Format.NDJSON))


def test_the_name_of_an_unknown_member_is_said() -> None:
    """The one thing of a body that a report repeats; it must look like a name and have few digits."""
    from opay_contract.judge.describing import describe_name  # noqa: PLC0415  only here

    assert describe_name("issuerCountry") == "issuerCountry"
    assert describe_name("amira.canarywood@example.com") == "(string of 28 characters, mixed characters)"


PLAIN = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(alphabet="abc é\n", max_size=5)


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=8,
    )


NAMES = st.sampled_from(
    ["code", "message", "data", "customer", "cardTokens", "brand", "customerName", "extra", "a/b"]
)


@QUICK
@given(choices=st.data())
def test_no_body_makes_a_check_say_a_canary(
    choices: st.DataObject, listen: Listen, canaries: dict[str, Any], assert_silent: Search
) -> None:
    some = st.sampled_from(list(canaries.values()))
    inside = st.builds(
        "{}{} {}".format, st.sampled_from(["", "no. ", "x/"]), some, st.sampled_from(["", "!"])
    )
    body = choices.draw(nested(PLAIN | some | inside, NAMES | some.map(str) | inside))
    query = choices.draw(nested(PLAIN | some, NAMES | some.map(str)))
    as_text = choices.draw(st.booleans())
    line = {
        "request": {"body": query},
        "response": {
            "status": choices.draw(st.sampled_from([200, 403, 500])),
            "body": json.dumps(body) if as_text else body,
        },
        "recorded_at": choices.draw(some.map(str)),
    }
    assert_silent(*listen(json.dumps(line, ensure_ascii=False).encode(), format_in=Format.NDJSON))


@QUICK
@given(choices=st.data())
def test_a_card_number_anywhere_in_a_body_is_found(
    choices: st.DataObject, listen: Listen, cards: dict[str, Any]
) -> None:
    card = choices.draw(st.sampled_from(list(cards.values())))
    value = choices.draw(
        st.sampled_from([card, f"a {card} b", f"({card})", [card], {"deep": [{"er": card}]}, {str(card): 1}])
    )
    body = choices.draw(st.dictionaries(NAMES, nested(PLAIN, NAMES), max_size=4)) | {
        choices.draw(NAMES): value
    }
    found, _ = listen(
        json.dumps({"response": {"status": 200, "body": body}}).encode(), format_in=Format.NDJSON
    )
    assert "'card-number-exposed'" in found


@QUICK
@given(choices=st.data())
def test_no_damage_to_a_recording_makes_a_check_say_a_canary(
    choices: st.DataObject, listen: Listen, canaries: dict[str, Any], assert_silent: Search
) -> None:
    name = choices.draw(st.sampled_from(list(FORMATS)))
    data = bytearray(write(name, choices.draw(st.sampled_from(list(canaries.values())))))
    for _ in range(choices.draw(st.integers(1, 4))):
        at = choices.draw(st.integers(0, len(data)))
        data[at : at + choices.draw(st.integers(0, 30))] = choices.draw(
            st.binary(max_size=2)
            | st.sampled_from([b"{", b"}", b"[", b"]", b'"', b",", b":", b"\n", b"null"])
        )
    assert_silent(*listen(bytes(data), format_in=choices.draw(st.sampled_from([None, FORMATS[name]]))))


def test_a_line_like_a_clean_one_but_for_a_card_number_is_found(
    listen: Listen, cards: dict[str, Any]
) -> None:
    """Once a line was clean, others of its shape are judged by their values alone."""
    clean = load("ndjson")[0]
    for card in cards.values():
        spoiled = json.loads(json.dumps(clean))
        spoiled["response"]["body"]["data"]["cardTokens"][0]["brand"] = str(card)
        text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in (clean, clean, spoiled))
        *_, report = listen(text.encode())
        assert ": error card-number-exposed /data/cardTokens/*/brand" in report


def test_a_header_that_comes_twice_in_two_spellings_is_searched_twice(listen: Listen) -> None:
    clean = load("ndjson")[0]
    clean["response"]["headers"] = {"Content-Type": "application/json", "content-type": "application/json"}
    spoiled = json.loads(json.dumps(clean))
    spoiled["response"]["headers"]["content-type"] = "4111111111111111"
    text = "".join(f"{json.dumps(line)}\n" for line in (clean, clean, spoiled))
    *_, report = listen(text.encode())
    assert "card-number-exposed response-header:content-type" in report
