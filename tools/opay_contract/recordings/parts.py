"""The lines that begin in a range of bytes: found from the middle of a file, without what is before it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec
from msgspec.structs import replace

from opay_contract.formats.errors import StreamError, describe_os_error
from opay_contract.formats.look import HEAD
from opay_contract.formats.streams import CHUNK, GZIP_MAGIC, ZSTD_MAGIC, ChunkStream, Readable
from opay_contract.formats.table import Format, recognise
from opay_contract.model.exchange import AnswerShape, Exchange, Unreadable
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges, with_url
from opay_contract.recordings.stores import CHANGED, Tag


class LineRange:
    """A stream of the lines that begin at the bytes from `start` up to `end`, and how many they are.

    A line belongs to the range in which its first byte lies, so every line belongs to one range, whatever
    the cuts. The byte before `start` tells whether a line begins there.
    """

    def __init__(self, raw: Readable, start: int, end: int) -> None:
        """Take a stream that stands at `first_byte(start)`."""
        self._raw = raw
        self._position = first_byte(start)
        self._end = end
        self._is_before = start > 0
        self._is_done = False
        self._ends = 0
        self._is_open = False

    @property
    def lines(self) -> int:
        """How many lines were read, the last one counted even if nothing ends it."""
        return self._ends + self._is_open

    def read(self, _size: int = -1, /) -> bytes:
        """Return some bytes, and nothing only at the end."""
        while not self._is_done:
            chunk = self._raw.read(CHUNK)
            start, self._position = self._position, self._position + len(chunk)
            wanted = chunk[self._skip(chunk, start) : self._cut(chunk, start)]
            if wanted:
                self._ends += wanted.count(b"\n")
                self._is_open = not wanted.endswith(b"\n")
                return wanted
        return b""

    def _skip(self, chunk: bytes, start: int) -> int:
        """Return how much of the chunk belongs to a line that began before the range."""
        if not self._is_before:
            return 0
        found = chunk.find(b"\n") + 1
        self._is_before = not found
        if (not found and self._position >= self._end) or (found and start + found >= self._end):
            self._is_done = True
            return len(chunk)
        return found or len(chunk)

    def _cut(self, chunk: bytes, start: int) -> int:
        """Return where in the chunk the last line of the range ends."""
        found = -1
        if self._position >= self._end and not self._is_done:
            found = chunk.find(b"\n", max(self._end - 1 - start, 0))
        self._is_done = self._is_done or found >= 0 or not chunk
        return found + 1 if found >= 0 else len(chunk)


def first_byte(start: int) -> int:
    """Return where to begin to read for a range that starts at `start`."""
    return max(start - 1, 0)


PART_SIZE, LARGEST_PART = 16 << 20, 64 << 20
"""About how many bytes of plain NDJSON make a part; more in a large file, as each part learns anew."""

_PARTS_OF_A_FILE = 32


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A source as a whole, or the lines or entries of a plain file that begin from byte `start` up to `end`.

    `tag` is what the file was when it was cut. `entries_before`, and on which `line` the first entry begins,
    are known of parts of a HAR alone.
    """

    source: Source
    start: int = 0
    end: int | None = None
    tag: Tag = ()
    entries_before: int | None = None
    line: int = 1

    @property
    def has_provisional_numbers(self) -> bool:
        """Whether its entries do not bear their true numbers."""
        return self.end is not None and self.entries_before is None

    @property
    def size(self) -> int:
        """How many bytes it has, 0 where that is not known."""
        return int(dict(self.tag).get("size", 0)) if self.end is None else self.end - self.start


Batch = tuple[Part, ...]
"""Parts that are handed out together: one, or several small files."""


