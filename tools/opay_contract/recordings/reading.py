"""Reads the HAR in a ZIP archive, and the bodies that Playwright put beside it, without unpacking to disk."""

import codecs
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO

import msgspec

from opay_contract.formats.errors import NO_ENTRIES, NO_URL, NoRecordingError, StreamError
from opay_contract.formats.foreign import Foreign
from opay_contract.formats.look import HEAD, is_undecided, iter_looks
from opay_contract.formats.parquet import OpenParquet, Row, damage_of, iter_rows, open_parquet, read_row
from opay_contract.formats.streams import (
    CHUNK,
    MAX_ENTRY,
    ChunkStream,
    Readable,
    iter_read,
    most_unpacked,
    too_much,
    unpack,
)
from opay_contract.formats.table import FORMATS, Format, recognise
from opay_contract.model.exchange import AnswerShape, Exchange, Unreadable
from opay_contract.recordings.inputs import (
    PROMISING_SUFFIXES,
    Source,
    has_recording_name,
    open_anywhere,
    open_raw,
)
from opay_contract.recordings.stores import Ahead, describe_failure

ZIP_MAGIC = b"PK\x03\x04"
NOT_FROM_A_PIPE = "a ZIP archive cannot be read from a pipe; name the file"
DAMAGED = "the ZIP archive is damaged, or packed in a way that cannot be unpacked here; unpack it"

_IN_MEMORY = 16 << 20
_DEFECTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)
"""What zipfile raises for a broken archive; NotImplementedError is a way of packing that it does not know."""


class _Budget:
    """What the files of an archive may unpack to in all, each as often as it is read."""

    def __init__(self, packed: int, most: int | None) -> None:
        self._most = most_unpacked(packed) if most is None else most
        self._used = 0

    def use(self, size: int) -> None:
        """Take so many bytes; raise where they are more than are left."""
        self._used += size
        if self._used > self._most:
            raise too_much(self._most)


@contextmanager
def open_archive(source: Source) -> Iterator[ChunkStream]:
    """Open the one HAR of an archive; its stream knows the bodies that are kept beside it."""
    if source.remote is None and source.path is None:
        raise StreamError(NOT_FROM_A_PIPE)
    with source.path.open("rb") if source.path else _copy_of(source) as raw:
        try:
            archive = zipfile.ZipFile(raw)
        except _DEFECTS:
            raise StreamError(DAMAGED) from None
        names = [name for name in archive.namelist() if name.lower().endswith(".har")]
        if len(names) != 1:
            number = f"{len(names):,} HARs" if names else "no HAR"
            raise NoRecordingError(
                f"the file is a ZIP archive with {number} in it; unpack it and name the files"
            )
        budget = _Budget(sum(one.compress_size for one in archive.infolist()), source.max_unpacked)
        stream = ChunkStream(_iter_chunks(archive, names[0], budget))
        stream.attached = partial(_read_attached, archive, budget)
        yield stream


@contextmanager
def _copy_of(source: Source) -> Iterator[Any]:
    """Give what a store has as a file that can be read at any place, and is gone in the end."""
    with SpooledTemporaryFile(_IN_MEMORY) as file, open_raw(source, None) as raw:
        for chunk in iter_read(raw):
            file.write(chunk)
        yield file


def _iter_chunks(archive: zipfile.ZipFile, name: str, budget: _Budget) -> Iterator[bytes]:
    try:
        with archive.open(name) as member:
            for chunk in iter(partial(member.read, CHUNK), b""):
                budget.use(len(chunk))
                yield chunk
    except _DEFECTS:
        raise StreamError(DAMAGED) from None


def _read_attached(archive: zipfile.ZipFile, budget: _Budget, name: str) -> bytes | None:
    """Return a body, or None where it is not there, is damaged or is longer than an entry may be."""
    try:
        with archive.open(name) as member:
            body = member.read(MAX_ENTRY + 1)
    except (KeyError, *_DEFECTS):
        return None
    budget.use(len(body))
    return body if len(body) <= MAX_ENTRY else None


_UTF16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_LINES_OF_ITS_OWN = (Format.NDJSON, Format.JSON, Format.BODY, Format.PARQUET)
"""The formats in which an answer may stand without the request's URL."""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """An open source: its unpacked text, of which nothing is read yet, and its format.

    `is_sure` is False where only the user says that it is of this format. `is_archive` if there is more in
    the file than this text.
    """

    stream: ChunkStream
    format: Format
    is_sure: bool
    is_archive: bool = False

    @property
    def needs_url(self) -> bool:
        """Whether nothing but the request's URL tells whose answer an entry has."""
        return self.format not in _LINES_OF_ITS_OWN

    def refuse_nothing(self) -> None:
        """Raise when a source in which nothing was found is not of its format at all."""
        if not self.is_sure:
            raise NoRecordingError(NO_ENTRIES)


def iter_exchanges(
    source: Source,
    format_in: Format | None = None,
    *,
    stdin: BinaryIO | None = None,
    answers: AnswerShape | None = None,
) -> Iterator[Exchange | Unreadable]:
    """Yield what a source holds, entry by entry; never raises, what cannot be read is a value, too.

    With the shape of the contract's answers, JSON that has neither that nor an exchange's is no recording.
    """
    last: Exchange | Unreadable | None = None
    try:
        with open_source(source, format_in, stdin=stdin, answers=answers) as recording:
            read = FORMATS[recording.format].read
            if read is None:
                yield from _iter_parquet(source)
                return
            needs_url = recording.needs_url
            for last in read(source.place, recording.stream):
                yield with_url(last) if needs_url else last
            if last is None:
                recording.refuse_nothing()
    except NoRecordingError as error:
        yield refused(source, error)
    except StreamError as error:
        reason = f"{error.reason} after entry {last.place.entry}" if last else error.reason
        yield Unreadable(place=source.place(0), reason=reason)


