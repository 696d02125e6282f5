"""Reads transcripts of `curl -v` that have its remarks and the response in one file (`2>&1`).

The request's body is not in it.
"""

import re
from collections.abc import Iterator

import msgspec

from opay_contract.formats.content_coding import decode_body, encode_body
from opay_contract.formats.curl_lines import Call, Piece, PieceKind, iter_pieces
from opay_contract.formats.editing import HERE, Edited, Policy, Sink, Tally, edits_of, of_side
from opay_contract.formats.errors import NO_RESPONSE, TOO_LONG, EntryError
from opay_contract.formats.messages import PlaceOf, build_exchange, parse_status
from opay_contract.formats.streams import MAX_ENTRY, ChunkStream, Readable
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable, header

NO_BODY = "the transcript has no response body; write it to the same file (curl -sv ... > FILE 2>&1)"

_EMPTY_STATUSES = (204, 304)
_INCLUDED_HEADERS = re.compile(rb"HTTP/[0-9.]+ [0-9]{3}[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")


def read_curl(place_of: PlaceOf, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every call, and a call that got no response as unreadable."""
    found = iter_pieces(stream, with_pieces=False)
    calls = (one for one in found if type(one) is Call and _is_counted(one))
    for number, call in enumerate(calls, start=1):
        yield _read_call(place_of(number, call.line), call)


def _is_counted(call: Call) -> bool:
    """Tell whether a call is one: what asks a proxy for a tunnel is part of the next."""
    return call.method != "CONNECT"


def _read_call(place: Place, call: Call) -> Exchange | Unreadable:
    """Return what a call holds."""
    request = Request(method=call.method, url=_url(call), headers=tuple(call.sent))
    return build_exchange(place, request, _response, call)


def _response(call: Call) -> Response:
    if call.status is None:
        raise EntryError(NO_RESPONSE)
    status, headers = parse_status(call.status), tuple(call.received)
    _, body, _ = _cut_body(call)
    return Response(status=status, headers=headers, body=decode_body(body, headers))


def _url(call: Call) -> str | None:
    host, target = header(tuple(call.sent), "host"), call.target
    if host is None or "/" in host or target is None or not target.startswith("/"):
        return target
    return f"{call.scheme}://{host}{target}"


def _cut_body(call: Call) -> tuple[bytes, bytes, bytes]:
    """Return headers that stand before the body, the body, and what the transcript has behind it."""
    if call.size > MAX_ENTRY:
        raise EntryError(TOO_LONG)
    body, start = bytes(call.body), 0
    while included := _INCLUDED_HEADERS.match(body, start):  # `-i` writes them into the body
        start = included.end()
    end = start + _length_of(call, body[start:])
    return body[:start], body[start:end], body[end:]


def _length_of(call: Call, body: bytes) -> int:
    """Return how long the body is: as it was announced, or up to the line break behind it."""
    headers = tuple(call.received)
    announced = (header(headers, "content-length") or "").strip()
    is_encoded = header(headers, "content-encoding") is not None
    is_empty = announced.strip("0") == "" if announced else call.status in _EMPTY_STATUSES
    if is_empty or call.method == "HEAD":
        return 0
    if not body or body.isspace():
        raise EntryError(NO_BODY)
    if announced.isascii() and announced.isdigit() and not is_encoded:
        length = int(announced[:12])
        if length >= len(body) or not _is_whole_json(body) or _is_whole_json(body[:length]):
            return min(len(body), length)
    return len(body.removesuffix(b"\n").removesuffix(b"\r"))


def _is_whole_json(body: bytes) -> bool:
    """Tell whether a body is JSON as it stands: `jq` writes it with other spaces than were sent."""
    return isinstance(parse_json(body), Parsed)


_LINE = re.compile(rb"([^\r\n]*)(\r?\n|\r|\Z)")
_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+) (HTTP/[0-9.]+)", re.ASCII)  # as the reader, which sees bytes
_STATUS_LINE = re.compile(r"HTTP/([0-9.]+)( [0-9]{3})(?![0-9])(.*)")
_LONGEST_VERSION = 3
_WHITE_SPACE = " \t\r\v\f"
_MARKS = {
    PieceKind.REQUEST: b"> ",
    PieceKind.SENT: b"> ",
    PieceKind.STATUS: b"< ",
    PieceKind.RECEIVED: b"< ",
}
_ASKING = frozenset({PieceKind.REQUEST, PieceKind.SENT})


def rewrite_curl(policy: Policy, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Rewrite every call, and what curl says between two."""
    held: list[Piece] = []
    body: int | None = None  # where the whole body is written: at its last piece
    for one in iter_pieces(stream):
        if isinstance(one, Call):
            sink.write(_Writing(policy, one, held).call(tally))
            held, body = [], None
        elif one.call is None:
            sink.write(_Lines(policy, None, None).write(one))
        else:
            if one.kind is PieceKind.BODY:
                if body is not None:
                    del held[body]
                body = len(held)
            held.append(one)


class _Lines(msgspec.Struct, frozen=True):
    """Writes pieces that are lines; `edited` is the exchange that they belong to, if it could be read."""

    policy: Policy
    call: Call | None
    edited: Edited | None

    def write(self, piece: Piece) -> bytes:
        """Return a piece as it may be written."""
        if piece.kind is PieceKind.METER:
            return _rewrite_meter(piece.text + piece.end)
        text = piece.text.decode(errors="replace")
        return _MARKS.get(piece.kind, b"") + self._text(piece.kind, text).encode() + piece.end

    def _text(self, kind: PieceKind, text: str) -> str:
        if kind is PieceKind.REQUEST:
            return self._request(text)
        if kind is PieceKind.STATUS:
            return self.status(text)
        if kind in (PieceKind.SENT, PieceKind.RECEIVED):
            return self.field("request" if kind is PieceKind.SENT else "response", text)
        return self.policy.noted(_rewrite_remark(self.policy, text), text, "remark", "free text")

    def status(self, text: str) -> str:
        """Return a status line."""
        found = _STATUS_LINE.fullmatch(text)
        version, status, reason = found.groups() if found else ("", "", text)
        version = version if len(version) <= _LONGEST_VERSION else "1.1"
        made = (f"HTTP/{version}{status}" if found else "") + _words(self.policy, reason)
        return self.policy.noted(made, text, "status-line", "free text")

    def field(self, side: str, text: str) -> str:
        """Return a header field."""
        name, colon, value = text.partition(":")
        policy, value = self.policy, value.strip(_WHITE_SPACE)
        if not colon or not name:  # what begins with a colon still does: it is no field's name
            made = colon + policy.words(value if colon else text)
            return policy.noted(made, text, f"{side}-header", "free text")
        if self.edited is not None:
            made = policy.header(self.edited, side, name, value)
        else:
            made = policy.noted(policy.field_value(name, value), value, f"{side}-header", "header value")
        return f"{policy.field_name(name)}: {made}".rstrip(" ") + (" " if not made else "")

    def _request(self, text: str) -> str:
        found = _REQUEST_LINE.fullmatch(text)
        if found is None or self.call is None:
            return self.policy.words(text)
        method, target, version = found.groups()
        return f"{self.policy.method(method)} {self.policy.url(target)} {self.policy.words(version)}"


class _Writing:
    """Writes one call."""

    def __init__(self, policy: Policy, call: Call, pieces: list[Piece]) -> None:
        self._policy, self._call, self._pieces = policy, call, pieces
        self._found = _read_call(HERE, call)

    def call(self, tally: Tally) -> bytes:
        """Return the call as it may be written; one that cannot be read stays so, if need be without body."""
        if _is_counted(self._call):
            tally.entries += 1
            tally.note(self._policy, self._found)
        for edited in edits_of(self._policy, self._found):
            for text in self._iter_texts(edited):
                if self._is_same(text, edited):
                    return text
        lines = _Lines(self._policy, self._call, None)
        return b"".join(lines.write(piece) for piece in self._pieces if piece.kind in _ASKING)

    def _iter_texts(self, edited: Edited | None) -> Iterator[bytes]:
        """Yield the call with its body decoded as it is checked, then in its content codings, or without."""
        lines, bodies = _Lines(self._policy, self._call, edited), [b""]
        if of_side(edited, "response") and edited is not None:
            included, _, behind = _cut_body(self._call)
            text = behind.decode(errors="replace")  # a line break, or what nobody knows
            after = self._policy.noted(
                _words(self._policy, text), text, "behind the body", "free text"
            ).encode()
            before, body = self._block(lines, included), edited.new.response.body
            bodies = [before + one + after for one in (body, encode_body(body, edited.old.response.headers))]
        for body in bodies:
            yield b"".join(
                body if piece.kind is PieceKind.BODY else lines.write(piece) for piece in self._pieces
            )

    def _block(self, lines: _Lines, block: bytes) -> bytes:
        """Return headers that curl wrote before the body."""
        made = []
        for match in _LINE.finditer(block):
            text = match[1].decode(errors="replace")
            is_status = _STATUS_LINE.fullmatch(text) is not None
            new = lines.status(text) if is_status else lines.field("response", text) if text else ""
            made.append(new.encode() + match[2])
        return b"".join(made)

    def _is_same(self, text: bytes, edited: Edited | None) -> bool:
        """Tell whether a reader finds in a text what it should; of a call without its body, no answer."""
        found = list(read_curl(lambda *_place: HERE, ChunkStream([text])))
        if isinstance(self._found, Unreadable):
            reasons = [one.reason if isinstance(one, Unreadable) else None for one in found]
            return None not in reasons if edited is None else reasons == [self._found.reason]
        wanted = edited.new.response if edited is not None else self._found.response
        answers = [one.response for one in found if isinstance(one, Exchange)]
        return [(one.status, one.body) for one in answers] == [(wanted.status, wanted.body)]


_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}|(?:[0-9]{1,3}\.){3}[0-9]{1,3}|localhost"
_BESIDE = r"[A-Za-z0-9_@\x80-\U0010ffff-]"  # what takes its place may be a letter
_ADDRESS = re.compile(
    rf"(https?://[^\s'\"]+)|(?<!{_BESIDE})(?<!\.)((?:{_HOST})(?::[0-9]{{1,5}})?)(?!{_BESIDE}|::)"
)
_FIELD = re.compile(r"(.*\[)(:?[A-Za-z0-9_-]+): ([^\n]*)(\])")
_DATA = re.compile(r"[{}] \[([0-9]+) bytes data\]")
_BEGINNING = re.compile(
    r"\* +(?:(?!localhost)[A-Za-z#-]+[0-9]{0,2}[:,]? ){0,4}(?:TLSv1|HTTP/)?|curl: \([0-9]{1,3}\) "
)
"""What curl's lines are told by: it does not go with a rest of which nothing can be kept."""

