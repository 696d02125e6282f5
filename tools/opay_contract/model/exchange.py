"""A recorded request with its response, where it was found, and the form that "could not be read" takes."""

from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]
"""Header fields in recorded order, names as recorded."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where an exchange stands.

    `source` is the ordinal of the file in this run, so that places order the same however the work is
    spread. `entry` counts the entries of the file from 1, readable or not; 0 is the file as a whole.
    `file` is the path as the user gave it, `-` for standard input. `line` is the 1-based line of the
    decompressed text on which the entry starts, where that is known.
    """

    source: int
    entry: int
    file: str
    line: int | None = None

    @property
    def is_whole_run(self) -> bool:
        """Whether this is no place at all, but the run as a whole."""
        return not self.file


WHOLE_RUN = Place(source=0, entry=0, file="")
"""Stands for all that a run read, where a finding is about it as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A recorded request; what the recording does not hold is None."""

    method: str | None = None
    url: str | None = None
    headers: Headers | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A recorded response; `body` is what is left when transfer and content encodings are taken off."""

    status: int
    headers: Headers | None = None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its response. `recorded_at` is RFC 3339 text, or None where the recording has no time."""

    place: Place
    request: Request
    response: Response
    recorded_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file or an entry that could not be read, and why; `reason` never quotes what was recorded."""

    place: Place
    reason: str


def header(headers: Headers | None, name: str) -> str | None:
    """Return the first value of the header `name`, in any case, or None."""
    wanted = name.lower()
    return next((value for key, value in headers or () if key.lower() == wanted), None)
