"""The walk through recordings that are JSON text: the entries, and what is around them.

A reader takes the entries and passes over the rest; who edits a recording copies the rest, too.
"""

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import msgspec

from opay_contract.formats.editing import HERE, Edited, EntryVisitor, Found, Policy, Sink, Tally, edit_entry
from opay_contract.formats.errors import NO_ENTRIES, EntryError, NoRecordingError, StreamError
from opay_contract.formats.json_cursor import Decoder, JsonCursor
from opay_contract.formats.json_text import Visitor, read_text, rewrite_json, write_text
from opay_contract.formats.messages import PlaceOf
from opay_contract.formats.streams import MAX_ENTRY, ChunkStream
from opay_contract.jsontext import NotJson, parse_json
from opay_contract.model.exchange import Exchange, Place, Unreadable

NO_VALUE = b"null"
"""What stands for a value outside the entries that is no JSON."""

EMPTY = b'{"request":{},"response":{}}'
"""What stands for an entry of which nothing can be kept, and is one for the tools of most formats."""

_STRAY = b"\n:"
"""What is no JSON wherever a value has just ended or may begin."""

_BROKEN_OFF = b'"'
_APART = "keep it apart"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry's text, None where it is too long to be kept, and the line on which it starts.

    `value` is what the reader's decoder takes it for, where it was asked.
    `request` is what belongs to it and stands beside it: line and text of the request of a Postman item.
    `start` is the byte of the file from which on it can be read again, maybe behind others.
    `fault` says why it cannot be read, whatever it holds.
    """

    line: int
    data: bytes | None
    value: Any = None
    start: int | None = None
    request: tuple[int, bytes | None] | None = None
    fault: str | None = None


class Name(msgspec.Struct, frozen=True, gc=False):
    """The name of a member that is an entry, or is beside them; those that lead to them are the format's."""

    name: str


class Beside(msgspec.Struct, frozen=True, gc=False):
    """A value outside the entries, with the name of the member that it is; None is one that was not kept.

    `instead` is what stands for it where it is no JSON.
    """

    name: str
    data: bytes | None
    instead: bytes = NO_VALUE


Segment = bytes | Name | Beside | Entry
"""A part of a file; bytes are its brackets and commas, with nothing of anybody in them."""

Path = dict[str, "Path"]
"""The member names, step by step, that lead to the entries; an empty step is the last."""

Read = Callable[[Place, Entry], Exchange | Unreadable]
"""Returns what an entry holds; raises an `EntryError` where that cannot be read."""


def iter_segments(
    cursor: JsonCursor, path: Path, name: str = "", *, whole: bool, decoder: Decoder | None = None
) -> Generator[Segment, None, bool]:
    """Yield the segments of the next value, whose entries are the items, or the members' values, at `path`.

    What is beside them is kept only where the `whole` file is wanted. Returns whether there is anything at
    `path`.
    """
    first = cursor.peek()
    found = not path and first in (b"{", b"[")
    if path and first == b"{":
        yield b"{"
        for number, member in enumerate(cursor.iter_members()):
            yield b"," if number else b""
            if member in path:
                yield _written_name(member)
                found |= yield from iter_segments(cursor, path[member], member, whole=whole, decoder=decoder)
            else:
                yield Name(member)
                yield take_beside(cursor, member, whole=whole)
        yield b"}"
    elif found and first == b"[" and whole:
        yield from _iter_items(cursor)
    elif found and first == b"[":
        for run in cursor.iter_runs(decoder):
            yield from map(Entry, *run)
    elif found:
        yield b"{"
        for number, member in enumerate(cursor.iter_members()):
            yield b",\n" if number else b"\n"
            yield Name(member)
            cursor.peek()
            yield Entry(cursor.line, cursor.take_value())
        yield b"\n}"
    else:
        yield take_beside(cursor, name, whole=whole)
    return found


def _written_name(name: str) -> bytes:
    return json.dumps(name).encode() + b":"


def _iter_items(cursor: JsonCursor) -> Iterator[Segment]:
    """Yield the items of a list, and what is between them before the item is there, which may break off."""
    yield b"["
    for number, _ in enumerate(cursor.iter_items()):
        yield b",\n" if number else b"\n"
        cursor.peek()
        yield Entry(cursor.line, cursor.take_value())
    yield b"\n]"


def take_beside(cursor: JsonCursor, name: str, *, whole: bool) -> Beside:
    """Take a value that is no entry."""
    cursor.peek()
    return Beside(name, cursor.take_value(MAX_ENTRY if whole else 0))


def iter_all_segments(
    cursor: JsonCursor, path: Path, *, whole: bool, decoder: Decoder | None = None
) -> Iterator[Segment]:
    """Yield the same of each of the JSON texts of a file, of which one may be the list of entries alone.

    Beside one that has entries none may have none.
    """
    other, has_any = 0, False
    while first := cursor.peek():
        line = cursor.line
        path_here = {} if first == b"[" else path
        if (yield from iter_segments(cursor, path_here, whole=whole, decoder=decoder)):
            has_any = True
        else:
            other = other or line
        yield b"\n"
    if not has_any:
        raise NoRecordingError(NO_ENTRIES)
    if other:
        raise of_another_format(other)


