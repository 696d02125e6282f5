"""Cuts the work into parts that can be read apart from each other: files, and byte ranges of large ones.

A part of a file does not know how many lines are before it. Its entries bear provisional numbers: the
byte at which the range starts, plus the number of the line in the range. A range has at least as many
bytes as lines, so provisional numbers are as unique, and in the same order, as the true ones.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from opay_contract.model.answer_shape import AnswerShape
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.formats import HEAD, Format, recognise
from opay_contract.recordings.ndjson import read_ndjson
from opay_contract.recordings.ranges import LineRange, first_byte
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.recordings.refusals import StreamError, describe_os_error
from opay_contract.recordings.remote import CHANGED, Tag
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import CHUNK, GZIP_MAGIC, ZSTD_MAGIC, ChunkStream, Readable

PART_SIZE, LARGEST_PART = 16 << 20, 64 << 20
"""About how many bytes of plain NDJSON make a part; more in a large file, as each part learns anew."""

_PARTS_OF_A_FILE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A source as a whole, or the lines of a plain NDJSON file that begin from byte `start` up to `end`.

    `tag` is what the file was when it was cut.
    """

    source: Source
    start: int = 0
    end: int | None = None
    tag: Tag = ()

    @property
    def size(self) -> int:
        """How many bytes it has, 0 where that is not known."""
        return int(dict(self.tag).get("size", 0)) if self.end is None else self.end - self.start


Batch = tuple[Part, ...]
"""Parts that are handed out together: one, or several small files."""


def iter_parts(source: Source, format_in: Format | None = None, size: int | None = None) -> Iterator[Part]:
    """Cut a source; only a plain NDJSON file is cut, and what cannot be opened stays whole.

    Without a size it depends on how large the file is.
    """
    whole = Part(source=source)
    try:
        whole = replace(whole, tag=_tag(source))
        length = whole.size
        size = size or min(max(PART_SIZE, length // _PARTS_OF_A_FILE), LARGEST_PART)
        if length > size and _is_plain_lines(source, format_in):
            for start in range(0, length, size):
                yield replace(whole, start=start, end=min(start + size, length))
            return
    except (OSError, StreamError):
        pass  # the worker meets it again, and says so
    yield whole


class PartReader:
    """The entries of a part. When all were taken, it is known how many lines there are, and what failed.

    `lines` and `fault` are of a cut part: a whole source yields its own failure, as an entry.
    """

    def __init__(
        self, part: Part, format_in: Format | None = None, answers: AnswerShape | None = None
    ) -> None:
        """Take a part; nothing is opened yet."""
        self._part = part
        self._format_in = format_in
        self._answers = answers
        self.lines: int | None = None
        self.fault: str | None = None

    def __iter__(self) -> Iterator[Exchange | Unreadable]:
        """Yield what the part holds, as `iter_exchanges` does for a whole source."""
        if self._part.end is None:
            yield from iter_exchanges(self._part.source, self._format_in, answers=self._answers)
            return
        try:
            with _open_range(self._part) as lines:
                yield from read_ndjson(self._part.source, lines, first=self._part.start + 1)
            self.lines = lines.lines
        except StreamError as error:
            self.fault = error.reason


def count_lines(part: Part) -> int | None:
    """Count the lines of a part that nobody could read; None where they cannot be counted, either."""
    try:
        with _open_range(part) as lines:
            while lines.read(CHUNK):
                pass
    except StreamError:
        return None
    return lines.lines


@contextmanager
def _open_range(part: Part) -> Iterator[LineRange]:
    assert part.end is not None  # noqa: S101  a whole source has no range
    try:
        with _open_at(part.source, first_byte(part.start)) as raw:
            yield LineRange(raw, part.start, part.end)
        _verify(part)
    except OSError as error:
        raise StreamError(describe_os_error(error)) from None


@contextmanager
def _open_at(source: Source, position: int) -> Iterator[Readable]:
    if source.remote is not None:
        with source.remote.open(position) as stream:
            yield stream
        return
    assert source.path is not None  # noqa: S101  standard input is not cut
    with source.path.open("rb") as file:
        file.seek(position)
        yield file


def _verify(part: Part) -> None:
    """Refuse a file that is not the one that was cut; one that only grew still has the bytes of its parts."""
    if part.source.remote is not None:
        part.source.remote.verify()
        return
    then, now = dict(part.tag), dict(_tag(part.source))
    grew = then["inode"] == now["inode"] and int(now["size"]) > int(then["size"])
    if then != now and not grew:
        raise StreamError(CHANGED)


def _tag(source: Source) -> Tag:
    if source.remote is not None:
        return source.remote.tag
    if source.path is None:
        return ()
    status = os.stat(source.path)  # noqa: PTH116  one of many
    return (("size", str(status.st_size)), ("mtime", str(status.st_mtime_ns)), ("inode", str(status.st_ino)))


def _is_plain_lines(source: Source, format_in: Format | None) -> bool:
    if source.remote is not None and not source.remote.has_ranges:
        return False
    with _open_at(source, 0) as raw:
        head = _head(raw)
    if head.startswith((GZIP_MAGIC, ZSTD_MAGIC)):
        return False
    return (format_in or recognise(head)) is Format.NDJSON


def _head(raw: Readable) -> bytes:
    return ChunkStream(iter(lambda: raw.read(HEAD), b"")).head(HEAD)
