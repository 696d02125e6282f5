"""Reads mitmproxy's flow files, of every version of their format, flow by flow.

A file is a row of typed netstrings, one a flow. They are not read with `mitmproxy.io`: a mitmproxy reads the
versions up to its own only, and the newest for this project's oldest Python is not the newest there is. Of
a flow a few members are looked at, which hardly changed over the versions; the rest is passed over unread.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import NO_RESPONSE, TOO_LONG, EntryError
from opay_contract.formats.look import Head
from opay_contract.formats.messages import PlaceOf, attempt, build_exchange, parse_moment, parse_status
from opay_contract.formats.streams import Readable
from opay_contract.formats.tnetstrings import (
    BYTES,
    NOTHING,
    NULL,
    ODD_FLOW,
    TEXT,
    Members,
    TnetstringReader,
    Value,
    read_items,
    read_members,
    read_number,
    read_text,
)
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable, header

NO_BODY = "mitmproxy passed the response body on without keeping it; record it without stream_large_bodies"

_DEFAULT_PORTS = {"http": 80, "https": 443}

_STATUS_NAMES = ("status_code", "code")
_CONTENT_NAMES = ("content", "body")
"""What a member is called now, and what it was before: the status until 0.13, the content in 0.14."""


_START = re.compile(rb"[1-9][0-9]{0,11}:[1-9][0-9]?:[a-z_]+[,;]")  # an object, its first member's name


def is_mitmproxy(head: Head) -> bool:
    """Tell a file of flows by how the first begins."""
    return _START.match(head.text) is not None


def read_mitmproxy(place_of: PlaceOf, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every HTTP flow; others (TCP, DNS, WebSocket, CONNECT) are counted and passed over."""
    for number, flow in enumerate(TnetstringReader(stream).iter_values(), start=1):
        found = read_flow(place_of(number), flow)
        if found is not None:
            yield found


def read_flow(place: Place, flow: Value | None) -> Exchange | Unreadable | None:
    """Return what a flow holds, None for one that is passed over."""
    try:
        return _exchange(place, flow)
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason)


def _exchange(place: Place, flow: Value | None) -> Exchange | Unreadable | None:
    if flow is None:
        raise EntryError(TOO_LONG)
    members = read_members(flow)
    if (
        read_text(members.get("type", (TEXT, b"http"))) != "http"
        or members.get("websocket", NOTHING) != NOTHING
    ):
        return None
    sent = read_members(members.get("request", NOTHING))
    if read_text(sent.get("method", NOTHING)).upper() == "CONNECT":
        return None
    received = members.get("response", NOTHING)
    moment = parse_moment(read_number(sent.get("timestamp_start", NOTHING)))
    return build_exchange(place, _request(sent), lambda: _response(received), moment)


def _request(members: Members) -> Request:
    headers = attempt(_sent_headers, members.get("headers", NOTHING))
    return Request(
        method=read_text(members.get("method", NOTHING)),
        url=_url(members, headers),
        headers=headers,
        body=attempt(_content, members),
    )


def _url(members: Members, headers: Headers | None) -> str:
    """Return the URL as the client saw it: behind a reverse proxy `host` is where the request went on to."""
    scheme, path = (read_text(members.get(name, NOTHING)) for name in ("scheme", "path"))
    named = read_text(members.get("authority", NOTHING)) or header(headers, "host")
    return f"{scheme}://{named or _address(members, scheme)}{path}"


def _address(members: Members, scheme: str) -> str:
    host, port = read_text(members.get("host", NOTHING)), read_number(members.get("port", NOTHING))
    if ":" in host:
        host = f"[{host}]"
    return host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


def _response(received: Value) -> Response:
    if received == NOTHING:
        raise EntryError(NO_RESPONSE)
    members = read_members(received)
    status, headers = (
        read_number(_first(members, _STATUS_NAMES)),
        _headers(members.get("headers", NOTHING)),
    )
    body = _content(members)
    if body is None:
        raise EntryError(NO_BODY)
    return Response(status=parse_status(status), headers=headers, body=decode_body(body, headers))


def _content(members: Members) -> bytes | None:
    kind, content = _first(members, _CONTENT_NAMES)
    if kind not in (BYTES, TEXT, NULL):
        raise EntryError(ODD_FLOW)
    return None if kind == NULL else content


def _headers(value: Value) -> Headers:
    return tuple(_pair(field) for field in read_items(value))


_sent_headers = lru_cache(maxsize=256)(_headers)
"""The same: what a client sends is often the same in many requests."""


def _pair(field: Value) -> tuple[str, str]:
    texts = [read_text(part) for part in read_items(field)]
    if len(texts) != 2:  # noqa: PLR2004  a name and a value
        raise EntryError(ODD_FLOW)
    return texts[0], texts[1]


def _first(members: Members, names: tuple[str, ...]) -> Value:
    return next((members[name] for name in names if name in members), NOTHING)