def of_another_format(line: int) -> StreamError:
    """Return the refusal of a JSON text that stands beside those of a format."""
    return StreamError(f"the JSON text on line {line} is of another format and was not read; {_APART}")


def read_entries(
    place_of: PlaceOf, segments: Iterable[Segment], read: Read, before: int = 0
) -> Iterator[Exchange | Unreadable]:
    """Yield what the entries hold, numbered from the one after `before`."""
    number, start = before, None
    for segment in segments:
        if type(segment) is Entry:
            if start is None or start[0] != segment.start:
                start = None if segment.start is None else (segment.start, number)
            number += 1
            place = place_of(number, segment.line, start)
            try:
                found = read(place, segment)
            except EntryError as error:
                found = Unreadable(place=place, reason=error.reason)
            yield found


Visit = Callable[[Policy, Any, Edited | None], Visitor]
"""Makes what visits the values of an entry, from its tree and its exchange, if it has one."""


class JsonFormat(msgspec.Struct, frozen=True, kw_only=True):
    """A format of JSON text: its segments, the `whole` of them or the entries alone, and what an entry holds.

    `placeholder` stands for one of which nothing can be kept, `broken` for one that is no JSON. Where
    `is_bare` says so of its value an entry is nothing but a response body.
    """

    segments: Callable[..., Iterable[Segment]]
    read: Read
    placeholder: bytes = EMPTY
    broken: tuple[bytes, ...] = (b"{x}",)
    is_bare: Callable[[Any], bool] = lambda _value: False
    visit: Visit = EntryVisitor

    def read_all(self, place_of: PlaceOf, stream: ChunkStream) -> Iterator[Exchange | Unreadable]:
        """Yield what each entry holds, or why it cannot be read."""
        return read_entries(place_of, self.segments(stream, whole=False), self.read)

    def rewrite_all(self, policy: Policy, stream: ChunkStream, sink: Sink, tally: Tally) -> None:
        """Write all as it may be seen; where the file stops being JSON the written one does, too."""
        segment: Segment = b""
        try:
            for segment in self.segments(stream, whole=True):
                if isinstance(segment, bytes):
                    sink.write(segment)
                elif isinstance(segment, Name):
                    made = policy.name(segment.name)
                    made = policy.noted(made, segment.name, "recording:", "member name")
                    sink.write(_written_name(made))
                elif isinstance(segment, Beside):
                    sink.write(_rewrite_beside(policy, self, segment))
                else:
                    sink.write(_rewrite_entry(policy, self, segment, tally))
        except StreamError as error:
            stops = error.reason.startswith("the file stops being JSON")
            if stops:
                sink.write(_STRAY)
            elif segment == b"\n" and error.reason == "the file breaks off":  # behind a whole text
                sink.write(_BROKEN_OFF)
            tally.says_broken = stops or error.reason.endswith(_APART)
            raise


def _rewrite_entry(policy: Policy, kind: JsonFormat, entry: Entry, tally: Tally) -> bytes:
    """Return the text of an entry as it may be written."""
    noted = policy.notes()

    def read(data: bytes | None) -> Found:
        entries = [Entry(1, data, request=entry.request, fault=entry.fault)]
        return next(read_entries(lambda *_: HERE, entries, kind.read))

    def make(found: Found, edited: Edited | None) -> Iterator[bytes]:
        if entry.data is not None and entry.fault is None:
            yield _rewrite(policy, kind, entry.data, edited)
            yield from () if isinstance(found, Exchange) else kind.broken

    made = edit_entry(policy, tally, entry.data, read=read, make=make, placeholder=kind.placeholder)
    if made != entry.data and policy.notes() == noted:
        policy.note("what cannot be read", "recording:entry")
    return made or b""


def _rewrite(policy: Policy, kind: JsonFormat, data: bytes, edited: Edited | None) -> bytes:
    parsed = parse_json(data)
    value = None if isinstance(parsed, NotJson) else parsed.value
    if edited is not None and kind.is_bare(value):
        return edited.new.response.body
    return write_text(rewrite_json(read_text(data), kind.visit(policy, value, edited)))


def _rewrite_beside(policy: Policy, kind: JsonFormat, beside: Beside) -> bytes:
    """Return a value as it may be written, seen as the member of an object that it is.

    What is no JSON goes: nothing in it can be told from anything else.
    """
    head = f"{{{json.dumps(beside.name)}:"
    text = head + read_text(beside.data or NO_VALUE) + "}"
    parsed = parse_json(write_text(text))
    if isinstance(parsed, NotJson):
        if beside.data != beside.instead:
            policy.note("broken text", "recording:")
        return beside.instead
    return write_text(rewrite_json(text, kind.visit(policy, parsed.value, None))[len(head) : -1])
