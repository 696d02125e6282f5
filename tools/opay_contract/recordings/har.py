"""Reads HAR 1.2 as Chromium, Firefox, Playwright, mitmproxy and schemathesis write it, entry by entry."""

import base64
from collections.abc import Iterator

import msgspec

from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable
from opay_contract.recordings.cursor import JsonCursor, Path, iter_all_values
from opay_contract.recordings.entries import attempt, build_exchange
from opay_contract.recordings.messages import (
    decode_entry,
    empty_body,
    encode_text,
    parse_base64,
    parse_moment,
    parse_status,
)
from opay_contract.recordings.refusals import NO_RESPONSE, TRUNCATED_BODY, EntryError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import ChunkStream

NO_BODY = 'the response has no body text; export the HAR "with content"'
ATTACHED_BODY = "the response body is in another file; record the HAR with its content embedded"

ENTRIES: Path = {"log": {"entries": {}}, "entries": {}}
"""Where in a HAR the entries are, also in one that lost its wrapper."""

_BYTE_ORDER_MARK = 3  # `size` counts it, `text` has lost it


class _Field(msgspec.Struct, gc=False):
    name: str
    value: str | None = None


class _Content(msgspec.Struct, rename={"file": "_file"}, gc=False):
    size: float | None = None
    compression: float | None = None
    text: str | None = None
    encoding: str | None = None
    comment: str | None = None
    file: str | None = None


class _PostData(msgspec.Struct, gc=False):
    text: str | None = None
    encoding: str | None = None


class _Request(msgspec.Struct, rename="camel", gc=False):
    method: str | None = None
    url: str | None = None
    headers: list[_Field] | None = None
    post_data: _PostData | None = None
    body_size: float | None = None


class _Response(msgspec.Struct, rename="camel", gc=False):
    status: int
    headers: list[_Field] | None = None
    content: _Content | None = None
    body_size: float | None = None


class _Entry(msgspec.Struct, rename="camel", gc=False):
    started_date_time: str | None = None
    request: _Request | None = None
    response: _Response | None = None


_ENTRY = msgspec.json.Decoder(_Entry)


def read_har(source: Source, stream: ChunkStream) -> Iterator[Exchange | Unreadable]:
    """Yield every entry of `log.entries`, wherever in the file that is."""
    cursor = JsonCursor(stream)
    for number, (line, data) in enumerate(iter_all_values(cursor, ENTRIES), start=1):
        place = source.place(number, line)
        try:
            entry = decode_entry(_ENTRY, data, line)
            _take_attached(entry, stream)
            yield _exchange(place, entry)
        except EntryError as error:
            yield Unreadable(place=place, reason=error.reason)


def _take_attached(entry: _Entry, stream: ChunkStream) -> None:
    """Put the body of an answer that an archive keeps beside the HAR in its place."""
    content = entry.response.content if entry.response else None
    body = stream.attached(content.file) if content and content.file and content.text is None else None
    if content and body is not None:
        content.text, content.encoding = base64.b64encode(body).decode(), "base64"


def _exchange(place: Place, entry: _Entry) -> Exchange | Unreadable:
    request = _request(entry.request or _Request())
    return build_exchange(
        place, request, lambda: _response(entry.response), parse_moment(entry.started_date_time)
    )


def _request(recorded: _Request) -> Request:
    return Request(
        method=recorded.method,
        url=recorded.url,
        headers=_headers(recorded.headers),
        body=attempt(_request_body, recorded),
    )


def _request_body(recorded: _Request) -> bytes | None:
    posted = recorded.post_data
    if posted is None or posted.text is None:
        return b"" if recorded.body_size == 0 else None
    body = _decoded(posted.text, posted.encoding)
    return _without_unmarked_base64(body, recorded.body_size)


def _without_unmarked_base64(body: bytes, size: float | None) -> bytes:
    """Return the bytes that schemathesis was to preserve: it gives them as base64 and only the size tells."""
    if size is None or len(body) == size:
        return body
    try:
        decoded = base64.b64decode(body, validate=True)
    except ValueError:
        return body
    return decoded if len(decoded) == size else body


def _response(recorded: _Response | None) -> Response:
    if recorded is None:
        raise EntryError(NO_RESPONSE)
    status, headers = parse_status(recorded.status), _headers(recorded.headers)
    return Response(status=status, headers=headers, body=_body(recorded, headers))


def _headers(fields: list[_Field] | None) -> Headers | None:
    """Return the fields without HTTP/2's pseudo-headers, which are none (RFC 9113, section 8.3)."""
    if fields is None:
        return None
    return tuple((field.name, field.value or "") for field in fields if not field.name.startswith(":"))


def _body(recorded: _Response, headers: Headers | None) -> bytes:
    content = recorded.content or _Content()
    if content.text is None:
        return _missing_body(content, recorded.body_size, headers)
    body = _decoded(content.text, content.encoding)
    if _is_truncated(content, len(body)):
        raise EntryError(TRUNCATED_BODY)
    return body


def _missing_body(content: _Content, body_size: float | None, headers: Headers | None) -> bytes:
    """Return the empty body, unless some size says that there was more; -1 stands for an unknown size."""
    if content.file is not None:
        raise EntryError(ATTACHED_BODY)
    sizes = [size for size in (content.size, body_size) if size is not None]
    if any(size > 0 for size in sizes) or (content.size is None and body_size != 0):
        raise EntryError(NO_BODY)
    return empty_body(headers, NO_BODY)


def _decoded(text: str, encoding: str | None) -> bytes:
    return parse_base64(text) if encoding == "base64" else encode_text(text)


def _is_truncated(content: _Content, length: int) -> bool:
    """Tell whether the recorder kept a part only.

    mitmproxy gives the compressed length as `size`; where compression made a body longer, its negative
    `compression` brings it back.
    """
    if content.comment is not None and "truncated" in content.comment.lower():
        return True
    size = (content.size or 0) + min(content.compression or 0, 0)
    return length + _BYTE_ORDER_MARK < size
