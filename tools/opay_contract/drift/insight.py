"""Draws from observations what they say beside findings: gaps, changes over time, answers to open questions.

A gap is what the contract has and no recording shows, or what it allows in vain. A change is of a member that
is present at another rate, or has another type, since a day. For each member the counts of its days are split
where two rates explain them best; the split is a change where one rate explains them far worse (a
likelihood-ratio test), and each side is split again. Rates are of the objects that could have had the member,
so that a change of the traffic is none of the member.
"""

import math
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import msgspec

from opay_contract import words
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import REQUEST_BODY, RESPONSE_BODY, Field, fields_of_scope
from opay_contract.contract.operation import Envelope, OpenQuestion, Operation
from opay_contract.drift.field_statistics import CONTENT_TYPE, STATUS
from opay_contract.jsontext import pointer
from opay_contract.judge.describing import folded_place
from opay_contract.judge.gap_table import (
    CODE_UNOBSERVED,
    FIELD_UNOBSERVED,
    FORM_UNOBSERVED,
    MEDIA_TYPE_UNOBSERVED,
    MIN_OBSERVATIONS,
    NULL_UNOBSERVED,
    PRESENCE_NARROWER,
    RANGE_NARROWER,
    STATUS_UNOBSERVED,
    TYPE_UNOBSERVED,
    VALUE_UNOBSERVED,
)
from opay_contract.model.finding import Answer, Change, ChangeKind, Gap, Insight, Rule, Share
from opay_contract.model.observation import (
    EARLIER,
    EXCHANGE,
    MAX_DAYS,
    MAX_LOCATIONS,
    MAX_VALUES,
    UNDATED,
    Days,
    FieldLocation,
    Observations,
    Observed,
    Scope,
)
from opay_contract.model.summary import DriftSummary

_RANGES = (
    ("minLength", "maxLength", "characters", "lengths"),
    ("minItems", "maxItems", "items", "items"),
    ("minimum", "maximum", "values", "numbers"),
)


def draw_insight(summary: DriftSummary, contract: Contract) -> Insight:
    """Return gaps, changes, answers and limits of a run; where nothing succeeded, nothing has a verdict."""
    return Insight(
        gaps=tuple(iter_gaps(summary.observations, contract)),
        changes=find_changes(summary.observations),
        answers=tuple(_answer(question, summary) for question in contract.questions),
        limits=tuple(_limits(summary)),
    )


def _answer(question: OpenQuestion, summary: DriftSummary) -> Answer:
    counts = tuple(
        (reading.id, summary.readings.get((question.id, reading.id), 0)) for reading in question.readings
    )
    holding = [reading for reading, count in counts if count]
    is_enough = sum(count for _, count in counts) >= MIN_OBSERVATIONS
    return Answer(
        question=question.id,
        counts=counts,
        verdict=holding[0] if len(holding) == 1 and is_enough and not summary.is_vacuous else None,
    )


def _limits(summary: DriftSummary) -> list[str]:
    observations = summary.observations
    limits = []
    if summary.zoneless:
        limits.append(f"{words.count(summary.zoneless, 'time')} without a zone, read as UTC.")
    if len(observations) >= MAX_LOCATIONS:
        limits.append(f"{MAX_LOCATIONS:,} places were observed; there may be more.")
    crowded = sorted({location[3] for location, observed in observations.items() if observed.has_many_values})
    if crowded:
        limits.append(f"More than {MAX_VALUES} values, none kept: {', '.join(crowded)}.")
    if any(EARLIER in days for observed in observations.values() for days in observed.types.values()):
        limits.append(f"Only the latest {MAX_DAYS} days are told apart.")
    return limits


def iter_gaps(observations: Observations, contract: Contract) -> Iterator[Gap]:
    """Yield what each operation that was called documents and did not show, then field by field."""
    for operation in contract.operations:
        scopes = sorted({location[:3] for location in observations if location[0] == operation.id})
        if not scopes:
            continue
        exchanges = sum(_at(observations, scope, "").count for scope in scopes)
        for form in operation.forms:
            if all(scope[1] != form.id for scope in scopes):
                location = (operation.id, "", "", "")
                yield _gap(contract, FORM_UNOBSERVED, location, form.id, exchanges, form.request)
        yield from _iter_statuses(operation, scopes, observations, contract)
        yield from _iter_codes(operation, scopes, observations, contract)
        for scope in scopes:
            if scope[1] or not operation.forms:
                yield from _iter_fields(scope, observations, contract, operation.envelope)


def _iter_statuses(
    operation: Operation, scopes: list[Scope], observations: Observations, contract: Contract
) -> Iterator[Gap]:
    statuses = [_at(observations, scope, STATUS) for scope in scopes]
    types = [_at(observations, scope, CONTENT_TYPE) for scope in scopes]
    seen = {status for observed in statuses for status in observed.values}
    for status, response in operation.responses.items():
        covered = {one for one in seen if operation.response(int(one)) is response}
        if not covered and not any(observed.has_many_values for observed in statuses):
            location = (operation.id, "", "", STATUS)
            answers = sum(observed.count for observed in statuses)
            yield _gap(contract, STATUS_UNOBSERVED, location, status, answers, response.uri)
        for media_type in response.media_types if covered else ():
            if not any(media_type in observed.values or observed.has_many_values for observed in types):
                location = (operation.id, "", "", CONTENT_TYPE)
                answers = sum(observed.count for observed in types)
                yield _gap(contract, MEDIA_TYPE_UNOBSERVED, location, media_type, answers, response.uri)


