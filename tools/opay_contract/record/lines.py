"""Turns what was captured into an exchange, and that into a line of the native format."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import EntryError
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response
from opay_contract.record.captured import Body, Omitted, RawCapture


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
