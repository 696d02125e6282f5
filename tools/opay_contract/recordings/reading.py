"""The one door to recordings: opens a source, tells its format and hands it to the reader for that."""

import codecs
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from opay_contract.errors import UsageError
from opay_contract.model.answer_shape import AnswerShape
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.access_log import read_access_log
from opay_contract.recordings.archives import ZIP_MAGIC, open_archive
from opay_contract.recordings.curl_transcript import read_curl
from opay_contract.recordings.document import read_body, read_document
from opay_contract.recordings.foreign import Foreign
from opay_contract.recordings.formats import HEAD, Format, is_undecided, iter_looks, recognise
from opay_contract.recordings.har import read_har
from opay_contract.recordings.mitmproxy_flows import read_mitmproxy
from opay_contract.recordings.ndjson import iter_lines, read_ndjson
from opay_contract.recordings.newman import read_newman
from opay_contract.recordings.parquet import read_parquet
from opay_contract.recordings.postman import read_postman
from opay_contract.recordings.refusals import NO_URL, NoRecordingError, StreamError, describe_os_error
from opay_contract.recordings.schemathesis_ndjson import read_schemathesis_ndjson
from opay_contract.recordings.sources import PROMISING_SUFFIXES, Source, has_recording_name, open_file
from opay_contract.recordings.streams import MAX_ENTRY, ChunkStream, Readable, iter_read, unpack
from opay_contract.recordings.vcr import read_vcr

Reader = Callable[[Source, ChunkStream], Iterator[Exchange | Unreadable]]

READERS: dict[Format, Reader] = {
    Format.HAR: read_har,
    Format.VCR: read_vcr,
    Format.NDJSON: read_ndjson,
    Format.JSON: read_document,
    Format.BODY: read_body,
    Format.SCHEMATHESIS_NDJSON: read_schemathesis_ndjson,
    Format.MITMPROXY: read_mitmproxy,
    Format.POSTMAN: read_postman,
    Format.NEWMAN: read_newman,
    Format.CURL: read_curl,
    Format.ACCESS_LOG: read_access_log,
}

_UTF16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_LINES_OF_ITS_OWN = (Format.NDJSON, Format.JSON, Format.BODY, Format.PARQUET)
"""The formats in which an answer may stand without the request's URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An open source: its unpacked text, of which nothing is read yet, and its format.

    `is_sure` is False where only the user says that it is of this format. `is_archive` if there is more in
    the file than this text.
    """

    stream: ChunkStream
    format: Format
    is_sure: bool
    is_archive: bool = False

    def refuse_nothing(self) -> None:
        """Raise when a source in which nothing was found is not of its format at all."""
        if not self.is_sure:
            advice = "leave --format-in out, or name another"
            raise NoRecordingError(f"the file holds nothing of the format '{self.format}'; {advice}")


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
    last = 0
    try:
        with open_source(source, format_in, stdin=stdin, answers=answers) as recording:
            if recording.format is Format.PARQUET:
                yield from read_parquet(source)
                return
            for found in READERS[recording.format](source, recording.stream):
                last = found.place.entry
                yield found if recording.format in _LINES_OF_ITS_OWN else _with_url(found)
            if not last:
                recording.refuse_nothing()
    except NoRecordingError as error:
        yield refused(source, error)
    except StreamError as error:
        reason = f"{error.reason} after entry {last}" if last else error.reason
        yield Unreadable(place=source.place(0), reason=reason)


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


def _with_url(found: Exchange | Unreadable) -> Exchange | Unreadable:
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
    with _open_raw(source, stdin) as raw, _open_unpacked(source, raw) as (stream, is_archive):
        head = _look_ahead(stream)
        if not source.is_named and format_in is not None and not has_recording_name(source.name):
            _recognised(head)  # a format that is asked for is not forced on everything in a folder
        found = _tell_format(source, head, format_in)
        if format_in is None and answers is not None and found in (Format.JSON, Format.NDJSON):
            _refuse_other_json(head, answers)
        is_sure = format_in is None or recognise(head) is format_in
        yield Recording(stream=stream, format=found, is_sure=is_sure, is_archive=is_archive)


@contextmanager
def _open_unpacked(source: Source, raw: Readable) -> Iterator[tuple[ChunkStream, bool]]:
    """Give the text, and whether it is one of an archive's files."""
    stream = unpack(raw, source.max_unpacked)
    if stream.head(len(ZIP_MAGIC)) == ZIP_MAGIC:
        with open_archive(source.path, source.max_unpacked) as member:
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


def iter_list_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the lines of a list of paths, decoded, by number; a `StreamError` says why it cannot be read.

    A recording in place of a list is refused: none of its lines is a name that may be said.
    """
    with _open_raw(source, None) as raw:
        stream = unpack(raw)
        if (found := recognise(stream.head(HEAD))) is not None:
            what = found.name if isinstance(found, Foreign) else f"a recording ({found})"
            raise UsageError(f"'{source.name}' is no list of paths but {what}; name it without @")
        for number, line in iter_lines(stream):
            yield number, line.decode(errors="replace")


@contextmanager
def _open_raw(source: Source, stdin: BinaryIO | None) -> Iterator[Readable]:
    if source.remote is not None:
        with source.remote.open() as stream:
            yield stream
        return
    try:
        raw = open_file(source.path) if source.path else nullcontext(stdin or sys.stdin.buffer)
    except (OSError, ValueError) as error:
        raise StreamError(describe_os_error(error)) from None
    with raw as opened:
        yield opened


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
