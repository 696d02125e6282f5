"""Reads access logs in JSON that have the bodies: of Kong, and of nginx and Apache by their variables' names.

What such a log has is up to who configured it. `FIELDS` says where each part is looked for; the page on
recordings shows the same table.
"""

import re
from collections.abc import Iterator
from typing import Any

from opay_contract.formats.content_coding import decode_body, decode_sent
from opay_contract.formats.editing import EntryVisitor, of_side, text_of, value_at
from opay_contract.formats.errors import EntryError
from opay_contract.formats.json_cursor import JsonCursor, parse_members
from opay_contract.formats.json_files import (
    Entry,
    JsonFormat,
    Segment,
    iter_all_segments,
)
from opay_contract.formats.messages import (
    attempt,
    build_exchange,
    encode_text,
    left_out_body,
    parse_entry,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.formats.native import iter_line_segments
from opay_contract.formats.streams import ChunkStream
from opay_contract.jsontext import Tokens
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable

FIELDS: dict[str, tuple[str, ...]] = {
    "method": ("request.method", "request_method", "method"),
    "URL": ("request.url", "request.uri", "request_uri", "uri", "url"),
    "host": ("http_host", "host", "vhost", "server_name"),
    "scheme": ("request.scheme", "scheme", "request_scheme"),
    "request headers": ("request.headers", "request_headers"),
    "request body": ("request.body", "request_body"),
    "status": ("response.status", "status", "response_status", "status_code"),
    "response headers": ("response.headers", "response_headers"),
    "response body": ("response.body", "response_body", "resp_body"),
    "time": ("started_at", "time_iso8601", "@timestamp", "timestamp", "msec", "time"),
}
"""Where each part is, the first that there is; `outer.inner` is a member of a member."""

NO_BODY = "the log has no response body; let the server log it, as 'response_body'"

_SENT, _RECEIVED = "http_", "sent_http_"
_HEADERS = ("request_headers", "response_headers")
_BODIES = {path: side for side in ("request", "response") for path in FIELDS[f"{side} body"]}
_STATUS = re.compile("[0-9]{3}")
_COUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_NOTHING = ("", "-")
_STATUS_DIGITS = 3
_LATEST_SECONDS = 1e11


def _iter_segments(stream: ChunkStream, *, whole: bool) -> Iterator[Segment]:
    """Yield each line, or each item of a list."""
    if JsonCursor(ChunkStream([stream.head(16)])).peek() == b"[":
        return iter_all_segments(JsonCursor(stream), {}, whole=whole)
    return iter_line_segments(stream)


class _Line:
    """A line's value, and its very text for bodies that are JSON."""

    def __init__(self, entry: Entry) -> None:
        self.value = parse_entry(entry.data, entry.line)
        if not isinstance(self.value, dict):
            raise EntryError("the line is no JSON object")
        self._data = entry.data or b""

    def get(self, part: str) -> Any:
        """Return a part of the exchange, None where it is not there."""
        found = _find(self.value, part)
        return found[1] if found else None

    def body(self, part: str) -> bytes | None:
        """Return a body: a text's own text, and the very text of any other value."""
        found = _find(self.value, part)
        if not found or found[1] in _NOTHING:
            return None
        if isinstance(found[1], str):
            return encode_text(found[1])
        raw = self._data
        for name in found[0].split("."):
            raw = parse_members(raw)[name]
        return raw


def _find(value: Any, part: str) -> tuple[str, Any] | None:
    """Return where a part of the exchange is in a line, and its value; None where it is not there."""
    for path in FIELDS[part]:
        found = value_at(value, tuple(path.split(".")))
        if found is not None:
            return path, found
    return None


def _read_line(place: Place, entry: Entry) -> Exchange | Unreadable:
    line = _Line(entry)
    method, target = _request_line(line)
    headers = attempt(_headers, line, "request headers", _SENT)
    body = decode_sent(attempt(line.body, "request body"), headers)
    request = Request(
        method=method,
        url=_url(line, target, headers),
        headers=headers,
        body=body,
    )
    return build_exchange(place, request, _response, line, _moment(line.get("time")))


def _request_line(line: _Line) -> tuple[str | None, str | None]:
    """Return method and target, which may stand together in one text, as in `POST /pay HTTP/1.1`."""
    whole = line.value.get("request")
    words = whole.split(" ") if isinstance(whole, str) else []
    method, target = line.get("method"), line.get("URL")
    return (
        method if isinstance(method, str) else (words[0] if words else None),
        target if isinstance(target, str) else (words[1] if len(words) > 1 else None),
    )


def _url(line: _Line, target: str | None, headers: Headers | None) -> str | None:
    """Return where the call went: to whom a gateway passed it on, where that is told."""
    service, upstream = line.value.get("service"), line.value.get("upstream_uri")
    if isinstance(service, dict) and isinstance(service.get("host"), str) and isinstance(upstream, str):
        port = service.get("port")
        where = f"{service['host']}:{port}" if isinstance(port, int) else service["host"]
        return f"{service.get('protocol') or 'https'}://{where}{upstream}"
    if target is None or "://" in target:
        return target
    named = [value for name, value in headers or () if name.lower() == "host"]
    host = named[0] if named else line.get("host")
    if not isinstance(host, str) or host in _NOTHING:
        return None
    return f"{line.get('scheme') or 'https'}://{host}/{target.removeprefix('/')}"


def _response(line: _Line) -> Response:
    given = line.get("status")
    is_text = isinstance(given, str) and given.isascii() and given[:_STATUS_DIGITS].isdigit()
    status = parse_status(int(given[:_STATUS_DIGITS]) if is_text else given)
    headers = _headers(line, "response headers", _RECEIVED)
    body = line.body("response body")
    decoded = left_out_body(status, headers, NO_BODY) if body is None else decode_body(body, headers)
    return Response(status=status, headers=headers, body=decoded)


def _headers(line: _Line, part: str, before: str) -> Headers | None:
    """Return header fields as an object, or as nginx' variables, in which a name has underscores."""
    given = line.get(part)
    if given is not None:
        return parse_headers(given)
    fields = {
        name.removeprefix(before).replace("_", "-"): value
        for name, value in line.value.items()
        if name.startswith(before) and isinstance(value, str) and value not in _NOTHING
    }
    return parse_headers(fields) if fields else None


def _moment(value: Any) -> str | None:
    """Return a time; Kong and others give one in milliseconds."""
    if isinstance(value, str) and value.isascii() and value.replace(".", "", 1).isdigit():
        value = float(value[:20])
    if isinstance(value, int | float) and value > _LATEST_SECONDS:
        value /= 1000
    return parse_moment(value)


class _LineVisitor(EntryVisitor):
    """What becomes of each value of a line."""

    def text(self, tokens: Tokens, value: str) -> str:
        """Return what takes the place of a text."""
        policy, path = self._policy, ".".join(map(str, tokens))
        side = _BODIES.get(path)
        edited = of_side(self._edited, side or "")
        if edited is not None and side is not None and self._is_first(path, f"{side} body"):
            return text_of(edited.stored(side, encode_text(value)))
        if path in FIELDS["method"]:
            return policy.method(value)
        if path == "request":
            return self._request_line(value)
        if path in FIELDS["URL"] or path == "upstream_uri":
            return policy.url(value)
        if path in FIELDS["host"] or path == "service.host":
            return self._changed(policy.host(value), value, tokens, "host")
        if path in FIELDS["scheme"] or path == "service.protocol":
            return self._changed(policy.segment(value), value, tokens, "free text")
        if path in FIELDS["status"] and _STATUS.match(value):
            made = value[:_STATUS_DIGITS] + policy.words(value[_STATUS_DIGITS:])
            return self._changed(made, value, tokens, "free text")
        if path in FIELDS["time"]:
            made = policy.number(value, 0) if _COUNT.fullmatch(value) else policy.moment(value)
            return self._changed(made, value, tokens, "free text")
        return super().text(tokens, value)

    def name(self, tokens: Tokens, name: str, salt: int) -> str:
        """Return a member's name, which may be a variable that is called after a header field."""
        before = _before_field(name)
        if len(tokens) == 1 and before:
            field = name.removeprefix(before).replace("_", "-")
            return before + self._policy.field_name(field).replace("-", "_")
        if len(tokens) == 2 and tokens[0] in _HEADERS:  # noqa: PLR2004  headers, and one of them
            return self._policy.field_name(name)
        return super().name(tokens, name, salt)

    def subtree(self, tokens: Tokens, token: str) -> str | None:
        """Return a body that is a JSON value in the middle of the line."""
        path = ".".join(map(str, tokens))
        side = _BODIES.get(path)
        edited = of_side(self._edited, side or "")
        is_text = isinstance(value_at(self._tree, tokens), str | None)
        if side is None or is_text or edited is None or not self._is_first(path, f"{side} body"):
            return super().subtree(tokens, token)
        return edited.body(side).decode(errors="surrogateescape")

    def _is_first(self, path: str, part: str) -> bool:
        found = _find(self._tree, part)
        return found is not None and found[0] == path

    def _header_of(self, tokens: Tokens) -> str | None:
        if len(tokens) > 1 and tokens[0] in _HEADERS:
            return str(tokens[1])
        if len(tokens) == 1 and isinstance(tokens[0], str) and (before := _before_field(tokens[0])):
            return tokens[0].removeprefix(before).replace("_", "-")
        return super()._header_of(tokens)

    def _request_line(self, line: str) -> str:
        words = line.split(" ")
        made = [self._policy.method(words[0]), *map(self._policy.url, words[1:2])]
        return " ".join([*made, *map(self._policy.words, words[2:])])


def _before_field(name: str) -> str:
    """Return what stands before a header field's name in a variable of nginx, nothing where it is none."""
    return next(filter(name.startswith, (_RECEIVED, _SENT)), "")


_LOG = b'{"request_method":"","status":""'
_LINES = JsonFormat(
    segments=_iter_segments,
    read=_read_line,
    placeholder=_LOG + b"}",
    broken=(_LOG + b',"x', _LOG + b",x}"),
    visit=_LineVisitor,
)
"""What stands for a line that cannot be kept is still told to be one of a log."""

read_access_log, rewrite_access_log = _LINES.read_all, _LINES.rewrite_all
