"""Reads transcripts of `curl -v` that have its remarks and the response in one file (`2>&1`).

The request's body is not in it.
"""

import re
from collections.abc import Iterator

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.curl_lines import Call, is_transcript, iter_pieces
from opay_contract.formats.errors import NO_RESPONSE, TOO_LONG, EntryError
from opay_contract.formats.look import Head
from opay_contract.formats.messages import PlaceOf, build_exchange, parse_status
from opay_contract.formats.streams import MAX_ENTRY, Readable
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable, header

NO_BODY = "the transcript has no response body; write it to the same file (curl -sv ... > FILE 2>&1)"

_EMPTY_STATUSES = (204, 304)
_INCLUDED_HEADERS = re.compile(rb"HTTP/[0-9.]+ [0-9]{3}[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")


def is_curl(head: Head) -> bool:
    """Tell a transcript by how it begins, and by a request and its response."""
    return is_transcript(head.raw)


def read_curl(place_of: PlaceOf, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every call, and a call that got no response as unreadable."""
    calls = (one for one in iter_pieces(stream) if isinstance(one, Call) and is_counted(one))
    for number, call in enumerate(calls, start=1):
        yield read_call(place_of(number, call.line), call)


def is_counted(call: Call) -> bool:
    """Tell whether a call is one: what asks a proxy for a tunnel is part of the next."""
    return call.method != "CONNECT"


def read_call(place: Place, call: Call) -> Exchange | Unreadable:
    """Return what a call holds."""
    request = Request(method=call.method, url=_url(call), headers=tuple(call.sent))
    return build_exchange(place, request, lambda: _response(call))


def _response(call: Call) -> Response:
    if call.status is None:
        raise EntryError(NO_RESPONSE)
    headers = tuple(call.received)
    _, body, _ = cut_body(call)
    return Response(status=parse_status(call.status), headers=headers, body=decode_body(body, headers))


def _url(call: Call) -> str | None:
    host, target = header(tuple(call.sent), "host"), call.target
    if host is None or target is None or not target.startswith("/"):
        return target
    return f"{call.scheme}://{host}{target}"


def cut_body(call: Call) -> tuple[bytes, bytes, bytes]:
    """Return headers that stand before the body, the body, and what the transcript has behind it."""
    if call.size > MAX_ENTRY:
        raise EntryError(TOO_LONG)
    start = 0
    while included := _INCLUDED_HEADERS.match(call.body, start):  # `-i` writes them into the body
        start = included.end()
    end = start + _length_of(call, bytes(call.body[start:]))
    return bytes(call.body[:start]), bytes(call.body[start:end]), bytes(call.body[end:])


def _length_of(call: Call, body: bytes) -> int:
    """Return how long the body is: as it was announced, or up to the line break behind it."""
    headers = tuple(call.received)
    announced = (header(headers, "content-length") or "").strip()
    is_encoded = header(headers, "content-encoding") is not None
    is_empty = announced.strip("0") == "" if announced else call.status in _EMPTY_STATUSES
    if is_empty or call.method == "HEAD":
        return 0
    if not body.strip():
        raise EntryError(NO_BODY)
    if announced.isascii() and announced.isdigit() and not is_encoded:
        length = int(announced[:12])
        if length >= len(body) or not _is_whole_json(body) or _is_whole_json(body[:length]):
            return min(len(body), length)
    return len(body.removesuffix(b"\n").removesuffix(b"\r"))


def _is_whole_json(body: bytes) -> bool:
    """Tell whether a body is JSON as it stands: `jq` writes it with other spaces than were sent."""
    return isinstance(parse_json(body), Parsed)
