"""A file of lines that ends with a whole line, whatever happened to the process that wrote it before."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import zstandard

from opay_contract.errors import UsageError
from opay_contract.record.recovery import mend_frames, mend_lines

PACKED = ".zst"
_PRIVATE = 0o600
_OTHERS = 0o077


class LineFile:
    """Appends lines, packed where the name ends with .zst: a frame a batch, so that it can always be read.

    Only its owner may read it. Processes may share it: each write is made under a lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        except OSError as error:
            raise UsageError(f"cannot record to '{path}': {error.strerror}") from error
        try:
            self.lines = self._prepare()
        except OSError as error:
            self.close()
            raise UsageError(f"cannot record to '{path}': {error.strerror}") from error
        except UsageError:
            self.close()
            raise

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
        if not self._is_regular:
            yield
            return
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
