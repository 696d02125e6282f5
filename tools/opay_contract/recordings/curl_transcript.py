"""Reads transcripts of `curl -v` that have its remarks and the response in one file (`2>&1`).

A transcript is made for eyes. Where the body goes on is told by what curl is known to write between, so
every call needs its own lines: `--parallel` mixes them. The request's body is not in it.
"""

import re
from collections.abc import Iterator

from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable, header
from opay_contract.recordings.encodings import decode_body
from opay_contract.recordings.messages import parse_moment, parse_status
from opay_contract.recordings.refusals import NO_RESPONSE, TOO_LONG, EntryError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import MAX_ENTRY, Readable, iter_read

NO_BODY = "the transcript has no response body; write it to the same file (curl -sv ... > FILE 2>&1)"

_FINAL_STATUS = 200
_EMPTY_STATUSES = (204, 304)
_MAX_HEADERS = 1000

# Lines as curl writes them, the first with `--trace-time` and `--trace-ids`.
_STAMP = re.compile(rb"(?:[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6} )?(?:\[[0-9x]+-[0-9x]+\] )?(?=[*<>{}] )")
_REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/[0-9.]+")
_STATUS = re.compile(rb"HTTP/[0-9.]+ ([0-9]{3})\b")
_CONNECTING = re.compile(rb"\* +(?:Trying |Connecting to |Could not resolve |Host .* was resolved)")
_SECURE = re.compile(rb"\* +(?:SSL connection|ALPN|TLSv|using HTTP/3|QUIC|.*\[:scheme: https\])")
_FAILED = re.compile(rb"curl: \([0-9]+\) |\* +(?:Failed to connect to |Could not resolve )")

# What stands within a line, behind a part of the body that does not end in a line break. A line break
# behind the meter is curl's.
_METER = re.compile(
    rb"\r[ 0-9]{3} [ 0-9.kMGTP]{5}  [ 0-9]{3} [ 0-9.kMGTP]{5}  [ 0-9]{3} [ 0-9.kMGTP]{5}  [ 0-9.kMGTP]{5}"
    rb"  [ 0-9.kMGTP]{5}(?: [ 0-9:dh-]{8}){3} [ 0-9.kMGTP]{5}(?:\r?\n)?"
    rb"|\r[ 0-9]{3} [ 0-9.kMGTPEdhmsy:-]{50,100}(?:\r?\n|(?=\r|\Z))"  # of another width
    rb"|\r[ #O=-]{0,300}[0-9]{1,3}\.[0-9]%(?:\r?\n)?"
    rb"|  % +Total +% +Received [^\n]*\n"
    rb"|^ {20,}Dload +Upload [^\n]*\n",
)
_LONGEST_REMARK = 500
_REMARK = re.compile(
    rb"(?:[0-9:.]{15} )?(?:\[[0-9x]+-[0-9x]+\] )?"
    rb"(?:[{}] \[[0-9]+ bytes data\]"
    rb"|\* +(?:Connection #[0-9]+ to host |Closing connection|shutting down connection|Found bundle for |"
    rb"Re-?[Uu]s(?:ed|ing) existing |Connecting to |Trying |TLSv1|Excess found |Leftovers |transfer closed |"
    rb"HTTP/|Could not |Host |Hostname |Issue another request |We are completely uploaded |old SSL )[^\n]*)"
    rb"\r?\n\Z"
    rb"|curl: \([0-9]+\) [^\n]*\n\Z"
)
_INCLUDED_HEADERS = re.compile(rb"HTTP/[0-9.]+ [0-9]{3}[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")


