"""Keeps the results of finished parts in a file as they come, so that a run that was stopped goes on.

A line a part: a key, which binds everything that its result depends on, and the result. Lines are only ever
added. A last line that breaks off, because the run was killed in the midst of it, is taken away.
"""

import hashlib
import hmac
import json
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec
from msgspec import structs

from opay_contract import __version__
from opay_contract.contract.documents import Document
from opay_contract.drift.saving import move_places, summary_from_json, summary_to_json
from opay_contract.engines.folding import PartResult
from opay_contract.errors import UsageError
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.recordings.parts import Part

VERSION = 1

_Span = tuple[int, int]


class _Head(msgspec.Struct):
    opay_contract_resume: int
    started_at: float


class _Kept(msgspec.Struct):
    part: str
    lines: int | None
    summary: msgspec.Raw


_HEAD, _LINE = msgspec.json.Decoder(_Head), msgspec.json.Decoder(_Kept)
_T = TypeVar("_T")


class Checkpoint:
    """The finished parts of this run and of those before it; in memory is only where each stands."""

    def __init__(self, path: Path, file: BinaryIO, started_at: float, spans: dict[str, _Span]) -> None:
        """Take an open file; `started_at` is when the first of the runs began."""
        self._path = path
        self._file = file
        self._spans = spans
        self._run = ""
        self.started_at = started_at
        self.taken_over = 0

    def bind(
        self,
        documents: dict[str, Document],
        base_urls: tuple[str, ...],
        settings: Settings,
        format_in: Format | None,
    ) -> None:
        """Say what results depend on beside the files; those of another contract or key are not taken."""
        key = settings.private_key
        keyed = hmac.new(key.encode(), str(self.started_at).encode(), "sha256").hexdigest() if key else None
        contract = [[name, document.value] for name, document in sorted(documents.items())]
        given = [__version__, contract, base_urls, repr(settings), keyed, format_in]  # the key is not in it
        self._run = hashlib.sha256(json.dumps(given, default=str).encode()).hexdigest()

    def find(self, part: Part) -> PartResult | None:
        """Return the result of a part that was finished before, as a part of this run."""
        span = self._spans.get(self._key(part))
        if span is None:
            return None
        try:
            self._file.seek(span[0])
            kept = _LINE.decode(self._file.read(span[1]))
            summary = summary_from_json(bytes(kept.summary))
        except (OSError, ValueError, UsageError) as error:
            raise _damaged(self._path) from error
        self.taken_over += 1
        source = part.source
        moved = move_places(
            summary, lambda place: structs.replace(place, source=source.ordinal, file=source.name)
        )
        return PartResult(summary=moved, lines=kept.lines)

    def add(self, part: Part, result: PartResult) -> None:
        """Keep a result; not that of a file that could not be read whole, which a later run tries again."""
        if any(unreadable.place.entry == 0 for unreadable in result.summary.unreadable):
            return
        summary = msgspec.Raw(summary_to_json(result.summary))
        kept = _Kept(part=self._key(part), lines=result.lines, summary=summary)
        _append(self._path, self._file, kept)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _key(self, part: Part) -> str:
        name, tag = part.source.name, part.tag
        given = [self._run, name, tag, part.start, part.end]
        return hashlib.sha256(json.dumps(given).encode()).hexdigest()


def open_checkpoint(path: Path, now: float) -> Checkpoint:
    """Open a file of finished parts, or begin one."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("a+b"))
            file.seek(0)
            started_at, spans, end = _read(path, file)
            file.truncate(end)
        except OSError as error:
            raise UsageError(f"cannot use '{path}': {error.strerror}") from error
        if started_at is None:
            started_at = now
            _append(path, file, _Head(opay_contract_resume=VERSION, started_at=now))
        stack.pop_all()  # it stays open
    return Checkpoint(path, file, started_at, spans)


def _read(path: Path, file: BinaryIO) -> tuple[float | None, dict[str, _Span], int]:
    started_at: float | None = None
    spans: dict[str, _Span] = {}
    position = 0
    for line in file:
        if not line.endswith(b"\n"):
            break
        if started_at is None:
            head = _parse(path, _HEAD, line)
            if head.opay_contract_resume != VERSION:
                raise UsageError(f"'{path}' is a file of --resume of another version; name another one")
            started_at = head.started_at
        else:
            spans[_parse(path, _LINE, line).part] = (position, len(line))
        position += len(line)
    if position == 0 and file.tell():
        raise _damaged(path)
    return started_at, spans, position


def _parse(path: Path, decoder: "msgspec.json.Decoder[_T]", line: bytes) -> "_T":
    try:
        return decoder.decode(line)
    except ValueError as error:
        raise _damaged(path) from error


def _append(path: Path, file: BinaryIO, kept: "_Head | _Kept") -> None:
    try:
        file.write(msgspec.json.encode(kept) + b"\n")
        file.flush()
    except OSError as error:
        raise UsageError(f"cannot write to '{path}': {error.strerror}") from error


def _damaged(path: Path) -> UsageError:
    return UsageError(f"'{path}' is damaged, or no file of --resume; take it away and begin anew")
