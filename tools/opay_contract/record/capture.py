"""What was seen of a call: as an exchange, and as a line of the native format."""

import base64
import json
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import structs

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import EntryError
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.model.exchange import Exchange, Headers, Hidden, Request, Response, exchange_of_now

BODY_LIMIT = 1 << 20
"""The longest body that is recorded, unless told otherwise: the contract's are a thousandth of it."""


class Omitted(StrEnum):
    """Why a recorded message has no body."""

    TOO_LONG = "body too long"
    NOT_READ = "body not read"
    NOT_DECODED = "body not decoded"


Body = bytes | Omitted
"""A body as it came over the wire, or why it is not there."""


class Captured(Hidden, frozen=True, kw_only=True):
    """An exchange; where a body is omitted, the exchange has none and this says why."""

    exchange: Exchange
    request: Omitted | None = None
    response: Omitted | None = None

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        asked, answered = self.exchange.request, self.exchange.response
        fields = (*(asked.headers or ()), *(answered.headers or ()))
        texts = (asked.url or "", asked.body or b"", answered.body)
        return sum(map(len, texts)) + sum(len(name) + len(value) for name, value in fields)


def capture(  # noqa: PLR0913  a call has as many parts
    *, method: str, url: str, asked: Headers, sent: Body | None, status: int, answered: Headers, body: Body
) -> Captured:
    """Return a call that has just ended; a `sent` of None is a request without a body."""
    request = Request(method=method, url=url, headers=asked)
    response = Response(status=status, headers=answered, body=b"")
    return _with_bodies(exchange_of_now(request, response), sent, body)


def _with_bodies(exchange: Exchange, sent: Body | None, body: Body) -> Captured:
    request = structs.replace(exchange.request, body=None if isinstance(sent, Omitted) else sent)
    response = structs.replace(exchange.response, body=b"" if isinstance(body, Omitted) else body)
    return Captured(
        exchange=structs.replace(exchange, request=request, response=response),
        request=sent if isinstance(sent, Omitted) else None,
        response=body if isinstance(body, Omitted) else None,
    )


class BodyBuffer(msgspec.Struct):
    """Keeps a body up to a limit while it passes, and nothing of one that is longer."""

    limit: int = BODY_LIMIT
    is_over: bool = False
    _chunks: list[bytes] = msgspec.field(default_factory=list)
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


def decode_captured(captured: Captured, limit: int) -> Captured:
    """Take content encodings off; what they unpack to is limited as well."""
    asked, answered = captured.exchange.request, captured.exchange.response
    sent = captured.request or (None if asked.body is None else _decoded(asked.body, asked.headers, limit))
    body = captured.response or _decoded(answered.body, answered.headers, limit)
    return _with_bodies(captured.exchange, sent, body)


def render_line(taken: Captured) -> bytes:
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


def _decoded(body: bytes, headers: Headers | None, limit: int) -> Body:
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
    if body.startswith((b"{", b"[")) and b"\n" not in body and b"\r" not in body:
        parsed = parse_json(body)
        if isinstance(parsed, Parsed) and not parsed.flaws:
            return {"body": body}
    try:
        return {"body": _text(body.decode())}
    except UnicodeDecodeError:
        return {"body_base64": _text(base64.b64encode(body).decode())}
