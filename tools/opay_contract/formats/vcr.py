"""Reads VCR cassettes: YAML and JSON, as vcrpy, schemathesis and Ruby's VCR write them."""

import re
from collections.abc import Iterator
from typing import Any

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import NO_RESPONSE, TRUNCATED_BODY, EntryError
from opay_contract.formats.json_cursor import JsonCursor, Path, iter_all_values
from opay_contract.formats.look import HEAD, LISTED, Head
from opay_contract.formats.messages import (
    PlaceOf,
    attempt,
    build_exchange,
    empty_body,
    encode_text,
    parse_base64,
    parse_entry,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.formats.streams import ChunkStream
from opay_contract.formats.yaml_events import ENTRIES, iter_interactions
from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable

INTERACTIONS: Path = {name: {} for name in ENTRIES}
"""Where in a cassette the interactions are, unless it is a list of them."""

_URLS = ("uri", "url")
_REQUEST_BODIES = ("request_body", "body")
_STATUSES = ("status/code", "status_code", "code", "status")
_RESPONSE_BODIES = ("body", "content")
"""What a member is called: by vcrpy, Ruby's VCR and schemathesis first, then by go-vcr, PHP-VCR, exvcr."""

_STATUS_TEXT = re.compile(r"(-?[0-9]+)(?: .*)?", re.DOTALL)
_STATUS_DIGITS = 5  # more than a status has, and few enough for int()
NO_BODY = "the response has no body; record it with its body"


_INTERACTIONS = rb"[\"']?(?:http_)?interactions[\"']?[ \t]*:"
_YAML = re.compile(
    rb"^" + _INTERACTIONS + rb"|\A(?:---\s++|#[^\n]*+\n)*+-\s++(?:&[^\s]++\s++)?+(?:[^\n]{0,200}\n\s++){0,3}"
    rb"[\"']?(?:request|response)[\"']?:",
    re.MULTILINE,
)
_FLOW = re.compile(rb"[^\0]{0,5000}?\brequest[\"']?\s*+:")


def is_vcr(head: Head) -> bool:
    """Tell a cassette, in YAML of either style or in JSON, by its list of interactions."""
    if not head.is_bracketed:
        return b"\0" not in head.text and _YAML.search(head.text) is not None
    if not head.is_json:
        return _FLOW.match(head.text) is not None
    has = head.look.members.get
    is_response = has("response/status_code") is not None or has("response/status") == b"{"
    return any(has(name) == b"[" for name in ENTRIES) or (has(LISTED) is not None and is_response)


def read_vcr(place_of: PlaceOf, stream: ChunkStream) -> Iterator[Exchange | Unreadable]:
    """Yield every interaction of a cassette."""
    interactions = _iter_json(stream) if Head(stream.head(HEAD)).is_json else iter_interactions(stream)
    for number, (line, value) in enumerate(interactions, start=1):
        place = place_of(number, line)
        try:
            yield _exchange(place, value)
        except EntryError as error:
            yield Unreadable(place=place, reason=error.reason)


def _iter_json(stream: ChunkStream) -> Iterator[tuple[int, Any]]:
    for line, data in iter_all_values(JsonCursor(stream), INTERACTIONS):
        try:
            yield line, parse_entry(data, line)
        except EntryError as error:
            yield line, error


def _exchange(place: Place, interaction: Any) -> Exchange | Unreadable:
    members = _mapping(interaction)
    request = _request(_mapping(members.get("request") or {}))
    return build_exchange(
        place, request, lambda: _response(members.get("response")), parse_moment(members.get("recorded_at"))
    )


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, EntryError):
        raise value
    if not isinstance(value, dict):
        raise EntryError("the entry is not of the shape that a cassette's interaction has")
    return value


def _request(recorded: dict[str, Any]) -> Request:
    return Request(
        method=attempt(_text, recorded, ("method",)),
        url=attempt(_text, recorded, _URLS),
        headers=attempt(parse_headers, recorded.get("headers")),
        body=attempt(_bytes, recorded, _REQUEST_BODIES),
    )


def _response(recorded: Any) -> Response:
    if recorded is None:
        raise EntryError(NO_RESPONSE)
    members = _mapping(recorded)
    if members.get("truncated_from") is not None:
        raise EntryError(TRUNCATED_BODY)
    if members.get("binary") is True or members.get("binary") == "true":
        raise EntryError("exvcr wrote the body as a term of Erlang; record it as text")
    status = parse_status(_number(_first(members, _STATUSES)))
    headers = parse_headers(members.get("headers"))
    body = _bytes(members, _RESPONSE_BODIES)
    decoded = empty_body(headers, NO_BODY) if body is None else decode_body(body, headers)
    return Response(status=status, headers=headers, body=decoded)


def _first(recorded: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first of some members that there is; `outer/inner` is one of another."""
    for name in names:
        outer, _, inner = name.partition("/")
        value = recorded.get(outer)
        if inner:
            value = value.get(inner) if isinstance(value, dict) else None
        if isinstance(value, EntryError):
            raise value
        if value is not None:
            return value
    return None


def _bytes(recorded: dict[str, Any], names: tuple[str, ...]) -> bytes | None:
    """Return a body given as text, as bytes, or as an object that has it as `string` or `base64_string`."""
    body = _first(recorded, names)
    if isinstance(body, dict):
        if body and not body.keys() & {"base64_string", "string"}:
            raise EntryError("a body is of a shape that no known recorder gives it")
        encoded = _first(body, ("base64_string",))
        body = parse_base64(encoded) if encoded is not None else _first(body, ("string",))
    if body is None or isinstance(body, bytes):
        return body
    if not isinstance(body, str):
        raise EntryError("a body is neither text nor bytes")
    return encode_text(body)


def _text(recorded: dict[str, Any], names: tuple[str, ...]) -> str | None:
    value = _first(recorded, names)
    if value is None or isinstance(value, str):
        return value
    raise EntryError("the method or the URL is no text")


def _number(value: Any) -> Any:
    found = _STATUS_TEXT.fullmatch(value) if isinstance(value, str) else None
    return int(found[1][:_STATUS_DIGITS]) if found else value
