"""Reads JSON Lines: an exchange a line, in this project's own shape, or a bare response body a line.

A line is an exchange when it is an object whose member `response` is an object:
`{"request": {"method", "url", "headers", "body"}, "response": {"status", "headers", "body"}, "recorded_at"}`.
A body is any JSON value, or its text as a string, or `body_base64`. Any other line is a bare body.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec.structs import replace

from opay_contract.formats.content_coding import decode_body, decode_sent
from opay_contract.formats.editing import HERE, EntryVisitor, Policy, Sink, Tally
from opay_contract.formats.errors import TOO_LONG, EntryError
from opay_contract.formats.json_cursor import JsonCursor, parse_members
from opay_contract.formats.json_files import (
    Entry,
    JsonFormat,
    Segment,
    iter_segments,
)
from opay_contract.formats.messages import (
    HIGHEST_STATUS,
    LOWEST_STATUS,
    PlaceOf,
    Repair,
    Steps,
    attempt,
    convert_entry,
    encode_text,
    odd_member,
    parse_base64,
    parse_entry,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.formats.streams import LONG_LINE, MAX_ENTRY, ChunkStream, Readable, iter_lines, iter_read
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable

ABSENT = msgspec.Raw(b"")
"""A body that the line does not have; `null` is `b"null"`."""

BARE_STATUS = 200
"""The status that a bare body is taken to have come with."""


_Fields = dict[str, str] | list[tuple[str, str]] | None
"""Header fields as nearly every line has them."""


class LineRequest(msgspec.Struct, gc=False):
    """The request of a line; the body as it stands."""

    method: str | None = None
    url: str | None = None
    headers: _Fields = None
    body: msgspec.Raw = ABSENT
    body_base64: str | None = None


class LineResponse(msgspec.Struct, gc=False):
    """The response of a line; the body as it stands."""

    status: Annotated[int, msgspec.Meta(ge=LOWEST_STATUS, le=HIGHEST_STATUS)]
    headers: _Fields = None
    body: msgspec.Raw = ABSENT
    body_base64: str | None = None


class Line(msgspec.Struct, gc=False):
    """A line of the native shape; without a response it is a bare body."""

    response: LineResponse | None = None
    request: LineRequest | None = None
    recorded_at: str | None = None


_LINE = msgspec.json.Decoder(Line)
_TEXT = msgspec.json.Decoder(str)
_UNKNOWN = Request()
_QUOTE = ord('"')
_REQUEST_MEMBERS = frozenset(LineRequest.__struct_fields__)
_Part = TypeVar("_Part", LineRequest, LineResponse)


def read_ndjson(place_of: PlaceOf, stream: Readable, *, first: int = 1) -> Iterator[Exchange | Unreadable]:
    """Yield what each line holds; an entry is known by the number of its line."""
    for number, line in iter_lines(stream, first=first):
        yield parse_line(place_of(number, number), line)


def iter_line_segments(stream: Readable) -> Iterator[Segment]:
    """Yield the lines as entries, and their ends and blank lines, so that every line keeps its number."""
    next_number = 1
    for number, line in iter_lines(stream):
        yield b"\n" * (number - next_number)
        yield Entry(number, None if line == LONG_LINE else line.removesuffix(b"\r"))
        yield b"\r\n" if line.endswith(b"\r") else b"\n"
        next_number = number + 1


def parse_line(place: Place, line: bytes) -> Exchange | Unreadable:
    """Return the exchange that a line holds, or why it holds none; never raises."""
    try:
        try:
            decoded = _LINE.decode(line)
        except (ValueError, RecursionError):
            decoded = _decode_odd(place, line)
        if decoded.response is None:
            response = Response(status=BARE_STATUS, body=line.removesuffix(b"\r"))
            return Exchange(place=place, request=_UNKNOWN, response=response)
        sent, moment = decoded.request, decoded.recorded_at
        return Exchange(
            place=place,
            request=_UNKNOWN if sent is None else _request(sent),
            response=_response(decoded.response),
            recorded_at=None if moment is None else parse_moment(moment),
            is_asserted=(sent is None or sent.url is None) and _is_own(line),
        )
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason, request=_sender(line))


def _sender(line: bytes) -> Request | None:
    """Return what tells whose a line is that cannot be read, None where that cannot be read, either."""
    try:
        value = parse_entry(line)
        if not _is_exchange(value):
            return None
        return _request(_convert(LineRequest, value.get("request"), parse_members(line).get("request")))
    except EntryError:
        return None


def _is_own(line: bytes) -> bool:
    """Tell whether a line's request has only what this format knows: then its URL was left out on purpose."""
    request = parse_members(line).get("request", b"null")
    return not request.startswith(b"{") or parse_members(request).keys() <= _REQUEST_MEMBERS


def _headers(fields: _Fields) -> Headers | None:
    return None if fields is None else tuple(fields.items()) if isinstance(fields, dict) else tuple(fields)


def _request(part: LineRequest) -> Request:
    headers, raw = _headers(part.headers), bytes(part.body)
    body = None if not raw or raw == b"null" else _body(raw)
    if part.body_base64 is not None:
        body = decode_sent(attempt(parse_base64, part.body_base64), headers)
    return Request(method=part.method, url=part.url, headers=headers, body=body)


