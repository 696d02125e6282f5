"""The days of a run as columns of equal length, so that every chart of a report has the same axis."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from opay_contract.model.finding import Severity
from opay_contract.model.observation import EARLIER, UNDATED, Days, add
from opay_contract.model.summary import DriftSummary

MAX_COLUMNS = 130
"""Columns that a chart has at most; a phone shows that many."""

_STEPS = (1, 7, 28, 91, 364, 3640, 36400)
"""Days of a column; the last is enough for the years 1 to 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The time from the first day to the last, in columns of `step` days."""

    first: date
    last: date
    step: int

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return (self.last - self.first).days // self.step + 1

    def column_of(self, day: str) -> int:
        """Return the column that a day falls into."""
        return (date.fromisoformat(day) - self.first).days // self.step

    def counts(self, days: Days) -> list[int]:
        """Return the counts of each column; what has no day of its own is in none."""
        counts = [0] * self.columns
        for day, number in days.items():
            if is_dated(day):
                counts[self.column_of(day)] += number
        return counts

    @property
    def unit(self) -> str:
        """What a column stands for."""
        return "a day" if self.step == 1 else f"{self.step:,} days"

    def label(self, column: int) -> str:
        """Return the days of a column in words."""
        start = self.first + timedelta(days=column * self.step)
        end = start + timedelta(days=min(self.step - 1, (self.last - start).days))
        return f"on {start}" if start == end else f"from {start} to {end}"


def build_timeline(*counts: Days) -> Timeline | None:
    """Return the time that some counts by day span, None where no day is known."""
    dated = [day for days in counts for day in days if is_dated(day)]
    if not dated:
        return None
    first, last = date.fromisoformat(min(dated)), date.fromisoformat(max(dated))
    step = next(step for step in _STEPS if (last - first).days // step < MAX_COLUMNS)
    return Timeline(first=first, last=last, step=step)


def exchanges_by_day(summary: DriftSummary) -> Days:
    """Return how many exchanges were judged, by day."""
    total: Days = {}
    for spot, observed in summary.observations.items():
        if not spot[3]:
            total = add(total, observed.days())
    return total


def occurrences_by_day(summary: DriftSummary) -> dict[Severity, Days]:
    """Return how often findings that are kept occurred, by severity and day."""
    total: dict[Severity, Days] = {severity: {} for severity in reversed(Severity)}
    for folded in summary.findings.values():
        severity = folded.finding.rule.severity
        total[severity] = add(total[severity], folded.days)
    return total


def is_dated(day: str) -> bool:
    """Return whether a key of counts by day stands for one day."""
    return day not in (EARLIER, UNDATED)


def describe_day(day: str) -> str:
    """Return a key of counts by day in words."""
    return {UNDATED: "without a time", EARLIER: "earlier"}.get(day, day)


def iter_days(*counts: Days) -> Iterator[str]:
    """Yield every key of some counts by day: what is earlier, each day, what has no time."""
    keys = {day for days in counts for day in days}
    yield from (key for key in (EARLIER,) if key in keys)
    yield from sorted(key for key in keys if is_dated(key))
    yield from (key for key in (UNDATED,) if key in keys)
