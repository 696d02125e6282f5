"""Files of lines that end with a whole line, whatever happened to the process that wrote them before."""

import contextlib
import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import zstandard

from opay_contract.errors import UsageError
from opay_contract.formats.streams import ZSTD_MAGIC
from opay_contract.jsontext import NotJson, parse_json

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
        self.lines += len(lines)

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
