"""A recorded request with its response, where it was found, and what there is where it could not be read.

There is one of each for every recorded exchange, so these are msgspec's structs and no dataclasses: it takes
a tenth of the time to make one. `msgspec.structs.replace` changes one.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, final

import msgspec

Headers = tuple[tuple[str, str], ...]
"""Header fields in recorded order, names as recorded."""

_ENOUGH = 2
"""Members that an answer has to have: one may be missing, which is then a finding."""


class Hidden(msgspec.Struct, frozen=True):
    """A value whose text shows nothing of it: a key, a signature, data of a customer."""

    def __repr__(self) -> str:
        """Return its class alone."""
        return f"{type(self).__name__}(...)"


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an exchange stands.

    `source` is the ordinal of the file in this run, so that places order the same however the work is
    spread. `entry` counts the entries of the file from 1, readable or not; 0 is the file as a whole.
    `file` is the path as the user gave it, `-` for standard input. `line` is the 1-based line of the
    decompressed text on which the entry starts, where that is known; at a value, its own line and `column`.
    `start` is the byte of that text from which on the entry can be read again, and how many entries are
    before that; it is no part of where a place is.
    """

    source: int
    file: str
    entry: int
    line: int | None = None
    start: tuple[int, int] | None = None
    column: int | None = None

    def __eq__(self, other: object) -> bool:
        """Return whether it is the same place, however its entry is found again."""
        return isinstance(other, Place) and (self.order, self.column) == (other.order, other.column)

    def __hash__(self) -> int:
        """Return the same for equal places."""
        return hash(self.order)

    @property
    def is_whole_run(self) -> bool:
        """Whether this is no place at all, but the run as a whole."""
        return not self.file

    def __lt__(self, other: "Place") -> bool:
        """Return whether this place comes first."""
        return self.order < other.order

    def __le__(self, other: "Place") -> bool:
        """Return whether this place comes first, or is the same."""
        return self.order <= other.order

    @property
    def order(self) -> tuple[int, int, str, int]:
        """What tells which of two comes first."""
        return self.source, self.entry, self.file, self.line or 0


WHOLE_RUN = Place(source=0, entry=0, file="")
"""Stands for all that a run read, where a finding is about it as a whole."""


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A recorded request; what the recording does not hold is None."""

    method: str | None = None
    url: str | None = None
    headers: Headers | None = None
    body: bytes | None = None


class Response(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A recorded response; `body` is what is left when transfer and content encodings are taken off."""

    status: int
    headers: Headers | None = None
    body: bytes


NO_ZONE = "-00:00"
"""The offset of a time that was recorded without a zone and is read as UTC (RFC 3339, section 4.3)."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request and its response. `recorded_at` is RFC 3339 text, or None where the recording has no time.

    `is_asserted` if the user says that it is an answer of the API, where nothing else may tell.
    """

    place: Place
    request: Request
    response: Response
    recorded_at: str | None = None
    is_asserted: bool = False


@final
class Unreadable(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file or an entry that could not be read, and why; `reason` never quotes what was recorded.

    `request` is there, and in no text of this, where the answer alone could not be read. `is_passed_over` if
    it is no fault: a file of a folder that is no recording.
    """

    place: Place
    reason: str
    request: Request | None = None
    is_passed_over: bool = False

    def __repr__(self) -> str:
        """Return a text without the request."""
        return f"Unreadable(place={self.place!r}, reason={self.reason!r})"


class AnswerShape(msgspec.Struct, frozen=True):
    """The members at the root of an answer, those of each operation whose answers can be told by them."""

    members: tuple[frozenset[str], ...]

    def fits(self, names: Collection[str]) -> bool:
        """Tell whether an object that has members of these names may be an answer."""
        return any(len(known.intersection(names)) >= min(_ENOUGH, len(known)) for known in self.members)

    def describe(self) -> str:
        """Return what is looked for, as words."""
        names = sorted({name for known in self.members for name in known})
        return ", ".join(f"'{name}'" for name in names) or "members that the contract's answers must have"


def exchange_of_now(request: Request, response: Response, entry: int = 1, file: str = "call") -> Exchange:
    """Return what was asked and answered just now."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    place = Place(source=0, entry=entry, file=file)
    return Exchange(place=place, request=request, response=response, recorded_at=moment)


def as_headers(fields: Iterable[tuple[Any, Any]]) -> Headers:
    """Return fields as a recording has them, whether they are text or what is on the wire."""
    return tuple((_as_text(name), _as_text(value)) for name, value in fields)


def _as_text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def header(headers: Headers | None, name: str) -> str | None:
    """Return the first value of the header `name`, in any case, or None."""
    wanted, length = name.lower(), len(name)
    for key, value in headers or ():
        if len(key) == length and key.lower() == wanted:
            return value
    return None
