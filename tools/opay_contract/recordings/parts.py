"""Cuts the work into parts that can be read apart from each other: files, and byte ranges of large ones."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.formats import HEAD, Format, recognise
from opay_contract.recordings.ndjson import Lines, iter_blocks
from opay_contract.recordings.reading import iter_entries
from opay_contract.recordings.refusals import describe_os_error
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import CHUNK, GZIP_MAGIC, ZSTD_MAGIC

PART_SIZE = 16 << 20
"""About how many bytes of plain NDJSON make a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A source as a whole, or the lines of a plain NDJSON file from byte `start` up to `end`."""

    source: Source
    start: int = 0
    end: int | None = None
    first_line: int = 1


def iter_parts(source: Source, format_in: Format | None = None, size: int = PART_SIZE) -> Iterator[Part]:
    """Cut a source; only a plain NDJSON file is cut, at line ends, and what cannot be opened stays whole."""
    try:
        if (
            source.path is not None
            and source.path.stat().st_size > size
            and _is_plain_lines(source.path, format_in)
        ):
            yield from _iter_ranges(source, source.path, size)
            return
    except OSError:
        pass
    yield Part(source=source)


def iter_part_entries(part: Part, format_in: Format | None = None) -> Iterator[Exchange | Unreadable | Lines]:
    """Yield what a part holds, as `iter_entries` does for a whole source."""
    if part.end is None:
        yield from iter_entries(part.source, format_in)
        return
    last = 0
    try:
        with closing(_open_range(part)) as stream:
            for block in iter_blocks(stream, first=part.first_line):
                last = block.last
                yield block
    except OSError as error:
        reason = describe_os_error(error)
        yield Unreadable(
            place=part.source.place(0), reason=f"{reason} after entry {last}" if last else reason
        )


class _Range:
    """A file up to a position, as a stream."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    def close(self) -> None:
        self._file.close()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def _open_range(part: Part) -> _Range:
    assert part.source.path is not None  # noqa: S101  only files are cut
    assert part.end is not None  # noqa: S101  a whole source has no range
    file = part.source.path.open("rb")
    file.seek(part.start)
    return _Range(file, part.end - part.start)


def _is_plain_lines(path: Path, format_in: Format | None) -> bool:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith((GZIP_MAGIC, ZSTD_MAGIC)):
        return False
    return (format_in or recognise(head)) is Format.NDJSON


def _iter_ranges(source: Source, path: Path, size: int) -> Iterator[Part]:
    """Read the file once to count its lines, so that a part knows the numbers of its own."""
    with path.open("rb") as file:
        start, line, position, lines = 0, 1, 0, 0
        while chunk := file.read(CHUNK):
            cut = chunk.rfind(b"\n") + 1
            if cut and position + cut - start >= size:
                lines += chunk.count(b"\n")
                yield Part(source=source, start=start, end=position + cut, first_line=line)
                start, line, lines = position + cut, line + lines, 0
            else:
                lines += chunk.count(b"\n")
            position += len(chunk)
        if start < position:
            yield Part(source=source, start=start, end=position, first_line=line)
