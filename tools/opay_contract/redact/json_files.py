"""Redacts recordings that are JSON text, entry by entry."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from opay_contract.formats.bounds import excess_of
from opay_contract.formats.errors import TOO_LONG, StreamError
from opay_contract.formats.har import read_har
from opay_contract.formats.json_cursor import JsonCursor, Path
from opay_contract.formats.json_text import Visitor, read_text, rewrite_json, write_text
from opay_contract.formats.native import LONG_LINE, parse_line
from opay_contract.formats.newman import read_execution
from opay_contract.formats.schemathesis import read_schemathesis_ndjson
from opay_contract.formats.streams import ChunkStream
from opay_contract.formats.vcr import read_vcr
from opay_contract.jsontext import NotJson, parse_json
from opay_contract.model.exchange import Exchange, Place, Unreadable
from opay_contract.recordings.inputs import Source
from opay_contract.redact.entries import EntryVisitor
from opay_contract.redact.postman_values import PostmanVisitor
from opay_contract.redact.redactor import Redacted, Redactor

NO_VALUE = b"null"
"""What stands for a value outside the entries that is no JSON."""

Read = Callable[[bytes], Exchange | Unreadable]
Visit = Callable[[Redactor, Any, Redacted | None], Visitor]
"""Makes what visits the values of an entry, from its tree and its exchange, if it has one."""

_Made = TypeVar("_Made")
_HERE = Source(ordinal=0, name="-", path=None)
_PLACE = Place(source=0, entry=1, file="-")


class Sink(Protocol):
    """Where redacted text goes."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""


