"""Takes content codings off bodies that were recorded as they came over the wire, and puts them on again.

Also tells what is no body of the server's any more: what a recorder took for something else and mangled.
"""

import base64
import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import zstandard

from opay_contract.formats.errors import TOO_LONG, EntryError, StreamError
from opay_contract.formats.streams import (
    CHUNK,
    GZIP_MAGIC,
    MAX_ENTRY,
    ZSTD_MAGIC,
    iter_gunzipped,
    iter_unzstd,
    most_unpacked,
)
from opay_contract.model.exchange import Headers, header

NO_BROTLI = "the response body is compressed with brotli; pip install 'opay-contract[brotli]' to read it"

_UNPACKED_LEAST = 4 << 20
TOO_MUCH = "the compressed response body unpacks to more than 4 MiB and 200 times its size"
MAX_CODINGS = 8
"""How many codings are taken off one body."""

_EMPTY_BROTLI = b";"
USUAL_BEGINNINGS = (b"{", b"[", b"<", b"")
"""How bodies begin that no recorder mangled."""

_PACKED_AS_TEXT = tuple(
    characters.encode()
    for characters in ("\x1f\x8b\x08", "\x1f\u2039\x08", "\x1f\ufffd\x08", "(\xb5/\xfd", "(\ufffd/\ufffd")
)
"""How gzip and zstd begin where each byte was read as a character, or those that are none were replaced."""

_COLOURS = re.compile(rb"\s*+\x1b\[[0-9;]*+[mK]")
_CHUNK_FRAME = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[^\r\n]{0,200})?\r\n")
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]{12,}+={0,2}+\s*+")

AS_CHARACTERS = "the recorder read the compressed response body as characters; record it decoded"
COLOURED = "the response body has a terminal's colours in it; record it without them"
CHUNKED = "the response body still has the frames of its chunks; record it without them"
UNMARKED = "the response body is base64 and is not marked so; mark it, or record its text"
MANGLED = {
    AS_CHARACTERS: "\x1f\ufffd\x08".encode(),
    COLOURED: b"\x1b[m{}",
    CHUNKED: b"2\r\n{}\r\n0\r\n\r\n",
    UNMARKED: base64.b64encode(b"{       }"),
}
"""What recorders make of bodies, as it is said of one, each with the least body that has it."""

_DAMAGED = (b"\0x", b"\x0f", GZIP_MAGIC + b"\0" * 16, GZIP_MAGIC, ZSTD_MAGIC + b"\xff" * 9, ZSTD_MAGIC)
"""Bodies that no coding was put on as it should be, of the first of which a text may have the bytes."""

_Unpack = Callable[[Iterable[bytes]], Iterator[bytes]]

_BY_MAGIC: dict[str, tuple[bytes, _Unpack]] = {
    "gzip": (GZIP_MAGIC, iter_gunzipped),
    "x-gzip": (GZIP_MAGIC, iter_gunzipped),
    "zstd": (ZSTD_MAGIC, iter_unzstd),
}


def decode_body(body: bytes, headers: Headers | None) -> bytes:
    """Return the body of a response without the codings of its `Content-Encoding`.

    One that is off already is left alone: most recorders keep the header and store the decoded body. What is
    plainly not what the server sent, but what a recorder made of it, is refused.
    """
    value = header(headers, "content-encoding")
    codings = [coding.strip().lower() for coding in reversed(value.split(","))] if value is not None else []
    if len(codings) > MAX_CODINGS:
        raise EntryError(f"the response body has more than {MAX_CODINGS} content codings; record it decoded")
    for coding in codings:
        body = _decode_one(body, coding)
    if body[:1] not in USUAL_BEGINNINGS:
        refuse_mangled(body, headers)
    return body


def decode_sent(body: bytes | None, headers: Headers | None) -> bytes | None:
    """Return the body of a request without its codings; None for one that cannot be read."""
    if not body or header(headers, "content-encoding") is None:
        return body
    try:
        return decode_body(body, headers)
    except EntryError:
        return None


def _decode_one(body: bytes, coding: str) -> bytes:
    if not body or coding in ("", "identity"):
        return body
    if coding in _BY_MAGIC:
        magic, unpack = _BY_MAGIC[coding]
        if body.startswith(magic):
            return _unpacked(unpack, body)
        if _is_decoded(body):
            return body
        refuse_mangled(body, None)
        raise EntryError(f"the response body is marked as {coding} and is not; record it decoded")
    if _is_text(body) and (coding, body) != ("br", _EMPTY_BROTLI):
        return body
    unpack_unmarked = _WITHOUT_MAGIC.get(coding)
    if unpack_unmarked is None:
        raise EntryError(
            "the response body is compressed in a way that cannot be unpacked here; record it decoded"
        )
    try:
        return _unpacked(unpack_unmarked, body)
    except EntryError:
        if _is_decoded(body):
            return body
        raise


