"""Draws the findings that no single exchange shows: whether a run as a whole has successes to stand on."""

from collections.abc import Iterator

from opay_contract.contract.contract import Contract
from opay_contract.judge.table import FORM_NEVER_SUCCEEDED, NOTHING_SUCCEEDED
from opay_contract.model.exchange import WHOLE_RUN
from opay_contract.model.finding import ContractPlace, Finding, Outcome, Rule
from opay_contract.model.outcomes import Outcomes, count_outcome, describe_failures
from opay_contract.model.summary import DriftSummary, FoldedFinding, merge
from opay_contract.words import count


def conclude(summary: DriftSummary, contract: Contract, *, may_all_fail: bool = False) -> DriftSummary:
    """Return the summary of a whole run with the findings about it; its parts are joined before.

    `may_all_fail` if a run without a success is what was wanted.
    """
    for finding in _iter_findings(summary, contract, may_all_fail=may_all_fail):
        folded = FoldedFinding(finding=finding, count=1, last_place=WHOLE_RUN, last_recorded_at=None)
        occurrences = {finding.rule.severity: 1}
        summary = merge(summary, DriftSummary(findings={finding.key: folded}, occurrences=occurrences))
    return summary


def _iter_findings(summary: DriftSummary, contract: Contract, *, may_all_fail: bool) -> Iterator[Finding]:
    outcomes = summary.outcomes
    if not summary.successes:
        if summary.is_vacuous and not may_all_fail:
            places = [contract.schemas.place(operation.uri) for operation in contract.operations]
            only = places[0] if len(places) == 1 else None
            yield _finding(NOTHING_SUCCEEDED, outcomes, ("", ""), only)
        return
    for operation in contract.operations:
        ended = {key: count for key, count in outcomes.items() if key[0] == operation.id}
        forms = {form.id: {key: ended[key] for key in ended if key[1] == form.id} for form in operation.forms}
        for form, found in forms.items() if count_outcome(ended, Outcome.SUCCESS) else [("", ended)]:
            if found and not count_outcome(found, Outcome.SUCCESS):
                place = contract.schemas.place(operation.uri)
                yield _finding(FORM_NEVER_SUCCEEDED, found, (operation.id, form), place)


def _finding(rule: Rule, ended: Outcomes, about: tuple[str, str], contract: ContractPlace | None) -> Finding:
    exchanges = sum(ended.values())
    return Finding(
        rule=rule,
        operation=about[0] or None,
        outcome=Outcome.SUCCESS,
        pointer=about[1],
        expected="at least one success",
        actual=f"none in {count(exchanges, 'exchange')}: {describe_failures(ended)}",
        contract=contract,
        place=WHOLE_RUN,
        recorded_at=None,
    )
