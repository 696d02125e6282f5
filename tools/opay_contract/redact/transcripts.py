"""Redacts transcripts of `curl -v` call by call: a line stays one, time stamps and meters say nothing."""

import re
from dataclasses import dataclass

from opay_contract.formats.content_coding import encode_body
from opay_contract.formats.curl import (
    cut_body,
    is_counted,
    read_call,
    read_curl,
)
from opay_contract.formats.curl_lines import Call, Piece, PieceKind, iter_pieces
from opay_contract.formats.streams import ChunkStream, Readable
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.inputs import Source
from opay_contract.redact.info_lines import redact_meter, redact_remark
from opay_contract.redact.json_files import Sink, Tally
from opay_contract.redact.redactor import Redacted, Redactor
from opay_contract.redact.texts import FREE_TEXT

_HERE = Source(ordinal=0, name="-", path=None)
_LINE = re.compile(rb"([^\r\n]*)(\r?\n|\r|\Z)")
_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+) (HTTP/[0-9.]+)", re.ASCII)  # as the reader, which sees bytes
_STATUS_LINE = re.compile(r"(HTTP/[0-9.]+ [0-9]{3})(?![0-9])(.*)")
_WHITE_SPACE = " \t\r\v\f"
_MARKS = {
    PieceKind.REQUEST: b"> ",
    PieceKind.SENT: b"> ",
    PieceKind.STATUS: b"< ",
    PieceKind.RECEIVED: b"< ",
}
_ASKING = frozenset({PieceKind.REQUEST, PieceKind.SENT})


def redact_transcript(redactor: Redactor, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Redact every call, and what curl says between two."""
    held: list[Piece] = []
    has_body = False
    for one in iter_pieces(stream):
        if isinstance(one, Call):
            sink.write(_Writing(redactor, one, held).call(tally))
            held, has_body = [], False
        elif one.call is None:
            sink.write(_Lines(redactor, None, None).write(one))
        elif one.kind is not PieceKind.BODY or not has_body:
            held.append(one)
            has_body = has_body or one.kind is PieceKind.BODY


@dataclass(frozen=True, slots=True)
class _Lines:
    """Writes pieces that are lines; `redacted` is the exchange that they belong to, if it could be read."""

    redactor: Redactor
    call: Call | None
    redacted: Redacted | None

    def write(self, piece: Piece) -> bytes:
        """Return a piece as it may be written."""
        if piece.kind is PieceKind.METER:
            return redact_meter(piece.text + piece.end)
        text = piece.text.decode(errors="replace")
        return _MARKS.get(piece.kind, b"") + self._text(piece.kind, text).encode() + piece.end

    def _text(self, kind: PieceKind, text: str) -> str:
        if kind is PieceKind.REQUEST:
            return self._request(text)
        if kind is PieceKind.STATUS:
            return self.status(text)
        if kind in (PieceKind.SENT, PieceKind.RECEIVED):
            return self.field("request" if kind is PieceKind.SENT else "response", text)
        return self.redactor.noted(redact_remark(self.redactor, text), text, "remark", "free text")

    def status(self, text: str) -> str:
        """Return a status line."""
        found = _STATUS_LINE.fullmatch(text)
        start, reason = (found[1], found[2]) if found else ("", text)
        made = self._words(start) + self._words(reason)
        return self.redactor.noted(made, text, "status-line", "free text")

    def field(self, side: str, text: str) -> str:
        """Return a header field."""
        name, colon, value = text.partition(":")
        redactor, value = self.redactor, value.strip(_WHITE_SPACE)
        if not colon or not name:
            return redactor.noted(self._words(text), text, f"{side}-header", "free text")
        if self.redacted is not None:
            made = redactor.header(self.redacted, side, name, value)
        else:
            made = redactor.noted(redactor.fields.value(name, value), value, f"{side}-header", "header value")
        return f"{redactor.fields.name(name)}: {made}".rstrip(" ") + (" " if not made else "")

    def _request(self, text: str) -> str:
        found = _REQUEST_LINE.fullmatch(text)
        if found is None or self.call is None:
            return self._words(text)
        method, target, version = found.groups()
        return f"{self.redactor.method(method)} {self.redactor.url(target)} {self._words(version)}"

    def _words(self, text: str) -> str:
        return self.redactor.values.texts.redact(text, FREE_TEXT)


class _Writing:
    """Writes one call."""

    def __init__(self, redactor: Redactor, call: Call, pieces: list[Piece]) -> None:
        self._redactor, self._call, self._pieces = redactor, call, pieces
        self._found = read_call(_HERE.place(1), call)

    def call(self, tally: Tally) -> bytes:
        """Return the call as it may be written; one that cannot be read stays so, without its body."""
        tally.entries += is_counted(self._call)
        redacted = self._redactor.bodies(self._found) if isinstance(self._found, Exchange) else None
        lines = _Lines(self._redactor, self._call, redacted)
        bodies = [b""] if redacted is None else self._bodies(lines, redacted)
        texts = (self._text(lines, body) for body in bodies)
        made = next((text for text in texts if self._is_same(text, redacted)), None)
        if made is None:
            made = b"".join(lines.write(piece) for piece in self._pieces if piece.kind in _ASKING)
        if is_counted(self._call):
            tally.note(self._found)
        return made

    def _text(self, lines: _Lines, body: bytes) -> bytes:
        return b"".join(
            body if piece.kind is PieceKind.BODY else lines.write(piece) for piece in self._pieces
        )

    def _bodies(self, lines: _Lines, redacted: Redacted) -> list[bytes]:
        """Return what the body may be written as: decoded as it is checked, or in its content codings."""
        included, _, behind = cut_body(self._call)
        before, after = self._block(lines, included), self._tail(behind)
        body = redacted.new.response.body
        coded = encode_body(body, redacted.old.response.headers)
        return [before + one + after for one in (body, coded)]

    def _block(self, lines: _Lines, block: bytes) -> bytes:
        """Return headers that curl wrote before the body."""
        made = []
        for match in _LINE.finditer(block):
            text = match[1].decode(errors="replace")
            is_status = _STATUS_LINE.fullmatch(text) is not None
            new = lines.status(text) if is_status else lines.field("response", text) if text else ""
            made.append(new.encode() + match[2])
        return b"".join(made)

    def _tail(self, behind: bytes) -> bytes:
        """Return what stands behind the body: a line break, or what nobody knows."""
        text = behind.decode(errors="replace")
        made = self._redactor.values.texts.redact(text, FREE_TEXT)
        return self._redactor.noted(made, text, "behind the body", "free text").encode()

    def _is_same(self, text: bytes, redacted: Redacted | None) -> bool:
        """Tell whether a reader finds in a text what it should."""
        found = list(read_curl(_HERE.place, ChunkStream([text])))
        if redacted is None:
            return all(isinstance(one, Unreadable) for one in found)
        wanted = redacted.new.response
        return [(one.response.status, one.response.body) for one in found if isinstance(one, Exchange)] == [
            (wanted.status, wanted.body)
        ]
