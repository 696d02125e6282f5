"""Reads HAR 1.2 as Chromium, Firefox, Playwright, mitmproxy and schemathesis write it, entry by entry."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from opay_contract.formats.content_coding import USUAL_BEGINNINGS, decode_body, decode_sent
from opay_contract.formats.errors import NO_RESPONSE, TRUNCATED_BODY, EntryError
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.json_files import (
    Entry,
    JsonFormat,
    Path,
    iter_all_segments,
    read_entries,
)
from opay_contract.formats.messages import (
    PlaceOf,
    Steps,
    attempt,
    build_exchange,
    decode_entry,
    empty_body,
    encode_text,
    odd_member,
    parse_base64,
    parse_moment,
    parse_status,
)
from opay_contract.formats.streams import ChunkStream, Readable, nothing_attached
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable

NO_BODY = 'the response has no body text; export the HAR "with content"'
ATTACHED_BODY = "the response body is in another file; record the HAR with its content embedded"

ENTRIES: Path = {"log": {"entries": {}}, "entries": {}}
"""Where in a HAR the entries are, also in one that lost its wrapper."""

_PSEUDO, _CODING = ":", "content-encoding"
_PLAIN, _MOST_KNOWN = set[str](), 1000
"""Names of header fields that are nothing special."""

_NO_FIELDS = msgspec.Raw(b"null")
_LAST: list[tuple[msgspec.Raw, Headers | None, bool]] = [(_NO_FIELDS, None, False)]
"""The text of the request's header fields before, and what they are: those of the next are often the same."""

_UNKNOWN_TYPE = "x-unknown"  # of Chromium, where there was none
_STATUS_DIGITS = 5  # more than a status has, and few enough for int()
HEAD_OF_PART, TAIL_OF_PART = b'{"log":{"entries":[', b"]}}"
"""What makes a HAR of some entries that were cut out of one."""

_BYTE_ORDER_MARK = 3  # `size` counts it, `text` has lost it


class _Field(msgspec.Struct, gc=False):
    name: str = ""
    value: str | None = None


class _Content(msgspec.Struct, rename={"file": "_file", "mime_type": "mimeType"}, gc=False):
    size: int | float | None = None
    mime_type: str | None = None
    compression: float | None = None
    text: str | None = None
    encoding: str | None = None
    comment: str | None = None
    file: str | None = None


class _PostData(msgspec.Struct, gc=False):
    text: str | None = None
    encoding: str | None = None


class _HarRequest(msgspec.Struct, rename="camel", gc=False):
    method: str | None = None
    url: str | None = None
    headers: msgspec.Raw = _NO_FIELDS
    body_size: int | float | None = None
    post_data: _PostData | None = None


class _HarResponse(msgspec.Struct, rename="camel", gc=False):
    status: int
    headers: list[_Field] | None = None
    content: _Content | None = None
    body_size: float | None = None


class _Entry(msgspec.Struct, rename="camel", gc=False):
    started_date_time: str | None = None
    request: _HarRequest | None = None
    response: _HarResponse | None = None


_ENTRY, _FIELDS = msgspec.json.Decoder(_Entry), msgspec.json.Decoder(list[_Field])
_NO_CONTENT, _NO_REQUEST = _Content(), Request()
_NEEDED = frozenset({"status", "headers", "content", "text", "encoding", "_file"})
"""The members of a response that there is no way around."""


def read_har(
    place_of: PlaceOf, stream: ChunkStream, *, before: int = 0, line: int = 1, offset: int = 0
) -> Iterator[Exchange | Unreadable]:
    """Yield every entry of `log.entries`, wherever in the file that is.

    For a part of a file it is said how many entries and bytes are before it, and on which line it begins.
    """
    cursor = JsonCursor(stream, offset)
    cursor.line = line
    segments = iter_all_segments(cursor, ENTRIES, whole=False, decoder=_ENTRY)
    is_alone = stream.attached is nothing_attached
    read = _read_entry if is_alone else partial(_read_entry, attached=stream.attached)
    return read_entries(place_of, segments, read, before)


def _read_entry(
    place: Place, found: Entry, attached: Callable[[str], bytes | None] | None = None
) -> Exchange | Unreadable:
    entry = found.value or decode_entry(_ENTRY, found.data, found.line, _repair)
    request, response, moment = entry.request, entry.response, entry.started_date_time
    if attached is not None and response is not None and (content := response.content) is not None:
        body = attached(content.file) if content.file and content.text is None else None
        if body is not None:
            content.text, content.encoding = base64.b64encode(body).decode(), "base64"
    sent = _NO_REQUEST if request is None else _request(request)
    return build_exchange(place, sent, _response, response, parse_moment(moment) if moment else None)


rewrite_har = JsonFormat(
    segments=lambda stream, whole: iter_all_segments(JsonCursor(stream), ENTRIES, whole=whole),
    read=_read_entry,
).rewrite_all


class Cut(msgspec.Struct, frozen=True):
    """Where a HAR can be cut in two: behind an entry, and before the next.

    `before` is how many entries are before the cut, `line` where the next entry begins.
    """

    end: int
    start: int
    before: int
    line: int


