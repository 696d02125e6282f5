"""Finds the end of the last whole line, or frame, of a recording that was broken off, and cuts it there."""

import os
from collections.abc import Iterator
from pathlib import Path

import zstandard

from opay_contract.errors import UsageError
from opay_contract.formats.streams import ZSTD_MAGIC
from opay_contract.jsontext import NotJson, parse_json

_CHUNK = 1 << 16
_BEGINNING = b'{"request":{'
"""What every line that is written here begins with."""


def mend_lines(descriptor: int, path: Path) -> int:
    """Cut a torn last line, or end it where only its end is missing; returns how many lines there are."""
    end, lines, size = 0, 0, os.fstat(descriptor).st_size
    if size and not os.pread(descriptor, 1, 0) == b"{":
        raise _foreign(path)
    for offset, chunk in _iter_chunks(descriptor):
        lines += chunk.count(b"\n")
        end = offset + chunk.rindex(b"\n") + 1 if b"\n" in chunk else end
    if end == size:
        return lines
    head = os.pread(descriptor, len(_BEGINNING), end)
    if not _BEGINNING.startswith(head) or _is_whole(descriptor, end, size):
        os.write(descriptor, b"\n")
        return lines + 1
    os.ftruncate(descriptor, end)
    return lines


def mend_frames(descriptor: int, path: Path) -> int:
    """Cut a torn last frame; returns how many lines there are."""
    size = os.fstat(descriptor).st_size
    if size and not ZSTD_MAGIC.startswith(os.pread(descriptor, len(ZSTD_MAGIC), 0)):
        raise _foreign(path)
    end, lines, pending = 0, 0, 0
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    for offset, chunk in _iter_chunks(descriptor):
        rest = chunk
        while rest:
            try:
                pending += unpacker.decompress(rest).count(b"\n")
            except zstandard.ZstdError:
                raise UsageError(f"cannot record to '{path}': it is damaged; name another file") from None
            rest = unpacker.unused_data if unpacker.eof else b""
            if unpacker.eof:
                end, lines, pending = offset + len(chunk) - len(rest), lines + pending, 0
                unpacker = zstandard.ZstdDecompressor().decompressobj()
    if end < size:
        os.ftruncate(descriptor, end)
    return lines


def _iter_chunks(descriptor: int) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while chunk := os.pread(descriptor, _CHUNK, offset):
        yield offset, chunk
        offset += len(chunk)


def _is_whole(descriptor: int, start: int, end: int) -> bool:
    return not isinstance(parse_json(os.pread(descriptor, end - start, start)), NotJson)


def _foreign(path: Path) -> UsageError:
    return UsageError(f"cannot record to '{path}': it holds something else; name another file")
