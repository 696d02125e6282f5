"""Judges each difference that a run found, and drafts the contract that allows what is regular.

The table of fixes has for each rule the plan that settles its findings, or why the contract cannot. What the
contract allows and no recording shows is taken back on demand.
"""

import copy
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import msgspec

from opay_contract.contract.addresses import Address, split_uri, tokens_of
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import REQUEST_BODY, RESPONSE_BODY
from opay_contract.contract.operation import OpenQuestion
from opay_contract.drift.insight import draw_insight, parent_of
from opay_contract.jsontext import Tokens
from opay_contract.judge import table
from opay_contract.judge.gap_table import NULL_UNOBSERVED, PRESENCE_NARROWER, TYPE_UNOBSERVED
from opay_contract.judge.table import CARD_NUMBER_EXPOSED
from opay_contract.model.finding import Answer, Kind, Rule
from opay_contract.model.observation import UNDATED, FieldLocation, Observed, join_observed
from opay_contract.model.summary import DriftSummary
from opay_contract.suggest import widening
from opay_contract.suggest.context import EditContext, EditPlan, FindingGroup, gather_groups
from opay_contract.suggest.editing import Add, Append, Put, Remove
from opay_contract.suggest.suggestion import (
    Draft,
    Frequency,
    Judgement,
    Proposal,
    Suggestion,
    Thresholds,
    describe_limit,
)


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What can be done about the findings of a rule.

    Without a plan `reason` says why there is none. `is_fault` if no contract could allow it, so that the
    vendor broke its word however often it happens. `is_catalogue` if it adds to a list with an open end.
    """

    plan: Callable[[FindingGroup, EditContext], EditPlan] | None = None
    reason: str = ""
    is_fault: bool = False
    is_catalogue: bool = False


def _by_hand(reason: str) -> Fix:
    return Fix(reason=reason)


def _fault(reason: str) -> Fix:
    return Fix(reason=reason, is_fault=True)


_TEXTS = "what the texts look like is not kept; change it by hand"
_READERS = "readers of JSON disagree on it, whatever a contract says"
_OPERATION = "an operation is described by hand"
_UNIT = "what a value counts is for a person to say; change `x-unit` by hand"
_CARD_NUMBER = "no contract allows a full card number"
_NO_SUCCESS = "what recordings lack is no matter of the contract; record calls that succeed"
_PARAMETERS = "values of parameters and headers are not kept; change their statement by hand"
_DATA = "what the data of such an answer mean is for a person to say"

FIXES: dict[str, Fix] = {
    table.PATH_UNDOCUMENTED.id: _by_hand(_OPERATION),
    table.METHOD_UNDOCUMENTED.id: _by_hand(_OPERATION),
    table.STATUS_UNDOCUMENTED.id: Fix(plan=widening.add_status, is_catalogue=True),
    table.MEDIA_TYPE_UNDOCUMENTED.id: Fix(plan=widening.add_media_type, is_catalogue=True),
    table.JSON_MISLABELLED.id: Fix(plan=widening.add_media_type),
    table.BODY_EMPTY.id: _by_hand("a body is described or it is not; part the statuses by hand"),
    table.BODY_NOT_JSON.id: _fault("the answer says that it is JSON and is none"),
    table.BODY_TRUNCATED.id: _fault("the answer breaks off"),
    table.BYTE_ORDER_MARK.id: _fault(_READERS),
    table.INVALID_UTF8.id: _fault(_READERS),
    table.LONE_SURROGATE.id: _fault(_READERS),
    table.DUPLICATE_KEY.id: _fault(_READERS),
    table.NON_FINITE_NUMBER.id: _fault(_READERS),
    table.UNSAFE_NUMBER.id: _fault(_READERS),
    table.HEADER_MISSING.id: Fix(plan=widening.let_parameter_be_absent),
    table.PARAMETER_MISSING.id: Fix(plan=widening.let_parameter_be_absent),
    table.PARAMETER_INVALID.id: _by_hand(_PARAMETERS),
    table.PARAMETER_UNDOCUMENTED.id: _by_hand(_PARAMETERS),
    table.RESPONSE_HEADER_MISSING.id: Fix(plan=widening.let_parameter_be_absent),
    table.RESPONSE_HEADER_INVALID.id: _by_hand(_PARAMETERS),
    table.REQUEST_FIELD_UNDOCUMENTED.id: Fix(plan=widening.add_member),
    table.REQUEST_FIELD_MISSING.id: Fix(plan=widening.drop_required),
    table.REQUEST_FIELD_INVALID.id: _by_hand(
        "what is wrong with the requests is not told apart; change it by hand"
    ),
    table.RESPONSE_FIELD_UNDOCUMENTED.id: Fix(plan=widening.add_member),
    table.FIELD_MISSING.id: Fix(plan=widening.drop_required),
    table.FIELD_NULL.id: Fix(plan=widening.allow_types),
    table.TYPE_MISMATCH.id: Fix(plan=widening.allow_types),
    table.VALUE_OUT_OF_RANGE.id: Fix(plan=widening.widen_range),
    table.LENGTH_OUT_OF_RANGE.id: Fix(plan=widening.widen_lengths),
    table.PATTERN_MISMATCH.id: _by_hand(_TEXTS),
    table.FORMAT_MISMATCH.id: _by_hand(_TEXTS),
    table.VALUE_UNDOCUMENTED.id: Fix(plan=widening.add_values),
    table.CONSTRAINT_VIOLATED.id: _by_hand(
        "which values break the constraint is not kept; change it by hand"
    ),
    table.SUCCESS_WITHOUT_DATA.id: _by_hand(_DATA),
    table.ERROR_WITH_DATA.id: _by_hand(_DATA),
    table.SUCCESS_CODE_ON_HTTP_ERROR.id: _fault("status and code contradict each other"),
    table.CODE_UNDOCUMENTED.id: Fix(plan=widening.add_codes, is_catalogue=True),
    table.MESSAGE_UNDOCUMENTED.id: _by_hand("messages are not kept with their codes; add them by hand"),
    table.ANSWER_MISMATCHED.id: _fault("the answer is about something else than was asked for"),
    table.ITEM_REPEATED.id: _fault("what identifies an item stands at two"),
    table.TIMESTAMP_NOT_SECONDS.id: _by_hand(_UNIT),
    table.TIMESTAMP_NOT_MILLISECONDS.id: _by_hand(_UNIT),
    table.TIMESTAMP_IN_FUTURE.id: _fault("a time that has not come yet"),
    table.MONTH_INVALID.id: _by_hand(_UNIT),
    table.SIGNATURE_MISMATCH.id: _by_hand("the key or `x-signature` is another one; change it by hand"),
    table.CARD_NUMBER_EXPOSED.id: _fault(_CARD_NUMBER),
    table.NOTHING_SUCCEEDED.id: _by_hand(_NO_SUCCESS),
    table.FORM_NEVER_SUCCEEDED.id: _by_hand(_NO_SUCCESS),
}

EXPOSED = _fault(_CARD_NUMBER)
"""What becomes of a member, otherwise undocumented, in which full card numbers were seen."""


Verdict = tuple[Judgement, str]
"""A judgement, and why."""


def judge(kind: Kind, evidence: Frequency, limits: Thresholds, *, is_catalogue: bool) -> Verdict:
    """Judge a difference by how often it was seen, on how many days, and since when.

    What is undocumented contradicts nothing, so the vendor cannot have broken its word. In a catalogue with
    an open end, such as that of codes, even what is rare belongs.
    """
    common, rare = describe_limit(limits.common), describe_limit(limits.rare)
    is_contradicted = kind is not Kind.UNDOCUMENTED
    is_rare = evidence.count < limits.rare * evidence.of
    if is_contradicted and is_rare and evidence.of >= limits.enough:
        return Judgement.API_VIOLATION, f"rare: in less than {rare}"
    if is_contradicted and 0 < evidence.days < limits.days and evidence.before >= limits.enough:
        return Judgement.API_VIOLATION, f"recent: on fewer than {limits.days} days"
    if evidence.count < limits.count:
        return Judgement.UNCLEAR, f"seen fewer than {limits.count} times"
    if not evidence.days:
        return Judgement.UNCLEAR, "the recordings do not say when they were made"
    if evidence.days < limits.days:
        return Judgement.UNCLEAR, f"seen on fewer than {limits.days} days"
    if is_contradicted:
        if evidence.count >= limits.common * evidence.of:
            return Judgement.CONTRACT_TOO_STRICT, f"regular: in {common} or more"
        return Judgement.UNCLEAR, f"neither rare nor regular: between {rare} and {common}"
    if is_rare and not is_catalogue:
        return Judgement.UNCLEAR, f"rare: in less than {rare}"
    return Judgement.CONTRACT_TOO_STRICT, "regular, and nothing in the contract speaks against it"


def suggest_answers(answers: tuple[Answer, ...], work: EditContext) -> Iterator[Suggestion]:
    """Yield what to do about each question whose verdict is known."""
    for answer in answers:
        question = next((one for one in work.contract.questions if one.id == answer.question), None)
        if answer.verdict is None or question is None:
            continue
        plan = _plan(question, answer.verdict)
        yield work.carry_out(
            Suggestion(
                judgement=Judgement.ANSWERED,
                because=f"the reading '{answer.verdict}' holds alone, in {answer.observations:,} places",
                action=plan.action,
                edits=plan.edits,
                evidence=Frequency(count=answer.observations, of=answer.observations),
                question=answer.question,
                contract=work.contract.schemas.place(question.about[0]),
            )
        )


def _plan(question: OpenQuestion, verdict: str) -> EditPlan:
    """Let the mock assume what holds; where it does already, the question is for a person to close."""
    readings = {reading.id: position for position, reading in enumerate(question.readings)}
    assumed = next((one.id for one in question.readings if one.assumed), None)
    if assumed == verdict or assumed is None:
        about = ", ".join(str(split_uri(uri)).removesuffix("#") for uri in question.about)
        return EditPlan(
            action=f"close the question by hand: say in {about} what holds, with its source, and take the "
            "question out"
        )
    others = question.at.child("readings", readings[assumed])
    this = question.at.child("readings", readings[verdict])
    return EditPlan(
        action=f"assume '{verdict}' in place of '{assumed}'",
        edits=(
            Remove(file=others.file, at=(*others.tokens, "assumed")),
            Add(file=this.file, at=this.tokens, name="assumed", value=True, after="statement"),
        ),
    )


_COVERED = EditPlan(action="an edit that is suggested for something else allows it too")


def suggest_changes(
    summary: DriftSummary, contract: Contract, draft: Draft, limits: Thresholds, *, is_narrowing: bool = False
) -> Proposal:
    """Return every suggestion of a run; `draft` is the contract as it was read.

    What the contract allows by now, as when an older summary is looked at again, is left out.
    """
    work = EditContext(contract, draft, summary.observations, limits)
    suggestions = [
        *_suggest_wider(summary, work),
        *suggest_answers(draw_insight(summary, contract).answers, work),
        *(suggest_narrower(work) if is_narrowing else ()),
    ]
    return Proposal(
        suggestions=tuple(sorted(suggestions, key=lambda one: list(Judgement).index(one.judgement))),
        thresholds=limits,
        revisions=work.draft.revisions,
        moves=work.draft.moves,
        exchanges=summary.exchanges,
        unreadable=summary.unreadable_count,
    )


def _suggest_wider(summary: DriftSummary, work: EditContext) -> Iterator[Suggestion]:
    before, cases = copy.copy(work), gather_groups(summary, work.places)
    exposed = [pointer for case in cases for pointer in case.pointers if case.rule == CARD_NUMBER_EXPOSED]
    for case in cases:
        fix = EXPOSED if case.rule.kind is Kind.UNDOCUMENTED and case.holds(exposed) else FIXES[case.rule.id]
        plan = fix.plan(case, work) if fix.plan else EditPlan(action=fix.reason)
        if plan.is_settled and fix.plan and not fix.plan(case, before).is_settled:
            plan = _COVERED
        if not plan.is_settled:
            yield _suggest(case, fix, plan, work)


def _suggest(case: FindingGroup, fix: Fix, plan: EditPlan, work: EditContext) -> Suggestion:
    judgement, because = Judgement.API_VIOLATION, fix.reason
    if not fix.is_fault:
        judgement, because = judge(case.rule.kind, case.evidence, work.limits, is_catalogue=fix.is_catalogue)
    action = plan.action
    if judgement is Judgement.API_VIOLATION:
        action = (
            "leave the contract as it is; report it to the vendor, or accept it for a while in a baseline"
        )
    elif judgement is not Judgement.CONTRACT_TOO_STRICT and plan.edits:
        action = f"check more recordings; then it may be: {action}"
    scopes = [f"{one.operation or 'no operation'}, {one.outcome}" for one in case.findings]
    return work.carry_out(
        Suggestion(
            judgement=judgement,
            because=because,
            action=action,
            edits=plan.edits if judgement is Judgement.CONTRACT_TOO_STRICT else (),
            evidence=case.evidence,
            rule=case.rule.id,
            scopes=tuple(dict.fromkeys(scopes)),
            pointers=case.pointers,
            fingerprints=tuple(one.fingerprint for one in case.findings),
            contract=case.place,
        )
    )


_ALTERNATIVES = frozenset(("anyOf", "oneOf"))


def suggest_narrower(work: EditContext) -> Iterator[Suggestion]:
    """Yield what could be required, and types that could go, carrying each out in the draft where that holds.

    A schema is narrowed only if every place that it describes was observed, and agrees.
    """
    for statement, locations in _places_by_statement(work).items():
        opportunities = sum(_opportunities(location, work) for location in locations)
        seen = [work.observations[location] for location in locations if location in work.observations]
        if not seen or opportunities < work.limits.enough:
            continue
        observed = reduce(join_observed, seen)
        for rule, plan in _plans(statement, locations, observed, work):
            yield _carry_out(rule, plan, statement, locations, observed, work)


def _carry_out(  # noqa: PLR0913, PLR0917  what a suggestion is made of
    rule: Rule,
    plan: EditPlan,
    statement: Address,
    locations: list[FieldLocation],
    observed: Observed,
    work: EditContext,
) -> Suggestion:
    seen_forms = {location[:2] for location in work.observations}
    if unseen := next((location[1] for location in locations if location[:2] not in seen_forms), None):
        plan = EditPlan(action=f"the form '{unseen}', which shares the schema, was not recorded")
    days = [day for day in observed.days() if day != UNDATED]
    inside = dict.fromkeys(
        location[3].removeprefix(REQUEST_BODY).removeprefix(RESPONSE_BODY) for location in locations
    )
    return work.carry_out(
        Suggestion(
            judgement=Judgement.TOO_WIDE,
            because=f"so in all of {observed.count:,}, where at least {work.limits.enough} are asked for",
            action=plan.action,
            edits=plan.edits,
            evidence=Frequency(count=observed.count, of=observed.count, days=len(days)),
            rule=rule.id,
            scopes=tuple(
                dict.fromkeys(", ".join(part for part in location[:3] if part) for location in locations)
            ),
            pointers=tuple(inside),
            contract=work.contract.schemas.place(statement.uri),
        )
    )


def _places_by_statement(work: EditContext) -> dict[Address, list[FieldLocation]]:
    """Return for each schema every place that it describes, observed or not."""
    found: dict[Address, list[FieldLocation]] = {}
    for scope in work.places.scopes:
        for place, field in work.places.fields_of(scope).items():
            for text in field.statements:
                file, _, pointer = text.partition("#")
                found.setdefault(Address(file, tokens_of(pointer)), []).append((*scope, place))
    return {
        statement: locations
        for statement, locations in found.items()
        if _ALTERNATIVES.isdisjoint(statement[1])
    }


def _plans(
    statement: Address, locations: list[FieldLocation], observed: Observed, work: EditContext
) -> Iterator[tuple[Rule, EditPlan]]:
    file, at = statement
    schema = work.draft.value(file, at)
    types = schema.get("type") if isinstance(schema, dict) else None
    if isinstance(types, list) and len(types) > 1:
        yield from _unseen_types(file, at, types, observed)
    if at[-2:-1] == ("properties",) and _could_be_required(locations, work):
        yield from _requirement(file, at, work)


def _unseen_types(
    file: str, at: Tokens, types: list[Any], observed: Observed
) -> Iterator[tuple[Rule, EditPlan]]:
    seen = {"number" if one == "integer" and "integer" not in types else one for one in observed.types}
    kept = [one for one in types if one in seen]
    unseen = [str(one) for one in types if one not in seen]
    if kept and unseen:
        rule = NULL_UNOBSERVED if unseen == ["null"] else TYPE_UNOBSERVED
        edit = Put(file=file, at=(*at, "type"), value=kept if len(kept) > 1 else kept[0])
        yield rule, EditPlan(action=f"no longer allow {' and '.join(unseen)}", edits=(edit,))


def _requirement(file: str, at: Tokens, work: EditContext) -> Iterator[tuple[Rule, EditPlan]]:
    holder, name = at[:-2], str(at[-1])
    requests = {split_uri(form.request) for one in work.contract.operations for form in one.forms}
    required = work.draft.value(file, (*holder, "required"))
    if (file, holder) in requests or name in (required or ()):
        return
    edit = (
        Append(file=file, at=(*holder, "required"), value=name)
        if required
        else Add(file=file, at=holder, name="required", value=[name], after="type")
    )
    yield PRESENCE_NARROWER, EditPlan(action=f"require '{name}'", edits=(edit,))


def _could_be_required(locations: list[FieldLocation], work: EditContext) -> bool:
    fields = [work.places.field_at(location) for location in locations]
    return all(field is not None and field.required == "no" for field in fields) and all(
        (work.observations[location].count if location in work.observations else 0)
        == _opportunities(location, work)
        for location in locations
    )


def _opportunities(location: FieldLocation, work: EditContext) -> int:
    parent = work.observations.get(parent_of(location))
    return parent.count_of("object") if parent else 0
