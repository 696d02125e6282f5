"""Words for what a run's observations say: changes, gaps and answers, the same in every report."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from opay_contract.judge.gap_table import NARROWER_RULES
from opay_contract.model.finding import Rule
from opay_contract.model.insight import Answer, Change, ChangeKind, Gap, Insight, Share
from opay_contract.model.observation import FieldLocation

_REQUEST, _RESPONSE = "/request/body", "/response/body"


@dataclass(frozen=True, slots=True, kw_only=True)
class GapGroup:
    """Gaps of one rule in one scope, which reports tell as one; `opportunities` are the most that one had."""

    rule: Rule
    scope: str
    gaps: tuple[Gap, ...]
    opportunities: int

    @property
    def items(self) -> tuple[str, ...]:
        """What each of them is about."""
        return tuple(map(describe_gap, self.gaps))


def group_gaps(gaps: Iterable[Gap], *, is_narrower: bool) -> list[GapGroup]:
    """Return what was never seen, or what was allowed in vain, by rule and scope in the order of gaps."""
    chosen = [gap for gap in gaps if (gap.rule.id in NARROWER_RULES) is is_narrower]
    grouped = groupby(chosen, key=lambda gap: (gap.rule, describe_scope(gap.spot)))
    return [
        GapGroup(
            rule=rule,
            scope=scope,
            gaps=tuple(found),
            opportunities=max(gap.opportunities for gap in found),
        )
        for (rule, scope), group in grouped
        if (found := list(group))
    ]


def never_seen(insight: Insight) -> list[Gap]:
    """Return what is documented and was never there."""
    return [gap for gap in insight.gaps if gap.rule.id not in NARROWER_RULES]


def narrower(insight: Insight) -> list[Gap]:
    """Return what the contract allows and the recordings do not need."""
    return [gap for gap in insight.gaps if gap.rule.id in NARROWER_RULES]


def describe_gap(gap: Gap) -> str:
    """Return what a gap is about, and for what is narrower what was documented and seen."""
    place = describe_spot(gap.spot)
    if gap.rule.id in NARROWER_RULES:
        return f"{place}: documented {gap.documented}, seen {gap.seen}"
    return place if gap.rule.id == "field-unobserved" else gap.documented


def describe_change(change: Change) -> str:
    """Return the shares before and since, and of which type they are."""
    what = f"{change.type} " if change.kind is ChangeKind.TYPE else ""
    return f"{what}{describe_share(change.before)} before, {describe_share(change.after)} since"


def describe_share(share: Share) -> str:
    """Return a share as a percentage with the numbers that it comes from."""
    return f"{describe_rate(share)} ({share.count:,} of {share.of:,})"


def describe_rate(share: Share) -> str:
    """Return a percentage; what is rare or nearly always does not become none or all."""
    if share.count in (0, share.of):
        return "100 %" if share.count else "0 %"
    percent = 100 * share.rate
    for digits in range(5):
        text = f"{percent:.{digits}f}"
        if float(text) not in (0.0, 100.0):
            return f"{text} %"
    return "under 0.0001 %" if percent < 50 else "over 99.9999 %"  # noqa: PLR2004  the nearer end


def describe_spot(spot: FieldLocation) -> str:
    """Return a place as findings have it: a pointer into the answer, or into the request where it says so."""
    return describe_place_in_exchange(spot[3])


def describe_place_in_exchange(place: str) -> str:
    """Return a pointer into an exchange as findings have it."""
    if place == _REQUEST or place.startswith(f"{_REQUEST}/"):
        return f"request:{place.removeprefix(_REQUEST)}"
    if place == _RESPONSE or place.startswith(f"{_RESPONSE}/"):
        return place.removeprefix(_RESPONSE)
    return place


def describe_scope(spot: FieldLocation) -> str:
    """Return operation, request form and outcome, as far as they are said."""
    return ", ".join(part for part in spot[:3] if part) or "no operation"


def describe_answer(answer: Answer) -> str:
    """Return the counts of the readings that something speaks for, and the verdict."""
    counts = ", ".join(f"{reading} {count:,}" for reading, count in answer.counts if count)
    return f"{counts}: '{answer.verdict}' holds alone" if answer.verdict else counts
