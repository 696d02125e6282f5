"""What was seen of a call, as a line of the native format, and the files of such lines.

A file ends with a whole line, whatever happened to the process that wrote it before.
"""

import base64
import contextlib
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import zstandard
from msgspec import field, structs

from opay_contract.errors import UsageError
from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import EntryError
from opay_contract.formats.streams import ZSTD_MAGIC
from opay_contract.jsontext import NotJson, Parsed, parse_json
from opay_contract.model.exchange import Exchange, Headers, Hidden, Request, Response, exchange_of_now

PACKED = ".zst"
_APPENDING = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_PRIVATE = 0o600
_OTHERS = 0o077


class LineFile:
    """Appends lines, packed where the name ends with .zst: a frame a batch, so that it can always be read.

    Only its owner may read it. Processes may share it: each write is made under a lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with ExitStack() as undone:
            try:
                self._descriptor = os.open(path, _APPENDING, _PRIVATE)
                undone.callback(self.close)
                self.lines = self._prepare()
            except OSError as error:
                raise _unusable(path, error.strerror) from error
            undone.pop_all()

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return os.fstat(self._descriptor).st_size

    def append(self, lines: Sequence[bytes]) -> None:
        """Write lines; where that fails, nothing of the line in question is left in the file."""
        pieces = [zstandard.ZstdCompressor().compress(b"".join(lines))] if self._is_packed else lines
        with self._locked():
            for piece in pieces:
                self._write(piece)
                self.lines += len(lines) // len(pieces)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    @property
    def _is_packed(self) -> bool:
        return self.path.suffix == PACKED

    def _prepare(self) -> int:
        """Make the file private and whole; returns how many lines it has."""
        status = os.fstat(self._descriptor)
        self._is_regular = stat.S_ISREG(status.st_mode)
        if not self._is_regular:
            return 0
        if status.st_mode & _OTHERS:
            os.fchmod(self._descriptor, _PRIVATE)
        mend = mend_frames if self._is_packed else mend_lines
        with self._locked():
            return mend(self._descriptor, self.path)

    def _write(self, piece: bytes) -> None:
        before = self.size
        rest = piece
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            if self._is_regular:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, before)
            raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with ExitStack() as unlocking:
            if self._is_regular:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
                unlocking.callback(fcntl.flock, self._descriptor, fcntl.LOCK_UN)
            yield


_NUMBER = 4


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When a file is finished: at a number of bytes, or of seconds after it was opened; None is never."""

    size: int | None = None
    seconds: float | None = None


