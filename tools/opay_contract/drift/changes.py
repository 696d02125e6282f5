"""Finds the days since which members are present at another rate, or have another type, than before.

For each member the counts of its days are split where two rates explain them best; the split is a change
where one rate explains them far worse (a likelihood-ratio test), and each side is split again. Rates are of
the objects that could have had the member, so that a change of the traffic is none of the member.
"""

import math
from collections.abc import Iterator
from itertools import accumulate

import msgspec

from opay_contract.contract.scopes import REQUEST_BODY, RESPONSE_BODY
from opay_contract.model.insight import Change, ChangeKind, Share
from opay_contract.model.observation import (
    EARLIER,
    EXCHANGE,
    UNDATED,
    Days,
    FieldLocation,
    Observations,
    Observed,
)

LEAST_EVIDENCE = 30.0
"""Twice the logarithm of the likelihood ratio that a change takes.

Chance alone reaches it at a given day in about one of 20 million members (chi-square, one degree of freedom).
"""

LEAST_DIFFERENCE = 0.05
"""How much a rate has to change, unless it was or becomes zero or doubles."""

_MOST_CHANGES = 8
_ABOUT_AS_GOOD = 3.0


class _Series(msgspec.Struct, frozen=True):
    """Of each day on which something could have been there: how often it was, and how often it could."""

    days: tuple[str, ...]
    counts: tuple[int, ...]
    of: tuple[int, ...]

    def part(self, start: int, end: int | None) -> "_Series":
        return _Series(self.days[start:end], self.counts[start:end], self.of[start:end])

    def share(self) -> Share:
        return Share(count=sum(self.counts), of=sum(self.of))


def find_changes(observations: Observations) -> tuple[Change, ...]:
    """Return the changes of members of bodies, by day, then by place."""
    found = [
        change
        for spot, observed in observations.items()
        if spot[3].startswith((f"{REQUEST_BODY}/", f"{RESPONSE_BODY}/")) and not spot[3].endswith("/*")
        for change in _changes_of(spot, observed, observations)
    ]
    return tuple(sorted(found, key=lambda change: (change.day, change.spot, change.kind, change.type)))


def evidence_of_change(before: Share, after: Share) -> float:
    """Return twice the logarithm of how much likelier two shares are at a rate each than at one for both."""
    apart = _log_likelihood(before.count, before.of) + _log_likelihood(after.count, after.of)
    return 2 * (apart - _log_likelihood(before.count + after.count, before.of + after.of))


def parent_of(spot: FieldLocation) -> FieldLocation:
    """Return the spot of the object that a member is in."""
    return (*spot[:3], spot[3].rpartition("/")[0])


def share_of(spot: FieldLocation, observations: Observations) -> Share:
    """Return how often something stood at a spot, of the objects in which it could have been."""
    observed = observations.get(spot)
    seen = observed.count if observed is not None else 0
    if spot[3] == "":
        exchanges = sum(one.count_of(EXCHANGE) for key, one in observations.items() if key[0] == spot[0])
        return Share(count=seen, of=exchanges)
    parent = observations.get(parent_of(spot))
    has_parts = parent is not None and not spot[3].endswith("/*")
    return Share(count=seen, of=parent.count_of("object") if parent is not None and has_parts else seen)


def _changes_of(spot: FieldLocation, observed: Observed, observations: Observations) -> Iterator[Change]:
    parent = observations.get(parent_of(spot))
    if parent is None:
        return
    days = observed.days()
    for day, before, after in _splits(_series(days, parent.types.get("object", {})), _MOST_CHANGES):
        kind = ChangeKind.RATE
        if not before.count or not after.count:
            kind = ChangeKind.VANISHED if before.count else ChangeKind.APPEARED
        yield Change(
            kind=kind,
            spot=spot,
            day=day,
            type="",
            before=before,
            after=after,
            is_documented=observed.is_documented,
        )
    dated: dict[str, Change] = {}
    for type_, of_type in observed.types.items() if len(observed.types) > 1 else ():
        for day, before, after in _splits(_series(of_type, days), _MOST_CHANGES):
            change = Change(
                kind=ChangeKind.TYPE,
                spot=spot,
                day=day,
                type=type_,
                before=before,
                after=after,
                is_documented=observed.is_documented,
            )
            if day not in dated or after.rate > dated[day].after.rate:
                dated[day] = change
    yield from dated.values()


def _series(counts: Days, of: Days) -> _Series:
    days = tuple(sorted(day for day, number in of.items() if number and day not in (EARLIER, UNDATED)))
    return _Series(
        days, tuple(min(counts.get(day, 0), of[day]) for day in days), tuple(of[day] for day in days)
    )


def _splits(series: _Series, most: int) -> Iterator[tuple[str, Share, Share]]:
    """Yield the day of each change with the shares on both sides, up to the changes next to it."""
    cuts = sorted(_cuts(series, 0, most))
    edges: list[int | None] = [0, *cuts, None]
    for position, cut in enumerate(cuts):
        before = series.part(edges[position] or 0, cut)
        after = series.part(cut, edges[position + 2])
        yield series.days[cut], before.share(), after.share()


def _cuts(series: _Series, offset: int, most: int) -> list[int]:
    cut = _best_cut(series) if most else None
    if cut is None:
        return []
    left, right = series.part(0, cut), series.part(cut, None)
    return [offset + cut, *_cuts(left, offset, most // 2), *_cuts(right, offset + cut, most // 2)]


def _best_cut(series: _Series) -> int | None:
    """Return the index of the day that begins the second part, None where one rate is as good as two."""
    counts, of = tuple(accumulate(series.counts)), tuple(accumulate(series.of))
    if len(of) < 2 or counts[-1] in (0, of[-1]):  # noqa: PLR2004  it takes two days to differ
        return None
    whole = _log_likelihood(counts[-1], of[-1])
    gains = [
        _log_likelihood(counts[i], of[i]) + _log_likelihood(counts[-1] - counts[i], of[-1] - of[i]) - whole
        for i in range(len(of) - 1)
    ]
    best = _plainest(series, gains)
    before, after = series.part(0, best).share(), series.part(best, None).share()
    return best if 2 * max(gains) > LEAST_EVIDENCE and _differs(before, after) else None


def _plainest(series: _Series, gains: list[float]) -> int:
    """Return the likeliest cut, or one at which something was there first or never again if it is as good.

    What is rare may be likeliest to begin a few days before or after it was first seen.
    """
    best = max(gains)
    for counts in (
        series.counts,
        tuple(all_ - count for all_, count in zip(series.of, series.counts, strict=True)),
    ):
        seen = [i for i, count in enumerate(counts) if count]
        for cut in (seen[0], seen[-1] + 1):
            if 0 < cut < len(counts) and gains[cut - 1] >= best - _ABOUT_AS_GOOD:
                return cut
    return gains.index(best) + 1


def _differs(before: Share, after: Share) -> bool:
    if not before.count or not after.count:
        return True
    low, high = sorted((before.rate, after.rate))
    return high - low >= LEAST_DIFFERENCE or high >= 2 * low or 1 - low >= 2 * (1 - high)


def _log_likelihood(count: int, of: int) -> float:
    """Return the logarithm of how likely so many are at the likeliest rate."""
    return sum(part * math.log(part / of) for part in (count, of - count) if part)
