"""Reads Postman collections (2.0 and 2.1): the responses that are saved in them as examples."""

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from opay_contract.formats.editing import Edited, Policy, Sink, Tally
from opay_contract.formats.errors import TOO_DEEP, EntryError
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.json_files import (
    Beside,
    Entry,
    EntryKind,
    Name,
    Segment,
    iter_segments,
    of_another_format,
    read_entries,
    rewrite_segments,
    take_beside,
)
from opay_contract.formats.look import COLLECTION
from opay_contract.formats.messages import PlaceOf, parse_entry
from opay_contract.formats.postman_messages import (
    ANY_SCHEMA,
    PostmanVisitor,
    as_object,
    saved_exchange,
)
from opay_contract.formats.streams import MAX_ENTRY, Readable
from opay_contract.model.exchange import Exchange, Place, Unreadable

MAX_FOLDERS = 100
"""How deep folders may be within folders."""

MAX_WAITING = 1000
"""How many saved responses may come before the request of their item."""

_LEAST = 100  # bytes that any segment takes
_INFO = b'{"schema":"%b"}' % ANY_SCHEMA.encode()
"""What stands for a description that cannot be read, and still tells that it is a collection's."""

_NO_REQUEST = b"{x}"
"""What stands for a request that is no JSON, and is none either; none at all is no fault."""


def read_postman(place_of: PlaceOf, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every saved response; an item without one holds none."""
    return read_entries(place_of, _iter_segments(JsonCursor(stream), whole=False), _read_answer)


def rewrite_postman(policy: Policy, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Rewrite the saved responses, and the requests, folders, variables and all else around them."""
    kind = EntryKind(read=_read_answer, placeholder=b"{}", visit=_visit)
    rewrite_segments(policy, kind, _iter_segments(JsonCursor(stream), whole=True), sink, tally)


def _visit(policy: Policy, tree: Any, edited: Edited | None) -> PostmanVisitor:
    return PostmanVisitor(policy, tree, {(): edited} if edited is not None else {})


class _Waiting:
    """Holds back what follows a saved response until the request of its item is there, or it is too much."""

    def __init__(self) -> None:
        self.request: tuple[int, bytes | None] | None = None
        self._held: list[tuple[Segment, bool]] = []
        self._own = self._size = 0

    def pass_on(self, segment: Segment, *, is_own: bool = False) -> Iterator[Segment]:
        """Yield what may go on; `is_own` says that it is a response of this item."""
        if not self._held and (self.request is not None or not is_own):
            yield self._with_request(segment) if is_own else segment
            return
        self._held.append((segment, is_own))
        self._own += is_own
        self._size += _size_of(segment)
        if self.request is not None or self._own >= MAX_WAITING or self._size > MAX_ENTRY:
            yield from self.release()

    def release(self) -> Iterator[Segment]:
        """Yield all that is held, the responses with the request that there is now."""
        held, self._held, self._own, self._size = self._held, [], 0, 0
        for segment, is_own in held:
            yield self._with_request(segment) if is_own else segment

    def _with_request(self, segment: Segment) -> Segment:
        return structs.replace(segment, request=self.request) if isinstance(segment, Entry) else segment


def _size_of(segment: Segment) -> int:
    if isinstance(segment, Name | bytes):
        return _LEAST + len(segment.name if isinstance(segment, Name) else segment)
    return _LEAST + len(segment.data or b"")


def _iter_segments(cursor: JsonCursor, *, whole: bool) -> Iterator[Segment]:
    has_any = False
    while first := cursor.peek():
        if first != b"{" and has_any and not whole:
            raise of_another_format(cursor.line)
        yield from _iter_item(cursor, "", 0, whole=whole)
        yield b"\n"
        has_any = has_any or first == b"{"


def _iter_item(cursor: JsonCursor, name: str, depth: int, *, whole: bool) -> Iterator[Segment]:
    """Walk a collection, a folder or an item, whichever it is; what is held is one item's at most."""
    if cursor.peek() != b"{":
        yield take_beside(cursor, name, whole=whole)
        return
    waiting = _Waiting()
    yield b"{"
    for number, member in enumerate(cursor.iter_members()):
        if whole:
            yield from waiting.pass_on(b"," if number else b"")
            yield from waiting.pass_on(Name(member))
        first = cursor.peek()
        if member == "item" and first == b"[":
            below = _iter_below(cursor, depth + 1, whole=whole)
        elif member == "collection" and not depth:  # as the answers of Postman's own API wrap it
            below = _iter_item(cursor, member, depth + 1, whole=whole)
        elif member == "response" and first == b"[":
            below = _iter_answers(cursor, whole=whole)
        else:
            below = iter([_take(cursor, member, waiting, whole=whole)])
        for segment in below:
            is_own = member == "response" and type(segment) is Entry
            yield from waiting.pass_on(segment, is_own=is_own)
    yield from waiting.pass_on(b"}")
    yield from waiting.release()


def _take(cursor: JsonCursor, member: str, waiting: _Waiting, *, whole: bool) -> Beside:
    """Take a member that has no saved responses in it; the request is known from then on."""
    if member != "request":
        beside = take_beside(cursor, member, whole=whole)
        is_telling = member == "info" and COLLECTION in (beside.data or b"")
        return structs.replace(beside, instead=_INFO) if is_telling else beside
    line, data = cursor.line, cursor.take_value()
    waiting.request = (line, data)
    return Beside(member, data, instead=_NO_REQUEST)


def _iter_answers(cursor: JsonCursor, *, whole: bool) -> Iterator[Segment]:
    yield from iter_segments(cursor, {}, whole=whole)


def _iter_below(cursor: JsonCursor, depth: int, *, whole: bool) -> Iterator[Segment]:
    yield b"["
    for number, _ in enumerate(cursor.iter_items()):
        yield b",\n" if number else b"\n"
        if depth > MAX_FOLDERS:
            cursor.peek()
            yield Entry(cursor.line, cursor.take_value(), fault=TOO_DEEP)
        else:
            yield from _iter_item(cursor, "item", depth, whole=whole)
    yield b"\n]"


def _read_answer(place: Place, entry: Entry) -> Exchange | Unreadable:
    try:
        return _exchange(place, entry)
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason)


def _exchange(place: Place, entry: Entry) -> Exchange | Unreadable:
    if entry.fault is not None:
        raise EntryError(entry.fault)
    members, request = as_object(parse_entry(entry.data, entry.line)), entry.request
    written = members.get("originalRequest")
    if not _tells_url(written) and request is not None and request[1] is not None:
        written = parse_entry(request[1], request[0])
    return saved_exchange(place, written, members)


def _tells_url(written: Any) -> bool:
    return isinstance(written, str) or (isinstance(written, dict) and written.get("url") is not None)