def _iter_parquet(source: Source) -> Iterator[Exchange | Unreadable]:
    """Yield what each row holds; a thread reads ahead from a store, so that one that stalls is given up."""
    rows = partial(_iter_batches, source)
    with closing(rows() if source.remote is None else Ahead(rows, describe_failure)) as batches:
        for number, row in enumerate(chain.from_iterable(batches), start=1):
            yield read_row(source.place(number), row)


def _iter_batches(source: Source) -> Generator[list[Row], None, None]:
    with saying_damage():
        with open_rows(source) as parquet:
            yield from iter_rows(parquet, source.max_unpacked)
        if source.remote is not None:
            source.remote.verify()


@contextmanager
def open_rows(source: Source) -> Iterator[OpenParquet]:
    """Open a source as Parquet."""
    if source.remote is None and (source.path is None or not source.path.is_file()):
        raise StreamError("Parquet cannot be read from standard input or a pipe; name the file")
    with open_anywhere(source) as raw, open_parquet(raw) as parquet:
        yield parquet


@contextmanager
def saying_damage() -> Iterator[None]:
    """Say in our own words what fails while Parquet is read: in its data, or in the store that has it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  pyarrow has exceptions of many kinds
        raise StreamError(damage_of(error) or describe_failure(error)) from None


def refused(source: Source, error: NoRecordingError) -> Unreadable:
    """Return what is said of a file that is no recording; one only met in a folder is passed over."""
    is_passed_over = not source.is_named and not has_recording_name(source.name, PROMISING_SUFFIXES)
    return Unreadable(place=source.place(0), reason=error.reason, is_passed_over=is_passed_over)


def is_passed_over(found: Source | Unreadable, answers: AnswerShape) -> bool:
    """Tell whether a file was only met in a folder and is no recording; it is opened to see."""
    if isinstance(found, Unreadable) or found.is_named:
        return False
    try:
        with open_source(found, answers=answers):
            return False
    except NoRecordingError as error:
        return refused(found, error).is_passed_over
    except StreamError:
        return False


def with_url(found: Exchange | Unreadable) -> Exchange | Unreadable:
    """Refuse an exchange whose URL was not found: nothing tells whose answer it is."""
    if isinstance(found, Exchange) and found.request.url is None:
        return Unreadable(place=found.place, reason=NO_URL)
    return found


@contextmanager
def open_source(
    source: Source,
    format_in: Format | None = None,
    *,
    stdin: BinaryIO | None = None,
    answers: AnswerShape | None = None,
) -> Iterator[Recording]:
    """Open a source; a `StreamError`, now or at a later read, says why it cannot be read further."""
    with open_raw(source, stdin) as raw, _open_unpacked(source, raw) as (stream, is_archive):
        head = _look_ahead(stream)
        if not source.is_named and format_in is not None and not has_recording_name(source.name):
            _recognised(head)  # a format that is asked for is not forced on everything in a folder
        found = _tell_format(source, head, format_in)
        if format_in is None and answers is not None and found in (Format.JSON, Format.NDJSON):
            _refuse_other_json(head, answers)
        is_sure = format_in is None or recognise(head) is format_in
        try:
            yield Recording(stream=stream, format=found, is_sure=is_sure, is_archive=is_archive)
        except NoRecordingError:
            if is_sure:
                raise
            advice = "leave --format-in out, or name another"
            reason = f"the file holds nothing of the format '{found}'; {advice}"
            raise NoRecordingError(reason) from None


@contextmanager
def _open_unpacked(source: Source, raw: Readable) -> Iterator[tuple[ChunkStream, bool]]:
    """Give the text, and whether it is one of an archive's files."""
    stream = unpack(raw, source.max_unpacked)
    if stream.head(len(ZIP_MAGIC)) == ZIP_MAGIC:
        with open_archive(source) as member:
            yield member, True
    else:
        yield _decoded(stream), False


def _decoded(stream: ChunkStream) -> ChunkStream:
    """Return text in UTF-8, also where Windows wrote it in UTF-16."""
    encoding = _UTF16_MARKS.get(stream.head(2))
    if encoding is None:
        return stream
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    chunks = chain(iter_read(stream), [None])
    texts = (decoder.decode(chunk or b"", final=chunk is None) for chunk in chunks)
    return ChunkStream(text.encode() for text in texts if text)


def _look_ahead(stream: ChunkStream) -> bytes:
    """Return as much of the head as tells the format."""
    size = HEAD
    head = stream.head(size)
    while len(head) == size < MAX_ENTRY and is_undecided(head):
        size *= 4
        head = stream.head(size)
    return head


def _refuse_other_json(head: bytes, answers: AnswerShape) -> None:
    """Refuse JSON of which nothing that is seen can be an exchange or an answer."""
    seen = False
    for look in iter_looks(head):
        seen = True
        if look.is_exchange or answers.fits(look.members) or not look.is_whole:
            return
    if seen:
        raise NoRecordingError(
            f"the file is JSON, and neither a recording that is known nor an answer, which would have "
            f"{answers.describe()}; if it is one all the same, say --format-in body"
        )


def _tell_format(source: Source, head: bytes, format_in: Format | None) -> Format:
    if len(head) < HEAD and not head.removeprefix(codecs.BOM_UTF8).strip():
        error = StreamError if has_recording_name(source.name) else NoRecordingError
        raise error("the file is empty")
    return format_in or _recognised(head)


def _recognised(head: bytes) -> Format:
    found = recognise(head)
    if isinstance(found, Foreign):
        raise NoRecordingError(found.describe())
    if found is None:
        raise NoRecordingError("the file is no recording of a known format")
    return found
