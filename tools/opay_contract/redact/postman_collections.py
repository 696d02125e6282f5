"""Redacts Postman collections: walks folders and items as their reader does, a saved response at a time."""

import json
from dataclasses import dataclass, field

from opay_contract.formats.errors import TOO_DEEP
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.json_text import Visitor
from opay_contract.formats.postman import MAX_FOLDERS, MAX_WAITING, Text, read_answer
from opay_contract.formats.streams import MAX_ENTRY, Readable
from opay_contract.model.exchange import Exchange, Place, Unreadable
from opay_contract.redact.json_files import NO_VALUE, EntryKind, Sink, Tally, redact_around, redact_entry
from opay_contract.redact.postman_values import PostmanVisitor
from opay_contract.redact.redactor import Redacted, Redactor

_PLACE = Place(source=0, entry=1, file="-")
_NO_ENTRY = b"{}"
_NO_REQUEST = b"[]"
"""What stands for a request that cannot be read, and cannot be read either; none at all is no fault."""


def redact_collection(redactor: Redactor, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Redact every saved response, and the requests, folders, variables and all else around them."""
    cursor = JsonCursor(stream)
    _Walk(redactor, cursor, tally).value("", _Out(redactor, sink, tally), 0)
    sink.write(b"\n")


def _kind(request: Text | None) -> EntryKind:
    """Return how a saved response is read whose item has this request."""

    def read(data: bytes) -> Exchange | Unreadable:
        return read_answer(_PLACE, (1, data, request))

    return EntryKind(read=read, placeholder=_NO_ENTRY, visit=_visit)


def _visit(redactor: Redactor, tree: object, redacted: Redacted | None) -> Visitor:
    return PostmanVisitor(redactor, tree, {(): redacted} if redacted is not None else {})


@dataclass(slots=True)
class _Out:
    """Passes text on, and holds it back from a saved response on whose item's request is still to come."""

    redactor: Redactor
    sink: Sink
    tally: Tally
    held: list[bytes | Text] = field(default_factory=list)

    def write(self, data: bytes, /) -> object:
        """Take text that is redacted already."""
        if not self.held:
            return self.sink.write(data)
        self.held.append(data)
        return None

    def hold(self, answer: Text) -> None:
        """Take a saved response."""
        self.held.append(answer)

    @property
    def is_full(self) -> bool:
        """Whether more is held than the reader keeps."""
        answers = [one for one in self.held if isinstance(one, tuple)]
        return len(answers) >= MAX_WAITING or sum(len(data or b"") for _, data in answers) > MAX_ENTRY

    def release(self, request: Text | None) -> None:
        """Redact what is held, by the request that there is now."""
        held, self.held = self.held, []
        kind = _kind(request)
        for one in held:
            text = redact_entry(self.redactor, kind, one[1], self.tally) if isinstance(one, tuple) else one
            self.sink.write(text)


class _Walk:
    """Goes through one collection."""

    def __init__(self, redactor: Redactor, cursor: JsonCursor, tally: Tally) -> None:
        self._redactor, self._cursor, self._tally = redactor, cursor, tally

    def value(self, name: str, sink: Sink, depth: int) -> None:
        """Copy a collection, a folder or an item, whichever it is."""
        cursor = self._cursor
        if cursor.peek() != b"{":
            sink.write(redact_around(self._redactor, _kind(None), name, cursor.take_value()))
            return
        out = _Out(self._redactor, sink, self._tally)
        request: Text | None = None
        out.write(b"{")
        for number, member in enumerate(cursor.iter_members()):
            out.write((b"," if number else b"") + self._name(member) + b":")
            first = cursor.peek()
            if member == "item" and first == b"[":
                self._below(out, depth + 1)
            elif member == "collection" and not depth:
                self.value(member, out, depth + 1)
            elif member == "response" and first == b"[":
                self._answers(out, request)
            else:
                line, data = cursor.line, cursor.take_value()
                made = redact_around(self._redactor, _kind(None), member, data)
                if member == "request":
                    request = (line, data)
                    made = _NO_REQUEST if made == NO_VALUE != (data or NO_VALUE) else made
                out.write(made)
        out.write(b"}")
        out.release(request)

    def _below(self, out: "_Out", depth: int) -> None:
        out.write(b"[")
        for number, _ in enumerate(self._cursor.iter_items()):
            out.write(b",\n" if number else b"\n")
            if depth > MAX_FOLDERS:
                self._cursor.peek()
                self._tally.entries += 1
                if self._cursor.take_value() != _NO_ENTRY:
                    self._tally.refuse(TOO_DEEP)
                out.write(_NO_ENTRY)
            else:
                self.value("item", out, depth)
        out.write(b"\n]")

    def _answers(self, out: "_Out", request: Text | None) -> None:
        out.write(b"[")
        for number, _ in enumerate(self._cursor.iter_items()):
            out.write(b",\n" if number else b"\n")
            self._cursor.peek()
            out.hold((self._cursor.line, self._cursor.take_value()))
            if request is not None or out.is_full:
                out.release(request)
        out.write(b"\n]")

    def _name(self, name: str) -> bytes:
        made = self._redactor.values.name(name, 0)
        return json.dumps(self._redactor.noted(made, name, "recording:", "member name")).encode()
