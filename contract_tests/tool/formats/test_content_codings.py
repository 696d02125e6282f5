"""Bodies as they came over the wire, in every format, and bodies that a recorder made something else of."""

import base64
import gzip
import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from contract_tests.tool.redact.writers import as_har, as_json_cassette, as_report, as_transcript
from contract_tests.tool.whole.leaks.planting import write_flow
from contract_tests.usual import each

from opay_contract.formats.content_coding import MAX_CODINGS, TOO_MUCH, decode_body, encode_body
from opay_contract.formats.errors import EntryError
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges

Read = Callable[..., list[Any]]

BODY = '{"code":"00000","message":"SUCCESSFUL","data":{"name":"Zoë"}}'.encode()
TYPE = ("Content-Type", "application/json")
URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
GZIP = gzip.compress(BODY, mtime=0)
RAW_DEFLATE = zlib.compress(BODY, wbits=-15)
CODED = {
    "gzip": GZIP,
    "x-gzip": GZIP,
    "GZIP": GZIP,
    "deflate": zlib.compress(BODY),
    "deflate ": RAW_DEFLATE,
    "br": brotli.compress(BODY),
    "zstd": zstandard.compress(BODY),
    "gzip, gzip": gzip.compress(GZIP, mtime=0),
    "gzip, br": brotli.compress(GZIP),
    "identity": BODY,
}


def exchange(body: bytes, *headers: tuple[str, str]) -> Exchange:
    request = Request(method="POST", url=URL, headers=(), body=b"{}")
    return Exchange(
        place=Place(source=0, entry=1, file="-"),
        request=request,
        response=Response(status=200, headers=(TYPE, *headers), body=body),
    )


def as_line(one: Exchange) -> bytes:
    response = {
        "status": 200,
        "headers": dict(one.response.headers or ()),
        "body_base64": base64.b64encode(one.response.body).decode(),
    }
    return json.dumps({"response": response}).encode()


def as_flow(one: Exchange) -> bytes:
    headers = [[name.encode(), value.encode()] for name, value in one.response.headers or ()]
    asked = {"method": b"POST", "scheme": b"https", "host": "x", "port": 443, "path": b"/", "headers": []}
    answered = {"status_code": 200, "headers": headers, "content": one.response.body}
    return write_flow({"response": answered, "request": asked | {"content": b""}, "type": "http"})


WRITERS: dict[str, Callable[[Exchange], bytes]] = {
    "ndjson": as_line,
    "har": lambda one: as_har([one]),
    "cassette": lambda one: as_json_cassette([one]),
    "newman": lambda one: as_report([one]),
    "flow": as_flow,
    "curl": lambda one: as_transcript([one]),
}


@each("name", WRITERS)
def test_content_codings_are_taken_off_in_every_format(read: Read, name: str) -> None:
    for coding, coded in CODED.items():
        (found,) = read(WRITERS[name](exchange(coded, ("Content-Encoding", coding.strip()))))
        assert isinstance(found, Exchange), (coding, found)
        assert found.response.body == BODY, coding


def test_content_codings_are_taken_off_in_parquet(tmp_path: Path) -> None:
    headers = pa.map_(pa.string(), pa.string())
    response = pa.struct({"status": pa.int32(), "headers": headers, "body": pa.binary()})
    rows = [
        {"response": {"status": 200, "headers": [("Content-Encoding", coding)], "body": coded}}
        for coding, coded in CODED.items()
    ]
    path = tmp_path / "x.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema({"response": response})), path)
    found: list[Any] = list(iter_exchanges(Source(ordinal=0, name="x", path=path)))
    assert [one.response.body for one in found] == [BODY] * len(CODED)


@each("coding", ["gzip", "deflate", "br", "zstd", "gzip, br", "unheard-of"])
@each("body", [BODY, b"\xef\xbb\xbf" + BODY, b'{"name":"Jos\xe9"}', b"<html>", b""])
def test_a_body_that_is_decoded_already_is_read_as_it_is(coding: str, body: bytes) -> None:
    if coding == "unheard-of" and not body.isascii() and body != BODY:
        return
    assert decode_body(body, (("content-encoding", coding),)) == body


@each("size", [len(GZIP), len(BODY), -1, 0, None])
def test_the_size_of_a_har_may_be_that_of_the_coded_or_of_the_decoded_body(read: Read, size: Any) -> None:
    data = json.loads(as_har([exchange(GZIP, ("Content-Encoding", "gzip"))]))
    data["log"]["entries"][0]["response"]["content"]["size"] = size
    (found,) = read(json.dumps(data).encode())
    assert found.response.body == BODY