def iter_cuts(stream: Readable) -> Iterator[Cut]:
    """Yield places, some hundred entries apart, at which a HAR can be cut; each is proven to be one.

    They may end before the file does: an odd entry is nothing that must be understood here.
    """
    cursor = JsonCursor(stream)
    if _enter(cursor, "log") and _enter(cursor, "entries") and cursor.peek() == b"[":
        before = 0
        for passed, step, line in cursor.iter_item_counts():
            before += passed
            yield Cut(cursor.offset, cursor.offset + step, before, line)


def _enter(cursor: JsonCursor, wanted: str) -> bool:
    """Go to a member's value, unless what is before it may hold entries, too."""
    if cursor.peek() == b"{":
        for name in cursor.iter_members():
            if name == wanted:
                return True
            if name == "entries":
                return False
            cursor.skip_value()
    return False


def _repair(steps: Steps, value: Any) -> Any:
    """Return what stands for a member of another type: in a header a number is its digits."""
    if steps[0] == "response":
        if steps[-1] == "status" and isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value[:_STATUS_DIGITS])
        if len(steps) == 1 or steps[-1] in _NEEDED:
            raise odd_member(steps)
    if steps in (("request",), ("request", "url")):
        raise odd_member(steps)
    if steps == ("request", "headers"):
        return msgspec.Raw(json.dumps(value).encode())
    if steps[-1] == "value" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return {} if isinstance(steps[-1], int) else None


def _request(recorded: _HarRequest) -> Request:
    text, headers, is_coded = _LAST[0]
    if recorded.headers != text:
        fields = bytes(recorded.headers)  # of all that was decoded with it nothing is kept
        headers, is_coded = _headers(
            decode_entry(_FIELDS, fields, 1, _repair) if fields.startswith(b"[") else None
        )
        _LAST[0] = (msgspec.Raw(fields), headers, is_coded)
    posted, size = recorded.post_data, recorded.body_size
    if posted is None or posted.text is None:
        body = b"" if size == 0 else None
    elif posted.encoding == "base64":
        body = attempt(parse_base64, posted.text)
    else:
        body = encode_text(posted.text)
    if body and size is not None and len(body) != size:
        # schemathesis gives bytes that it preserves as base64; only the size tells
        with suppress(ValueError):
            decoded = base64.b64decode(body, validate=True)
            body = decoded if len(decoded) == size else body
    if is_coded:
        body = decode_sent(body, headers)
    return Request(method=recorded.method, url=recorded.url, headers=headers, body=body)


def _response(recorded: _HarResponse | None) -> Response:
    if recorded is None:
        raise EntryError(NO_RESPONSE)
    status = parse_status(recorded.status)
    headers, is_coded = _headers(recorded.headers)
    content = recorded.content or _NO_CONTENT
    if not headers and content.mime_type and content.mime_type != _UNKNOWN_TYPE:
        headers = (("Content-Type", content.mime_type),)
    if content.text is None:
        body = _missing_body(content, recorded.body_size, headers)
        return Response(status=status, headers=headers, body=body)
    given = body = parse_base64(content.text) if content.encoding == "base64" else encode_text(content.text)
    if is_coded or given[:1] not in USUAL_BEGINNINGS:
        body = decode_body(given, headers)
    if content.comment is not None or (content.size or 0) > len(body):
        _refuse_truncated(content, max(len(body), len(given)))
    return Response(status=status, headers=headers, body=body)


def _headers(fields: list[_Field] | None) -> tuple[Headers | None, bool]:
    """Return the fields, and whether one says that the body has a coding.

    HTTP/2's pseudo-headers are left out, as they are none (RFC 9113, section 8.3).
    """
    if fields is None:
        return None, False
    found, is_coded = [], False
    for field in fields:
        name = field.name
        if name not in _PLAIN:
            if name.lower() == _CODING:
                is_coded = True
            elif not name or name[0] == _PSEUDO:
                continue
            elif len(_PLAIN) < _MOST_KNOWN:
                _PLAIN.add(name)
        found.append((name, field.value or ""))
    return tuple(found), is_coded


def _missing_body(content: _Content, body_size: float | None, headers: Headers | None) -> bytes:
    """Return the empty body, unless some size says that there was more; -1 stands for an unknown size."""
    if content.file is not None:
        raise EntryError(ATTACHED_BODY)
    sizes = [size for size in (content.size, body_size) if size is not None]
    if any(size > 0 for size in sizes) or (content.size is None and body_size != 0):
        raise EntryError(NO_BODY)
    return empty_body(headers, NO_BODY)


def _refuse_truncated(content: _Content, length: int) -> None:
    """Refuse a body of which the recorder kept a part only.

    mitmproxy gives the compressed length as `size`; where compression made a body longer, its negative
    `compression` brings it back.
    """
    size = (content.size or 0) + min(content.compression or 0, 0)
    if "truncated" in (content.comment or "").lower() or length + _BYTE_ORDER_MARK < size:
        raise EntryError(TRUNCATED_BODY)
