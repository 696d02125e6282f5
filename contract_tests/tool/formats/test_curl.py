"""Transcripts of `curl -v`: those that curl wrote, and the ways in which its lines cut a body."""

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.formats import curl, curl_lines
from opay_contract.formats.curl import NO_BODY, read_curl
from opay_contract.formats.streams import ChunkStream
from opay_contract.formats.table import Format, recognise
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.inputs import Source

Read = Callable[..., list[Any]]

SOURCE = Source(ordinal=0, name="-", path=None)
FILES = sorted((Path(__file__).parents[2] / "recordings").glob("*/curl*.txt"))
BODY = b'{"code":"00000"}'

CONNECT = b"*   Trying 127.0.0.1:443...\n* Connected to sandbox.example.com (127.0.0.1) port 443 (#0)\n"
TLS = b"* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384\n"
REQUEST = (
    b"> POST /pay?x=1 HTTP/1.1\r\n> Host: sandbox.example.com\r\n> MerchantId: 1\r\n> \r\n} [8 bytes data]\n"
)
RESPONSE = b"< HTTP/1.1 200 OK\r\n< Date: Mon, 23 Nov 2026 18:30:29 GMT\r\n< Content-Length: 16\r\n< \r\n"
UNSIZED = b"< HTTP/2 200 \r\n< content-type: application/json\r\n< \r\n"
DATA = b"{ [5 bytes data]\n"
LEFT = b"* Connection #0 to host sandbox.example.com left intact\n"
FIRST_METER = b"\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"
METER = b"\r100    24  100    16  100     8   5755    428 --:--:--  0:00:01 --:--:--  6290"
HEADING = (
    b"  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
    b"                                 Dload  Upload   Total   Spent    Left  Speed\n"
)
CALL = CONNECT + TLS + REQUEST + RESPONSE + DATA + LEFT + BODY


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_real_transcript_holds_what_another_recorder_holds_of_the_same_calls(
    read: Read, path: Path
) -> None:
    found = read(path.read_bytes())
    others = read((path.parent / "requests.ndjson").read_bytes())
    assert [(one.response.status, one.response.body) for one in found] == [
        (one.response.status, one.response.body) for one in others
    ]
    assert [one.request.url for one in found] == [one.request.url for one in others]
    assert {one.request.body for one in found} == {None}
    for one, other in zip(found, others, strict=True):
        sent = {name.lower(): value for name, value in one.request.headers}
        expected = dict(other.request.headers)
        assert (sent["merchantid"], sent["authorization"]) == (
            expected["MerchantId"],
            expected["Authorization"],
        )


def test_every_part_of_a_call_is_read(read: Read) -> None:
    (found,) = read(CALL)
    assert (found.place.entry, found.place.line) == (1, 4)
    assert (found.request.method, found.request.url) == ("POST", "https://sandbox.example.com/pay?x=1")
    assert found.request.headers == (("Host", "sandbox.example.com"), ("MerchantId", "1"))
    assert found.request.body is None
    assert (found.response.status, found.response.body) == (200, BODY)
    assert found.response.headers == (("Date", "Mon, 23 Nov 2026 18:30:29 GMT"), ("Content-Length", "16"))
    assert found.recorded_at == "2026-11-23T18:30:29+00:00"


@each(
    "rest",
    [
        BODY,
        DATA + BODY + LEFT,
        DATA + BODY + b"\n" + LEFT,
        DATA + BODY[:5] + LEFT + BODY[5:],
        DATA + BODY[:5] + DATA + BODY[5:] + LEFT,
        METER + METER + b"\n" + LEFT + BODY,
        DATA + BODY[:5] + METER + BODY[5:] + METER + b"\n" + LEFT,
        DATA + LEFT + b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + BODY,
        DATA + BODY + b"* Closing connection 0\n",
        DATA + BODY + b"* Closing connection\ncurl: (56) Recv failure\n",
    ],
)
@each("response", [RESPONSE, UNSIZED])
@each("calls", [1, 2])
def test_what_curl_writes_within_a_body_is_taken_out_of_it(
    read: Read, response: bytes, rest: bytes, calls: int
) -> None:
    found = read((HEADING + FIRST_METER + CONNECT + REQUEST + response + rest) * calls)
    assert [one.response.body for one in found] == [BODY] * calls


