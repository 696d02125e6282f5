"""Reads a native line without building an exchange, and tells what decides most of what it shows."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from opay_contract.contract.answers import answer_shape
from opay_contract.contract.contract import Contract, Match, Route, at
from opay_contract.jsontext import NotJson, Parsed, iter_nodes, parse_json
from opay_contract.model.exchange import Exchange, Request, header
from opay_contract.recordings.ndjson import LINE
from opay_contract.rules.shapes import shape_of

MAX_ROUTES = 4096
"""Methods and URLs that are remembered; lines with further ones go the long way."""

_decode = msgspec.json.Decoder().decode
_decode_headers = msgspec.json.Decoder(dict[str, str]).decode
_encode = msgspec.json.Encoder().encode

_WHITE_SPACE = b" \t\r\n"


@dataclass(slots=True)
class Record:
    """A decoded line; `key` has everything about it that its shape decides."""

    key: tuple[Any, ...]
    status: int
    method: str | None
    url: str | None
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    query: Any
    answer: Any
    query_text: bytes
    answer_text: bytes
    recorded_at: Any

    def describe(self) -> dict[str, Any]:
        """Return the exchange as evidence looks at it: header names in lower case."""
        return {
            "request": {
                "method": self.method,
                "url": self.url,
                "headers": _lower(self.request_headers),
                "body": self.query,
            },
            "response": {
                "status": self.status,
                "headers": _lower(self.response_headers),
                "body": self.answer,
            },
        }


class RecordReader:
    """Reads lines whose route the contract knows."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._answers = answer_shape(contract)
        self._routes: dict[tuple[str | None, str | None], Route] = {}

    def read(self, line: bytes) -> Record | None:
        """Decode a line of the native shape; None for a line that must go the long way."""
        try:
            decoded = LINE.decode(line)
            request, response = decoded.request, decoded.response
            if request is None or response is None:
                return None
            if request.body_base64 is not None or response.body_base64 is not None:
                return None
            query, query_text = _read_body(bytes(request.body))
            answer, answer_text = _read_body(bytes(response.body))
            request_headers = _decode_headers(request.headers)
            response_headers = _decode_headers(response.headers)
            shapes = (shape_of(query), shape_of(answer))
        except (ValueError, RecursionError):
            return None
        if query is None or "" in request_headers.values():
            return None
        if _has_repeated_name(request_headers) or _has_repeated_name(response_headers):
            return None
        key = self._key(request.method, request.url, answer)
        if key is None:
            return None
        shape = (
            response.status,
            tuple(request_headers),
            tuple(response_headers),
            *shapes,
        )
        return Record(
            (*key, *shape, _content_type(request_headers), _content_type(response_headers)),
            response.status,
            request.method,
            request.url,
            request_headers,
            response_headers,
            query,
            answer,
            query_text,
            answer_text,
            decoded.recorded_at,
        )

    def _key(self, method: str | None, url: str | None, answer: Any) -> tuple[Any, ...] | None:
        """Return route, business code and message, which decide as much as a shape does."""
        if url is None and not (isinstance(answer, dict) and self._answers.fits(answer)):
            return None
        route = self._routes.get((method, url))
        if route is None:
            if len(self._routes) >= MAX_ROUTES:
                return None
            route = self._routes[method, url] = self._contract.route(Request(method=method, url=url))
        if not route.in_scope or route.operation is None:
            return None
        envelope = route.operation.envelope
        if envelope is None:
            return (method, url)
        code, message = at(answer, envelope.code), at(answer, envelope.message)
        return (method, url, code if type(code) is str else None, message if type(message) is str else None)


def structure_of(exchange: Exchange, match: Match) -> tuple[Any, ...] | None:
    """Return what decides most of what an exchange shows, as `Record.key` does; None off the known routes."""
    if match.route.operation is None:
        return None
    request, response = exchange.request, exchange.response
    envelope = match.route.operation.envelope
    answer = match.response_body
    message = at(answer.value, envelope.message) if envelope and isinstance(answer, Parsed) else None
    return (
        request.method,
        request.url,
        match.code,
        message if isinstance(message, str) else None,
        response.status,
        *(
            None if fields is None else tuple(name for name, _ in fields)
            for fields in (request.headers, response.headers)
        ),
        header(request.headers, "content-type"),
        header(response.headers, "content-type"),
        *(
            shape_of(body.value) if isinstance(body, Parsed) else body is None
            for body in (match.request_body, answer)
        ),
    )


def has_float(match: Match) -> bool:
    """Return whether a number in a body has a fraction or an exponent.

    Whether it is whole, and the digits that its text hides, are not told by its type.
    """
    bodies = [body.value for body in (match.request_body, match.response_body) if isinstance(body, Parsed)]
    return any(isinstance(node, float) for body in bodies for _, node in iter_nodes(body))


@lru_cache(maxsize=MAX_ROUTES)
def lower_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return header names in lower case; recordings have few sets of them."""
    return tuple(name.lower() for name in names)


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return dict(zip(lower_names(tuple(headers)), headers.values(), strict=True))


def _has_repeated_name(headers: dict[str, str]) -> bool:
    return len(set(lower_names(tuple(headers)))) < len(headers)


def _read_body(raw: bytes) -> tuple[Any, bytes]:
    """Return a body's value and its compact text; raises ValueError where a strict reader finds a flaw."""
    text = _decode(raw).encode() if raw.startswith(b'"') else raw
    value = _decode(text)
    compact = _encode(value)
    same = text == compact or text.translate(None, _WHITE_SPACE) == compact.translate(None, _WHITE_SPACE)
    if not same and _has_flaws(text):
        raise ValueError
    return value, compact


def _has_flaws(text: bytes) -> bool:
    parsed = parse_json(text)
    return isinstance(parsed, NotJson) or bool(parsed.flaws)


def _content_type(headers: dict[str, str]) -> str | None:
    """Return the media type by its usual name, or else by the name in any case."""
    if "Content-Type" in headers:
        return headers["Content-Type"]
    return next((value for name, value in headers.items() if name.lower() == "content-type"), None)