@dataclass(slots=True)
class Tally:
    """How many entries were redacted, and which could not be read.

    `unread` says of each entry that could not be read and had something to be taken out, by its number, why
    that is; `broken` says why the rest of the file could not be read. `says_broken` is set where the written
    text itself stops making sense at that place, so that its packing need not. `is_passed_over` for a file of
    a folder that is no recording: nothing is written of it, and that is no fault.
    """

    entries: int = 0
    unread: dict[int, str] = field(default_factory=dict)
    broken: str | None = None
    says_broken: bool = False
    is_passed_over: bool = False

    def refuse(self, reason: str) -> None:
        """Note that the entry that is on cannot be read; a line that is named is one of the entry alone."""
        self.unread.setdefault(self.entries, reason.partition(" at line ")[0])

    def note(self, found: Exchange | Unreadable) -> None:
        """Note why the entry that is on is not judged, if it is not: its bodies may be too much, too."""
        reason = found.reason if isinstance(found, Unreadable) else excess_of(found)
        if reason is not None:
            self.refuse(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKind:
    """How an entry of a format is read alone, and what stands for one that cannot be read.

    `broken` is what stands for one that is no JSON, where nothing of it can stay.
    """

    read: Read
    placeholder: bytes
    broken: tuple[bytes, ...] = (b"{x}",)
    is_native: bool = False
    visit: Visit = EntryVisitor


def _first(items: Iterator[Exchange | Unreadable]) -> Exchange | Unreadable:
    return next(items, Unreadable(place=_PLACE, reason="no entry"))


def _read_har(data: bytes) -> Exchange | Unreadable:
    return _first(read_har(_HERE.place, ChunkStream([b'{"log":{"entries":[', data, b"]}}"])))


def _read_vcr(data: bytes) -> Exchange | Unreadable:
    return _first(read_vcr(_HERE.place, ChunkStream([b'{"interactions":[' + data + b"]}"])))


def _read_schemathesis(data: bytes) -> Exchange | Unreadable:
    head = b'{"ScenarioFinished":{"recorder":{"interactions":['
    return _first(read_schemathesis_ndjson(_HERE.place, ChunkStream([head + data + b"]}}}"])))


def _read_native(data: bytes) -> Exchange | Unreadable:
    return parse_line(_PLACE, data)


def _read_newman(data: bytes) -> Exchange | Unreadable:
    return read_execution(_PLACE, data)


def _visit_execution(redactor: Redactor, tree: Any, redacted: Redacted | None) -> Visitor:
    return PostmanVisitor(redactor, tree, {("response",): redacted} if redacted is not None else {})


_EMPTY = b'{"request":{},"response":{}}'
HAR_ENTRY = EntryKind(read=_read_har, placeholder=_EMPTY)
VCR_ENTRY = EntryKind(read=_read_vcr, placeholder=_EMPTY)
SCHEMATHESIS_ENTRY = EntryKind(read=_read_schemathesis, placeholder=_EMPTY)
NATIVE_ENTRY = EntryKind(
    read=_read_native,
    placeholder=b'{"response":{}}',
    broken=(b'{"x', b"{x}"),
    is_native=True,
    visit=partial(EntryVisitor, is_native=True),
)
NEWMAN_ENTRY = EntryKind(read=_read_newman, placeholder=_EMPTY, visit=_visit_execution)
NOT_KEPT = "it cannot be redacted so that it can still be read"


def redact_entry(redactor: Redactor, kind: EntryKind, data: bytes | None, tally: Tally) -> bytes:
    """Return the text of an entry, redacted; one that cannot be read stays one, for the same reason."""
    tally.entries += 1
    noted = len(redactor.log.replaced)
    made = unless_defect(tally, lambda: _redact_entry(redactor, kind, data, tally), kind.placeholder)
    if made != data and len(redactor.log.replaced) == noted:
        redactor.log.add("what cannot be read", "recording:entry")
    return made


def unless_defect(tally: Tally, redact: Callable[[], _Made], instead: _Made) -> _Made:
    """Redact an entry; a defect of ours costs that one alone, and what it says may hold data."""
    try:
        return redact()
    except (StreamError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the entries beside it are redacted
        tally.refuse(f"it cannot be redacted ({type(error).__name__})")
        return instead


def _redact_entry(redactor: Redactor, kind: EntryKind, data: bytes | None, tally: Tally) -> bytes:
    found = kind.read(LONG_LINE if data is None else data)
    if data is None:
        tally.refuse(found.reason if isinstance(found, Unreadable) else TOO_LONG)
        return kind.placeholder
    made = _rewrite(redactor, kind, data, found)
    tally.note(found)
    if isinstance(found, Exchange):
        if isinstance(kind.read(made), Exchange):
            return made
        tally.refuse(NOT_KEPT)
        return kind.placeholder
    return next(
        (text for text in (made, *kind.broken) if reason_of(kind.read(text)) == reason_of(found)),
        kind.placeholder,
    )


def reason_of(found: Exchange | Unreadable) -> str | None:
    """Return why an entry cannot be read, whatever its line; None where it can."""
    return found.reason.partition(" at line ")[0] if isinstance(found, Unreadable) else None


def _rewrite(redactor: Redactor, kind: EntryKind, data: bytes, found: Exchange | Unreadable) -> bytes:
    tree = parse_json(data)
    value = None if isinstance(tree, NotJson) else tree.value
    redacted = redactor.bodies(found) if isinstance(found, Exchange) else None
    is_bare = kind.is_native and not (isinstance(value, dict) and isinstance(value.get("response"), dict))
    if redacted is not None and is_bare:
        return redacted.new.response.body
    visitor = kind.visit(redactor, value, redacted)
    return write_text(rewrite_json(read_text(data), visitor))


def redact_around(redactor: Redactor, kind: EntryKind, name: str, data: bytes | None) -> bytes:
    """Redact a value outside the entries, seen as the member `name` of an object; None is one too long.

    What is no JSON goes: nothing in it can be told from anything else.
    """
    head = f"{{{json.dumps(name)}:"
    text = head + read_text(data or b"null") + "}"
    parsed = parse_json(write_text(text))
    if isinstance(parsed, NotJson):
        redactor.log.add("broken text", "recording:")
        return NO_VALUE
    visitor = kind.visit(redactor, parsed.value, None)
    return write_text(rewrite_json(text, visitor)[len(head) : -1])


class JsonWalker:
    """Copies JSON text from a cursor to a sink; what is at `path` are entries, all else is free text."""

    def __init__(self, redactor: Redactor, kind: EntryKind, sink: Sink, tally: Tally) -> None:
        self._redactor, self._kind, self._sink, self._tally = redactor, kind, sink, tally

    def walk(self, cursor: JsonCursor, path: Path, name: str = "") -> None:
        """Copy the next value."""
        first = cursor.peek()
        if path and first == b"{":
            self._walk_members(cursor, path)
        elif not path and first == b"[":
            self.walk_items(cursor)
        elif not path and first == b"{":
            self._walk_named_entries(cursor)
        else:
            self._sink.write(self._other(name, cursor.take_value()))

    def walk_items(self, cursor: JsonCursor) -> None:
        """Copy a list of entries."""
        self._sink.write(b"[")
        for number, _ in enumerate(cursor.iter_items()):
            self._sink.write(b",\n" if number else b"\n")
            cursor.peek()
            self._sink.write(redact_entry(self._redactor, self._kind, cursor.take_value(), self._tally))
        self._sink.write(b"\n]")

    def _walk_members(self, cursor: JsonCursor, path: Path) -> None:
        self._sink.write(b"{")
        for number, name in enumerate(cursor.iter_members()):
            self._sink.write((b"," if number else b"") + self._name(name) + b":")
            if name in path:
                self.walk(cursor, path[name], name)
            else:
                cursor.peek()
                self._sink.write(self._other(name, cursor.take_value()))
        self._sink.write(b"}")

    def _walk_named_entries(self, cursor: JsonCursor) -> None:
        self._sink.write(b"{")
        for number, name in enumerate(cursor.iter_members()):
            self._sink.write((b",\n" if number else b"\n") + self._name(name) + b":")
            cursor.peek()
            self._sink.write(redact_entry(self._redactor, self._kind, cursor.take_value(), self._tally))
        self._sink.write(b"\n}")

    def _name(self, name: str) -> bytes:
        made = self._redactor.values.name(name, 0)
        return json.dumps(self._redactor.noted(made, name, "recording:", "member name")).encode()

    def _other(self, name: str, data: bytes | None) -> bytes:
        return redact_around(self._redactor, self._kind, name, data)