def _iter_codes(
    operation: Operation, scopes: list[Scope], observations: Observations, contract: Contract
) -> Iterator[Gap]:
    envelope = operation.envelope
    if envelope is None:
        return
    place = RESPONSE_BODY + pointer(envelope.code)
    observed = [_at(observations, scope, place) for scope in scopes]
    seen = {code for one in observed for code in one.values}
    answers = sum(one.count for one in observed)
    if any(one.has_many_values for one in observed):
        return
    for code in envelope.codes.values():
        if code.code not in seen:
            location = (operation.id, "", "", place)
            yield _gap(contract, CODE_UNOBSERVED, location, code.code, answers, code.uri)


def _iter_fields(
    scope: Scope, observations: Observations, contract: Contract, envelope: Envelope | None
) -> Iterator[Gap]:
    codes = RESPONSE_BODY + pointer(envelope.code) if envelope is not None else None
    for place, field in fields_of_scope(contract, scope).items():
        location = (*scope, folded_place(place))
        parent, observed = observations.get(parent_of(location)), observations.get(location)
        opportunities = parent.count_of("object") if parent else 0
        if observed is None:
            if opportunities:
                documented = " or ".join(field.types) or "a member"
                yield _gap(contract, FIELD_UNOBSERVED, location, documented, opportunities, field.uri)
        else:
            for rule, documented, seen, number in _narrower(field, observed, opportunities):
                is_told = rule is VALUE_UNOBSERVED and place == codes  # by the catalogue
                if number >= MIN_OBSERVATIONS and not is_told:
                    yield _gap(contract, rule, location, documented, number, field.uri, seen)


def _narrower(field: Field, observed: Observed, opportunities: int) -> Iterator[tuple[Rule, str, str, int]]:
    """Yield rule, what is documented, what was seen, and how often, whether that is enough or not."""
    count = observed.count
    if field.required == "no" and count == opportunities:
        yield PRESENCE_NARROWER, "optional", "always there", count
    seen = {
        "number" if type_ == "integer" and "integer" not in field.types else type_ for type_ in observed.types
    }
    for type_ in field.types if len(field.types) > 1 else ():
        if type_ not in seen:
            rule = NULL_UNOBSERVED if type_ == "null" else TYPE_UNOBSERVED
            yield rule, " or ".join(field.types), f"never {type_}", count
    if field.limit("enum") and not observed.has_many_values and not observed.other_values:
        for value in field.limit("enum"):
            if isinstance(value, str) and observed.values and value not in observed.values:
                yield VALUE_UNOBSERVED, f"one of {len(field.limit('enum'))} values", f"never '{value}'", count
    yield from _narrower_ranges(field, observed)


def _narrower_ranges(field: Field, observed: Observed) -> Iterator[tuple[Rule, str, str, int]]:
    for low, high, unit, attribute in _RANGES:
        found = getattr(observed, attribute)
        least, greatest = field.limit(low), field.limit(high)
        if found is None or greatest is None:
            continue
        if found[1] < greatest or (least is not None and found[0] > least):
            documented = f"{_words(least if least is not None else 0, greatest)} {unit}"
            yield RANGE_NARROWER, documented, f"{_words(*found)} {unit}", observed.count


def _words(least: Any, greatest: Any) -> str:
    return f"{least:,}" if least == greatest else f"{least:,} to {greatest:,}"


def _at(observations: Observations, scope: Scope, place: str) -> Observed:
    return observations.get((*scope, place)) or Observed(is_documented=True)


def _gap(  # noqa: PLR0913, PLR0917  what a gap is made of
    contract: Contract,
    rule: Rule,
    location: FieldLocation,
    documented: str,
    opportunities: int,
    uri: str,
    seen: str = "never",
) -> Gap:
    return Gap(
        rule=rule,
        location=location,
        documented=documented,
        seen=seen,
        opportunities=opportunities,
        contract=contract.schemas.place(uri),
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
        for location, observed in observations.items()
        if location[3].startswith((f"{REQUEST_BODY}/", f"{RESPONSE_BODY}/"))
        and not location[3].endswith("/*")
        for change in _changes_of(location, observed, observations)
    ]
    return tuple(sorted(found, key=lambda change: (change.day, change.location, change.kind, change.type)))


def evidence_of_change(before: Share, after: Share) -> float:
    """Return twice the logarithm of how much likelier two shares are at a rate each than at one for both."""
    apart = _log_likelihood(before.count, before.of) + _log_likelihood(after.count, after.of)
    return 2 * (apart - _log_likelihood(before.count + after.count, before.of + after.of))


def parent_of(location: FieldLocation) -> FieldLocation:
    """Return the location of the object that a member is in."""
    return (*location[:3], location[3].rpartition("/")[0])


def share_of(location: FieldLocation, observations: Observations) -> Share:
    """Return how often something stood at a location, of the objects in which it could have been."""
    observed = observations.get(location)
    seen = observed.count if observed is not None else 0
    if location[3] == "":
        exchanges = sum(one.count_of(EXCHANGE) for key, one in observations.items() if key[0] == location[0])
        return Share(count=seen, of=exchanges)
    parent = observations.get(parent_of(location))
    has_parts = parent is not None and not location[3].endswith("/*")
    return Share(count=seen, of=parent.count_of("object") if parent is not None and has_parts else seen)


def _changes_of(location: FieldLocation, observed: Observed, observations: Observations) -> Iterator[Change]:
    parent = observations.get(parent_of(location))
    if parent is None:
        return
    days = observed.days()
    for day, before, after in _splits(_series(days, parent.types.get("object", {})), _MOST_CHANGES):
        kind = ChangeKind.RATE
        if not before.count or not after.count:
            kind = ChangeKind.VANISHED if before.count else ChangeKind.APPEARED
        yield Change(
            kind=kind,
            location=location,
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
                location=location,
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