def test_a_body_of_several_lines_stays_whole(read: Read) -> None:
    body = b'{\n  "code": "00000",\n\n  "data": []\n}\n'
    sized = b"< HTTP/1.1 200 OK\r\n< Content-Length: %d\r\n< \r\n" % len(body)
    (found,) = read(CONNECT + REQUEST + sized + body + LEFT)
    assert found.response.body == body


def test_text_after_a_body_of_known_length_is_passed_over(read: Read) -> None:
    (found,) = read(CALL + b"\n$ echo done\ndone\n")
    assert found.response.body == BODY


def test_a_body_shorter_than_announced_is_given_as_it_came(read: Read) -> None:
    failure = b"* transfer closed with 9 bytes remaining to read\n* Closing connection 0\ncurl: (18) closed\n"
    (found,) = read(CONNECT + REQUEST + RESPONSE + BODY[:7] + failure)
    assert found.response.body == BODY[:7]


def test_a_transcript_of_a_terminal_has_two_line_ends(read: Read) -> None:
    body = b'{\n"code":1234567}'
    sized = RESPONSE.replace(b"16", b"17")
    text = (CONNECT + REQUEST + sized + body + LEFT).replace(b"\n", b"\r\n")
    (found,) = read(b"Script started on 2026-11-23\n" + text)
    assert found.response.body == body
    assert found.request.headers == (("Host", "sandbox.example.com"), ("MerchantId", "1"))


def test_lines_with_the_time_are_read(read: Read) -> None:
    stamp = b"18:30:29.123456 "
    text = b"".join(stamp + line for line in (CONNECT + REQUEST + RESPONSE).splitlines(keepends=True))
    (found,) = read(text + BODY + stamp + LEFT)
    assert (found.response.status, found.response.body) == (200, BODY)
    (found,) = read(text.replace(b"Content-Length: 16\r\n", b"") + BODY + stamp + LEFT)
    assert found.response.body == BODY


@each(
    ("before", "url"),
    [
        (CONNECT, "http://sandbox.example.com/pay?x=1"),
        (CONNECT + TLS, "https://sandbox.example.com/pay?x=1"),
        (b"* [HTTP/2] [1] [:scheme: https]\n", "https://sandbox.example.com/pay?x=1"),
        (b"", "https://sandbox.example.com/pay?x=1"),
    ],
)
def test_the_scheme_is_told_by_curls_remarks(read: Read, before: bytes, url: str) -> None:
    (found,) = read(before + REQUEST + RESPONSE + BODY, Format.CURL)
    assert found.request.url == url


def test_a_request_on_the_same_connection_has_the_same_scheme(read: Read) -> None:
    found = read(
        CALL
        + b"* Re-using existing connection #0 with host sandbox.example.com\n"
        + REQUEST
        + RESPONSE
        + BODY
    )
    assert [one.request.url[:8] for one in found] == ["https://"] * 2


def test_interim_responses_are_passed_over(read: Read) -> None:
    (found,) = read(CONNECT + REQUEST + b"< HTTP/1.1 100 Continue\r\n< X: 1\r\n< \r\n" + RESPONSE + BODY)
    assert (found.response.status, len(found.response.headers)) == (200, 2)


def test_trailers_are_no_headers(read: Read) -> None:
    (found,) = read(CONNECT + REQUEST + UNSIZED + BODY + b"\n< x-trailer: 1\r\n" + LEFT)
    assert found.response.headers == (("content-type", "application/json"),)
    assert found.response.body == BODY


def test_the_request_to_a_proxy_for_a_tunnel_is_no_exchange(read: Read) -> None:
    tunnel = (
        b"> CONNECT h:443 HTTP/1.1\r\n> Host: h:443\r\n> \r\n< HTTP/1.1 200 Connection established\r\n< \r\n"
    )
    found = read(CONNECT + tunnel + TLS + REQUEST + RESPONSE + BODY)
    assert [(one.place.entry, one.request.method) for one in found] == [(1, "POST")]


@each(
    "status_and_headers",
    [b"204 No Content\r\n", b"304 Not Modified\r\n", b"200 OK\r\n< Content-Length: 0\r\n"],
)
def test_a_response_that_has_no_body_has_an_empty_one(read: Read, status_and_headers: bytes) -> None:
    (found,) = read(CONNECT + REQUEST + b"< HTTP/1.1 " + status_and_headers + b"< \r\n" + LEFT)
    assert found.response.body == b""


def test_the_answer_to_head_has_no_body(read: Read) -> None:
    (found,) = read(CONNECT + REQUEST.replace(b"POST", b"HEAD") + RESPONSE + LEFT)
    assert found.response.body == b""