class RotatingFile:
    """Appends to FILE.ndjson, then to FILE.0002.ndjson and so on; a new run goes on where the last ended."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        if path.suffix == ".gz":
            raise _unusable(path, "gzip is not written; name it .zst, or plain")
        self._path = path
        self.number = _last_number(path) if self._limits != Limits() else 1
        self._file = LineFile(numbered(path, self.number))
        self._opened = time.monotonic()

    @property
    def path(self) -> Path:
        """The file that is written now."""
        return self._file.path

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self._file.lines

    def append(self, lines: Sequence[bytes]) -> None:
        """Write lines."""
        self._file.append(lines)

    def turn(self) -> None:
        """Go on to the next file if this one is finished; where that cannot be opened, stay."""
        size, seconds = self._limits.size, self._limits.seconds
        is_long = size is not None and self._file.size >= size
        is_old = seconds is not None and time.monotonic() - self._opened >= seconds
        if not self._file.lines or not (is_long or is_old):
            return
        try:
            following = LineFile(numbered(self._path, self.number + 1))
        except UsageError:
            return
        self._file.close()
        self._file, self.number, self._opened = following, self.number + 1, time.monotonic()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def numbered(path: Path, number: int) -> Path:
    """Return the name of a file of a sequence; the first has the plain name."""
    stem, suffixes = _split(path)
    return path if number == 1 else path.with_name(f"{stem}.{number:0{_NUMBER}}{suffixes}")


def _last_number(path: Path) -> int:
    stem, suffixes = _split(path)
    pattern = re.compile(rf"{re.escape(stem)}\.([0-9]{{{_NUMBER},}}){re.escape(suffixes)}")
    try:
        found = [pattern.fullmatch(other.name) for other in path.parent.iterdir()]
    except OSError as error:
        raise _unusable(path, error.strerror) from error
    return max((int(match[1]) for match in found if match), default=1)


def _split(path: Path) -> tuple[str, str]:
    packed = PACKED if path.suffix == PACKED else ""
    plain = Path(path.name.removesuffix(packed))
    return plain.stem, plain.suffix + packed


_CHUNK = 1 << 16
_FOREIGN = "it holds something else; name another file"
_BEGINNING = b'{"request":{'
"""What every line that is written here begins with."""


def mend_lines(descriptor: int, path: Path) -> int:
    """Cut a torn last line, or end it where only its end is missing; returns how many lines there are."""
    end, lines, size = 0, 0, os.fstat(descriptor).st_size
    if size and not os.pread(descriptor, 1, 0) == b"{":
        raise _unusable(path, _FOREIGN)
    for offset, chunk in _iter_chunks(descriptor):
        lines += chunk.count(b"\n")
        end = offset + chunk.rindex(b"\n") + 1 if b"\n" in chunk else end
    if end == size:
        return lines
    last = os.pread(descriptor, size - end, end)
    if not _BEGINNING.startswith(last[: len(_BEGINNING)]) or not isinstance(parse_json(last), NotJson):
        os.write(descriptor, b"\n")
        return lines + 1
    os.ftruncate(descriptor, end)
    return lines


def mend_frames(descriptor: int, path: Path) -> int:
    """Cut a torn last frame; returns how many lines there are."""
    size = os.fstat(descriptor).st_size
    if size and not ZSTD_MAGIC.startswith(os.pread(descriptor, len(ZSTD_MAGIC), 0)):
        raise _unusable(path, _FOREIGN)
    end, lines, pending = 0, 0, 0
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    for offset, chunk in _iter_chunks(descriptor):
        rest = chunk
        while rest:
            try:
                pending += unpacker.decompress(rest).count(b"\n")
            except zstandard.ZstdError:
                raise _unusable(path, "it is damaged; name another file") from None
            rest = unpacker.unused_data if unpacker.eof else b""
            if unpacker.eof:
                end, lines, pending = offset + len(chunk) - len(rest), lines + pending, 0
                unpacker = zstandard.ZstdDecompressor().decompressobj()
    if end < size:
        os.ftruncate(descriptor, end)
    return lines


def _iter_chunks(descriptor: int) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while chunk := os.pread(descriptor, _CHUNK, offset):
        yield offset, chunk
        offset += len(chunk)


def _unusable(path: Path, reason: str | None) -> UsageError:
    return UsageError(f"cannot record to '{path}': {reason}")


BODY_LIMIT = 1 << 20
"""The longest body that is recorded, unless told otherwise: the contract's are a thousandth of it."""


class Omitted(StrEnum):
    """Why a recorded message has no body."""

    TOO_LONG = "body too long"
    NOT_READ = "body not read"
    NOT_DECODED = "body not decoded"


Body = bytes | Omitted
"""A body as it came over the wire, or why it is not there."""


class Captured(Hidden, frozen=True, kw_only=True):
    """An exchange; where a body is omitted, the exchange has none and this says why."""

    exchange: Exchange
    request: Omitted | None = None
    response: Omitted | None = None

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        asked, answered = self.exchange.request, self.exchange.response
        fields = (*(asked.headers or ()), *(answered.headers or ()))
        texts = (asked.url or "", asked.body or b"", answered.body)
        return sum(map(len, texts)) + sum(len(name) + len(value) for name, value in fields)


def capture(  # noqa: PLR0913  a call has as many parts
    *, method: str, url: str, asked: Headers, sent: Body | None, status: int, answered: Headers, body: Body
) -> Captured:
    """Return a call that has just ended; a `sent` of None is a request without a body."""
    request = Request(method=method, url=url, headers=asked)
    response = Response(status=status, headers=answered, body=b"")
    return _with_bodies(exchange_of_now(request, response), sent, body)


