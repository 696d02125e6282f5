"""Reads Postman collections (2.0 and 2.1), of which saved responses are the entries, and Newman's reports.

Newman is Postman's command; the executions of its JSON report have the variables filled in.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import structs

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.editing import Edited, Policy, of_side
from opay_contract.formats.errors import NO_RESPONSE, TOO_DEEP, EntryError
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.json_files import (
    Beside,
    Entry,
    JsonFormat,
    Name,
    Path,
    Segment,
    iter_all_segments,
    iter_segments,
    of_another_format,
    take_beside,
)
from opay_contract.formats.look import COLLECTION
from opay_contract.formats.messages import (
    build_exchange,
    decode_entry,
    left_out_body,
    parse_entry,
    parse_status,
)
from opay_contract.formats.postman_messages import (
    ANY_SCHEMA,
    PostmanVisitor,
    as_object,
    parse_fields,
    parse_request,
    saved_exchange,
)
from opay_contract.formats.streams import MAX_ENTRY, ChunkStream
from opay_contract.jsontext import Tokens
from opay_contract.model.exchange import Exchange, Place, Response, Unreadable

MAX_FOLDERS = 100
"""How deep folders may be within folders."""

MAX_WAITING = 1000
"""How many saved responses may come before the request of their item."""

_LEAST = 100  # bytes that any segment takes
_INFO = b'{"schema":"%b"}' % ANY_SCHEMA.encode()
"""What stands for a description that cannot be read, and still tells that it is a collection's."""

_NO_REQUEST = b"{x}"
"""What stands for a request that is no JSON, and is none either; none at all is no fault."""

NO_BODY = "the report has no body for the response; write it with Newman's own reporter json"

EXECUTIONS: Path = {"run": {"executions": {}}}
"""Where in a report of Newman the executions are."""


class _Waiting:
    """Holds back what follows a saved response until the request of its item is there, or it is too much."""

    def __init__(self, start: int) -> None:
        self.request: tuple[int, bytes | None] | None = None
        self._start = start
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
        if not isinstance(segment, Entry):
            return segment
        return structs.replace(segment, request=self.request, start=self._start)


def _size_of(segment: Segment) -> int:
    if isinstance(segment, Name | bytes):
        return _LEAST + len(segment.name if isinstance(segment, Name) else segment)
    return _LEAST + len(segment.data or b"")


def _iter_segments(stream: ChunkStream, *, whole: bool) -> Iterator[Segment]:
    """Yield the saved responses as entries; an item without one holds none."""
    cursor, other, has_any = JsonCursor(stream), 0, False
    while first := cursor.peek():
        if first != b"{" and has_any:
            other = other or cursor.line
        yield from _iter_item(cursor, "", 0, whole=whole)
        yield b"\n"
        has_any = has_any or first == b"{"
    if other:
        raise of_another_format(other)


def _iter_item(cursor: JsonCursor, name: str, depth: int, *, whole: bool) -> Iterator[Segment]:
    """Walk a collection, a folder or an item, whichever it is; what is held is one item's at most."""
    if cursor.peek() != b"{":
        yield take_beside(cursor, name, whole=whole)
        return
    waiting = _Waiting(cursor.offset)
    if whole:
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
            below = iter_segments(cursor, {}, whole=whole)
        else:
            beside = _take(cursor, member, waiting, whole=whole)
            below = iter([beside] if whole else ())
        for segment in below:
            is_own = member == "response" and type(segment) is Entry
            yield from waiting.pass_on(segment, is_own=is_own)
    if whole:
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


def _iter_below(cursor: JsonCursor, depth: int, *, whole: bool) -> Iterator[Segment]:
    if whole:
        yield b"["
    for number, _ in enumerate(cursor.iter_items()):
        if whole:
            yield b",\n" if number else b"\n"
        if depth > MAX_FOLDERS:
            cursor.peek()
            yield Entry(cursor.line, cursor.take_value(), fault=TOO_DEEP)
        else:
            yield from _iter_item(cursor, "item", depth, whole=whole)
    if whole:
        yield b"\n]"


def _read_answer(place: Place, entry: Entry) -> Exchange | Unreadable:
    if entry.fault is not None:
        raise EntryError(entry.fault)
    members, request = as_object(parse_entry(entry.data, entry.line)), entry.request
    written = members.get("originalRequest")
    tells_url = isinstance(written, str) or (isinstance(written, dict) and written.get("url") is not None)
    if not tells_url and request is not None and request[1] is not None:
        written = parse_entry(request[1], request[0])
    return saved_exchange(place, written, members)


def _visit(at: Tokens, policy: Policy, tree: Any, edited: Edited | None) -> PostmanVisitor:
    """Return what visits the values of an entry, whose answer stands at `at`."""
    answered = of_side(edited, "response")
    return PostmanVisitor(policy, tree, {at: answered} if answered is not None else {})


_COLLECTION = JsonFormat(
    segments=_iter_segments, read=_read_answer, placeholder=b"{}", visit=partial(_visit, ())
)
read_postman, rewrite_postman = _COLLECTION.read_all, _COLLECTION.rewrite_all


class _Stream(msgspec.Struct, gc=False):
    data: list[Annotated[int, msgspec.Meta(ge=0, le=255)]] | None = None


class _SavedResponse(msgspec.Struct, gc=False):
    code: int
    header: Any = None
    stream: _Stream | None = None


class _Execution(msgspec.Struct, gc=False):
    request: Any = None
    response: _SavedResponse | None = None


_EXECUTION = msgspec.json.Decoder(_Execution)


def _read_execution(place: Place, entry: Entry) -> Exchange | Unreadable:
    execution = entry.value or decode_entry(_EXECUTION, entry.data, entry.line)
    request = parse_request(execution.request or {})
    return build_exchange(place, request, _response, execution.response)


def _response(recorded: _SavedResponse | None) -> Response:
    if recorded is None:
        raise EntryError(NO_RESPONSE)
    status, headers = parse_status(recorded.code), parse_fields(recorded.header)
    if recorded.stream is None or recorded.stream.data is None:
        return Response(status=status, headers=headers, body=left_out_body(status, headers, NO_BODY))
    body = decode_body(bytes(recorded.stream.data), headers)
    return Response(status=status, headers=headers, body=body)


_REPORT = JsonFormat(
    segments=lambda stream, whole: iter_all_segments(
        JsonCursor(stream), EXECUTIONS, whole=whole, decoder=_EXECUTION
    ),
    read=_read_execution,
    visit=partial(_visit, ("response",)),
)
read_newman, rewrite_newman = _REPORT.read_all, _REPORT.rewrite_all
