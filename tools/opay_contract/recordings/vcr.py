"""Reads VCR cassettes: YAML and JSON, as vcrpy, schemathesis and Ruby's VCR write them."""

from collections.abc import Iterator
from typing import Any

from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable, header
from opay_contract.recordings.cassette_yaml import iter_interactions, readable
from opay_contract.recordings.cursor import JsonCursor, iter_values
from opay_contract.recordings.encodings import decode_body
from opay_contract.recordings.formats import HEAD, VCR_ENTRIES
from opay_contract.recordings.messages import (
    empty_body,
    encode_text,
    parse_base64,
    parse_entry,
    parse_headers,
    parse_moment,
    parse_status,
    when_readable,
)
from opay_contract.recordings.refusals import NO_RESPONSE, TRUNCATED_BODY, EntryError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import ChunkStream

_STATUS_DIGITS = 5  # more than a status has, and few enough for int()
NO_BODY = "the response has no body; record it with its body"


def read_vcr(source: Source, stream: ChunkStream) -> Iterator[Exchange | Unreadable]:
    """Yield every interaction of a cassette."""
    first = JsonCursor(ChunkStream([stream.head(HEAD)])).peek()
    interactions = _iter_json(stream, first) if first in (b"{", b"[") else iter_interactions(stream)
    for number, (line, value) in enumerate(interactions, start=1):
        place = source.place(number, line)
        try:
            yield _exchange(place, value)
        except EntryError as error:
            yield Unreadable(place=place, reason=error.reason)


def _iter_json(stream: ChunkStream, first: bytes) -> Iterator[tuple[int, Any]]:
    path = (VCR_ENTRIES,) if first == b"{" else ()
    for line, data in iter_values(JsonCursor(stream), path):
        try:
            yield line, parse_entry(data, line)
        except EntryError as error:
            yield line, error


def _exchange(place: Place, interaction: Any) -> Exchange:
    members = _mapping(interaction)
    if members.get("response") is None:
        raise EntryError(NO_RESPONSE)
    response = _response(_mapping(members["response"]))
    return Exchange(
        place=place,
        request=_request(_mapping(members.get("request") or {})),
        response=response,
        recorded_at=parse_moment(members.get("recorded_at") or header(response.headers, "date")),
    )


def _mapping(value: Any) -> dict[str, Any]:
    value = readable(value)
    if not isinstance(value, dict):
        raise EntryError("the entry is not of the shape that a cassette's interaction has")
    return value


def _request(recorded: dict[str, Any]) -> Request:
    return Request(
        method=when_readable(_text, recorded.get("method")),
        url=_text(recorded.get("uri")),
        headers=when_readable(parse_headers, recorded.get("headers")),
        body=when_readable(_bytes, recorded.get("body")),
    )


def _response(recorded: dict[str, Any]) -> Response:
    if recorded.get("truncated_from") is not None:
        raise EntryError(TRUNCATED_BODY)
    status = parse_status(_number(_status(recorded)))
    headers = parse_headers(readable(recorded.get("headers")))
    return Response(status=status, headers=headers, body=_body(recorded, headers))


def _status(recorded: dict[str, Any]) -> Any:
    """Return the status where it is now, and where vcrpy before 6.0 put it for httpx."""
    status = readable(recorded.get("status", recorded.get("status_code")))
    return status.get("code") if isinstance(status, dict) else status


def _body(recorded: dict[str, Any], headers: Headers | None) -> bytes:
    body = _bytes(recorded.get("body", recorded.get("content")))
    return empty_body(headers, NO_BODY) if body is None else decode_body(body, headers)


def _bytes(body: Any) -> bytes | None:
    """Return a body given as text, as bytes, or as an object that has it as `string` or `base64_string`."""
    body = readable(body)
    if isinstance(body, dict):
        encoded = body.get("base64_string")
        body = parse_base64(readable(encoded)) if encoded is not None else readable(body.get("string"))
    if body is None or isinstance(body, bytes):
        return body
    if not isinstance(body, str):
        raise EntryError("a body is neither text nor bytes")
    return encode_text(body)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise EntryError("the method or the URL is no text")


def _number(value: Any) -> Any:
    is_digits = isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit()
    return int(value[:_STATUS_DIGITS]) if is_digits else value