def _with_bodies(exchange: Exchange, sent: Body | None, body: Body) -> Captured:
    request = structs.replace(exchange.request, body=None if isinstance(sent, Omitted) else sent)
    response = structs.replace(exchange.response, body=b"" if isinstance(body, Omitted) else body)
    return Captured(
        exchange=structs.replace(exchange, request=request, response=response),
        request=sent if isinstance(sent, Omitted) else None,
        response=body if isinstance(body, Omitted) else None,
    )


class BodyBuffer(msgspec.Struct):
    """Keeps a body up to a limit while it passes, and nothing of one that is longer."""

    limit: int = BODY_LIMIT
    is_over: bool = False
    _chunks: list[bytes] = field(default_factory=list)
    _size: int = 0

    def add(self, chunk: bytes) -> None:
        """Take the next piece."""
        self._size += len(chunk)
        if self._size > self.limit:
            self.is_over = True
            self._chunks.clear()
        else:
            self._chunks.append(chunk)

    def body(self) -> Body:
        """Return what passed."""
        return Omitted.TOO_LONG if self.is_over else b"".join(self._chunks)


def decode_captured(captured: Captured, limit: int) -> Captured:
    """Take content encodings off; what they unpack to is limited as well."""
    asked, answered = captured.exchange.request, captured.exchange.response
    sent = captured.request or (None if asked.body is None else _decoded(asked.body, asked.headers, limit))
    body = captured.response or _decoded(answered.body, answered.headers, limit)
    return _with_bodies(captured.exchange, sent, body)


def render_line(taken: Captured) -> bytes:
    """Return the line of an exchange; a check calls one without its answer's body unreadable."""
    moment = json.dumps(taken.exchange.recorded_at)
    if taken.response is not None:
        empty = structs.replace(taken.exchange.response, body=b"")
        line = render_exchange(structs.replace(taken.exchange, response=empty))
        end = f'}},"recorded_at":{moment}}}\n'.encode()
        line = line.removesuffix(b',"body":""' + end) + end
    else:
        line = render_exchange(taken.exchange)
    said = {"request": taken.request, "response": taken.response}
    comments = [f"{side} {why}" for side, why in said.items() if why is not None]
    if not comments:
        return line
    return line.removesuffix(b"}\n") + f',"comment":{json.dumps(", ".join(comments))}}}\n'.encode()


def _decoded(body: bytes, headers: Headers | None, limit: int) -> Body:
    try:
        decoded = decode_body(body, headers)
    except EntryError:
        return Omitted.NOT_DECODED
    return Omitted.TOO_LONG if len(decoded) > limit else decoded


def render_exchange(exchange: Exchange) -> bytes:
    """Return the line of an exchange."""
    request, response = exchange.request, exchange.response
    asked = {"method": _text(request.method), "url": _text(request.url), "headers": _headers(request.headers)}
    answered = {"status": b"%d" % response.status, "headers": _headers(response.headers)}
    if request.body is not None:
        asked |= _body(request.body)
    line = {"request": _object(asked), "response": _object(answered | _body(response.body))}
    return _object(line | {"recorded_at": _text(exchange.recorded_at)}) + b"\n"


def _object(members: dict[str, bytes]) -> bytes:
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), text) for name, text in members.items()) + b"}"


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def _headers(headers: Headers | None) -> bytes:
    fields: dict[str, str | list[str]] = {}
    for name, value in headers or ():
        before = fields.get(name)
        earlier = before if isinstance(before, list) else [] if before is None else [before]
        fields[name] = [*earlier, value] if earlier else value
    return _text(fields)


def _body(body: bytes) -> dict[str, bytes]:
    """Return the member for a body: its very text where that is plain JSON on one line, else as a string."""
    if body.startswith((b"{", b"[")) and b"\n" not in body and b"\r" not in body:
        parsed = parse_json(body)
        if isinstance(parsed, Parsed) and not parsed.flaws:
            return {"body": body}
    try:
        return {"body": _text(body.decode())}
    except UnicodeDecodeError:
        return {"body_base64": _text(base64.b64encode(body).decode())}
