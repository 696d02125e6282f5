"""Draws from observations what they say beside findings: gaps, changes over time, answers to open questions.

A gap is what the contract has and no recording shows, or what it allows in vain.
"""

from collections.abc import Iterator
from typing import Any

from opay_contract import words
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import RESPONSE_BODY, Field, fields_of_scope
from opay_contract.contract.operation import Envelope, OpenQuestion, Operation
from opay_contract.drift.changes import find_changes, parent_of
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
from opay_contract.model.finding import Answer, Gap, Insight, Rule
from opay_contract.model.observation import (
    EARLIER,
    MAX_DAYS,
    MAX_SPOTS,
    MAX_VALUES,
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
    if len(observations) >= MAX_SPOTS:
        limits.append(f"{MAX_SPOTS:,} places were observed; there may be more.")
    crowded = sorted({spot[3] for spot, observed in observations.items() if observed.has_many_values})
    if crowded:
        limits.append(f"More than {MAX_VALUES} values, none kept: {', '.join(crowded)}.")
    if any(EARLIER in days for observed in observations.values() for days in observed.types.values()):
        limits.append(f"Only the latest {MAX_DAYS} days are told apart.")
    return limits


def iter_gaps(observations: Observations, contract: Contract) -> Iterator[Gap]:
    """Yield what each operation that was called documents and did not show, then field by field."""
    for operation in contract.operations:
        scopes = sorted({spot[:3] for spot in observations if spot[0] == operation.id})
        if not scopes:
            continue
        exchanges = sum(_at(observations, scope, "").count for scope in scopes)
        for form in operation.forms:
            if all(scope[1] != form.id for scope in scopes):
                spot = (operation.id, "", "", "")
                yield _gap(contract, FORM_UNOBSERVED, spot, form.id, exchanges, form.request)
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
            spot = (operation.id, "", "", STATUS)
            answers = sum(observed.count for observed in statuses)
            yield _gap(contract, STATUS_UNOBSERVED, spot, status, answers, response.uri)
        for media_type in response.media_types if covered else ():
            if not any(media_type in observed.values or observed.has_many_values for observed in types):
                spot = (operation.id, "", "", CONTENT_TYPE)
                answers = sum(observed.count for observed in types)
                yield _gap(contract, MEDIA_TYPE_UNOBSERVED, spot, media_type, answers, response.uri)


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
            spot = (operation.id, "", "", place)
            yield _gap(contract, CODE_UNOBSERVED, spot, code.code, answers, code.uri)


def _iter_fields(
    scope: Scope, observations: Observations, contract: Contract, envelope: Envelope | None
) -> Iterator[Gap]:
    codes = RESPONSE_BODY + pointer(envelope.code) if envelope is not None else None
    for place, field in fields_of_scope(contract, scope).items():
        spot = (*scope, folded_place(place))
        parent, observed = observations.get(parent_of(spot)), observations.get(spot)
        opportunities = parent.count_of("object") if parent else 0
        if observed is None:
            if opportunities:
                documented = " or ".join(field.types) or "a member"
                yield _gap(contract, FIELD_UNOBSERVED, spot, documented, opportunities, field.uri)
        else:
            for rule, documented, seen, number in _narrower(field, observed, opportunities):
                is_told = rule is VALUE_UNOBSERVED and place == codes  # by the catalogue
                if number >= MIN_OBSERVATIONS and not is_told:
                    yield _gap(contract, rule, spot, documented, number, field.uri, seen)


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
    spot: FieldLocation,
    documented: str,
    opportunities: int,
    uri: str,
    seen: str = "never",
) -> Gap:
    return Gap(
        rule=rule,
        spot=spot,
        documented=documented,
        seen=seen,
        opportunities=opportunities,
        contract=contract.schemas.place(uri),
    )
