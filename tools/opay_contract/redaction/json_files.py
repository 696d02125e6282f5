"""Redacts recordings that are JSON text, entry by entry."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from opay_contract.jsontext import NotJson, parse_json
from opay_contract.model.exchange import Exchange, Place, Unreadable
from opay_contract.recordings.cursor import JsonCursor, Path
from opay_contract.recordings.har import read_har
from opay_contract.recordings.ndjson import LONG_LINE, parse_line
from opay_contract.recordings.schemathesis_ndjson import read_schemathesis_ndjson
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import ChunkStream
from opay_contract.recordings.vcr import read_vcr
from opay_contract.redaction.entries import EntryVisitor, rewrite_entry
from opay_contract.redaction.exchanges import Redactor

Read = Callable[[bytes], Exchange | Unreadable]

_HERE = Source(ordinal=0, name="-", path=None)
_PLACE = Place(source=0, entry=1, file="-")


class Sink(Protocol):
    """Where redacted text goes."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""


@dataclass(slots=True)
class Tally:
    """How many entries were redacted, and which could not be read and gave way to a placeholder.

    `unread` has the numbers of entries that could not be read and had something to be taken out, `broken`
    says why the rest of the file could not be read. `says_broken` is set where the written text itself stops
    making sense at that place, so that its packing need not.
    """

    entries: int = 0
    unread: list[int] = field(default_factory=list)
    broken: str | None = None
    says_broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKind:
    """How an entry of a format is read alone, and what stands for one that cannot be read."""

    read: Read
    placeholder: bytes
    is_native: bool = False


def _first(items: Iterator[Exchange | Unreadable]) -> Exchange | Unreadable:
    return next(items, Unreadable(place=_PLACE, reason="no entry"))


def _read_har(data: bytes) -> Exchange | Unreadable:
    return _first(read_har(_HERE, ChunkStream([b'{"log":{"entries":[', data, b"]}}"])))


def _read_vcr(data: bytes) -> Exchange | Unreadable:
    return _first(read_vcr(_HERE, ChunkStream([b'{"interactions":[' + data + b"]}"])))


def _read_schemathesis(data: bytes) -> Exchange | Unreadable:
    head = b'{"ScenarioFinished":{"recorder":{"interactions":['
    return _first(read_schemathesis_ndjson(_HERE, ChunkStream([head + data + b"]}}}"])))


def _read_native(data: bytes) -> Exchange | Unreadable:
    return parse_line(_PLACE, data)


HAR_ENTRY = EntryKind(read=_read_har, placeholder=b"{}")
VCR_ENTRY = EntryKind(read=_read_vcr, placeholder=b"{}")
SCHEMATHESIS_ENTRY = EntryKind(read=_read_schemathesis, placeholder=b"{}")
NATIVE_ENTRY = EntryKind(read=_read_native, placeholder=b'{"response":{}}', is_native=True)


def redact_entry(redactor: Redactor, kind: EntryKind, data: bytes | None, tally: Tally) -> bytes:
    """Return the text of an entry, redacted; one that cannot be read stays one, without what it held."""
    tally.entries += 1
    found = kind.read(LONG_LINE if data is None else data)
    if data is None or (isinstance(found, Unreadable) and isinstance(parse_json(data), NotJson)):
        tally.unread.append(tally.entries)
        return kind.placeholder
    made = _rewrite(redactor, kind, data, found)
    if type(kind.read(made)) is not type(found):
        made = kind.placeholder
    if isinstance(found, Unreadable) and made != data:
        tally.unread.append(tally.entries)
    return made


def _rewrite(redactor: Redactor, kind: EntryKind, data: bytes, found: Exchange | Unreadable) -> bytes:
    tree = parse_json(data)
    value = None if isinstance(tree, NotJson) else tree.value
    redacted = redactor.redact(found) if isinstance(found, Exchange) else None
    is_bare = kind.is_native and not (isinstance(value, dict) and isinstance(value.get("response"), dict))
    if redacted is not None and is_bare:
        return redacted.new.response.body
    visitor = EntryVisitor(redactor, value, redacted, is_native=kind.is_native)
    return rewrite_entry(data.decode(errors="surrogateescape"), visitor).encode(errors="surrogateescape")


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
            if name in path[0]:
                self.walk(cursor, path[1:], name)
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
        """Redact a value outside the entries, seen as the member `name` of an object."""
        head = f"{{{json.dumps(name)}:"
        text = "null" if data is None else data.decode(errors="surrogateescape")
        visitor = EntryVisitor(self._redactor, None, None)
        made = rewrite_entry(f"{head}{text}}}", visitor)
        return made[len(head) : -1].encode(errors="surrogateescape")
