"""Reads mitmproxy's flow files, of every version of their format, flow by flow.

A file is a row of typed netstrings, one a flow. They are read here and not with `mitmproxy.io`: a mitmproxy
reads the versions up to its own only, and the newest for this project's oldest Python is not the newest
there is. Of a flow a few members are looked at, which hardly changed over the versions; the rest is passed
over unread, so nothing recurses into what was recorded.
"""

import re
from collections.abc import Iterator

from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable, header
from opay_contract.recordings.encodings import decode_body
from opay_contract.recordings.messages import parse_moment, parse_status
from opay_contract.recordings.refusals import NO_RESPONSE, TOO_LONG, EntryError, StreamError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import CHUNK, MAX_ENTRY, Readable

NO_BODY = "mitmproxy passed the response body on without keeping it; record it without stream_large_bodies"
ODD_FLOW = "the flow is not of a shape that mitmproxy writes"

_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,11}):")
_LONGEST_LENGTH = 13
_BYTES, _TEXT, _INTEGER, _FLOAT, _NULL, _LIST, _OBJECT = b",", b";", b"#", b"^", b"~", b"]", b"}"
_LONGEST_NUMBER = 40
_DEFAULT_PORTS = {"http": 80, "https": 443}

_Value = tuple[bytes, bytes]
"""A value: the byte that tells its type, and its text, of which nothing is read yet."""

_Members = dict[str, _Value]

_NOTHING: _Value = (_NULL, b"")

_STATUS_NAMES = ("status_code", "code")
_CONTENT_NAMES = ("content", "body")
"""What a member is called now, and what it was before: the status until 0.13, the content in 0.14."""


def read_mitmproxy(source: Source, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every HTTP flow; others (TCP, DNS, WebSocket, CONNECT) are counted and passed over."""
    for number, flow in enumerate(_Reel(stream).iter_values(), start=1):
        place = source.place(number)
        try:
            found = _exchange(place, flow)
        except EntryError as error:
            yield Unreadable(place=place, reason=error.reason)
        else:
            if found is not None:
                yield found


class _Reel:
    """The values of a file, one after the other."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._buffer = b""
        self._position = 0

    def iter_values(self) -> Iterator[_Value | None]:
        """Yield the file's values; None is one that is too long to be kept."""
        while (size := self._take_length()) is not None:
            data = self._take(size + 1)
            yield None if data is None else (data[-1:], data[:-1])

    def _take_length(self) -> int | None:
        while self._left() < _LONGEST_LENGTH and self._fill():
            pass
        length = _LENGTH.match(self._buffer, self._position)
        if length:
            self._position = length.end()
            return int(length[1])
        rest = self._buffer[self._position :]
        if not rest:
            return None
        is_cut = len(rest) < _LONGEST_LENGTH and rest.isdigit()
        raise StreamError("the file breaks off" if is_cut else "the file stops being one of mitmproxy's")

    def _take(self, size: int) -> bytes | None:
        """Take `size` bytes; return them, or None when they are too many to be kept."""
        pieces: list[bytes] = []
        missing = size
        while missing > self._left():
            if size <= MAX_ENTRY:
                pieces.append(self._buffer[self._position :])
            missing -= self._left()
            self._position = len(self._buffer)
            if not self._fill():
                raise StreamError("the file breaks off")
        end = self._position + missing
        pieces.append(self._buffer[self._position : end])
        self._position = end
        return b"".join(pieces) if size <= MAX_ENTRY else None

    def _left(self) -> int:
        return len(self._buffer) - self._position

    def _fill(self) -> bool:
        chunk = self._stream.read(CHUNK)
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)


