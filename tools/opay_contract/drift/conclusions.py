"""Draws what only a whole run shows: whether anything succeeded, and which card numbers are there by chance.

One number in ten passes Luhn by chance. A place where many values were seen and only so few of them look like
card numbers holds other numbers. Weighed is the whole of a run, when its result is drawn, so that it makes no
difference how the run was split.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import REQUEST_BODY, RESPONSE_BODY
from opay_contract.judge.table import CARD_NUMBER_EXPOSED, FORM_NEVER_SUCCEEDED, NOTHING_SUCCEEDED
from opay_contract.model.exchange import WHOLE_RUN
from opay_contract.model.finding import ContractPlace, Finding, Outcome, Rule, Severity
from opay_contract.model.observation import Observed
from opay_contract.model.summary import DriftSummary, Outcomes, count_outcome, describe_failures, merge
from opay_contract.words import count

LEAST_VALUES = 20
"""Values at a place from which on their share says something."""

MOST_BY_CHANCE = 0.2
"""The share of values up to which chance explains them: twice what passes Luhn."""

_LENGTHS = (13, 23)
"""Characters of a card number, in groups of four or in one piece."""

_BY_CHANCE = replace(CARD_NUMBER_EXPOSED, severity=Severity.INFO)

_REQUEST = "request:"

_Place = tuple[str, str, str]


def conclude(summary: DriftSummary, contract: Contract, *, may_all_fail: bool = False) -> DriftSummary:
    """Return the summary of a whole run with the findings about it; its parts are joined before.

    `may_all_fail` if a run without a success is what was wanted.
    """
    for finding in _iter_findings(summary, contract, may_all_fail=may_all_fail):
        occurrences = {finding.rule.severity: 1}
        summary = merge(summary, DriftSummary(findings={finding.key: finding}, occurrences=occurrences))
    return summary


def _iter_findings(summary: DriftSummary, contract: Contract, *, may_all_fail: bool) -> Iterator[Finding]:
    outcomes = summary.outcomes
    if not summary.successes:
        if summary.is_vacuous and not may_all_fail:
            called = {operation for operation, *_ in outcomes if operation} or {
                one.id for one in contract.operations
            }
            places = [contract.schemas.place(one.uri) for one in contract.operations if one.id in called]
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


class _Seen(msgspec.Struct):
    """How many values were seen at a place, and whether all are digits, as numbers or of a card's length."""

    count: int = 0
    is_alike: bool = True

    def add(self, observed: Observed) -> None:
        self.count += observed.count - observed.count_of("null")
        types = observed.types.keys() - {"null"}
        least, greatest = observed.lengths or (0, 0)
        is_alike = types <= {"integer"} or (
            types <= {"string"} and _LENGTHS[0] <= least and greatest <= _LENGTHS[1]
        )
        self.is_alike = self.is_alike and is_alike


def weigh_card_numbers(summary: DriftSummary) -> DriftSummary:
    """Return a summary whose findings of card numbers say how many values of their place look like one.

    Where chance explains them they are information, no errors.
    """
    exposed = {_place(finding): key for key, finding in summary.findings.items() if _is_weighed(finding)}
    findings, moved = dict(summary.findings), 0
    for place, seen in _values_at(exposed, summary).items():
        key = exposed[place]
        finding = findings[key]
        if seen.count < LEAST_VALUES:
            continue
        is_chance = seen.is_alike and finding.count <= MOST_BY_CHANCE * seen.count
        moved += finding.count if is_chance else 0
        findings[key] = _weighed(finding, seen.count, is_chance=is_chance)
    occurrences = Counter(summary.occurrences)
    occurrences[CARD_NUMBER_EXPOSED.severity] -= moved
    occurrences[Severity.INFO] += moved
    return replace(summary, findings=findings, occurrences=dict(+occurrences))


def _is_weighed(finding: Finding) -> bool:
    """Tell whether a finding is of a card number at a place in a body, where values are counted."""
    pointer = finding.pointer.removeprefix(_REQUEST)
    return finding.rule.id == CARD_NUMBER_EXPOSED.id and pointer.startswith("/")


def _place(finding: Finding) -> _Place:
    is_request = finding.pointer.startswith(_REQUEST)
    body = REQUEST_BODY if is_request else RESPONSE_BODY
    return finding.operation or "", finding.outcome, body + finding.pointer.removeprefix(_REQUEST)


def _values_at(wanted: Iterable[_Place], summary: DriftSummary) -> dict[_Place, _Seen]:
    """Return what was seen at some places, in whatever form of request."""
    found = {place: _Seen() for place in wanted}
    for (operation, _, outcome, pointer), observed in summary.observations.items():
        seen = found.get((operation, outcome, pointer))
        if seen is not None:
            seen.add(observed)
    return found


def _weighed(finding: Finding, values: int, *, is_chance: bool) -> Finding:
    share = f"{finding.count:,} of the {values:,} values here look like one"
    if not is_chance:
        return replace(finding, actual=f"{finding.actual}; {share}")
    actual = f"digits that may be {finding.actual}, but {share}, as chance has it"
    return replace(finding, rule=_BY_CHANCE, actual=actual)
