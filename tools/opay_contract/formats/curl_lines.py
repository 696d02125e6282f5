"""Tells what each line of a `curl -v` transcript is, and which call it belongs to.

A transcript is made for eyes. Where the body goes on is told by what curl is known to write between, so
every call needs its own lines: `--parallel` mixes them.
"""

import codecs
import io
import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache

import msgspec

from opay_contract.formats.look import CI_STAMP, without_ci_stamp
from opay_contract.formats.streams import MAX_ENTRY, Readable, iter_read

_FINAL_STATUS = 200
_ENDS = b"\r\n"
_MARKS = frozenset((b"> ", b"< ", b"* "))
_WHITE = " \t\r\n\x0b\x0c"  # of ASCII, alone
_MAX_HEADERS = 1000

# Lines as curl writes them, the first with `--trace-time` and `--trace-ids`. An editor may have taken off
# the space at their ends.
_STAMP = re.compile(
    rb"(?:[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6} )?(?:\[[0-9x]+-[0-9x]+\] )?(?=[*<>{}](?: |\r*\n|\Z))"
)
_REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/[0-9.]+")
_STATUS = re.compile(rb"HTTP/[0-9.]+ ([0-9]{3})\b")
_CONNECTING = re.compile(rb"\* ++(?:Trying |Connecting to |Could not resolve |Host .* was resolved)")
_SECURE = re.compile(rb"\* ++(?:SSL connection|ALPN|TLSv|using HTTP/3|QUIC|.*\[:scheme: https\])")
_FAILED = re.compile(rb"curl: \([0-9]+\) |\* ++(?:Failed to connect to |Could not resolve )")

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
_REMARKS = (
    rb"\{ \[[0-9]+ bytes data\]\r?\n\Z|\} \[[0-9]+ bytes data\]\r?\n\Z"
    rb"|\* +(?:Connection #[0-9]+ to host |Closing connection|shutting down connection|Found bundle for |"
    rb"Re-?[Uu]s(?:ed|ing) existing |Connecting to |Trying |TLSv1|Excess found |Leftovers |transfer closed |"
    rb"HTTP/|Could not |Host |Hostname |Issue another request |We are completely uploaded |old SSL )"
    rb"[^\n]*\n\Z"
)
_FAILURE = rb"curl: \([0-9]+\) [^\n]*\n\Z"
_UNSTAMPED = re.compile(rb"%b|%b" % (_REMARKS, _FAILURE))  # found quickly, by the characters that begin one
_REMARK = re.compile(rb"(?:[0-9:.]{15} )?(?:\[[0-9x]+-[0-9x]+\] )?(?:%b)|%b" % (_REMARKS, _FAILURE))


class PieceKind(Enum):
    """What a piece of a transcript is."""

    REQUEST = auto()
    SENT = auto()
    STATUS = auto()
    RECEIVED = auto()
    REMARK = auto()
    BODY = auto()
    METER = auto()
    OTHER = auto()


class Piece(msgspec.Struct, frozen=True):
    """A line, or a part of one: without its mark and its time stamp, and apart from its end.

    Bodies are kept by their call, so that their pieces have no text. A piece with no call is between two.
    """

    kind: PieceKind
    text: bytes
    end: bytes
    call: "Call | None"


class Call:
    """What is known of a call so far."""

    def __init__(self, line: int, scheme: str = "", found: re.Match[bytes] | None = None) -> None:
        self.line = line
        self.scheme = scheme
        self.method = found[1].decode() if found else None
        self.target = read_bytes(found[2]) if found else None
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
        """Note a header field of whichever message is on."""
        fields = self.sent if self.status is None else self.received
        name, _, value = read_bytes(text).partition(":")
        if name and len(fields) < _MAX_HEADERS:
            fields.append((name, value.strip(_WHITE)))

    def add_body(self, piece: bytes) -> None:
        """Take the next piece of the body, as far as one may be kept."""
        self.size += len(piece)
        if self.size <= MAX_ENTRY:
            self.body += piece
        else:
            self.body.clear()