@pytest.mark.parametrize("response", [RESPONSE, UNSIZED])
def test_a_transcript_without_the_body_is_unreadable(read: Read, response: bytes) -> None:
    (found,) = read(CONNECT + REQUEST + response + DATA + METER + b"\n" + LEFT)
    assert found.reason == NO_BODY


@each(
    "failure",
    [
        b"*   Trying 127.0.0.1:1...\n* Failed to connect to 127.0.0.1 port 1\ncurl: (7) Failed to connect\n",
        b"* Could not resolve host: nowhere.invalid\n* Closing connection 0\ncurl: (6) Could not resolve\n",
        CONNECT + b"* SSL certificate problem: self-signed certificate\ncurl: (60) SSL certificate problem\n",
        CONNECT + REQUEST + b"* Empty reply from server\ncurl: (52) Empty reply from server\n",
    ],
)
def test_a_call_that_got_no_response_is_unreadable_once(read: Read, failure: bytes) -> None:
    found = read(CALL + b"\n" + failure + CALL)
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]
    assert [one.place.entry for one in found] == [1, 2, 3]
    assert "got no response" in found[1].reason


def test_a_body_longer_than_may_be_kept_is_unreadable_and_the_next_call_comes(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (curl, curl_lines):
        monkeypatch.setattr(module, "MAX_ENTRY", 64 << 10)
    found = read(CONNECT + REQUEST + UNSIZED + b"x" * (65 << 10) + b"\n" + LEFT + CALL)
    assert [type(one) for one in found] == [Unreadable, Exchange]
    assert found[0].reason == "the entry is longer than 64 MiB"


def test_no_line_that_belongs_to_no_call_matters(read: Read) -> None:
    found = read(b"< HTTP/1.1 200 OK\r\n< \r\n> X: 1\n> \nrubbish\n" + CALL, Format.CURL)
    assert [type(one) for one in found] == [Exchange]


@pytest.mark.parametrize(
    "head",
    [
        CALL,
        HEADING + FIRST_METER + CALL,
        REQUEST + RESPONSE,
        b"$ curl -v https://sandbox.example.com/pay\n" + CALL,
        b"+ curl -v https://sandbox.example.com/pay\n" + CALL,
        b"18:30:29.123456 * Trying\n18:30:29.123456 > GET / HTTP/2\n18:30:29.123456 < HTTP/2 200\n",
        *(path.read_bytes()[: 64 << 10] for path in FILES),
    ],
    ids=lambda head: str(len(head)),
)
def test_a_transcript_is_told_by_its_content(head: bytes) -> None:
    assert recognise(head) == Format.CURL


@each(
    "head",
    [
        b"# How to\n" + CALL,
        CONNECT + REQUEST,
        RESPONSE + REQUEST,
        b"* a list\n* of things\n",
        b"> a quotation\n",
    ],
)
def test_another_text_is_no_transcript(head: bytes) -> None:
    assert recognise(head) is None


LINES = st.sampled_from(
    [
        CONNECT,
        TLS,
        REQUEST,
        RESPONSE,
        UNSIZED,
        DATA,
        LEFT,
        BODY,
        METER,
        FIRST_METER,
        HEADING,
        b"\n",
        b"\r",
        b"> ",
        b"< ",
    ]
)


@given(parts=st.lists(LINES | st.binary(max_size=20), max_size=15))
@settings(max_examples=100, deadline=None)
def test_no_bytes_make_the_reader_raise(read: Read, parts: Any) -> None:
    read(b"".join(parts), Format.CURL)


JSON_TEXTS = st.builds(
    json.dumps,
    st.dictionaries(st.text(max_size=8), st.text(max_size=200) | st.integers(), max_size=8),
    indent=st.sampled_from([None, 1]),
)


@pytest.mark.parametrize("noise", [DATA, METER])
@pytest.mark.parametrize("is_sized", [False, True])
@given(text=JSON_TEXTS.map(str.encode), cuts=st.lists(st.integers(0, 5000), max_size=6))
@settings(max_examples=30, deadline=None)
def test_any_body_cut_anywhere_is_put_together(
    read: Read, noise: bytes, is_sized: Any, text: bytes, cuts: Any
) -> None:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    shown = noise.join(text[start:end] for start, end in pairwise(edges))
    response = RESPONSE.replace(b"16", b"%d" % len(text)) if is_sized else UNSIZED
    found = read((CONNECT + REQUEST + response + shown + LEFT) * 2)
    assert [json.loads(one.response.body) for one in found] == [json.loads(text)] * 2


@given(marks=st.lists(st.integers(0, 5000), max_size=12))
@settings(max_examples=25, deadline=None)
def test_chunk_boundaries_do_not_matter(marks: Any) -> None:
    data = CALL + HEADING + CALL + METER + LEFT
    edges = [0, *sorted(mark % (len(data) + 1) for mark in marks), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert list(read_curl(SOURCE.place, ChunkStream(pieces))) == list(
        read_curl(SOURCE.place, ChunkStream([data]))
    )


@pytest.mark.parametrize(
    "hostile",
    [
        b"x\n" * 40_000,
        b"\r" + b"#" * 80_000,
        b"\r100 " * 16_000,
        b"  %" + b" " * 80_000,
        b"HTTP/1 200\n\n" * 8_000,
        b"* Trying \n" * 8_000,
        b"< a: b\n> a: b\n" * 8_000,
    ],
    ids=lambda hostile: repr(hostile[:8]),
)
def test_hostile_text_is_read_in_time_that_grows_with_its_length(read: Read, hostile: bytes) -> None:
    started = time.process_time()
    read(CONNECT + REQUEST + UNSIZED + hostile + CALL, Format.CURL)
    assert time.process_time() - started < 4


def test_a_transcript_whose_trailing_spaces_an_editor_took_off_is_read(read: Read) -> None:
    text = b"\n".join(line.rstrip() for line in (CONNECT + TLS + REQUEST + RESPONSE + BODY).splitlines())
    assert b"<\n" in text
    assert b">\n" in text
    (found,) = read(text + b"\n" + LEFT)
    assert (found.response.status, found.response.body) == (200, BODY)
    assert found.request.headers == (("Host", "sandbox.example.com"), ("MerchantId", "1"))


def test_a_mark_alone_on_a_line_of_a_body_is_of_the_body(read: Read) -> None:
    body = b"<html\n>\n<\n</html>"
    sized = RESPONSE.replace(b"16", b"%d" % len(body))
    (found,) = read(CONNECT + REQUEST + sized + body + LEFT)
    assert found.response.body == body


@each("length", [b"16", b"5", b"400"])
def test_json_that_is_whole_is_not_cut_where_a_filter_wrote_it_anew(read: Read, length: bytes) -> None:
    pretty = b'{\n  "code": "00000"\n}'
    (found,) = read(CONNECT + REQUEST + RESPONSE.replace(b"16", length) + pretty + b"\n" + LEFT)
    assert found.response.body.strip() == pretty


@each(
    "stamp",
    [
        b"2026-05-01T10:00:00.1234567Z ",
        b"2026-05-01T10:00:00.123456Z 00O ",
        b"[2026-05-01T10:00:00.123Z] ",
        b"2026-05-01 10:00:00,123+0000 ",
    ],
)
def test_the_times_that_a_ci_server_writes_before_each_line_are_taken_off(read: Read, stamp: bytes) -> None:
    pretty = b'{\n  "code": "00000"\n}\n'
    lines = (CONNECT + TLS + REQUEST + UNSIZED + pretty + LEFT + CALL + b"\n").splitlines(keepends=True)
    first, second = read(b"".join(stamp + line for line in lines))
    assert (first.response.body, second.response.body) == (pretty.rstrip(), BODY)


@each("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_what_powershell_wrote_is_read(read: Read, encoding: str) -> None:
    prompt = "PS C:\\work> curl.exe -v https://sandbox.example.com/pay\n"
    text = (
        prompt + (CONNECT + TLS + REQUEST + UNSIZED).decode() + '{"code":"\u0645"}\n' + LEFT.decode()
    ).encode(encoding)
    (found,) = read(b"\xfe\xff" + text if encoding == "utf-16-be" else text)
    assert found.response.body == '{"code":"\u0645"}'.encode()


@each(
    "first",
    [
        b"curl.exe : *   Trying 127.0.0.1:443...\nAt line:1 char:1\n+ curl.exe -v https://a.example\n+ ~~\n",
        b"C:\\work>curl -v https://a.example\n",
        b"$ curl -v https://a.example\n",
    ],
)
def test_what_a_shell_writes_before_is_no_part_of_a_call(read: Read, first: bytes) -> None:
    (found,) = read(first + CALL)
    assert found.response.body == BODY
