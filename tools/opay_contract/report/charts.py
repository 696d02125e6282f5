"""Charts as inline SVG, and the days of a run as columns of equal length, the axis that all of them share.

svg.py draws shapes with classes, whose colours and sizes the page's style has. The words on a chart are HTML
around it, so that they are as large on a phone as on a wide screen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import svg
from markupsafe import Markup, escape

from opay_contract.model.finding import Severity
from opay_contract.model.insight import Share
from opay_contract.model.observation import EARLIER, UNDATED, Days, add
from opay_contract.model.summary import DriftSummary
from opay_contract.words import printable

MAX_COLUMNS = 130
"""Columns that a chart has at most; a phone shows that many."""

_STEPS = (1, 7, 28, 91, 364, 3640, 36400)
"""Days of a column; the last is enough for the years 1 to 9999."""

_HEIGHT = 100
_LEAST = 5
"""The height of a column that would be too low to be seen."""

_STRETCH = svg.PreserveAspectRatio("none")
_DECORATION = {"aria-hidden": "true"}
_IMAGE = {"role": "img"}


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


def describe_day_key(day: str) -> str:
    """Return a key of counts by day in words."""
    return {UNDATED: "without a time", EARLIER: "earlier"}.get(day, day)


def iter_days(*counts: Days) -> Iterator[str]:
    """Yield every key of some counts by day: what is earlier, each day, what has no time."""
    keys = {day for days in counts for day in days}
    yield from (key for key in (EARLIER,) if key in keys)
    yield from sorted(key for key in keys if is_dated(key))
    yield from (key for key in (UNDATED,) if key in keys)


def draw_bar(percent: float) -> Markup:
    """Return a bar that is filled so far; the text beside it says the same."""
    return _draw(
        "bar",
        (_HEIGHT, 1),
        [
            svg.Rect(class_=["track"], width=_HEIGHT, height=1),
            svg.Rect(class_=["value"], width=round(percent, 2), height=1),
        ],
        _DECORATION,
    )


def draw_shares(counts: Sequence[int]) -> Markup:
    """Return one bar parted by counts, each with a class of its own; the text beside it says the same."""
    total, at = sum(counts) or 1, 0.0
    shapes: list[svg.Element] = [svg.Rect(class_=["track"], width=_HEIGHT, height=1)]
    for number, count in enumerate(counts):
        width = _HEIGHT * count / total
        shapes.append(svg.Rect(class_=[f"part{number}"], x=round(at, 2), width=round(width, 2), height=1))
        at += width
    return _draw("bar", (_HEIGHT, 1), shapes, _DECORATION)


def draw_columns(title: str, words: str, values: Sequence[int], labels: Sequence[str], kind: str) -> Markup:
    """Return a chart of a column for each value that is not zero; pointing at it shows its label."""
    most = max(values, default=0)
    shapes: list[svg.Element] = [
        svg.G(
            elements=[
                svg.Title(text=_text(f"{value:,} {label}")),
                svg.Rect(class_=["hit"], x=position, y=0, width=1, height=_HEIGHT),
                _column(position, max(_LEAST, _HEIGHT * value / most), kind),
            ]
        )
        for position, (value, label) in enumerate(zip(values, labels, strict=True))
        if value
    ]
    return _draw("columns", (len(values), _HEIGHT), _words(title, words) + shapes, _IMAGE)


def draw_sparkline(values: Sequence[int], kind: str) -> Markup:
    """Return a small chart without words; the text beside it says what matters."""
    most = max(values, default=0)
    heights = [max(2 * _LEAST, _HEIGHT * value / most) if value else 0.0 for value in values]
    return _draw("spark", (len(values), _HEIGHT), [_outline(heights, kind)], _DECORATION)


def draw_rates(title: str, words: str, shares: Sequence[Share], mark: int) -> Markup:
    """Return a chart of a rate for each column in which something could be there, and of when it changed."""
    tracks = [_HEIGHT if share.of else 0.0 for share in shares]
    heights = [max(_LEAST, _HEIGHT * share.rate) if share.count else 0.0 for share in shares]
    line = svg.Line(class_=["mark"], x1=mark, x2=mark, y1=0, y2=_HEIGHT)
    shapes = [*_words(title, words), _outline(tracks, "track"), _outline(heights, "value"), line]
    return _draw("rates", (len(shares), _HEIGHT), shapes, _IMAGE)


def _draw(kind: str, size: tuple[int, int], shapes: list[svg.Element], extra: dict[str, str]) -> Markup:
    drawn = str(
        svg.SVG(
            xmlns=None,
            class_=[kind],
            viewBox=svg.ViewBoxSpec(0, 0, *size),
            preserveAspectRatio=_STRETCH,
            elements=shapes,
            extra=extra,
        )
    )
    return Markup(drawn)  # noqa: S704  shapes, and words that were escaped


def _text(text: str) -> str:
    return str(escape(printable(text)))


def _words(title: str, words: str) -> list[svg.Element]:
    return [svg.Title(text=_text(title)), svg.Desc(text=_text(words))]


def _column(position: int, height: float, kind: str) -> svg.Rect:
    top = round(_HEIGHT - height, 2)
    return svg.Rect(class_=[kind], x=position + 0.1, y=top, width=0.8, height=round(height, 2))


def _outline(heights: Sequence[float], kind: str) -> svg.Polygon:
    """Return columns as one shape, which takes a tenth of the text and of the time."""
    points: list[svg.Point] = [svg.Point(0, _HEIGHT)]
    for position, height in enumerate(heights):
        if height:
            top = round(_HEIGHT - height)
            left, right = position + 0.1, position + 0.9
            points += [
                svg.Point(left, _HEIGHT),
                svg.Point(left, top),
                svg.Point(right, top),
                svg.Point(right, _HEIGHT),
            ]
    return svg.Polygon(class_=[kind], points=points)
