"""Judges each difference that a run found, and drafts the contract that allows what is regular."""

import copy
from collections.abc import Iterator
from dataclasses import replace

from opay_contract.contract.contract import Contract
from opay_contract.drift.insight import draw_insight
from opay_contract.judge.table import CARD_NUMBER_EXPOSED
from opay_contract.model.finding import Kind
from opay_contract.model.summary import DriftSummary
from opay_contract.suggest.draft import Draft
from opay_contract.suggest.edit_context import EditContext, Plan
from opay_contract.suggest.finding_groups import FindingGroup, gather_cases
from opay_contract.suggest.fixes import EXPOSED, REMEDIES, Fix
from opay_contract.suggest.judging import Verdict, judge
from opay_contract.suggest.narrowing import suggest_narrower
from opay_contract.suggest.questions import suggest_answers
from opay_contract.suggest.suggestion import Judgement, Proposal, Suggestion, Thresholds

_COVERED = Plan(action="an edit that is suggested for something else allows it too")
_LATER = "so many changes at once are not suggested; make the others first"
_BY_HAND = "the text is laid out so that this edit cannot be written; make it by hand"


def suggest_changes(
    summary: DriftSummary, contract: Contract, draft: Draft, limits: Thresholds, *, is_narrowing: bool = False
) -> Proposal:
    """Return every suggestion of a run; `draft` is the contract as it was read.

    What the contract allows by now, as when an older summary is looked at again, is left out.
    """
    work = EditContext(contract, draft, summary.observations, limits)
    suggestions = [
        *_suggest_wider(summary, work),
        *(_try(one, work) for one in suggest_answers(draw_insight(summary, contract).answers, work)),
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
    before, cases = copy.copy(work), gather_cases(summary, work.places)
    exposed = [pointer for case in cases for pointer in case.pointers if case.rule == CARD_NUMBER_EXPOSED]
    for case in cases:
        fix = (
            EXPOSED if case.rule.kind is Kind.UNDOCUMENTED and case.holds(exposed) else REMEDIES[case.rule.id]
        )
        plan = fix.plan(case, work) if fix.plan else Plan(action=fix.reason)
        if plan.is_settled and fix.plan and not fix.plan(case, before).is_settled:
            plan = _COVERED
        if not plan.is_settled:
            yield _suggest(case, fix, plan, work)


def _suggest(case: FindingGroup, fix: Fix, plan: Plan, work: EditContext) -> Suggestion:
    judgement, because = _judge(case, fix, work.limits)
    scopes = [f"{one.finding.operation or 'no operation'}, {one.finding.outcome}" for one in case.findings]
    suggestion = Suggestion(
        judgement=judgement,
        because=because,
        action=_action(judgement, plan),
        edits=plan.edits if judgement is Judgement.CONTRACT_TOO_STRICT else (),
        evidence=case.evidence,
        rule=case.rule.id,
        scopes=tuple(dict.fromkeys(scopes)),
        pointers=case.pointers,
        fingerprints=tuple(one.fingerprint for one in case.findings),
        contract=case.place,
    )
    return _try(suggestion, work)


def _judge(case: FindingGroup, fix: Fix, limits: Thresholds) -> Verdict:
    if fix.is_fault:
        return Judgement.API_VIOLATION, fix.reason
    return judge(case.rule.kind, case.evidence, limits, is_catalogue=fix.is_catalogue)


def _action(judgement: Judgement, plan: Plan) -> str:
    if judgement is Judgement.API_VIOLATION:
        return "leave the contract as it is; report it to the vendor, or accept it for a while in a baseline"
    if judgement is Judgement.CONTRACT_TOO_STRICT:
        return plan.action
    return f"check more recordings; then it may be: {plan.action}" if plan.edits else plan.action


def _try(suggestion: Suggestion, work: EditContext) -> Suggestion:
    """Carry out a suggestion's edits in the draft; one that cannot be is for a person to make."""
    if not suggestion.edits:
        return suggestion
    is_full = work.changes >= work.limits.changes
    edited = None if is_full else work.draft.edited(suggestion.edits)
    if edited is None:
        return replace(suggestion, edits=(), action=f"{suggestion.action}: {_LATER if is_full else _BY_HAND}")
    work.draft, work.changes = edited, work.changes + 1
    return suggestion
