"""The one door to recordings: opens a source, tells its format and hands it to the reader for that."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO

from opay_contract.errors import UsageError
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.curl_transcript import read_curl
from opay_contract.recordings.document import read_body, read_document
from opay_contract.recordings.formats import HEAD, Format, recognise
from opay_contract.recordings.har import read_har
from opay_contract.recordings.mitmproxy_flows import read_mitmproxy
from opay_contract.recordings.ndjson import iter_lines, read_ndjson
from opay_contract.recordings.newman import read_newman
from opay_contract.recordings.parquet import read_parquet
from opay_contract.recordings.postman import read_postman
from opay_contract.recordings.refusals import StreamError, describe_os_error
from opay_contract.recordings.schemathesis_ndjson import read_schemathesis_ndjson
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import ChunkStream, Readable, unpack
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
}

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An open source: its unpacked text, of which nothing is read yet, and its format.

    `is_sure` is False where only the user says that it is of this format.
    """

    stream: ChunkStream
    format: Format
    is_sure: bool

    def refuse_nothing(self) -> None:
        """Raise when a source in which nothing was found is not of its format at all."""
        if not self.is_sure:
            advice = "leave --format-in out, or name another"
            raise StreamError(f"the file holds nothing of the format '{self.format}'; {advice}")


def iter_exchanges(
    source: Source, format_in: Format | None = None, *, stdin: BinaryIO | None = None
) -> Iterator[Exchange | Unreadable]:
    """Yield what a source holds, entry by entry; never raises, what cannot be read is a value, too."""
    last = 0
    try:
        with open_source(source, format_in, stdin=stdin) as recording:
            if recording.format is Format.PARQUET:
                yield from read_parquet(source)
                return
            for found in READERS[recording.format](source, recording.stream):
                last = found.place.entry
                yield found
            if not last:
                recording.refuse_nothing()
    except StreamError as error:
        reason = f"{error.reason} after entry {last}" if last else error.reason
        yield Unreadable(place=source.place(0), reason=reason)


@contextmanager
def open_source(
    source: Source, format_in: Format | None = None, *, stdin: BinaryIO | None = None
) -> Iterator[Recording]:
    """Open a source; a `StreamError`, now or at a later read, says why it cannot be read further."""
    with _open_raw(source, stdin) as raw:
        stream = unpack(raw)
        head = stream.head(HEAD)
        found = _tell_format(head, format_in)
        is_sure = format_in is None or recognise(head) is format_in
        yield Recording(stream=stream, format=found, is_sure=is_sure)


def iter_list_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the lines of a list of paths, decoded, by number; a `StreamError` says why it cannot be read.

    A recording in place of a list is refused: none of its lines is a name that may be said.
    """
    with _open_raw(source, None) as raw:
        stream = unpack(raw)
        if (found := recognise(stream.head(HEAD))) is not None:
            raise UsageError(
                f"'{source.name}' is no list of paths but a recording ({found}); name it without @"
            )
        for number, line in iter_lines(stream):
            yield number, line.decode(errors="replace")


@contextmanager
def _open_raw(source: Source, stdin: BinaryIO | None) -> Iterator[Readable]:
    if source.remote is not None:
        with source.remote.open() as stream:
            yield stream
        return
    try:
        raw = source.path.open("rb") if source.path else nullcontext(stdin or sys.stdin.buffer)
    except (OSError, ValueError) as error:
        raise StreamError(describe_os_error(error)) from None
    with raw as opened:
        yield opened


def _tell_format(head: bytes, format_in: Format | None) -> Format:
    if len(head) < HEAD and not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise StreamError("the file is empty")
    if format_in is not None:
        return format_in
    if head.startswith(_UTF16_MARKS):
        raise StreamError("the file is UTF-16 text; save it as UTF-8")
    found = recognise(head)
    if found is None:
        raise StreamError("the file is no recording of a known format; name its format with --format-in")
    return found