def _unpacked(unpack: _Unpack, body: bytes) -> bytes:
    """Unpack a body, to no more than an entry may have."""
    kept: list[bytes] = []
    size, most = 0, min(MAX_ENTRY, most_unpacked(len(body), _UNPACKED_LEAST))
    try:
        for piece in unpack([body]):
            kept.append(piece)
            size += len(piece)
            if size > most:
                raise EntryError(TOO_LONG if size > MAX_ENTRY else TOO_MUCH)
    except StreamError as error:
        raise EntryError(f"the response body cannot be decoded: {error.reason}; record it decoded") from None
    return b"".join(kept)


def refuse_mangled(body: bytes, headers: Headers | None) -> None:
    """Refuse a body that some recorder made of what the server sent, where that is plain to see."""
    if body.startswith(_PACKED_AS_TEXT):
        raise EntryError(AS_CHARACTERS)
    if _COLOURS.match(body):
        raise EntryError(COLOURED)
    if _is_chunked(body):
        raise EntryError(CHUNKED)
    may_be_json = "json" in (header(headers, "content-type") or "json").lower()
    if may_be_json and _BASE64.fullmatch(body) and _is_packed_or_json(body):
        raise EntryError(UNMARKED)


def _is_chunked(body: bytes) -> bool:
    """Tell a body in whose chunks the frames are left, the last chunk too (RFC 9112, section 7.1)."""
    position = 0
    while frame := _CHUNK_FRAME.match(body, position):
        size = int(frame[1], 16)
        position = frame.end() + size
        if not size:
            return body[position:].strip() == b"" and body != frame[0]
        if body[position : position + 2] != b"\r\n":
            return False
        position += 2
    return False


def _is_packed_or_json(body: bytes) -> bool:
    try:
        data = base64.b64decode(b"".join(body.split()), validate=True)
    except ValueError:
        return False
    return data.startswith((GZIP_MAGIC, ZSTD_MAGIC)) or data.lstrip()[:1] in (b"{", b"[")


def _iter_inflated(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack `deflate`, which is zlib's format, or bare where servers got it wrong (RFC 9110, 8.4.1.2)."""
    body = b"".join(packed)
    for wbits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        unpacker = zlib.decompressobj(wbits)
        try:
            piece = unpacker.decompress(body, MAX_ENTRY + 1)
        except zlib.error:
            continue
        if unpacker.eof or len(piece) > MAX_ENTRY:
            yield piece
            return
    raise StreamError("the deflate data is damaged")


def _iter_unbrotlied(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack brotli, which nothing at its beginning tells from other bytes, in pieces of bounded length."""
    brotli = load_brotli()
    if brotli is None:
        raise EntryError(NO_BROTLI)
    unpacker = brotli.Decompressor()
    try:
        piece = unpacker.process(b"".join(packed), output_buffer_limit=CHUNK)
        while piece:
            yield piece
            piece = unpacker.process(b"", output_buffer_limit=CHUNK)
    except brotli.error:
        raise StreamError("the brotli data is damaged") from None
    if not unpacker.is_finished():
        raise StreamError("the brotli data breaks off")


_WITHOUT_MAGIC: dict[str, _Unpack] = {"deflate": _iter_inflated, "br": _iter_unbrotlied}


def load_brotli() -> Any:
    """Return the library for brotli, or None where its extra is not installed."""
    try:
        import brotli  # noqa: PLC0415  optional
    except ModuleNotFoundError:
        return None
    return brotli


def _is_decoded(body: bytes) -> bool:
    """Tell text, broken text too, from packed data."""
    return _is_text(body) or body.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[", b"<", b'"')


def _is_text(body: bytes) -> bool:
    try:
        return body.decode().replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
    except UnicodeDecodeError:
        return False


@cache
def find_faulty_body(reason: str) -> bytes | None:
    """Return a body that cannot be read for a reason that `decode_body` gives, None where none is known."""
    if reason in MANGLED:
        return MANGLED[reason]
    for coding in ("gzip", "x-gzip", "zstd", "deflate", "br", "?", "," * MAX_CODINGS):
        for body in _DAMAGED:
            try:
                decode_body(body, (("Content-Encoding", coding),))
            except EntryError as error:
                if error.reason == reason:
                    return body
    return None


def encode_body(body: bytes, headers: Headers | None) -> bytes:
    """Return `body` in the codings of its `Content-Encoding`; one that is not known here is left off."""
    values = (value for name, value in headers or () if name.lower() == "content-encoding")
    for coding in (coding.strip().lower() for value in values for coding in value.split(",")):
        if coding in ("gzip", "x-gzip"):
            body = gzip.compress(body, mtime=0)
        elif coding == "zstd":
            body = zstandard.ZstdCompressor().compress(body)
        elif coding == "deflate":
            body = zlib.compress(body)
        elif coding == "br" and (brotli := load_brotli()) is not None:
            body = brotli.compress(body)
    return body
