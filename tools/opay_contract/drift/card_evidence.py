"""Weighs findings of card numbers by what the rest of the traffic shows at their place.

One number in ten passes Luhn by chance. A place where many values were seen and only so few of them look like
card numbers holds other numbers. Weighed is the whole of a run, when its result is drawn, so that it makes no
difference how the run was split.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from opay_contract.contract.scopes import REQUEST_BODY, RESPONSE_BODY
from opay_contract.judge.table import CARD_NUMBER_EXPOSED
from opay_contract.model.finding import Severity
from opay_contract.model.observation import Observed
from opay_contract.model.summary import DriftSummary, FoldedFinding

LEAST_VALUES = 20
"""Values at a place from which on their share says something."""

MOST_BY_CHANCE = 0.2
"""The share of values up to which chance explains them: twice what passes Luhn."""

_LENGTHS = (13, 19)
_BY_CHANCE = replace(CARD_NUMBER_EXPOSED, severity=Severity.INFO)
_REQUEST = "request:"

_Place = tuple[str, str, str]


@dataclass(slots=True)
class _Seen:
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
    exposed = {_place(folded): key for key, folded in summary.findings.items() if _is_weighed(folded)}
    findings, moved = dict(summary.findings), 0
    for place, seen in _values_at(exposed, summary).items():
        key = exposed[place]
        folded = findings[key]
        if seen.count < LEAST_VALUES:
            continue
        is_chance = seen.is_alike and folded.count <= MOST_BY_CHANCE * seen.count
        moved += folded.count if is_chance else 0
        findings[key] = _weighed(folded, seen.count, is_chance=is_chance)
    occurrences = Counter(summary.occurrences)
    occurrences[CARD_NUMBER_EXPOSED.severity] -= moved
    occurrences[Severity.INFO] += moved
    return replace(summary, findings=findings, occurrences=dict(+occurrences))


def _is_weighed(folded: FoldedFinding) -> bool:
    """Tell whether a finding is of a card number at a place in a body, where values are counted."""
    pointer = folded.finding.pointer.removeprefix(_REQUEST)
    return folded.finding.rule.id == CARD_NUMBER_EXPOSED.id and pointer.startswith("/")


def _place(folded: FoldedFinding) -> _Place:
    finding = folded.finding
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


def _weighed(folded: FoldedFinding, values: int, *, is_chance: bool) -> FoldedFinding:
    finding = folded.finding
    share = f"{folded.count:,} of the {values:,} values here look like one"
    if not is_chance:
        return replace(folded, finding=replace(finding, actual=f"{finding.actual}; {share}"))
    actual = f"digits that may be {finding.actual}, but {share}, as chance has it"
    return replace(folded, finding=replace(finding, rule=_BY_CHANCE, actual=actual))