@each(
    ("coding", "body", "reason"),
    [
        ("gzip", GZIP[:-9], "cannot be decoded: the gzip data breaks off"),
        ("gzip", GZIP[:20] + b"\0\0\0\0" + GZIP[24:], "cannot be decoded: the gzip data"),
        ("gzip", b"\x80\x81\x82\x83", "marked as gzip and is not"),
        ("zstd", b"\x80\x81\x82\x83", "marked as zstd and is not"),
        ("zstd", zstandard.compress(BODY)[:-4], "cannot be decoded: the zstd data breaks off"),
        ("deflate", zlib.compress(BODY)[:-6], "cannot be decoded: the deflate data"),
        ("br", brotli.compress(BODY)[:-3], "cannot be decoded: the brotli data"),
        ("compress", b"\x1f\x9d\x90\x7b\x44", "cannot be unpacked here"),
        (", ".join(["gzip"] * (MAX_CODINGS + 1)), GZIP, "more than 8 content codings"),
    ],
)
def test_a_damaged_coding_is_unreadable_and_says_why(
    read: Read, coding: str, body: bytes, reason: str
) -> None:
    for write in (as_line, WRITERS["har"]):
        (found,) = read(write(exchange(body, ("Content-Encoding", coding))))
        assert reason in found.reason


@each(
    ("body", "fault"),
    [
        (GZIP.decode("latin-1").encode(), "as characters"),
        (GZIP.decode("cp1252", "replace").encode(), "as characters"),
        (GZIP.decode(errors="replace").encode(), "as characters"),
        (zstandard.compress(BODY).decode("latin-1").encode(), "as characters"),
        (base64.b64encode(BODY), "is base64 and is not marked so"),
        (base64.encodebytes(GZIP), "is base64 and is not marked so"),
        (b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), "frames of its chunks"),
        (
            b"8;a=b\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (BODY[:8], len(BODY) - 8, BODY[8:]),
            "frames of its chunks",
        ),
        (b"\x1b[1;39m{\x1b[0m}", "a terminal's colours"),
    ],
)
@each("coding", ["gzip", ""])
def test_what_a_recorder_mangled_is_said_to_be_the_recorder_s(body: bytes, fault: str, coding: str) -> None:
    headers = (TYPE, ("Content-Encoding", coding)) if coding else (TYPE,)
    with pytest.raises(EntryError, match=fault):
        decode_body(body, headers)


@each(
    ("body", "media_type"),
    [
        (base64.b64encode(BODY), "text/plain"),
        (b"QUJDREVGR0hJSktMTU5PUA==", "application/json"),
        (b"Internal Server Error", "application/json"),
        (b"8\r\n{}", "application/json"),
        (b"404\r\nnot found\r\n", "application/json"),
        (b"\x1b nothing of a terminal", "application/json"),
        ('"Jos\ufffd"'.encode(), "application/json"),
    ],
)
def test_where_the_evidence_is_not_plain_the_body_is_judged_as_it_is(body: bytes, media_type: str) -> None:
    assert decode_body(body, (("Content-Type", media_type),)) == body


def test_what_unpacks_to_more_than_an_entry_may_have_is_unreadable(read: Read) -> None:
    bomb = gzip.compress(bytes(65 << 20), 1, mtime=0)
    (found,) = read(as_line(exchange(bomb, ("Content-Encoding", "gzip"))))
    assert found.reason == TOO_MUCH
    twice = gzip.compress(bomb, mtime=0)
    (found,) = read(as_line(exchange(twice, ("Content-Encoding", "gzip, gzip"))))
    assert found.reason == TOO_MUCH


def test_text_bodies_of_the_native_format_are_looked_at_too(read: Read) -> None:
    line = json.dumps({"response": {"status": 200, "body": "\x1b[1;39m{\x1b[0m}"}}).encode()
    (found,) = list(iter_exchanges(Source(ordinal=0, name="-", path=None), stdin=io.BytesIO(line)))
    assert "colours" in found.reason  # type: ignore[union-attr]
    assert read(line) == [found]


@each(
    ("coding", "decode"),
    [
        ("gzip", gzip.decompress),
        ("X-GZIP", gzip.decompress),
        ("deflate", zlib.decompress),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
        ("br", brotli.decompress),
        ("unknown", bytes),
        ("deflate, gzip", lambda data: zlib.decompress(gzip.decompress(data))),
    ],
)
def test_a_body_gets_its_content_codings_again(coding: str, decode: Any) -> None:
    assert decode(encode_body(BODY, (("Content-Encoding", coding),))) == BODY
    assert encode_body(BODY, None) == BODY
