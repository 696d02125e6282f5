"""What recordings show at each place of their exchanges, and when, in a form that joins."""

import hashlib
import heapq
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

import msgspec
from msgspec import field

MAX_LOCATIONS = 4096
"""Locations that a summary keeps: documented ones first, among equals those of the smallest fingerprint."""

MAX_VALUES = 64
"""Different values that are counted at a location; where there are more, none is."""

MAX_DAYS = 400
"""Days that are told apart: the latest; what was before them is counted as `EARLIER`."""

EARLIER = "earlier"
"""Stands for the days before those that are told apart."""

UNDATED = ""
"""Stands for the day of an exchange whose time was not recorded."""

EXCHANGE = "exchange"
"""The type of the location with the empty pointer: an exchange as a whole."""

Scope = tuple[str, str, str]
"""Operation, request form and outcome; operation and form are empty where there is none."""

FieldLocation = tuple[str, str, str, str]
"""A scope, and a folded pointer into an exchange as the native recording format has it.

Header names are in lower case; names that do not look like names are described, as in findings.
"""

Days = dict[str, int]
"""How often, by UTC day (`2026-05-01`), `EARLIER` or `UNDATED`."""

Range = tuple[float, float]
"""The least and the greatest."""

K = TypeVar("K")
V = TypeVar("V")


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen at one location.

    `types` counts JSON types by day. `lengths` are characters of texts, `items` those of arrays, `numbers`
    the values of numbers where the contract calls the field public. `values` counts the values that may be
    kept, of public fields alone, `other_values` those that may not; `has_many_values` tells that the cap bit.
    `value_days` has the latest day of each business code, message, status and media type among the values.
    """

    is_documented: bool
    types: dict[str, Days] = field(default_factory=dict)
    lengths: Range | None = None
    items: Range | None = None
    numbers: Range | None = None
    values: dict[str, int] = field(default_factory=dict)
    other_values: int = 0
    has_many_values: bool = False
    value_days: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How often something stood at the location."""
        return sum(sum(days.values()) for days in self.types.values())

    def count_of(self, type_: str) -> int:
        """Return how often something of a JSON type stood at the location."""
        return sum(self.types.get(type_, {}).values())

    def days(self) -> Days:
        """Return how often something stood at the location, by day."""
        total: Days = {}
        for days in self.types.values():
            total = add(total, days)
        return total


Observations = dict[FieldLocation, Observed]


def join_observed(left: Observed, right: Observed) -> Observed:
    """Join what was seen at one location in two parts of the input."""
    values, has_many = limit_values(
        add(left.values, right.values), is_over=left.has_many_values or right.has_many_values
    )
    return Observed(
        is_documented=left.is_documented or right.is_documented,
        types={
            type_: latest_days(add(left.types.get(type_, {}), right.types.get(type_, {})))
            for type_ in sorted({*left.types, *right.types})
        },
        lengths=widest(left.lengths, right.lengths),
        items=widest(left.items, right.items),
        numbers=widest(left.numbers, right.numbers),
        values=values,
        other_values=left.other_values + right.other_values,
        has_many_values=has_many,
        value_days={
            value: max(left.value_days.get(value, UNDATED), right.value_days.get(value, UNDATED))
            for value in sorted({*left.value_days, *right.value_days} & values.keys())
        },
    )


def join_observations(left: Observations, right: Observations) -> Observations:
    """Join what was seen in two parts of the input; associative, commutative, with nothing as zero."""
    joined = dict(left)
    for location, observed in right.items():
        joined[location] = join_observed(joined[location], observed) if location in joined else observed
    return limit_locations(joined, lambda observed: observed.is_documented)


def limit_locations(
    locations: dict[FieldLocation, V], is_documented: Callable[[V], bool]
) -> dict[FieldLocation, V]:
    """Keep the cap. What is kept depends on the locations alone, so that every split keeps the same."""
    if len(locations) <= MAX_LOCATIONS:
        return locations
    kept = heapq.nsmallest(
        MAX_LOCATIONS,
        locations,
        key=lambda location: (not is_documented(locations[location]), rank_of_location(location)),
    )
    return {location: locations[location] for location in kept}


