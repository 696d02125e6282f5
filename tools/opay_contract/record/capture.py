"""What was seen of a call: as it came over the wire, as an exchange, and as a line of the native format."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec import structs

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import EntryError
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response

Field = tuple[bytes, bytes]
"""A header field as it is on the wire."""

BODY_LIMIT = 1 << 20
"""The longest body that is recorded, unless told otherwise: the contract's are a thousandth of it."""


class Omitted(StrEnum):
    """Why a recorded message has no body."""

    TOO_LONG = "body too long"
    NOT_READ = "body not read"
    NOT_DECODED = "body not decoded"


Body = bytes | Omitted
"""A body as it came over the wire, or why it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawCapture:
    """A call as it was seen; a `sent` of None is a request without a body."""

    method: str
    url: str
    asked: Headers
    sent: Body | None
    status: int
    answered: Headers
    body: Body
    recorded_at: str

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        bodies = [body for body in (self.sent, self.body) if isinstance(body, bytes)]
        fields = (*self.asked, *self.answered)
        return sum(map(len, bodies)) + sum(len(name) + len(value) for name, value in fields) + len(self.url)


def captured_of(exchange: Exchange) -> RawCapture:
    """Return an exchange that is known as a whole as it may have been captured."""
    request, response = exchange.request, exchange.response
    return RawCapture(
        method=request.method or "",
        url=request.url or "",
        asked=request.headers or (),
        sent=request.body,
        status=response.status,
        answered=response.headers or (),
        body=response.body,
        recorded_at=exchange.recorded_at or "",
    )


@dataclass(slots=True)
class BodyBuffer:
    """Keeps a body up to a limit while it passes, and nothing of one that is longer."""

    limit: int = BODY_LIMIT
    is_over: bool = False
    _chunks: list[bytes] = field(default_factory=list, repr=False)
    _size: int = 0

    def add(self, chunk: bytes) -> None:
        """Take the next piece."""
        self._size += len(chunk)
        if self._size > self.limit:
            self.is_over = True
            self._chunks.clear()
        else:
            self._chunks.append(chunk)

    def body(self) -> Body:
        """Return what passed."""
        return Omitted.TOO_LONG if self.is_over else b"".join(self._chunks)


def as_headers(fields: Iterable[Field]) -> Headers:
    """Return fields as a recording has them."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedCapture:
    """An exchange with its bodies decoded; where one is omitted, the exchange has none and this says why."""

    exchange: Exchange
    request: Omitted | None = None
    response: Omitted | None = None


def decode_captured(captured: RawCapture, place: Place, limit: int) -> DecodedCapture:
    """Take content encodings off; what they unpack to is limited as well."""
    sent = None if captured.sent is None else _decoded(captured.sent, captured.asked, limit)
    body = _decoded(captured.body, captured.answered, limit)
    request = Request(
        method=captured.method,
        url=captured.url,
        headers=captured.asked,
        body=None if isinstance(sent, Omitted) else sent,
    )
    response = Response(
        status=captured.status,
        headers=captured.answered,
        body=b"" if isinstance(body, Omitted) else body,
    )
    return DecodedCapture(
        exchange=Exchange(place=place, request=request, response=response, recorded_at=captured.recorded_at),
        request=sent if isinstance(sent, Omitted) else None,
        response=body if isinstance(body, Omitted) else None,
    )


def render_line(taken: DecodedCapture) -> bytes:
    """Return the line of an exchange; a check calls one without its answer's body unreadable."""
    moment = json.dumps(taken.exchange.recorded_at)
    if taken.response is not None:
        empty = structs.replace(taken.exchange.response, body=b"")
        line = render_exchange(structs.replace(taken.exchange, response=empty))
        end = f'}},"recorded_at":{moment}}}\n'.encode()
        line = line.removesuffix(b',"body":""' + end) + end
    else:
        line = render_exchange(taken.exchange)
    said = {"request": taken.request, "response": taken.response}
    comments = [f"{side} {why}" for side, why in said.items() if why is not None]
    if not comments:
        return line
    return line.removesuffix(b"}\n") + f',"comment":{json.dumps(", ".join(comments))}}}\n'.encode()


def _decoded(body: Body, headers: Headers, limit: int) -> Body:
    if isinstance(body, Omitted):
        return body
    try:
        decoded = decode_body(body, headers)
    except EntryError:
        return Omitted.NOT_DECODED
    return Omitted.TOO_LONG if len(decoded) > limit else decoded


def render_exchange(exchange: Exchange) -> bytes:
    """Return the line of an exchange."""
    request, response = exchange.request, exchange.response
    asked = {"method": _text(request.method), "url": _text(request.url), "headers": _headers(request.headers)}
    answered = {"status": b"%d" % response.status, "headers": _headers(response.headers)}
    if request.body is not None:
        asked |= _body(request.body)
    line = {"request": _object(asked), "response": _object(answered | _body(response.body))}
    return _object(line | {"recorded_at": _text(exchange.recorded_at)}) + b"\n"


def _object(members: dict[str, bytes]) -> bytes:
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), text) for name, text in members.items()) + b"}"


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def _headers(headers: Headers | None) -> bytes:
    fields: dict[str, str | list[str]] = {}
    for name, value in headers or ():
        before = fields.get(name)
        earlier = before if isinstance(before, list) else [] if before is None else [before]
        fields[name] = [*earlier, value] if earlier else value
    return _text(fields)


def _body(body: bytes) -> dict[str, bytes]:
    """Return the member for a body: its very text where that is plain JSON on one line, else as a string."""
    if _is_plain(body):
        return {"body": body}
    try:
        return {"body": _text(body.decode())}
    except UnicodeDecodeError:
        return {"body_base64": _text(base64.b64encode(body).decode())}


def _is_plain(body: bytes) -> bool:
    if not body.startswith((b"{", b"[")) or b"\n" in body or b"\r" in body:
        return False
    parsed = parse_json(body)
    return isinstance(parsed, Parsed) and not parsed.flaws