_MOST_DIGITS = 7

_METERS = (
    b"  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n",
    b"                                 Dload  Upload   Total   Spent    Left  Speed\n",
    b"\r100     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0",
)
"""The progress meter, at the end of nothing."""


def _rewrite_remark(policy: Policy, remark: str) -> str:
    """Return a line of curl's, or any other beside the messages, with what is known to be harmless."""
    data = _DATA.fullmatch(remark)
    if data:
        return remark if len(data[1]) <= _MOST_DIGITS else f"{remark[:3]}0 bytes data]"
    field = _FIELD.fullmatch(remark)  # a header field of HTTP/2
    if field:
        before, name, value, end = field.groups()
        name, value = policy.field_name(name), policy.field_value(name, value)
        return f"{_rewrite_remark(policy, before)}{name}: {value}{end}"
    return "".join(_iter_parts(policy, remark))


def _rewrite_meter(meter: bytes) -> bytes:
    """Return a meter that has moved nothing, with the line break of the one in its place."""
    if b"% Total" in meter:
        return _METERS[0]
    if b"Dload" in meter:
        return _METERS[1]
    return _METERS[2] + (b"\n" if meter.endswith(b"\n") else b"")


def _iter_parts(policy: Policy, remark: str) -> Iterator[str]:
    beginning = _BEGINNING.match(remark)
    end = beginning.end() if beginning else 0
    yield _words(policy, remark[:end])
    for match in _ADDRESS.finditer(remark, end):
        yield _words(policy, remark[end : match.start()])
        yield policy.link(match[1]) if match[1] else policy.host(match[2])
        end = match.end()
    yield _words(policy, remark[end:])


def _words(policy: Policy, text: str) -> str:
    """Return words with the spaces around them, which tell them from the host beside them."""
    words = text.strip()
    return text.replace(words, policy.remark(words)) if words else text
