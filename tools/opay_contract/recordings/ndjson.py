"""Reads JSON Lines: an exchange a line, in this project's own shape, or a bare response body a line.

A line is an exchange when it is an object whose member `response` is an object:
`{"request": {"method", "url", "headers", "body"}, "response": {"status", "headers", "body"}, "recorded_at"}`.
A body is any JSON value, or its text as a string, or `body_base64`. Any other line is a bare body.
"""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable
from opay_contract.recordings.cursor import parse_members
from opay_contract.recordings.entries import attempt
from opay_contract.recordings.messages import (
    encode_text,
    parse_base64,
    parse_entry,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.recordings.refusals import EntryError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import MAX_ENTRY, Readable, iter_read

LONG_LINE = b"\0 a line longer than the limit"
"""What `iter_lines` yields in place of a line that is too long; no JSON decoder accepts it."""

ABSENT = msgspec.Raw(b"")
"""A body or headers that the line does not have; `null` is `b"null"`."""

BARE_STATUS = 200
"""The status that a bare body is taken to have come with."""


NumberedLine = tuple[int, bytes]
"""A line of the native format and its number."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of the native format that follow each other, blank ones too, and the number of the first."""

    first: int
    texts: list[bytes]

    @property
    def last(self) -> int:
        """The number of the last line."""
        return self.first + len(self.texts) - 1

    def numbered(self) -> Iterator[NumberedLine]:
        """Yield each line with its number."""
        return enumerate(self.texts, self.first)


class LineRequest(msgspec.Struct, gc=False):
    """The request of a line; headers and body as they stand."""

    method: str | None = None
    url: str | None = None
    headers: msgspec.Raw = ABSENT
    body: msgspec.Raw = ABSENT
    body_base64: str | None = None


class LineResponse(msgspec.Struct, gc=False):
    """The response of a line; headers and body as they stand. The range of the status is not checked."""

    status: int
    headers: msgspec.Raw = ABSENT
    body: msgspec.Raw = ABSENT
    body_base64: str | None = None


class Line(msgspec.Struct, gc=False):
    """A line of the native shape; without a response it is a bare body."""

    response: LineResponse | None = None
    request: LineRequest | None = None
    recorded_at: str | None = None


LINE: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
"""Decodes a usual line; what it refuses, `parse_line` looks at again."""

_REQUEST = msgspec.json.Decoder(LineRequest)

_REQUEST_MEMBERS = frozenset(LineRequest.__struct_fields__)

_Part = TypeVar("_Part", LineRequest, LineResponse)


def read_ndjson(source: Source, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield what each line holds; an entry is known by the number of its line."""
    for number, line in iter_lines(stream):
        yield parse_line(source.place(number, number), line)


def iter_lines(stream: Readable, *, limit: int = MAX_ENTRY, first: int = 1) -> Iterator[NumberedLine]:
    """Yield the lines that are not blank, numbered from `first`; `LONG_LINE` for one beyond `limit`."""
    for block in iter_blocks(stream, limit=limit, first=first):
        yield from ((number, line) for number, line in block.numbered() if is_filled(line))


def is_filled(line: bytes) -> bool:
    """Return whether a line holds something."""
    return bool(line) and not line.isspace()


def iter_blocks(stream: Readable, *, limit: int = MAX_ENTRY, first: int = 1) -> Iterator[Lines]:
    """Yield the same lines, and the blank ones, as many at a time as were read at once."""
    number = first
    rest = b""
    for chunk in iter_read(stream):
        lines = chunk.split(b"\n")
        lines[0] = _join(rest, lines[0], limit)
        if number == 1:
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        rest = lines.pop()
        if lines:
            yield Lines(number, lines)
        number += len(lines)
    if rest:
        yield Lines(number, [rest])


def _join(rest: bytes, more: bytes, limit: int) -> bytes:
    return LONG_LINE if rest == LONG_LINE or len(rest) + len(more) > limit else rest + more


def parse_line(place: Place, line: bytes) -> Exchange | Unreadable:
    """Return the exchange that a line holds, or why it holds none; never raises."""
    try:
        return _parse(place, line)
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason, request=_sender(line))


def _sender(line: bytes) -> Request | None:
    """Return what tells whose a line is that cannot be read, None where that cannot be read, either."""
    try:
        if not _is_exchange(parse_entry(line)):
            return None
        part = _REQUEST.decode(parse_members(line).get("request", b""))
    except (EntryError, ValueError, RecursionError):
        return None
    return Request(method=part.method, url=part.url, headers=attempt(_headers, part.headers))


def _parse(place: Place, line: bytes) -> Exchange:
    try:
        decoded = LINE.decode(line)
    except (ValueError, RecursionError):
        decoded = _decode_odd(place, line)
    if decoded.response is None:
        body = line.removesuffix(b"\r")
        return Exchange(place=place, request=Request(), response=Response(status=BARE_STATUS, body=body))
    request = decoded.request or LineRequest()
    return Exchange(
        place=place,
        request=_request(request),
        response=_response(decoded.response),
        recorded_at=parse_moment(decoded.recorded_at),
        is_asserted=request.url is None and _is_own(line),
    )


def _is_own(line: bytes) -> bool:
    """Tell whether a line's request has only what this format knows: then its URL was left out on purpose."""
    request = parse_members(line).get("request", b"null")
    return not request.startswith(b"{") or parse_members(request).keys() <= _REQUEST_MEMBERS


def _request(part: LineRequest) -> Request:
    return Request(
        method=part.method,
        url=part.url,
        headers=_headers(part.headers),
        body=parse_base64(part.body_base64)
        if part.body_base64 is not None
        else _request_body(bytes(part.body)),
    )


def _request_body(raw: bytes) -> bytes | None:
    return None if raw in (b"", b"null") else _body(raw)


def _response(part: LineResponse) -> Response:
    status, headers = parse_status(part.status), _headers(part.headers)
    if part.body_base64 is not None:
        return Response(status=status, headers=headers, body=parse_base64(part.body_base64))
    raw = bytes(part.body)
    if not raw:
        raise EntryError('the response has no "body"; record the body, as "body" or "body_base64"')
    return Response(status=status, headers=headers, body=_body(raw))


def _body(raw: bytes) -> bytes:
    """Return the text of a JSON string, and the very bytes of any other value."""
    return encode_text(json.loads(raw.decode(errors="replace"))) if raw.startswith(b'"') else raw


def _headers(raw: msgspec.Raw) -> Headers | None:
    data = bytes(raw)
    if not data:
        return None
    try:
        return parse_headers(msgspec.json.decode(data))
    except (ValueError, RecursionError):
        return parse_headers(parse_entry(data))


def _decode_odd(place: Place, line: bytes) -> Line:
    """Decode a line with NaN, a lone surrogate, a wrong type or the like; bodies stay as they are."""
    value = parse_entry(None if line == LONG_LINE else line, place.line or 1)
    if not _is_exchange(value):
        return Line()
    parse_status(value["response"].get("status"))
    members = parse_members(line)
    request = value.get("request")
    try:
        return Line(
            response=_convert(LineResponse, value["response"], members["response"]),
            request=None if request is None else _convert(LineRequest, request, members["request"]),
            recorded_at=parse_moment(value.get("recorded_at")),
        )
    except msgspec.ValidationError:
        raise EntryError("a member of the exchange is of a wrong type") from None


def _convert(kind: type[_Part], value: Any, raw: bytes) -> _Part:
    plain = value
    if isinstance(value, dict):
        plain = {name: member for name, member in value.items() if name not in ("headers", "body")}
    part = msgspec.convert(plain, kind)
    members = parse_members(raw)
    part.headers = msgspec.Raw(members.get("headers", b""))
    part.body = msgspec.Raw(members.get("body", b""))
    return part


def _is_exchange(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("response"), dict)