class Transcript:
    """Follows a transcript line by line; `found` has what is known thereby, until somebody takes it.

    That are the calls that are over, and `with_pieces` all the pieces, in order.
    """

    def __init__(self, *, with_pieces: bool) -> None:
        self.found: list[Piece | Call] = []
        self._with_pieces = with_pieces
        self._call: Call | None = None
        self._scheme = "https"
        self._is_connecting = False
        self._has_double_ends = False

    def add(self, number: int, raw: bytes) -> None:
        """Take a line with its end."""
        if raw[:1] == b" " or raw.find(b"\r", 0, -2) >= 0 or b" Received" in raw:
            before, line, behind = _without_meters(raw)
            for meter in before:
                self._note(PieceKind.METER, meter)
            self._add_line(number, line, raw)
            for meter in behind:
                self._note(PieceKind.METER, meter)
        else:  # long lines are not searched in vain
            self._add_line(number, raw, raw)

    def _add_line(self, number: int, line: bytes, raw: bytes) -> None:
        """Take a line without the meters that were in it."""
        if self._has_double_ends and line.endswith(b"\r\n"):  # a terminal's, as script(1) keeps it
            line = line[:-2] + b"\n"
        mark = line[:2]
        if mark not in _MARKS:
            line = line[_end(_STAMP, line) :]
            mark = line[:2]
            if mark[1:] in _ENDS and not line[1:].strip(_ENDS):  # an editor took off the space
                is_in_body = self._call is not None and self._call.has_headers
                mark = mark if is_in_body else line[:1] + b" "
        if mark == b"> ":
            self._add_sent(number, line[1:].removeprefix(b" "))
        elif mark == b"< ":
            self._has_double_ends = self._has_double_ends or raw.endswith(b"\r\r\n")
            self._add_received(line[1:].removeprefix(b" "))
        elif mark == b"* ":
            self._add_remark(number, line)
        elif line.startswith(b"curl: (") and _FAILED.match(line):
            self._note(PieceKind.REMARK, line)
            self._add_failure(number)
        elif self._call is not None and self._call.status is not None:
            self._add_body(number, line)
        elif line:
            self._note(PieceKind.OTHER, line)

    def finish(self) -> None:
        """Note that the call is over that is on."""
        if self._call is not None:
            self.found.append(self._call)
        self._call = None

    def _note(self, kind: PieceKind, line: bytes) -> None:
        if self._with_pieces:
            text = line.rstrip(_ENDS)
            end = line[len(text) :]
            self.found.append(Piece(kind, text, b"\r\n" if end.startswith(b"\r") else end, self._call))

    def _add_sent(self, number: int, line: bytes) -> None:
        text = line.rstrip(_ENDS)
        found = _REQUEST.fullmatch(text)
        if found:
            self.finish()
            self._call = Call(number, self._scheme, found)
            self._is_connecting = False
        elif self._call is not None and self._call.status is None:
            self._call.add_header(text)
        self._note(PieceKind.REQUEST if found else PieceKind.SENT, line)

    def _add_received(self, line: bytes) -> None:
        text = line.rstrip(_ENDS)
        call, found = self._call, _STATUS.match(text)
        if call is None:
            pass
        elif found and (call.status is None or call.status < _FINAL_STATUS):
            call.begin_response(int(found[1]))
        elif not text:
            call.has_headers = True
        elif not call.has_headers:
            call.add_header(text)
        self._note(PieceKind.STATUS if found else PieceKind.RECEIVED, line)

    def _add_remark(self, number: int, line: bytes) -> None:
        tell = _tell if len(line) < _LONGEST_REMARK else _tell.__wrapped__
        is_connecting, is_secure, is_failed = tell(line)
        if is_connecting:
            self._is_connecting = True
            if b" Trying " in line:  # a new connection, of which it is not known yet whether it is secure
                self._scheme = "http"
            if self._call is not None and self._call.status is not None:
                self.finish()
        elif is_secure:
            self._scheme = "https"
        self._note(PieceKind.REMARK, line)
        if is_failed:
            self._add_failure(number)

    def _add_failure(self, number: int) -> None:
        """Note that curl gave up: on the call that is on, or before there was a request."""
        if self._is_connecting and self._call is None:
            self.found.append(Call(number))
        self._is_connecting = False

    def _add_body(self, number: int, line: bytes) -> None:
        """Add a line of the body, and what curl wrote behind it as a line of its own."""
        end = len(line)
        remark = _UNSTAMPED.search(line, max(0, end - _LONGEST_REMARK))
        if remark and line[remark.start() - 1 : remark.start()] == b" ":  # which may end a stamp
            remark = _REMARK.search(line, max(0, end - _LONGEST_REMARK))
        if remark:
            end = remark.start()
        if self._call is not None and end:
            self._call.add_body(line[:end])
            if self._with_pieces:
                self.found.append(Piece(PieceKind.BODY, b"", b"", self._call))
        if remark:
            behind = line[end:]
            self._add_remark(number, behind[_end(_STAMP, behind) :])


@lru_cache(maxsize=256)
def _tell(remark: bytes) -> tuple[bool, bool, bool]:
    """Tell whether curl says that it connects, does so securely, or gave up; it says the same each time."""
    return bool(_CONNECTING.match(remark)), bool(_SECURE.match(remark)), bool(_FAILED.match(remark))


def _without_meters(line: bytes) -> tuple[list[bytes], bytes, list[bytes]]:
    """Cut progress meters out of a line: those before anything else, the rest, and those behind."""
    found = list(_METER.finditer(line))
    start = count = 0
    for match in found:
        if match.start() != start:
            break
        start, count = match.end(), count + 1
    before, after = ([match[0] for match in part] for part in (found[:count], found[count:]))
    if not before and not after:
        return before, line, after
    return before, _METER.sub(b"", line), after


def iter_pieces(stream: Readable, *, with_pieces: bool = True) -> Iterator[Piece | Call]:
    """Yield the pieces of a transcript in order, and each call when all of it was there.

    Where the first line has the time that a CI server writes before each, that is taken off all of them.
    Who reads the calls alone goes without the pieces.
    """
    transcript = Transcript(with_pieces=with_pieces)
    is_stamped = False
    for number, line in _iter_lines(stream):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901  the mark is no part of it
            is_stamped = CI_STAMP.match(line) is not None
        transcript.add(number, without_ci_stamp(line) if is_stamped else line)
        if transcript.found:
            yield from transcript.found
            transcript.found.clear()
    transcript.finish()
    yield from transcript.found


def _iter_lines(stream: Readable) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their ends; a line beyond the limit comes in parts."""
    number, pieces, size = 1, list[bytes](), 0
    for chunk in iter_read(stream):
        lines = io.BytesIO(chunk).readlines()
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        for line in lines:
            yield number, b"".join((*pieces, line)) if pieces else line
            number, pieces, size = number + 1, [], 0
        if rest:
            pieces.append(rest)
            size += len(rest)
        if size > MAX_ENTRY:
            yield number, b"".join(pieces)
            pieces, size = [], 0
    if size:
        yield number, b"".join(pieces)


def read_bytes(raw: bytes) -> str:
    """Return bytes as text, whatever they are."""
    return raw.decode(errors="replace")


def _end(pattern: re.Pattern[bytes], line: bytes) -> int:
    found = pattern.match(line)
    return found.end() if found else 0
