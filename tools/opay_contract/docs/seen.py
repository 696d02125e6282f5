"""What recordings show of one statement of the contract, in a form that joins, and the words for it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from opay_contract.model.finding import Key, Rule
from opay_contract.model.insight import Change, ChangeKind, Gap
from opay_contract.model.observation import EARLIER, UNDATED, Days, Observed, Range, join_observed
from opay_contract.model.summary import FoldedFinding

DRIFTED = "drifted"

_SHOWN_VALUES = 5
"""Values of a public field that are named; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """In how many of how many requests, answers or objects something was, and how it looked and drifted.

    `day` is the latest day, empty where no time was recorded. `look` has types, lengths and the values that
    may be shown, None where there is nothing but the presence. `findings` is None where findings do not tell
    what they are about. `is_uncounted` if there were too many different values to count any, `may_have_more`
    if the run kept only some of its findings.
    """

    unit: str
    of: int
    count: int
    day: str
    look: Observed | None = None
    findings: Mapping[Key, FoldedFinding] | None = None
    changes: tuple[Change, ...] = ()
    gaps: tuple[Gap, ...] = ()
    is_uncounted: bool = False
    may_have_more: bool = False

    def __str__(self) -> str:
        """What recordings show, in a line of plain text."""
        return "; ".join(self.parts())

    def parts(self) -> list[str]:
        """Return what recordings show, each thing in plain text; what drifted begins with `DRIFTED`."""
        if not self.of and not self.findings:
            return ["never seen, and no recording could show it"]
        return [part for part in _iter_parts(self) if part]


def join_seen(left: Seen, right: Seen) -> Seen:
    """Join what two places show of the same statement."""
    looks = [seen.look for seen in (left, right) if seen.look]
    return replace(
        left,
        unit=left.unit if left.unit == right.unit else "places",
        of=left.of + right.of,
        count=left.count + right.count,
        day=max(left.day, right.day),
        look=join_observed(looks[0], looks[-1]) if len(looks) > 1 else next(iter(looks), None),
        findings={**(left.findings or {}), **(right.findings or {})},
        changes=tuple(dict.fromkeys((*left.changes, *right.changes))),
        gaps=tuple(dict.fromkeys((*left.gaps, *right.gaps))),
    )


def latest_day(days: Days) -> str:
    """Return the latest of the days that are told apart, `UNDATED` where there is none."""
    return max((day for day in days if day != EARLIER), default=UNDATED)


def describe_findings(findings: Iterable[FoldedFinding]) -> str:
    """Return how often which rule found something, and when last."""
    by_rule: dict[Rule, list[FoldedFinding]] = {}
    for folded in findings:
        by_rule.setdefault(folded.finding.rule, []).append(folded)
    return ", ".join(_describe_rule(rule, found) for rule, found in by_rule.items())


def day_of(folded: FoldedFinding) -> str:
    """Return the day on which a finding was last seen, empty where no time was recorded."""
    return (folded.last_seen or "").partition("T")[0]


def describe_change(change: Change) -> str:
    """Return what is another way since which day, with both shares."""
    before, after = (f"{share.count:,} of {share.of:,}" for share in (change.before, change.after))
    what = {
        ChangeKind.APPEARED: "appeared",
        ChangeKind.VANISHED: "vanished",
        ChangeKind.RATE: "there at another rate",
        ChangeKind.TYPE: f"{change.type} at another rate",
    }
    return f"{what[change.kind]} since {change.day} ({after}, before {before})"


def _describe_rule(rule: Rule, found: list[FoldedFinding]) -> str:
    day = max(map(day_of, found))
    when = f", last on {day}" if day else ""
    count = sum(folded.count for folded in found)
    return f"{count:,} × {rule.id} ({rule.severity.label}{when})"  # noqa: RUF001  times


def _iter_parts(seen: Seen) -> Iterator[str]:
    yield _presence(seen)
    if seen.look and seen.count:
        yield from _looks(seen.look)
    if seen.findings:
        yield f"{DRIFTED}: {describe_findings(seen.findings.values())}"
    elif seen.count and seen.findings is not None:
        yield "no drift among the findings that were kept" if seen.may_have_more else "no drift"
    yield from map(describe_change, seen.changes)
    narrower = dict.fromkeys(f"{gap.seen} ({gap.rule.id})" for gap in seen.gaps)
    if narrower:
        yield f"narrower than documented: {', '.join(narrower)}"


def _presence(seen: Seen) -> str:
    if seen.is_uncounted:
        return "not counted: too many different values"
    if not seen.count:
        return f"never seen in {seen.of:,} {seen.unit}"
    when = f"last on {seen.day}" if seen.day else "on no recorded day"
    return f"seen in {seen.count:,} of {seen.of:,} {seen.unit}, {when}"


def _looks(look: Observed) -> Iterator[str]:
    counts = {type_: look.count_of(type_) for type_ in look.types}
    several = len(counts) > 1
    types = ", ".join(f"{type_} {count:,}" if several else type_ for type_, count in counts.items())
    extents = (_extent(look.lengths, "character"), _extent(look.items, "item"), _extent(look.numbers, ""))
    yield ", ".join([types, *filter(None, extents)])
    yield _values(look)


def _extent(extent: Range | None, noun: str) -> str:
    if extent is None:
        return ""
    least, greatest = extent
    span = f"{least}" if least == greatest else f"{least} to {greatest}"
    return f"{span} {noun}{'' if greatest == 1 else 's'}" if noun else span


def _values(look: Observed) -> str:
    if look.has_many_values:
        return "too many different values to name"
    often = sorted(look.values.items(), key=lambda item: (-item[1], item[0]))
    named = [f"“{value}” {count:,}" for value, count in often[:_SHOWN_VALUES]]
    others = sum(count for _, count in often[_SHOWN_VALUES:]) + look.other_values
    return ", ".join([*named, *([f"other values {others:,}"] if others and named else [])])
