"""Gives the lines of parts their true numbers, once it is known how many lines are before each part."""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field

from msgspec import structs

from opay_contract.drift.places import move_places
from opay_contract.model.exchange import Place
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.parts import Part


@dataclass(slots=True, eq=False)
class _Ranges:
    """The ranges of one file, in their order."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    lines_before: list[int | None] = field(default_factory=list)


class Numbering:
    """Hears how many lines each part of a file has."""

    def __init__(self) -> None:
        """Begin without parts."""
        self._parts: dict[int, list[tuple[int, int, int | None]]] = defaultdict(list)

    def add(self, part: Part, lines: int | None) -> None:
        """Take a part of a file, None where its lines could not be counted; a whole file needs no numbers."""
        if part.has_provisional_numbers and part.end is not None:
            self._parts[part.source.ordinal].append((part.start, part.end, lines))

    def resolve(self, summary: DriftSummary) -> DriftSummary:
        """Return the summary with true numbers; where they are not known a place names the file alone."""
        if not self._parts:
            return summary
        ranges = {source: _ranges(sorted(parts)) for source, parts in self._parts.items()}
        return move_places(summary, lambda place: _true_place(place, ranges))


def _ranges(parts: list[tuple[int, int, int | None]]) -> _Ranges:
    found = _Ranges()
    before: int | None = 0
    position = 0
    for start, end, lines in parts:
        if start != position:
            before = None
        found.starts.append(start)
        found.ends.append(end)
        found.lines_before.append(before)
        before = None if before is None or lines is None else before + lines
        position = end
    return found


def _true_place(place: Place, ranges: dict[int, _Ranges]) -> Place:
    found = ranges.get(place.source)
    if found is None or place.entry == 0:
        return place
    index = bisect_left(found.ends, place.entry)
    before = found.lines_before[index]
    if before is None:
        return structs.replace(place, entry=0, line=None)
    number = before + place.entry - found.starts[index]
    return structs.replace(place, entry=number, line=number)
