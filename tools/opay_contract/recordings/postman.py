"""Reads Postman collections (2.0 and 2.1): the responses that are saved in them as examples.

A saved request is what somebody wrote and not what went out: variables stand in it as `{{name}}`, and
Postman adds headers when it sends. What is thereby not known is given as not recorded.
"""

import re
from collections.abc import Iterator
from typing import Any

from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable, header
from opay_contract.recordings.cursor import JsonCursor
from opay_contract.recordings.messages import (
    empty_body,
    encode_text,
    parse_entry,
    parse_moment,
    parse_status,
)
from opay_contract.recordings.refusals import TOO_DEEP, TOO_LONG, EntryError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import MAX_ENTRY, Readable

MAX_FOLDERS = 100
"""How deep folders may be within folders."""

MAX_WAITING = 1000
"""How many saved responses may come before the request of their item."""

NO_BODY = "the saved response has no body; save the example with its body"
ODD_ENTRY = "the entry is not of the shape that Postman gives a request or a response"

_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")
_URL = re.compile(r"((?:[^/?#]*:)?//)?([^/?#]*)(.*)", re.DOTALL)

_Text = tuple[int, bytes | None]
"""The line on which a value starts, and its text; None is one that is too long to be kept."""

_Answer = tuple[int, bytes | EntryError, _Text | None]
"""The line on which a saved response starts, its text, and the request of its item."""


class _Waiting:
    """Saved responses that came before their item's request, as many as may be kept."""

    def __init__(self) -> None:
        self._texts: list[_Text] = []
        self._size = 0

    def add(self, cursor: JsonCursor) -> None:
        cursor.peek()
        line, data = cursor.line, cursor.take_value()
        self._texts.append((line, data))
        self._size += len(data or b"")

    @property
    def is_full(self) -> bool:
        return len(self._texts) >= MAX_WAITING or self._size > MAX_ENTRY

    def take(self, request: _Text | None) -> Iterator[_Answer]:
        texts, self._texts, self._size = self._texts, [], 0
        for line, data in texts:
            yield line, EntryError(TOO_LONG) if data is None else data, request


