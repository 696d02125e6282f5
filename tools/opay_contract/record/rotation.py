"""Goes on to another file when one is long or old enough; no file is ever renamed."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opay_contract.errors import UsageError
from opay_contract.record.files import PACKED, LineFile

_NUMBER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a file is finished: at a number of bytes, or of seconds after it was opened; None is never."""

    size: int | None = None
    seconds: float | None = None


class RotatingFile:
    """Appends to FILE.ndjson, then to FILE.0002.ndjson and so on; a new run goes on where the last ended."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        if path.suffix == ".gz":
            raise UsageError(f"cannot record to '{path}': gzip is not written; name it .zst, or plain")
        self._path = path
        self._number = _last_number(path) if self._limits != Limits() else 1
        self._file = LineFile(numbered(path, self._number))
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
        if not self._is_finished():
            return
        try:
            following = LineFile(numbered(self._path, self._number + 1))
        except UsageError:
            return
        self._file.close()
        self._file, self._number, self._opened = following, self._number + 1, time.monotonic()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _is_finished(self) -> bool:
        size, seconds = self._limits.size, self._limits.seconds
        if not self._file.lines:
            return False
        is_long = size is not None and self._file.size >= size
        return is_long or (seconds is not None and time.monotonic() - self._opened >= seconds)


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
        raise UsageError(f"cannot record to '{path}': {error.strerror}") from error
    return max((int(match[1]) for match in found if match), default=1)


def _split(path: Path) -> tuple[str, str]:
    packed = PACKED if path.suffix == PACKED else ""
    plain = Path(path.name.removesuffix(packed))
    return plain.stem, plain.suffix + packed