def _response(part: LineResponse) -> Response:
    headers, raw = _headers(part.headers), bytes(part.body)
    if part.body_base64 is not None:
        body = decode_body(parse_base64(part.body_base64), headers)
    elif not raw:
        raise EntryError('the response has no "body"; record the body, as "body" or "body_base64"')
    else:
        body = raw if raw[0] != _QUOTE else decode_body(_body(raw), headers)
    return Response(status=part.status, headers=headers, body=body)


def _body(raw: bytes) -> bytes:
    """Return the text of a JSON string, and the very bytes of any other value."""
    if raw[0] != _QUOTE:
        return raw
    try:
        return _TEXT.decode(raw).encode()
    except ValueError:  # broken UTF-8 and lone surrogates stay to be seen
        return encode_text(json.loads(raw.decode(errors="replace")))


def _decode_odd(place: Place, line: bytes) -> Line:
    """Decode a line with NaN, a lone surrogate, a wrong type or the like; bodies stay as they are."""
    value = parse_entry(None if line == LONG_LINE else line, place.line or 1)
    if not _is_exchange(value):
        return Line()
    parse_status(value["response"].get("status"))
    members, sent = parse_members(line), value.get("request")
    response = _convert(LineResponse, value["response"], members["response"], _refuse)
    request = _convert(LineRequest, sent, members["request"], _forget) if sent is not None else None
    parse_headers(value["response"].get("headers"))  # raises where they cannot be read
    return Line(response=response, request=request, recorded_at=parse_moment(value.get("recorded_at")))


def _refuse(steps: Steps, _value: Any) -> Any:
    raise odd_member(("response", *steps))


def _forget(steps: Steps, _value: Any) -> None:
    """Take a member of the request for one that was not recorded: the response can be judged without it.

    Where it was sent to must be known, though, to tell whether it is the contract's.
    """
    if steps == ("url",):
        raise odd_member(("request", *steps))


def _convert(kind: type[_Part], value: Any, raw: bytes | None, repair: Repair | None = None) -> _Part:
    """Return a message as its kind has it, with its headers where they can be read."""
    if not isinstance(value, dict) or raw is None:
        raise odd_member(("request",))
    plain = {name: member for name, member in value.items() if name not in ("headers", "body")}
    part, fields = convert_entry(kind, plain, repair), attempt(parse_headers, value.get("headers"))
    part.headers = None if fields is None else list(fields)
    part.body = msgspec.Raw(parse_members(raw).get("body", b""))
    return part


def _is_exchange(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("response"), dict)


def _iter_document(stream: Readable, *, whole: bool) -> Iterator[Segment]:  # noqa: ARG001  all is entries
    """Yield each JSON text of a file, one behind another, and of a list each item."""
    cursor = JsonCursor(stream)
    while first := cursor.peek():
        if first == b"[":
            yield from iter_segments(cursor, {}, whole=True)
        else:
            yield Entry(cursor.line, cursor.take_value())
        yield b"\n"


def rewrite_body(policy: Policy, stream: ChunkStream, sink: Sink, tally: Tally) -> None:
    """Rewrite a file that is one bare body, broken or not."""
    body = read_whole(iter_read(stream))
    found = _parse_body(HERE, body)
    tally.entries += 1
    tally.note(policy, found)
    sink.write(policy.bodies(found).new.response.body if isinstance(found, Exchange) else b"x\n")


def _read_entry(place: Place, entry: Entry) -> Exchange | Unreadable:
    return parse_line(place, LONG_LINE if entry.data is None else entry.data)


_LINES = JsonFormat(
    segments=lambda stream, whole: iter_line_segments(stream),  # noqa: ARG005  a line is an entry
    read=_read_entry,
    placeholder=b'{"response":{}}',
    broken=(b'{"x', b"{x}"),
    is_bare=lambda value: not _is_exchange(value),
    visit=partial(EntryVisitor, is_native=True),
)
_TEXTS = replace(_LINES, segments=_iter_document)
rewrite_ndjson = _LINES.rewrite_all
read_document, rewrite_document = _TEXTS.read_all, _TEXTS.rewrite_all


def read_body(place_of: PlaceOf, stream: ChunkStream) -> Iterator[Exchange | Unreadable]:
    """Yield the file as one bare body, broken or not, so that the checker says what is wrong with it."""
    yield _parse_body(place_of(1, 1), read_whole(iter_read(stream)))


def _parse_body(place: Place, body: bytes | None) -> Exchange | Unreadable:
    if body is None:
        return Unreadable(place=place, reason=TOO_LONG)
    if JsonCursor(ChunkStream([body])).peek() not in (b"{", b"["):
        return Unreadable(place=place, reason="the file is no JSON object or array")
    response = Response(status=BARE_STATUS, body=body)
    return Exchange(place=place, request=Request(), response=response, is_asserted=True)


def read_whole(chunks: Iterator[bytes]) -> bytes | None:
    """Return all chunks as one, None when they are longer than what is kept in memory."""
    kept: list[bytes] = []
    size = 0
    for chunk in chunks:
        kept.append(chunk)
        size += len(chunk)
        if size > MAX_ENTRY:
            return None
    return b"".join(kept)