def read_postman(source: Source, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every saved response; an item without one holds none."""
    for number, answer in enumerate(_iter_answers(JsonCursor(stream), 0), start=1):
        place = source.place(number, answer[0])
        try:
            yield _exchange(place, answer)
        except EntryError as error:
            yield Unreadable(place=place, reason=error.reason)


def _iter_answers(cursor: JsonCursor, depth: int) -> Iterator[_Answer]:
    """Walk a collection, a folder or an item, whichever it is; what it keeps is one item's at most."""
    if cursor.peek() != b"{":
        cursor.skip_value()
        return
    request: _Text | None = None
    waiting = _Waiting()
    for name in cursor.iter_members():
        first = cursor.peek()
        if name == "item" and first == b"[":
            yield from _iter_below(cursor, depth + 1)
        elif name == "collection" and not depth:  # as the answers of Postman's own API wrap it
            yield from _iter_answers(cursor, depth + 1)
        elif name == "request":
            request = (cursor.line, cursor.take_value())
        elif name == "response" and first == b"[":
            for _ in cursor.iter_items():
                waiting.add(cursor)
                if request is not None or waiting.is_full:
                    yield from waiting.take(request)
        else:
            cursor.skip_value()
    yield from waiting.take(request)


def _iter_below(cursor: JsonCursor, depth: int) -> Iterator[_Answer]:
    for _ in cursor.iter_items():
        if depth > MAX_FOLDERS:
            cursor.peek()
            yield cursor.line, EntryError(TOO_DEEP), None
            cursor.skip_value()
        else:
            yield from _iter_answers(cursor, depth)


def _exchange(place: Place, answer: _Answer) -> Exchange:
    line, data, request = answer
    if isinstance(data, EntryError):
        raise data
    members = _object(parse_entry(data, line))
    written = members.get("originalRequest")
    if written is None and request is not None and request[1] is not None:
        written = parse_entry(request[1], request[0])
    headers = parse_fields(members.get("header"))
    return Exchange(
        place=place,
        request=Request() if written is None else _as_far_as_known(written),
        response=Response(
            status=parse_status(members.get("code")),
            headers=headers,
            body=_body(members.get("body"), headers),
        ),
        recorded_at=parse_moment(header(headers, "date")),
    )


def _body(text: Any, headers: Headers | None) -> bytes:
    if text is None:
        return empty_body(headers, NO_BODY)
    if not isinstance(text, str):
        raise EntryError(ODD_ENTRY)
    return encode_text(text)


def _as_far_as_known(written: Any) -> Request:
    """Return a request as it was written, without what cannot be what was sent."""
    request = parse_request(written)
    is_told = request.body is not None and not _has_variable(str(request.body, "utf-8", "replace"))
    return Request(
        method=request.method,
        url=None if request.url is None else _without_variables(request.url),
        headers=request.headers if _is_complete(written, request) else None,
        body=request.body if is_told else None,
    )


def _is_complete(written: Any, request: Request) -> bool:
    """Tell whether the headers that matter were sent as they stand: no variables, none left to Postman."""
    if not isinstance(written, dict) or any(_has_variable(value) for _, value in request.headers or ()):
        return False
    has_type = header(request.headers, "content-type") is not None
    return not written.get("auth") and (has_type or request.body == b"")


def _has_variable(text: str) -> bool:
    return _VARIABLE.search(text) is not None


def _without_variables(url: str) -> str | None:
    """Return a URL without the host or scheme that only a variable names, or None where that is all of it.

    Postman takes a URL without a scheme, too, so what stands first is a host.
    """
    found = _URL.fullmatch(url)
    if found is None or not found[2]:
        return url
    scheme, host, rest = found[1] or "//", found[2], found[3]
    if _has_variable(host):
        return rest if rest.startswith("/") else None
    return f"//{host}{rest}" if _has_variable(scheme) else f"{scheme}{host}{rest}"


def parse_request(value: Any) -> Request:
    """Return a request in Postman's shape, in which a text alone is a URL."""
    if isinstance(value, str):
        return Request(method="GET", url=value, headers=(), body=b"")
    members = _object(value)
    method = members.get("method", "GET")
    return Request(
        method=method if isinstance(method, str) else None,
        url=_url(members.get("url")),
        headers=parse_fields(members.get("header")) or (),
        body=_request_body(members.get("body")),
    )


def _request_body(value: Any) -> bytes | None:
    """Return the text of a body; forms and files, which are not put together here, count as unknown."""
    if value is None:
        return b""
    body = _object(value)
    if body.get("disabled") is True:
        return b""
    text = body.get("raw", "")
    return encode_text(text) if body.get("mode") == "raw" and isinstance(text, str) else None


def _url(value: Any) -> str | None:
    """Return a URL given as text, or as its parts beside the text or without it."""
    if value is None or isinstance(value, str):
        return value
    parts = _object(value)
    if isinstance(parts.get("raw"), str):
        return str(parts["raw"])
    protocol, port = parts.get("protocol"), parts.get("port")
    host, path = _joined(parts.get("host"), "."), _joined(parts.get("path"), "/")
    scheme = f"{protocol}://" if isinstance(protocol, str) and protocol else ""
    where = f"{host}:{port}" if isinstance(port, str | int) and port else host
    return f"{scheme}{where}/{path.removeprefix('/')}{_query(parts.get('query'))}"


def _joined(value: Any, between: str) -> str:
    if isinstance(value, list):
        return between.join(part if isinstance(part, str) else "" for part in value)
    return value if isinstance(value, str) else ""


def _query(value: Any) -> str:
    fields = parse_fields(value) if isinstance(value, list) else None
    return "?" + "&".join(f"{name}={text}" for name, text in fields) if fields else ""


def parse_fields(value: Any) -> Headers | None:
    """Return the header fields of a list of `{key, value}`, of texts, or of one text with a field a line."""
    if value is None:
        return None
    if isinstance(value, str):
        value = value.splitlines()
    if not isinstance(value, list):
        raise EntryError(ODD_ENTRY)
    return tuple(_field(field) for field in value if not _is_off(field))


def _is_off(field: Any) -> bool:
    if isinstance(field, str):
        return not field.strip()
    return isinstance(field, dict) and field.get("disabled") is True


def _field(field: Any) -> tuple[str, str]:
    if isinstance(field, str):
        before, _, after = field.partition(":")
        return before.strip(), after.strip()
    members = _object(field)
    name, value = members.get("key"), members.get("value")
    if not isinstance(name, str | None) or not isinstance(value, str | int | None):
        raise EntryError(ODD_ENTRY)
    return name or "", "" if value is None else str(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EntryError(ODD_ENTRY)
    return value
