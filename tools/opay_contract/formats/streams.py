"""Opens recordings as streams of bounded chunks, plain, gzip or zstd, told apart by their first bytes."""

import codecs
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Protocol

import zstandard

from opay_contract.formats.errors import StreamError, describe_os_error

CHUNK = 1 << 16
"""How much is read, and unpacked, at a time: what is decoded of it stays in the caches of the processor."""

MAX_ENTRY = 64 << 20
"""The longest entry that is kept in memory; a longer one is unreadable."""

LONG_LINE = b"\0 a line longer than the limit"
"""What `iter_lines` yields in place of a line that is too long; no JSON decoder accepts it."""

_UNPACKED_LEAST, _UNPACKED_TIMES = 64 << 20, 200

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_ZSTD_STEP = 1 << 10  # a block of 4 bytes may unpack to 128 KiB, so a step unpacks to 32 MiB at most


class Readable(Protocol):
    """Anything with `read`; a read returns nothing only at the end."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""


class ChunkStream:
    """A stream over chunks that come one at a time, with a look at its head before anything is read.

    `attached` gives what an archive keeps beside the text under a name.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Take the chunks, of any length."""
        self.attached: Callable[[str], bytes | None] = nothing_attached
        self._chunks = iter(chunks)
        self._buffer = b""
        self._position = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes of the current chunk, and nothing only at the end."""
        while self._position >= len(self._buffer):
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._buffer, self._position = chunk, 0
        start = self._position
        self._position = len(self._buffer) if size < 0 else start + size
        return self._buffer[start : self._position]

    def head(self, size: int) -> bytes:
        """Return the next `size` bytes, or what there is, without taking them; an error comes after them."""
        pieces = [self._buffer[self._position :]]
        length = len(pieces[0])
        try:
            while length < size and (chunk := next(self._chunks, None)) is not None:
                pieces.append(chunk)
                length += len(chunk)
        except StreamError as error:
            if not length:
                raise
            self._chunks = iter_raising(error)
        self._buffer, self._position = b"".join(pieces), 0
        return self._buffer[:size]


def nothing_attached(_name: str) -> bytes | None:
    """Return nothing: no other file is kept beside the text."""
    return None


def most_unpacked(packed: int, least: int = _UNPACKED_LEAST) -> int:
    """Return how much so many packed bytes may unpack to: what people record packs to a hundredth at best."""
    return least + _UNPACKED_TIMES * packed


def unpack(raw: Readable, most: int | None = None) -> ChunkStream:
    """Return the text of `raw`, unpacked when its first bytes say that it is packed.

    What unpacks to more than `most`, or else to more than what packs so well in earnest, is an error.
    """
    stream = ChunkStream(_iter_chunks(raw))
    magic = stream.head(len(ZSTD_MAGIC))
    packed = _Counted(iter_read(stream))
    if magic.startswith(GZIP_MAGIC):
        return ChunkStream(_iter_bounded(iter_gunzipped(packed), packed, most))
    if magic.startswith(ZSTD_MAGIC):
        return ChunkStream(_iter_bounded(_iter_coalesced(iter_unzstd(packed)), packed, most))
    return stream


def too_much(most: int) -> StreamError:
    """Return the error of a file that unpacks to more than it may."""
    advice = "unpack it first, or allow more with --max-unpacked (check, redact)"
    return StreamError(f"the file unpacks to more than {most >> 20:,} MiB; {advice}")


class _Counted:
    """Passes chunks on and counts their bytes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            yield chunk


def _iter_bounded(pieces: Iterable[bytes], packed: _Counted, most: int | None) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        allowed = most_unpacked(packed.size) if most is None else most
        if size > allowed:
            raise too_much(allowed)
        yield piece


def iter_read(stream: Readable) -> Iterator[bytes]:
    """Yield the rest of `stream` in chunks."""
    return iter(partial(stream.read, CHUNK), b"")


def iter_lines(stream: Readable, *, limit: int = MAX_ENTRY, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, numbered from `first`; `LONG_LINE` for one beyond `limit`."""
    number, begun, size = first, list[bytes](), 0
    for chunk in chain(iter_read(stream), [b"\n"]):
        lines = io.BytesIO(chunk).readlines()  # some times as quick as to split
        has_end = lines[0].endswith(b"\n")
        size += len(lines[0]) - has_end
        begun.append(lines[0])
        if size > limit:
            begun = [LONG_LINE + b"\n"]
        if not has_end:
            continue  # pieces of a long line are joined once
        lines[0] = b"".join(begun)
        if number == 1:
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        begun = [] if lines[-1].endswith(b"\n") else [lines.pop()]
        size = sum(map(len, begun))
        for line in lines:
            if not line.isspace():
                yield number, line[:-1]
            number += 1


def iter_gunzipped(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip of one member or more, in pieces of bounded length."""
    unpacker = zlib.decompressobj(wbits=31)
    for chunk in packed:
        rest = chunk
        while True:
            if unpacker.eof:
                rest = rest.lstrip(b"\0")  # padding between members and after the last
                if not rest:
                    break
                unpacker = zlib.decompressobj(wbits=31)
            try:
                piece = unpacker.decompress(rest, CHUNK)
            except zlib.error:
                raise StreamError("the gzip data is damaged") from None
            yield piece
            rest = unpacker.unused_data or unpacker.unconsumed_tail
            if not rest and len(piece) < CHUNK:
                break
    if not unpacker.eof:
        raise StreamError("the gzip data breaks off")


def iter_unzstd(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack zstd of one frame or more, in pieces of bounded length."""
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    for chunk in packed:
        for start in range(0, len(chunk), _ZSTD_STEP):
            rest = chunk[start : start + _ZSTD_STEP]
            while rest:
                if unpacker.eof:
                    unpacker = zstandard.ZstdDecompressor().decompressobj()
                try:
                    yield unpacker.decompress(rest)
                except zstandard.ZstdError:
                    raise StreamError("the zstd data is damaged") from None
                rest = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        raise StreamError("the zstd data breaks off")


def _iter_chunks(raw: Readable) -> Iterator[bytes]:
    try:
        yield from iter_read(raw)
    except OSError as error:
        raise StreamError(describe_os_error(error)) from None


def _iter_coalesced(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces, so that readers meet few chunk boundaries; what comes before an error is kept."""
    kept: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            kept.append(piece)
            size += len(piece)
            if size >= CHUNK:
                yield b"".join(kept)
                kept, size = [], 0
    except StreamError as error:
        yield b"".join(kept)
        raise error from None
    yield b"".join(kept)


def iter_raising(error: StreamError) -> Iterator[bytes]:
    """Yield nothing, and raise an error that was met before."""
    yield from ()
    raise error