def rank_of_location(location: FieldLocation) -> str:
    """Return what orders the locations of a summary of which too many are not documented."""
    return hashlib.sha256("\x00".join(location).encode("utf-8", "replace")).hexdigest()


def limit_values(values: dict[str, int], *, is_over: bool) -> tuple[dict[str, int], bool]:
    """Drop the values of a location that has too many; returns whether it has."""
    has_many = is_over or len(values) > MAX_VALUES
    return ({} if has_many else values), has_many


def latest_days(days: Days) -> Days:
    """Keep the latest days apart and count those before them as one."""
    if len(days) <= MAX_DAYS:
        return days
    dated = sorted(days.keys() - {EARLIER, UNDATED})
    early, kept = dated[:-MAX_DAYS], dated[-MAX_DAYS:]
    limited = {day: days[day] for day in (UNDATED, *kept) if day in days}
    earlier = days.get(EARLIER, 0) + sum(days[day] for day in early)
    return limited | ({EARLIER: earlier} if earlier else {})


def widest(left: Range | None, right: Range | None) -> Range | None:
    """Join two ranges."""
    if left is None or right is None:
        return left or right
    if left[0] <= right[0] and right[1] <= left[1]:
        return left
    return (min(left[0], right[0]), max(left[1], right[1]))


def add(left: dict[K, int], right: dict[K, int]) -> dict[K, int]:
    """Add two counts."""
    total = dict(left)
    for key, count in right.items():
        total[key] = total.get(key, 0) + count
    return total


_UTC = ("Z", "z", "+00:00")
_DATE, _MICROSECONDS = len("2026-05-01"), len("2026-05-01T10:00:00.000000")


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time: `since` belongs to it, `until` does not; UTC text as `utc_of` writes it, or None."""

    since: str | None = None
    until: str | None = None

    def holds(self, moment: str | None) -> bool:
        """Return whether RFC 3339 text is a time in the window; what is none, is not."""
        utc = utc_of(moment)
        return utc is not None and (self.since or "") <= utc and (self.until is None or utc < self.until)


def utc_of(moment: str | None) -> str | None:
    """Return RFC 3339 text as UTC text of one length, which orders as times do; None where it is none."""
    try:
        found = datetime.fromisoformat((moment or "").upper())
        utc = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return f"{utc.isoformat(timespec='microseconds')[:_MICROSECONDS]}Z"


def moment_after(text: str) -> str | None:
    """Return the least UTC text after a date or a time, given as RFC 3339 has them; None where it is none."""
    utc = utc_of(text)
    if utc is None:
        return None
    step = timedelta(days=1) if len(text) == _DATE else timedelta(microseconds=1)
    try:
        return utc_of((datetime.fromisoformat(utc) + step).isoformat())
    except OverflowError:
        return None


def days_of(moments: Sequence[str | None]) -> list[str]:
    """Return the day of each, as `day_of` does; those of times that are recorded together are mostly one."""
    texts = [moment for moment in moments if moment is not None]
    if texts and len(texts) == len(moments) and min(texts)[:_DATE] == max(texts)[:_DATE]:
        lines = "\n".join((*texts, ""))
        if any(lines.count(f"{zone}\n") == len(texts) for zone in _UTC):
            return [day_of(texts[0])] * len(texts)
    return list(map(day_of, moments))


def day_of(moment: str | None) -> str:
    """Return the UTC day of RFC 3339 text, or `UNDATED`."""
    if moment is None:
        return UNDATED
    if moment.endswith(_UTC):
        return _day(moment[:_DATE])
    utc = utc_of(moment)
    return utc[:_DATE] if utc else UNDATED


@lru_cache(maxsize=4096)
def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return UNDATED
