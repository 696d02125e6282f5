"""Turns what was captured into an exchange, and that into a line of the native format."""

import json
from dataclasses import dataclass

from msgspec import structs

from opay_contract.capture.captured import Body, Captured, Omitted
from opay_contract.mock.recorder import render_exchange
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response
from opay_contract.recordings.encodings import decode_body
from opay_contract.recordings.refusals import EntryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An exchange with its bodies decoded; where one is omitted, the exchange has none and this says why."""

    exchange: Exchange
    request: Omitted | None = None
    response: Omitted | None = None


def decode_captured(captured: Captured, place: Place, limit: int) -> Taken:
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
    return Taken(
        exchange=Exchange(place=place, request=request, response=response, recorded_at=captured.recorded_at),
        request=sent if isinstance(sent, Omitted) else None,
        response=body if isinstance(body, Omitted) else None,
    )


def render_line(taken: Taken) -> bytes:
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
