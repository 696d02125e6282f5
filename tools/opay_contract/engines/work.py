"""The work of a run, part by part: what is still to do, what was found so far, and the summary of it all.

Parts number their lines from where they begin; they get their true numbers once it is known how many lines
are before each of them.
"""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import field, structs
from msgspec.structs import replace

from opay_contract.drift.places import move_places
from opay_contract.engines.checkpoint import Checkpoint
from opay_contract.engines.folding import OnProgress, PartResult
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.summary import DriftSummary, merge
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.parts import PART_SIZE, Batch, Part, count_lines, iter_parts

MOST_PARTS = 64
"""How many small files are handed out together."""

DIED = "a worker process died on it; nothing of this part was counted"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What every worker needs to know; a contract does not travel, so each loads its own."""

    contract_dir: Path | None
    base_urls: tuple[str, ...]
    settings: Settings
    format_in: Format | None


class Work:
    """Hands out parts and takes their results, in any order; nothing is counted twice."""

    def __init__(
        self,
        sources: Iterable[Source | Unreadable],
        format_in: Format | None,
        part_size: int | None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Begin; sources are looked at as they are needed. Without a size of parts it depends on the file."""
        self._checkpoint = checkpoint
        self._batch_size = part_size or PART_SIZE
        self._parts = self._iter_parts(sources, format_in, part_size)
        self._again: deque[Part] = deque()
        self._total = DriftSummary()
        self._numbering = _Numbering()
        self._parts_of: dict[int, int] = defaultdict(int)
        self._faults: dict[tuple[int, str], list[Part]] = defaultdict(list)
        self._uncounted: list[Part] = []
        self._dead: list[Part] = []

    def next(self) -> Part | None:
        """Return a part that is still to do, or None when there is none left."""
        return next(self._parts, None)

    def next_batch(self) -> Batch:
        """Return what is handed out next, nothing when nothing is left.

        Small files go together, unless each result is to be kept.
        """
        if self._again:
            return (self._again.popleft(),)
        batch: list[Part] = []
        size, most = 0, 1 if self._checkpoint is not None else MOST_PARTS
        while size < self._batch_size and len(batch) < most and (part := self.next()) is not None:
            batch.append(part)
            size += part.size
        return tuple(batch)

    def take_batch(self, batch: Batch, results: list[PartResult] | None) -> None:
        """Take what became of a batch, None when it killed whoever read it; each part is then tried alone."""
        if results is not None:
            for part, result in zip(batch, results, strict=True):
                self.take(part, result)
        elif len(batch) > 1:
            self._again.extend(batch)
        else:
            self.take_death(batch[0])

    def take(self, part: Part, result: PartResult) -> None:
        """Take what became of a part, and keep it for a later run."""
        if self._checkpoint is not None and result.fault is None:
            self._checkpoint.add(part, result)
        self._count(part, result)

    def take_death(self, part: Part) -> None:
        """Take a part that killed whoever read it."""
        self._dead.append(part)
        self._uncounted.append(part)

    def tell(self, on_progress: OnProgress) -> None:
        """Say how far the work is."""
        total = self._total
        on_progress(total.exchanges + total.out_of_scope + total.out_of_window + total.unreadable_count)

    def finish(self, *, is_partial: bool = False) -> DriftSummary:
        """Return the summary of what was done, its lines numbered as in one run over everything.

        The lines of parts that could not be read are counted here, unless somebody waits for the end.
        """
        for part in (part for part in self._uncounted if part.has_provisional_numbers):
            self._numbering.add(part, None if is_partial else count_lines(part))
        total = self._numbering.resolve(self._total)
        for unreadable in sorted(self._iter_unreadable(), key=lambda one: (one.place.source, one.reason)):
            total = merge(total, _unreadable(unreadable))
        return replace(total, is_partial=is_partial)

    def _iter_parts(
        self, sources: Iterable[Source | Unreadable], format_in: Format | None, part_size: int | None
    ) -> Iterator[Part]:
        for source in sources:
            if isinstance(source, Unreadable):
                self._total = merge(self._total, _unreadable(source))
                continue
            for part in iter_parts(source, format_in, part_size):
                self._parts_of[source.ordinal] += 1
                known = self._checkpoint.find(part) if self._checkpoint is not None else None
                if known is None:
                    yield part
                else:
                    self._count(part, known)

    def _count(self, part: Part, result: PartResult) -> None:
        if result.fault is not None:
            self._faults[part.source.ordinal, result.fault].append(part)
            self._uncounted.append(part)
            return
        self._total = merge(self._total, result.summary)
        self._numbering.add(part, result.lines)

    def _iter_unreadable(self) -> Iterator[Unreadable]:
        for part in self._dead:
            where = "" if part.end is None else f" (bytes {part.start:,} to {part.end:,})"
            yield Unreadable(place=part.source.place(0), reason=f"{DIED}{where}")
        for (ordinal, fault), parts in self._faults.items():
            lost = f"{len(parts):,} of its {self._parts_of[ordinal]:,} parts were not counted"
            yield Unreadable(place=parts[0].source.place(0), reason=f"{fault}; {lost}")


def _unreadable(unreadable: Unreadable) -> DriftSummary:
    """Return the summary of what could not even be found."""
    return DriftSummary(unreadable_count=1, unreadable=(unreadable,))


class _Ranges(msgspec.Struct, eq=False):
    """The ranges of one file, in their order."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    lines_before: list[int | None] = field(default_factory=list)


class _Numbering:
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
