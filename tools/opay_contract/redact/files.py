"""Redacts a file as a whole: unpacked, redacted as a stream, packed again, and put in place at once."""

import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import zstandard

from opay_contract.files import open_draft
from opay_contract.formats.editing import Sink, Tally
from opay_contract.formats.errors import NoRecordingError, StreamError
from opay_contract.formats.parquet import Row, iter_rows, rewrite_rows
from opay_contract.formats.streams import GZIP_MAGIC, ZSTD_MAGIC
from opay_contract.formats.table import FORMATS, Format
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import open_rows, open_source, refused, saying_damage
from opay_contract.redact.proving import Prover
from opay_contract.redact.redactor import Redactor

_IN_MEMORY = 16 << 20
NO_ARCHIVE = "archives are not redacted; unpack it and redact what is in it"


def redact_stream(
    redactor: Redactor,
    source: Source,
    sink: Sink,
    format_in: Format | None = None,
    *,
    stdin: BinaryIO | None = None,
) -> Tally:
    """Redact a source into a sink, as unpacked text.

    Where the source breaks off the text does, too; the tally says why.
    """
    tally = Tally()
    try:
        with open_source(source, format_in, stdin=stdin, answers=redactor.answers) as recording:
            tally.needs_url = recording.needs_url
            rewrite = FORMATS[recording.format].rewrite
            if recording.is_archive:
                tally.broken = NO_ARCHIVE
            elif rewrite is None:
                _redact_parquet(redactor, source, sink, tally)
            else:
                rewrite(redactor.policy, recording.stream, sink, tally)
            if not tally.entries:
                recording.refuse_nothing()
    except NoRecordingError as error:
        tally.is_passed_over = refused(source, error).is_passed_over
        tally.broken = error.reason
    except StreamError as error:
        tally.broken = error.reason
    return tally


def _redact_parquet(redactor: Redactor, source: Source, sink: Sink, tally: Tally) -> None:
    """Redact every row; of a file that is damaged nothing is written, for its end says where its rows are."""
    with ExitStack() as stack:
        try:
            with saying_damage():
                parquet = stack.enter_context(open_rows(source))
            rewrite_rows(
                redactor.policy, parquet, _iter_read(iter_rows(parquet, source.max_unpacked)), sink, tally
            )
        except StreamError:
            tally.entries = 0
            raise


def _iter_read(batches: Iterator[list[Row]]) -> Iterator[list[Row]]:
    with saying_damage():
        yield from batches


def redact_file(redactor: Redactor, source: Source, target: Path, format_in: Format | None = None) -> Tally:
    """Redact a file into another one, packed in the same way; nothing is left behind where that fails.

    Names that were kept and are values further on are replaced in what was written, which is redacted again.
    A source of which nothing can be read leaves no target.
    """
    packing = _packing_of(source)
    with open_draft(target, makes_folders=True) as draft:
        tally = _write(redactor, source, draft, packing, format_in=format_in)
        if tally.broken and not tally.entries:
            return tally
        if clashes := redactor.memory.clashes():
            written = Source(ordinal=source.ordinal, name=source.name, path=draft)
            with open_draft(target) as again:
                _write(redactor, written, again, packing, format_in=format_in, forced=clashes)
                again.replace(target)
        else:
            draft.replace(target)
    return tally


def _write(  # noqa: PLR0913  what, from where, to where, and how
    redactor: Redactor,
    source: Source,
    path: Path,
    packing: "Callable[[BinaryIO], _Packer]",
    *,
    format_in: Format | None,
    forced: frozenset[str] = frozenset(),
) -> Tally:
    redactor.memory.begin(forced)
    with path.open("wb") as raw:
        packer = packing(raw)
        tally = redact_stream(redactor, source, packer, format_in)
        packer.close(whole=tally.broken is None or tally.says_broken)
    return tally


def verify_source(
    redactor: Redactor, source: Source, format_in: Format | None = None, *, stdin: BinaryIO | None = None
) -> tuple[Tally, list[tuple[str, str]]]:
    """Return what of a source is not proved clean, as kinds and places, each once.

    Two look at it: a redaction, for what it would replace, and the prover, which knows no format.
    """
    redactor.memory.begin()
    redactor.log.replaced.clear()
    with ExitStack() as stack:
        kept = stack.enter_context(SpooledTemporaryFile(_IN_MEMORY)) if source.path is None else None
        if kept is not None and stdin is not None:
            shutil.copyfileobj(stdin, kept)
            kept.seek(0)
        raw = cast("BinaryIO | None", kept)
        tally = redact_stream(redactor, source, _Nowhere(), format_in, stdin=raw)
        places = list(dict.fromkeys(redactor.log.replaced))
        redactor.log.replaced.clear()
        if not places and tally.entries:
            if kept is not None:
                kept.seek(0)
            places = _prove(redactor, source, format_in, raw)
    return tally, places


def _prove(
    redactor: Redactor, source: Source, format_in: Format | None, stdin: BinaryIO | None
) -> list[tuple[str, str]]:
    prover = Prover(redactor.contract, redactor.memory.known)
    try:
        with open_source(source, format_in, stdin=stdin) as recording:
            if FORMATS[recording.format].rewrite is None:
                return []  # its rows are packed
            return list(dict.fromkeys(prover.iter_places(recording.stream)))
    except StreamError:
        return []  # it is said already


class _Nowhere:
    def write(self, data: bytes, /) -> object:
        """Forget the bytes."""


class _Packer:
    """Writes to a file by way of zlib's or zstandard's object that packs, plain without one."""

    def __init__(self, raw: BinaryIO, packer: Any = None, ends: tuple[int, int] = (0, 0)) -> None:
        """Take how the object is flushed where the text ends, and where it breaks off."""
        self._raw, self._packer, self._ends = raw, packer, ends

    def write(self, data: bytes, /) -> object:
        """Take bytes."""
        return self._raw.write(data if self._packer is None else self._packer.compress(data))

    def close(self, *, whole: bool) -> None:
        """Write what is left; a text that breaks off is not ended."""
        if self._packer is not None:
            self._raw.write(self._packer.flush(self._ends[not whole]))


def _packing_of(source: Source) -> Callable[[BinaryIO], _Packer]:
    """Return what packs as a source is; what a pipe brings is there once, so that it is written plain."""
    magic = b""
    with suppress(OSError, ValueError):
        if source.path is not None and source.path.is_file():
            with source.path.open("rb") as raw:
                magic = raw.read(len(ZSTD_MAGIC))
    if magic.startswith(GZIP_MAGIC):
        return lambda raw: _Packer(raw, zlib.compressobj(wbits=31), (zlib.Z_FINISH, zlib.Z_SYNC_FLUSH))
    if magic.startswith(ZSTD_MAGIC):
        ends = zstandard.COMPRESSOBJ_FLUSH_FINISH, zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return lambda raw: _Packer(raw, zstandard.ZstdCompressor().compressobj(), ends)
    return _Packer