def iter_parts(source: Source, format_in: Format | None = None, size: int | None = None) -> Iterator[Part]:
    """Cut a source; only plain NDJSON and HAR is cut, and what cannot be opened stays whole.

    Without a size it depends on how large the file is.
    """
    whole = Part(source=source)
    try:
        whole = replace(whole, tag=_tag(source))
        length = whole.size
        size = size or min(max(PART_SIZE, length // _PARTS_OF_A_FILE), LARGEST_PART)
        kind = _plain_format(source, format_in) if length > size else None
        if kind is Format.NDJSON:
            for start in range(0, length, size):
                yield replace(whole, start=start, end=min(start + size, length))
            return
        if kind is Format.HAR and source.path is not None:
            yield from _iter_har_parts(whole, length, size)
            return
    except (OSError, StreamError):
        pass  # the worker meets it again, and says so
    yield whole


def _iter_har_parts(whole: Part, length: int, size: int) -> Iterator[Part]:
    """Cut a HAR at entries; what comes after the last cut is one part, whatever it is."""
    from opay_contract.formats.har import iter_cuts  # noqa: PLC0415  a reader is imported when it is needed

    assert whole.source.path is not None  # noqa: S101  others are not cut
    part = replace(whole, entries_before=0, end=length)
    with whole.source.path.open("rb") as file, suppress(StreamError):
        for cut in iter_cuts(file):
            if cut.end - part.start >= size and length - cut.start >= size // 2:
                yield replace(part, end=cut.end)
                part = replace(part, start=cut.start, entries_before=cut.before, line=cut.line)
    yield part


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
        if self._part.entries_before is not None:
            yield from self._iter_har()
            return
        from opay_contract.formats.native import read_ndjson  # noqa: PLC0415  see above

        try:
            with _open_range(self._part) as lines:
                yield from read_ndjson(self._part.source.place, lines, first=self._part.start + 1)
            self.lines = lines.lines
        except StreamError as error:
            self.fault = error.reason

    def _iter_har(self) -> Iterator[Exchange | Unreadable]:
        from opay_contract.formats.har import HEAD_OF_PART, read_har  # noqa: PLC0415  see above

        part = self._part
        last = before = part.entries_before or 0
        try:
            _verify(part)
            with _open_at(part.source, part.start) as raw:
                stream = ChunkStream(_iter_har_text(part, raw))
                offset = part.start - len(HEAD_OF_PART) if part.start else 0
                for found in read_har(
                    part.source.place, stream, before=before, line=part.line, offset=offset
                ):
                    last = found.place.entry
                    yield with_url(found)
        except StreamError as error:
            if error.reason == CHANGED:
                self.fault = error.reason
            else:
                reason = f"{error.reason} after entry {last}" if last else error.reason
                yield Unreadable(place=part.source.place(0), reason=reason)
        except OSError as error:
            self.fault = describe_os_error(error)


def _iter_har_text(part: Part, raw: Readable) -> Iterator[bytes]:
    """Yield a HAR of the part's entries; the first and the last have the file's own head and end."""
    from opay_contract.formats.har import HEAD_OF_PART, TAIL_OF_PART  # noqa: PLC0415  see above

    if part.start:
        yield HEAD_OF_PART
    assert part.end is not None  # noqa: S101  a whole source has no range
    left = part.end - part.start
    while left and (chunk := raw.read(min(left, CHUNK))):
        left -= len(chunk)
        yield chunk
    _verify(part)
    if part.end < int(dict(part.tag)["size"]):
        yield TAIL_OF_PART


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


def _plain_format(source: Source, format_in: Format | None) -> Format | None:
    """Return the format of a source that is not packed and can be read from its middle."""
    if source.path is None and source.remote is None:
        return None
    if source.remote is not None and not source.remote.has_ranges:
        return None
    with _open_at(source, 0) as raw:
        head = ChunkStream(iter(lambda: raw.read(HEAD), b"")).head(HEAD)
    if head.startswith((GZIP_MAGIC, ZSTD_MAGIC)):
        return None
    told = recognise(head)
    if format_in is not None and Format.HAR in (told, format_in):  # what is no HAR is refused as a whole
        return format_in if told is format_in else None
    return format_in or (told if isinstance(told, Format) else None)
