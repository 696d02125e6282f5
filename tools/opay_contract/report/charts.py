"""What the page draws: charts as inline SVG, on one axis of days, and the bodies' fields as trees.

svg.py draws shapes with classes, whose colours and sizes the page's style has. The words on a chart are HTML
around it, so that they are as large on a phone as on a wide screen.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import msgspec
import svg
from markupsafe import Markup, escape
from msgspec import field

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import REQUEST_BODY, RESPONSE_BODY, Field, fields_of_scope
from opay_contract.judge.describing import folded_place
from opay_contract.model.finding import Severity, Share
from opay_contract.model.observation import EARLIER, UNDATED, Days, Observations, Observed, Range, Scope, add
from opay_contract.model.summary import DriftSummary
from opay_contract.report.sentences import describe_share
from opay_contract.words import count, printable

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


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
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


def occurrences_by_day(summary: DriftSummary) -> dict[Severity, Days]:
    """Return how often findings that are kept occurred, by severity and day."""
    total: dict[Severity, Days] = {severity: {} for severity in reversed(Severity)}
    for finding in summary.findings.values():
        severity = finding.rule.severity
        total[severity] = add(total[severity], finding.days)
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
    for number, part in enumerate(counts):
        width = _HEIGHT * part / total
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


MAX_VALUES = 12
"""Values of a member that are listed; the others are counted."""

MAX_DEPTH = 12
"""How deep a tree goes; what is deeper hangs there with the rest of its pointer as its name."""


class Member(msgspec.Struct, kw_only=True):
    """A place of a body: what was seen there, what is documented, and how often it could have been there.

    `share` is None for what cannot be absent: a body, and an item of a list.
    """

    name: str
    is_documented: bool
    observed: Observed | None = None
    documented: Field | None = None
    share: Share | None = None
    members: list["Member"] = field(default_factory=list)

    @property
    def tags(self) -> list[str]:
        """What is remarkable about it."""
        return ["undocumented"] * (not self.is_documented) + ["never seen"] * (not self.observed)

    @property
    def presence(self) -> str:
        """How often it was there, in words."""
        if self.share is None:
            return f"{self.observed.count:,}" if self.observed else ""
        return describe_share(self.share) if self.share.of else "nothing could have it"

    @property
    def bar(self) -> Markup:
        """How often it was there, as a bar."""
        return draw_bar(100 * self.share.rate) if self.share else Markup()

    @property
    def days(self) -> str:
        """The first and the last day on which it was there."""
        dated = iter_days(self.observed.days()) if self.observed else ()
        days = [describe_day_key(day) for day in dated if day != UNDATED]
        if not days:
            return ""
        return f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"

    def facts(self, usual: str) -> str:
        """Return what was seen and what is documented; what is `usual` about its days is not said again."""
        days = "" if self.days == usual else self.days
        seen = [*_describe_seen(self.observed), days] if self.observed else []
        return "; ".join(filter(None, [*seen, _describe_documented(self.documented)]))


class ScopeTrees(msgspec.Struct, frozen=True, kw_only=True):
    """The bodies of the exchanges of one operation, request form and outcome."""

    scope: Scope
    exchanges: int
    bodies: tuple[Member, ...]


def iter_trees(observations: Observations, contract: Contract | None) -> Iterator[ScopeTrees]:
    """Yield the trees of every scope in which a body was seen."""
    for scope in sorted({location[:3] for location in observations}):
        fields = fields_of_scope(contract, scope) if contract else {}
        seen = {location[3]: one for location, one in observations.items() if location[:3] == scope}
        grower = _Grower(seen, {folded_place(place): one for place, one in fields.items()})
        bodies = tuple(
            grower.grow(root, title)
            for root, title in ((REQUEST_BODY, "Request body"), (RESPONSE_BODY, "Response body"))
            if root in seen
        )
        if bodies:
            yield ScopeTrees(scope=scope, exchanges=seen[""].count if "" in seen else 0, bodies=bodies)


class _Grower:
    """Puts the places of one scope into trees: documented ones in their order, then the others by name."""

    def __init__(self, seen: dict[str, Observed], documented: dict[str, Field]) -> None:
        self._seen = seen
        self._documented = documented
        self._members: dict[str, Member] = {}

    def grow(self, root: str, title: str) -> Member:
        top = self._members[root] = Member(name=title, is_documented=True, observed=self._seen[root])
        others = sorted(place for place in self._seen if place not in self._documented)
        for place in (*self._documented, *others):
            if place.startswith(f"{root}/"):
                self._member(root, place)
        return top

    def _member(self, root: str, place: str) -> Member:
        if place in self._members:
            return self._members[place]
        tokens = place.removeprefix(f"{root}/").split("/")
        depth = min(len(tokens), MAX_DEPTH) - 1
        parent = self._member(root, "/".join((root, *tokens[:depth])))
        observed, is_item = self._seen.get(place), tokens[-1] == "*"
        is_documented = place in self._documented or (observed is not None and observed.is_documented)
        number, around = observed.count if observed else 0, self._seen.get(place.rpartition("/")[0])
        share = Share(count=number, of=max(number, around.count_of("object") if around else 0))
        member = self._members[place] = Member(
            name="/".join(tokens[depth:]).replace("~1", "/").replace("~0", "~"),
            is_documented=parent.is_documented if is_item else is_documented,
            observed=observed,
            documented=self._documented.get(place),
            share=None if is_item else share,
        )
        parent.members.append(member)
        return member


def _describe_documented(field_: Field | None) -> str:
    if field_ is None:
        return ""
    required = {"yes": "required", "no": "optional"}.get(field_.required, "required in some cases")
    types = " or ".join(field_.types)
    return f"documented: {f'{types}, ' if types else ''}{required}"


def _describe_seen(observed: Observed) -> Iterator[str]:
    ordered = sorted(observed.types, key=lambda type_: (-observed.count_of(type_), type_))
    if len(ordered) == 1:
        yield ordered[0]
    else:
        yield ", ".join(f"{type_} {observed.count_of(type_):,}" for type_ in ordered)
    for found, unit in ((observed.lengths, "character"), (observed.items, "item")):
        if found:
            yield f"{_describe_range(found)} {unit}{'' if found[0] == found[1] == 1 else 's'}"
    if observed.numbers:
        yield f"{_describe_range(observed.numbers)} as a number"
    if observed.has_many_values:
        yield "too many values to count"
    elif observed.values:
        ranked = sorted(observed.values.items(), key=lambda item: (-item[1], item[0]))
        listed = [f"'{value}' {number:,}" for value, number in ranked[:MAX_VALUES]]
        more = [f"and {len(ranked) - MAX_VALUES:,} more values"] if len(ranked) > MAX_VALUES else []
        yield "values " + ", ".join([*listed, *more])
    if observed.other_values:
        yield f"{count(observed.other_values, 'value')} not kept"


def _describe_range(found: Range) -> str:
    least, greatest = (f"{int(one):,}" if one == int(one) else f"{one:,}" for one in found)
    return least if least == greatest else f"{least} to {greatest}"
