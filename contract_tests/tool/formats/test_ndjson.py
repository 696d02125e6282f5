"""JSON Lines: exchanges in the native shape, and bare bodies."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from contract_tests.usual import each

from opay_contract.formats.native import parse_line
from opay_contract.formats.streams import LONG_LINE, ChunkStream, iter_lines
from opay_contract.formats.table import Format
from opay_contract.model.exchange import Exchange, Place, Request, Unreadable

Read = Callable[..., list[Any]]

PLACE = Place(source=0, entry=7, file="x", line=7)


def parse(line: Any) -> Any:
    return parse_line(PLACE, line.encode() if isinstance(line, str) else line)


def response(members: Any) -> Any:
    return parse('{"response":{"status":200,' + members + "}}")


def test_every_member_of_a_line_is_read() -> None:
    found = parse(
        '{"request":{"method":"POST","url":"/pay","headers":{"A":"b","C":["d","e"]},"body":{"x": 1}},'
        '"response":{"status":401,"headers":[["F","g"],["F","h"]],"body":[1, 2]},'
        '"recorded_at":"2026-05-01T10:00:00Z","more":1}'
    )
    assert found.place == PLACE
    assert found.request.headers == (("A", "b"), ("C", "d"), ("C", "e"))
    assert (found.request.method, found.request.url, found.request.body) == ("POST", "/pay", b'{"x": 1}')
    assert (found.response.status, found.response.body) == (401, b"[1, 2]")
    assert found.response.headers == (("F", "g"), ("F", "h"))
    assert found.recorded_at == "2026-05-01T10:00:00Z"


@each(
    ("member", "body"),
    [
        ('"body": {"a":1,"a":2}', b'{"a":1,"a":2}'),
        ('"body": [NaN, 1e999 ]', b"[NaN, 1e999 ]"),
        ('"body": {"a": "\\ud800"}', b'{"a": "\\ud800"}'),
        ('"body": null', b"null"),
        ('"body": "{\\"a\\": \\u00e9}"', '{"a": é}'.encode()),
        ('"body": "\\ud800"', b"\xed\xa0\x80"),
        ('"body_base64": "AP8="', b"\x00\xff"),
        ('"body": 1, "body_base64": ""', b""),
    ],
)
def test_a_body_keeps_its_very_bytes(member: str, body: Any) -> None:
    assert response(member).response.body == body


def test_a_body_keeps_bytes_that_are_no_utf_8() -> None:
    assert parse(b'{"response":{"status":200,"body":{"a":"\xff"}}}').response.body == b'{"a":"\xff"}'


def test_a_lone_surrogate_in_a_header_does_not_stop_the_reader() -> None:
    assert isinstance(response('"headers":{"a":"\\ud800"},"body":[NaN]'), Exchange)


@each("body", ["", '"request":{"body":null},', '"request":null,'])
def test_a_request_body_that_is_absent_or_null_is_none(body: Any) -> None:
    assert parse("{" + body + '"response":{"status":200,"body":1}}').request.body is None


@each("status", ["99", "600", '"200"', "200.0", "null", "true", "1" * 40, "{}"])
def test_a_status_that_is_none_is_unreadable(status: Any) -> None:
    found = parse('{"response":{"status":' + status + ',"body":1}}')
    assert found.reason.startswith("the status is not ")


@each(
    "answer",
    [
        '"status":200',
        '"status":"200","body":1',
        '"status":700,"body":1',
        '"status":200,"headers":1,"body":1',
        '"status":200,"body_base64":"!"',
        '"status":NaN,"body":1',
    ],
)
def test_a_line_of_which_the_answer_cannot_be_read_says_whose_it_is(answer: str) -> None:
    asked = '{"method":"POST","url":"https://a.example/","headers":%s,"body":{"a":1}}'
    for headers, read in ('{"A":"b"}', (("A", "b"),)), ("7", None):
        found = parse(f'{{"request":{asked % headers},"response":{{{answer}}}}}')
        assert isinstance(found, Unreadable)
        assert found.request is not None
        assert (found.request.method, found.request.url) == ("POST", "https://a.example/")
        assert found.request.headers == read


@each("line", ['{"request":{"url":"x"},"response":{"status":', '{"response":{}}', "{"])
def test_a_line_that_says_not_whose_it_is_has_no_request(line: str) -> None:
    found = parse(line)
    assert isinstance(found, Unreadable)
    assert found.request is None or found.request.url is None


def test_a_response_without_a_body_is_unreadable() -> None:
    assert response('"headers":{}').reason.startswith('the response has no "body"')


@each(
    "line",
    [
        '{"response":{"status":200,"headers":{"a":[{}]},"body":1}}',
        '{"response":{"status":200,"headers":{"a":true},"body":1}}',
        '{"response":{"status":200,"headers":1,"body":1}}',
        '{"response":{"status":200,"body_base64":"!"}}',
        '{"response":{"status":200,"body_base64":1}}',
    ],
)
def test_a_member_of_a_wrong_type_is_unreadable(line: Any) -> None:
    assert isinstance(parse(line), Unreadable)


def test_a_member_of_a_wrong_type_is_named() -> None:
    assert parse('{"response":{"status":200,"body_base64":1}}').reason == (
        "the member 'response.body_base64' is missing or of a wrong type"
    )


@each(
    "request_",
    ["{}", '{"method":1}', '{"headers":1}', '{"body_base64":"!"}', '{"body_base64":1}'],
)
def test_a_part_of_the_request_that_cannot_be_read_does_not_cost_the_response(request_: str) -> None:
    found = parse(f'{{"request":{request_},"response":{{"status":200,"body":1}}}}')
    assert found.request == Request()
    assert found.response.body == b"1"


@pytest.mark.parametrize(("request_", "member"), [("1", "request"), ('{"url":[]}', "request.url")])
def test_where_a_request_was_sent_to_must_be_known(request_: str, member: str) -> None:
    found = parse(f'{{"request":{request_},"response":{{"status":200,"body":1}}}}')
    assert found.reason == f"the member '{member}' is missing or of a wrong type"


def test_a_header_that_is_a_number_is_its_digits_and_null_is_empty() -> None:
    found = parse('{"response":{"status":200,"headers":{"a":12,"b":null,"c":["x",1.5]},"body":1}}')
    assert found.response.headers == (("a", "12"), ("b", ""), ("c", "x"), ("c", "1.5"))


@each("line", ['{"a":1}', "[1]", '"x"', "1", '{"response":null}', '{"response":"x"}', "NaN"])
def test_anything_else_on_a_line_is_a_bare_body(line: Any) -> None:
    found = parse(line + "\r")
    assert (found.response.status, found.response.headers, found.response.body) == (200, None, line.encode())
    assert (found.request.method, found.request.url, found.request.headers) == (None, None, None)


@each(
    ("line", "reason"),
    [
        ('{"a": 1', "the entry breaks off at line 7, column 8"),
        ('{"a" 1}', "the entry stops being JSON at line 7, column 6"),
        ("[" * 100_000, "the entry is nested too deep"),
        (LONG_LINE, "the entry is longer than 64 MiB"),
    ],
)
def test_a_broken_line_is_unreadable_with_its_place(line: Any, reason: str) -> None:
    assert parse(line) == Unreadable(place=PLACE, reason=reason)


def test_a_reason_never_quotes_what_was_recorded() -> None:
    for line in (
        '{"x": 4111111111111111',
        '{"response":{"status":4111111111111111}}',
        '{"4111111111111111" 1}',
    ):
        assert "4111" not in parse(line).reason


def test_a_broken_line_does_not_hide_the_others(read: Read) -> None:
    found = read(b'{"a":1}\n{"a":\n\n{"a":3}\n')
    assert [(type(one), one.place.entry, one.place.line) for one in found] == [
        (Exchange, 1, 1),
        (Unreadable, 2, 2),
        (Exchange, 4, 4),
    ]


def test_blank_lines_are_skipped_and_counted() -> None:
    assert list(iter_lines(io.BytesIO(b"\n \r\n{}\r\n\n[]"))) == [(3, b"{}\r"), (5, b"[]")]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert list(iter_lines(ChunkStream([b"\xef", b"\xbb\xbf{", b"}"]))) == [(1, b"{}")]


def test_a_line_beyond_the_limit_is_marked_and_the_next_one_comes() -> None:
    chunks = [b"[]\n", b"x" * 50, b"y" * 60, b"z" * 70, b"\n{}\n", b"w" * 101, b""]
    assert list(iter_lines(ChunkStream(chunks), limit=100)) == [
        (1, b"[]"),
        (2, LONG_LINE),
        (3, b"{}"),
        (4, LONG_LINE),
    ]


def test_a_body_stays_as_it_stands_in_the_line() -> None:
    found = parse_line(PLACE, b'{"response":{"status":200,"headers":{},"body": {"a" : 1} }}')
    assert isinstance(found, Exchange)
    assert (found.response.headers, found.response.body) == ((), b'{"a" : 1}')


def test_the_format_can_be_forced(read: Read) -> None:
    (found,) = read(b'{"a":\n', Format.NDJSON)
    assert found.reason == "the entry breaks off at line 1, column 6"