def read_curl(source: Source, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every call, and a call that got no response as unreadable."""
    calls = (call for call in _iter_calls(stream) if call.method != "CONNECT")
    for number, call in enumerate(calls, start=1):
        place = source.place(number, call.line)
        try:
            yield _exchange(place, call)
        except EntryError as error:
            yield Unreadable(place=place, reason=error.reason)


class _Call:
    """What is known of a call so far."""

    def __init__(self, line: int, scheme: str = "", found: re.Match[bytes] | None = None) -> None:
        self.line = line
        self.scheme = scheme
        self.method = found[1].decode() if found else None
        self.target = _text(found[2]) if found else None
        self.sent: list[tuple[str, str]] = []
        self.status: int | None = None
        self.received: list[tuple[str, str]] = []
        self.body = bytearray()
        self.size = 0
        self.has_headers = False

    def begin_response(self, status: int) -> None:
        """Note a status line; after an interim response, the final one takes its place."""
        self.status = status
        self.received.clear()
        self.has_headers = False

    def add_header(self, text: bytes) -> None:
        fields = self.sent if self.status is None else self.received
        name, _, value = text.partition(b":")
        if name and len(fields) < _MAX_HEADERS:
            fields.append((_text(name), _text(value.strip())))

    def add_body(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size <= MAX_ENTRY:
            self.body += piece
        else:
            self.body.clear()


class _Transcript:
    """Follows a transcript line by line."""

    def __init__(self) -> None:
        self._call: _Call | None = None
        self._scheme = "https"
        self._is_connecting = False
        self._has_double_ends = False

    def add(self, number: int, raw: bytes) -> Iterator[_Call]:
        """Take a line with its end; yield the call that is thereby known to be over."""
        line = _without_meter(raw)
        if self._has_double_ends and line.endswith(b"\r\n"):  # a terminal's, as script(1) keeps it
            line = line[:-2] + b"\n"
        line = line[_end(_STAMP, line) :]
        mark, text = line[:2], line[2:].rstrip(b"\r\n")
        if mark == b"> ":
            yield from self._add_sent(number, text)
        elif mark == b"< ":
            self._has_double_ends = self._has_double_ends or raw.endswith(b"\r\r\n")
            self._add_received(text)
        elif mark == b"* ":
            yield from self._add_remark(number, line)
        elif _FAILED.match(line):
            yield from self._add_failure(number)
        elif self._call is not None and self._call.status is not None:
            yield from self._add_body(number, line)

    def finish(self) -> Iterator[_Call]:
        """Yield the call that is on."""
        if self._call is not None:
            yield self._call
        self._call = None

    def _add_sent(self, number: int, text: bytes) -> Iterator[_Call]:
        found = _REQUEST.fullmatch(text)
        if found:
            yield from self.finish()
            self._call = _Call(number, self._scheme, found)
            self._is_connecting = False
        elif self._call is not None and self._call.status is None:
            self._call.add_header(text)

    def _add_received(self, text: bytes) -> None:
        call, found = self._call, _STATUS.match(text)
        if call is None:
            return
        if found and (call.status is None or call.status < _FINAL_STATUS):
            call.begin_response(int(found[1]))
        elif not text:
            call.has_headers = True
        elif not call.has_headers:
            call.add_header(text)

    def _add_remark(self, number: int, line: bytes) -> Iterator[_Call]:
        if _CONNECTING.match(line):
            self._is_connecting = True
            if b" Trying " in line:  # a new connection, of which it is not known yet whether it is secure
                self._scheme = "http"
            if self._call is not None and self._call.status is not None:
                yield from self.finish()
        elif _SECURE.match(line):
            self._scheme = "https"
        if _FAILED.match(line):
            yield from self._add_failure(number)

    def _add_failure(self, number: int) -> Iterator[_Call]:
        """Note that curl gave up: on the call that is on, or before there was a request."""
        if self._is_connecting and self._call is None:
            yield _Call(number)
        self._is_connecting = False

    def _add_body(self, number: int, line: bytes) -> Iterator[_Call]:
        """Add a line of the body, and what curl wrote behind it as a line of its own."""
        remark = _REMARK.search(line, max(0, len(line) - _LONGEST_REMARK))
        if self._call is not None:
            self._call.add_body(line[: remark.start()] if remark else line)
        if remark:
            yield from self._add_remark(number, line[remark.start() :])


def _without_meter(line: bytes) -> bytes:
    """Return a line without the progress meter, for which a long line is not searched in vain."""
    has_meter = line.find(b"\r", 0, len(line) - 2) >= 0 or b" Received" in line or line.startswith(b" ")
    return _METER.sub(b"", line) if has_meter else line


def _iter_calls(stream: Readable) -> Iterator[_Call]:
    transcript = _Transcript()
    for number, line in _iter_lines(stream):
        yield from transcript.add(number, line)
    yield from transcript.finish()


def _iter_lines(stream: Readable) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their ends; a line beyond the limit comes in parts."""
    number, pieces, size = 1, list[bytes](), 0
    for chunk in iter_read(stream):
        lines = chunk.split(b"\n")
        rest = lines.pop()
        for line in lines:
            yield number, b"".join((*pieces, line, b"\n"))
            number, pieces, size = number + 1, [], 0
        pieces.append(rest)
        size += len(rest)
        if size > MAX_ENTRY:
            yield number, b"".join(pieces)
            pieces, size = [], 0
    if size:
        yield number, b"".join(pieces)


def _exchange(place: Place, call: _Call) -> Exchange:
    if call.status is None:
        raise EntryError(NO_RESPONSE)
    headers = tuple(call.received)
    return Exchange(
        place=place,
        request=Request(method=call.method, url=_url(call), headers=tuple(call.sent)),
        response=Response(status=parse_status(call.status), headers=headers, body=_body(call, headers)),
        recorded_at=parse_moment(header(headers, "date")),
    )


def _url(call: _Call) -> str | None:
    host, target = header(tuple(call.sent), "host"), call.target
    if host is None or target is None or not target.startswith("/"):
        return target
    return f"{call.scheme}://{host}{target}"


def _body(call: _Call, headers: Headers) -> bytes:
    """Return the body as long as it was announced; the transcript may have more behind it."""
    if call.size > MAX_ENTRY:
        raise EntryError(TOO_LONG)
    start = 0
    while included := _INCLUDED_HEADERS.match(call.body, start):  # `-i` writes them into the body
        start = included.end()
    body = bytes(call.body[start:])
    announced = (header(headers, "content-length") or "").strip()
    is_encoded = header(headers, "content-encoding") is not None
    is_empty = announced.strip("0") == "" if announced else call.status in _EMPTY_STATUSES
    if is_empty or call.method == "HEAD":
        return b""
    if not body.strip():
        raise EntryError(NO_BODY)
    if announced.isascii() and announced.isdigit() and not is_encoded:
        return body[: int(announced[:12])]
    return decode_body(body.removesuffix(b"\n").removesuffix(b"\r"), headers)


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _end(pattern: re.Pattern[bytes], line: bytes) -> int:
    found = pattern.match(line)
    return found.end() if found else 0
