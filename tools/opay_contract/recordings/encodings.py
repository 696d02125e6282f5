"""Takes content encodings off a response body that was recorded as it came over the wire."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opay_contract.model.exchange import Headers
from opay_contract.recordings.refusals import TOO_LONG, EntryError, StreamError
from opay_contract.recordings.streams import (
    CHUNK,
    GZIP_MAGIC,
    MAX_ENTRY,
    ZSTD_MAGIC,
    iter_gunzipped,
    iter_unzstd,
    most_unpacked,
)

NO_BROTLI = "the response body is compressed with brotli; pip install 'opay-contract[brotli]' to read it"

_UNPACKED_LEAST = 4 << 20
TOO_MUCH = "the compressed response body unpacks to more than 4 MiB and 200 times its size"

_EMPTY_BROTLI = b";"

_Unpack = Callable[[Iterable[bytes]], Iterator[bytes]]

_BY_MAGIC: dict[str, tuple[bytes, _Unpack]] = {
    "gzip": (GZIP_MAGIC, iter_gunzipped),
    "x-gzip": (GZIP_MAGIC, iter_gunzipped),
    "zstd": (ZSTD_MAGIC, iter_unzstd),
}


def decode_body(body: bytes, headers: Headers | None) -> bytes:
    """Return `body` without the codings of its `Content-Encoding`; one that is off already is left alone.

    Some recorders keep the header and store the decoded body (vcrpy with httpx does).
    """
    values = (value for name, value in headers or () if name.lower() == "content-encoding")
    codings = [coding.strip().lower() for value in values for coding in value.split(",")]
    for coding in reversed(codings):
        body = _decode_one(body, coding)
    return body


def _decode_one(body: bytes, coding: str) -> bytes:
    if coding in ("", "identity"):
        return body
    if coding in _BY_MAGIC:
        magic, unpack = _BY_MAGIC[coding]
        return _unpacked(unpack, body) if body.startswith(magic) else body
    if _is_text(body) and (coding, body) != ("br", _EMPTY_BROTLI):
        return body
    if coding == "deflate":
        return _unpacked(_iter_inflated, body)
    if coding == "br":
        return _unpacked(_iter_unbrotlied, body)
    raise EntryError(
        "the response body is compressed in a way that cannot be unpacked here; record it decoded"
    )


def _unpacked(unpack: _Unpack, body: bytes) -> bytes:
    kept: list[bytes] = []
    size, most = 0, min(MAX_ENTRY, most_unpacked(len(body), _UNPACKED_LEAST))
    try:
        for piece in unpack([body]):
            kept.append(piece)
            size += len(piece)
            if size > most:
                raise EntryError(TOO_LONG if size > MAX_ENTRY else TOO_MUCH)
    except StreamError:
        raise EntryError("the compressed response body is damaged; record it decoded") from None
    return b"".join(kept)


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


def load_brotli() -> Any:
    """Return the library for brotli, or None where its extra is not installed."""
    try:
        import brotli  # noqa: PLC0415  optional
    except ModuleNotFoundError:
        return None
    return brotli


def _is_text(body: bytes) -> bool:
    try:
        return body.decode().replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
    except UnicodeDecodeError:
        return False
