"""Each bound of the readers and of redaction, at its edge: the largest that may be, and one more."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opay_contract.formats import bounds, content_coding, curl_lines, native, postman, streams, tnetstrings
from opay_contract.formats.access_log import read_access_log
from opay_contract.formats.bounds import TOO_MANY_VALUES, excess
from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import TOO_DEEP, TRUNCATED_BODY, EntryError, StreamError
from opay_contract.formats.har import read_har
from opay_contract.formats.json_text import rewrite_json
from opay_contract.formats.messages import parse_headers, parse_moment, parse_status
from opay_contract.formats.postman import read_postman
from opay_contract.formats.streams import (
    LONG_LINE,
    ChunkStream,
    iter_lines,
    most_unpacked,
    unpack,
)
from opay_contract.formats.tnetstrings import TnetstringReader
from opay_contract.formats.vcr import read_vcr
from opay_contract.formats.yaml_events import MAX_DEPTH
from opay_contract.model.exchange import NO_ZONE, Exchange
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.parts import iter_parts
from opay_contract.redact.pseudonyms import is_digit_pseudonym
from opay_contract.redact.texts import Memory
from opay_contract.redact.values import is_time

PLACE_OF = Source(ordinal=0, name="-", path=None).place


def only(read: Callable[..., Any], data: bytes) -> Any:
    """Return what is read of a recording of one entry."""
    (found,) = read(PLACE_OF, ChunkStream([data]))
    return found


def test_a_body_is_cut_off_when_more_than_a_byte_order_mark_is_missing() -> None:
    for missing, reason in ((3, None), (4, TRUNCATED_BODY)):
        content = {"size": 2 + missing, "text": "{}"}
        har = {
            "log": {"entries": [{"request": {"url": "/"}, "response": {"status": 200, "content": content}}]}
        }
        assert getattr(only(read_har, json.dumps(har).encode()), "reason", None) == reason, missing


def test_a_line_may_be_as_long_as_the_limit() -> None:
    for length, found in ((10, b"x" * 10), (11, LONG_LINE)):
        assert list(iter_lines(io.BytesIO(b"x" * length + b"\n"), limit=10)) == [(1, found)]
        in_pieces = ChunkStream([b"{}\n" + b"x" * 6, b"x" * (length - 6) + b"\n"])
        assert list(iter_lines(in_pieces, limit=10)) == [(1, b"{}"), (2, found)]


def test_a_status_is_from_100_to_599(read: Callable[..., list[Any]]) -> None:
    assert [parse_status(100), parse_status(599)] == [100, 599]
    for odd in (99, 600):
        with pytest.raises(EntryError, match="not from 100 to 599"):
            parse_status(odd)
    lines = b"".join(b'{"response":{"status":%d,"body":{}}}\n' % status for status in (99, 100, 599, 600))
    assert [isinstance(one, Exchange) for one in read(lines)] == [False, True, True, False]


def test_a_date_of_http_is_a_day_and_a_second_that_there_is() -> None:
    assert parse_moment("Tue, 29 Feb 2028 23:59:59 GMT") == "2028-02-29T23:59:59+00:00"
    for odd in (
        "29 Feb 2027 23:59:59",
        "31 Apr 2028 00:00:00",
        "29 Feb 2028 24:00:00",
        "29 Feb 2028 23:59:60",
    ):
        assert parse_moment(f"Tue, {odd} GMT") is None, odd
    assert parse_moment("Tue, 29 Feb 2028 23:59:59 +0200") == "2028-02-29T23:59:59+02:00"


def test_a_flow_may_be_as_long_as_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tnetstrings, "MAX_ENTRY", 11)
    for length, found in ((10, (b",", b"x" * 10)), (11, None)):  # the byte that tells the type counts, too
        data = b"%d:%b," % (length, b"x" * length)
        assert list(TnetstringReader(io.BytesIO(data)).iter_values()) == [found], length


def test_a_body_may_have_as_many_codings_as_the_limit() -> None:
    most = content_coding.MAX_CODINGS
    assert decode_body(b"{}", (("Content-Encoding", ", ".join(["identity"] * most)),)) == b"{}"
    with pytest.raises(EntryError, match="content codings"):
        decode_body(b"{}", (("Content-Encoding", ", ".join(["identity"] * (most + 1))),))


def test_a_body_may_have_as_many_values_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_VALUES", 5000)
    assert excess(b"[" + b"0," * 4999 + b"0]") is None
    assert excess(b"[" + b"0," * 5000 + b"0]") == TOO_MANY_VALUES


def test_a_packed_file_may_unpack_to_the_very_limit() -> None:
    packed = gzip.compress(b"x" * 5000)
    assert b"".join(streams.iter_read(unpack(io.BytesIO(packed), 5000))) == b"x" * 5000
    with pytest.raises(StreamError, match="unpacks to more"):
        list(streams.iter_read(unpack(io.BytesIO(packed), 4999)))
    assert most_unpacked(0) + 200 == most_unpacked(1)


def test_folders_may_be_as_deep_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postman, "MAX_FOLDERS", 3)
    answer = {"code": 200, "body": "{}", "originalRequest": "https://h.example/"}

    def nested(depth: int) -> bytes:
        inner: dict[str, Any] = {"response": [answer]}
        for _ in range(depth):
            inner = {"item": [inner]}
        return json.dumps(inner).encode()

    assert not hasattr(only(read_postman, nested(3)), "reason")
    assert only(read_postman, nested(4)).reason == TOO_DEEP


def test_an_interaction_may_be_nested_as_deep_as_the_limit() -> None:
    def nested(depth: int) -> bytes:
        deep = "[" * depth + "]" * depth
        return f"interactions:\n- {{x: {deep}, request: {{uri: /a}}, response: {{code: 204}}}}\n".encode()

    assert getattr(only(read_vcr, nested(MAX_DEPTH - 1)), "reason", None) != TOO_DEEP
    assert only(read_vcr, nested(MAX_DEPTH)).reason == TOO_DEEP


def test_a_call_keeps_as_many_header_fields_as_the_limit() -> None:
    call = curl_lines.Call(1)
    for number in range(curl_lines._MAX_HEADERS + 1):  # noqa: SLF001  the bound is stated here
        call.add_header(b"X-%d: 1" % number)
    assert len(call.sent) == curl_lines._MAX_HEADERS  # noqa: SLF001  the same


def test_a_file_of_the_size_of_a_part_is_one(tmp_path: Path) -> None:
    line = b'{"response": {"status": 200, "body": {}}}\n'
    path = tmp_path / "x.ndjson"
    path.write_bytes(line * 10)
    source = Source(ordinal=0, name="x", path=path)
    (whole,) = iter_parts(source, size=len(line) * 10)
    assert whole.end is None
    assert len(list(iter_parts(source, size=len(line) * 10 - 1))) == 2


def test_a_log_gives_its_time_in_milliseconds_from_a_number_on_that_no_second_reaches() -> None:
    for time, year in ((1e11, "5138-11-16"), (1e11 + 1000, "1973-03-03")):
        line = {"request_method": "POST", "request_uri": "/", "host": "h.example", "status": 200}
        found = only(read_access_log, json.dumps({**line, "response_body": "{}", "msec": time}).encode())
        assert found.recorded_at.startswith(year), time


def test_digits_are_pseudonyms_by_their_mark_from_five_on() -> None:
    assert is_digit_pseudonym("9999")
    assert not is_digit_pseudonym("9998")
    assert not is_digit_pseudonym("99999")


def test_a_count_is_a_time_from_2015_to_2033() -> None:
    assert [is_time(text) for text in ("1420070399", "1420070400", "1999999999", "2000000000")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_name_is_remembered_up_to_64_characters() -> None:
    for length, is_kept in ((64, False), (65, True)):
        memory = Memory(frozenset())
        memory.replace("q" * length)
        assert memory.keep("q" * length) is is_kept, length


def test_a_bare_list_or_object_is_a_body_and_a_number_is_none() -> None:
    assert only(native.read_body, b"[]").is_asserted
    assert only(native.read_body, b" 1").reason == "the file is no JSON object or array"


def test_a_time_without_a_zone_says_so_in_every_way_it_is_written() -> None:
    without = ("2026-05-01T10:00:00", "2026-05-01 10:00", "20260501T100000,5", "Fri, 01 May 2026 10:00:00")
    assert {str(parse_moment(one))[-6:] for one in without} == {NO_ZONE}
    known = ("2026-05-01T10:00:00Z", "2026-05-01T10:00:00+02", "Fri, 01 May 2026 10:00:00 GMT", 1_777_629_600)
    assert all(parse_moment(one) and not str(parse_moment(one)).endswith(NO_ZONE) for one in known)


def test_a_header_field_has_a_name_and_texts_or_what_can_be_written_as_one() -> None:
    assert parse_headers([["a", "b"], ["c", [1, 2.5, None]]]) == (
        ("a", "b"),
        ("c", "1"),
        ("c", "2.5"),
        ("c", ""),
    )
    for odd in ([[1, "b"]], [[1, []]], [["a", True]], [["a", [{}]]], [["a"]], 5, "ab"):
        with pytest.raises(EntryError, match="neither an object of texts nor a list of pairs"):
            parse_headers(odd)


MARKS: Any = SimpleNamespace(
    text=lambda *_: "text",
    number=lambda *_: "0",
    name=lambda *_: "name",
    renamed=lambda *_: None,
    subtree=lambda *_: None,
)
"""Writes of each value what it was taken for."""


@pytest.mark.parametrize("before", ["", "[", '{"name": [', '{"name": '])
def test_what_breaks_off_is_a_name_only_where_one_belongs(before: str) -> None:
    assert rewrite_json(f'{before}"Ami', MARKS) == f'{before}"text'
    assert rewrite_json(f'{before}{{"Ami', MARKS) == f'{before}{{"name'
    assert rewrite_json(f"{before}{{12", MARKS) == f"{before}{{0"