def _exchange(place: Place, flow: _Value | None) -> Exchange | None:
    if flow is None:
        raise EntryError(TOO_LONG)
    members = _members(flow)
    if (
        _text(members.get("type", (_TEXT, b"http"))) != "http"
        or members.get("websocket", _NOTHING) != _NOTHING
    ):
        return None
    sent = _members(members.get("request", _NOTHING))
    if _text(sent.get("method", _NOTHING)).upper() == "CONNECT":
        return None
    received = members.get("response", _NOTHING)
    if received == _NOTHING:
        raise EntryError(NO_RESPONSE)
    return Exchange(
        place=place,
        request=_request(sent),
        response=_response(_members(received)),
        recorded_at=parse_moment(_number(sent.get("timestamp_start", _NOTHING))),
    )


def _request(members: _Members) -> Request:
    headers = _headers(members.get("headers", _NOTHING))
    return Request(
        method=_text(members.get("method", _NOTHING)),
        url=_url(members, headers),
        headers=headers,
        body=_content(members),
    )


def _url(members: _Members, headers: Headers) -> str:
    """Return the URL as the client saw it: behind a reverse proxy `host` is where the request went on to."""
    scheme, path = (_text(members.get(name, _NOTHING)) for name in ("scheme", "path"))
    named = _text(members.get("authority", _NOTHING)) or header(headers, "host")
    return f"{scheme}://{named or _address(members, scheme)}{path}"


def _address(members: _Members, scheme: str) -> str:
    host, port = _text(members.get("host", _NOTHING)), _number(members.get("port", _NOTHING))
    if ":" in host:
        host = f"[{host}]"
    return host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


def _response(members: _Members) -> Response:
    status, headers = _number(_first(members, _STATUS_NAMES)), _headers(members.get("headers", _NOTHING))
    body = _content(members)
    if body is None:
        raise EntryError(NO_BODY)
    return Response(status=parse_status(status), headers=headers, body=decode_body(body, headers))


def _content(members: _Members) -> bytes | None:
    kind, content = _first(members, _CONTENT_NAMES)
    if kind not in (_BYTES, _TEXT, _NULL):
        raise EntryError(ODD_FLOW)
    return None if kind == _NULL else content


def _headers(value: _Value) -> Headers:
    return tuple(_pair(field) for field in _items(value))


def _pair(field: _Value) -> tuple[str, str]:
    texts = [_text(part) for part in _items(field)]
    if len(texts) != 2:  # noqa: PLR2004  a name and a value
        raise EntryError(ODD_FLOW)
    return texts[0], texts[1]


def _first(members: _Members, names: tuple[str, ...]) -> _Value:
    return next((members[name] for name in names if name in members), _NOTHING)


def _text(value: _Value) -> str:
    """Return a text; bytes that are no UTF-8, which headers may hold, are read as Latin-1."""
    kind, text = value
    if kind not in (_BYTES, _TEXT, _NULL):
        raise EntryError(ODD_FLOW)
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _number(value: _Value) -> int | float | None:
    kind, text = value
    if kind not in (_INTEGER, _FLOAT) or len(text) > _LONGEST_NUMBER:
        return None
    try:
        return int(text) if kind == _INTEGER else float(text)
    except ValueError:
        return None


def _members(value: _Value) -> _Members:
    """Return the members of an object; their names were bytes until 0.17 and are texts now."""
    kind, text = value
    if kind != _OBJECT:
        raise EntryError(ODD_FLOW)
    values = list(_iter_values(text))
    if len(values) % 2:
        raise EntryError(ODD_FLOW)
    return {_text(name): member for name, member in zip(values[::2], values[1::2], strict=True)}


def _items(value: _Value) -> Iterator[_Value]:
    kind, text = value
    if kind != _LIST:
        raise EntryError(ODD_FLOW)
    return _iter_values(text)


def _iter_values(text: bytes) -> Iterator[_Value]:
    position = 0
    while position < len(text):
        length = _LENGTH.match(text, position)
        end = length.end() + int(length[1]) if length else len(text)
        if length is None or end >= len(text):
            raise EntryError(ODD_FLOW)
        yield text[end : end + 1], text[length.end() : end]
        position = end + 1
