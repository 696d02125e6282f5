"""What recordings say about a contract: a run with public values alone, and what was drawn from it."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from opay_contract.contract.addresses import split_uri
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Operation
from opay_contract.contract.scopes import RESPONSE_BODY, fields_of_scope, find_operation
from opay_contract.errors import UsageError
from opay_contract.jsontext import pointer
from opay_contract.judge.describing import folded_place
from opay_contract.model.insight import Answer, Insight
from opay_contract.model.observation import Days, FieldLocation, Observed, Scope, add
from opay_contract.model.summary import DriftSummary, FoldedFinding

STATUS, MEDIA_TYPE = "/response/status", "/response/headers/content-type"
PUBLIC = "public"
_STATUSES = frozenset(map(str, range(100, 1000)))
_NOTHING = Observed(is_documented=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvidence:
    """The summary of a run, with public values alone, and what was drawn from it: gaps, changes, answers."""

    summary: DriftSummary
    insight: Insight

    def at(self, location: FieldLocation) -> Observed:
        """Return what was seen at a place, an empty observation where nothing was."""
        return self.summary.observations.get(location, _NOTHING)

    def scopes(self, operation: str) -> list[Scope]:
        """Return the scopes of an operation that were seen."""
        return sorted({location[:3] for location in self.summary.observations if location[0] == operation})

    def days(self) -> Days:
        """Return the number of exchanges by day."""
        total: Days = {}
        for location, observed in self.summary.observations.items():
            total = total if location[3] else add(total, observed.days())
        return total

    def answer(self, question: str) -> Answer:
        """Return the counts of an open question's readings, and the verdict."""
        return next(one for one in self.insight.answers if one.question == question)

    def about(self, uri: str) -> Iterator[FoldedFinding]:
        """Yield the findings about the statement at an address and about what stands below it."""
        file, tokens = split_uri(uri)
        statement = f"{file}#{pointer(tuple(tokens))}"
        for folded in self.summary.findings.values():
            place = folded.finding.contract
            if place and f"{place.file}#{place.pointer}/".startswith(f"{statement}/"):
                yield folded


def build_evidence(
    summary: DriftSummary, draw: Callable[[DriftSummary, Contract], Insight], contract: Contract
) -> RunEvidence:
    """Return a run as evidence; raises UsageError where it has none: nothing checked proves nothing."""
    public = public_part(summary, contract)
    evidence = RunEvidence(summary=public, insight=draw(public, contract))
    if not any(evidence.scopes(operation.id) for operation in contract.operations):
        raise UsageError(
            "the run has no exchange that calls an operation of this contract, and proves nothing about it"
        )
    return evidence


def public_part(summary: DriftSummary, contract: Contract) -> DriftSummary:
    """Return a summary without the values that today's contract does not call public.

    A summary may be older than the contract, or another's: values of fields of every other class, and of
    places that nobody documented, are dropped.
    """
    public: dict[Scope, frozenset[str]] = {}
    kept = {}
    for location, observed in summary.observations.items():
        scope, place = location[:3], location[3]
        if scope not in public:
            public[scope] = _public_places(contract, scope)
        if place not in public[scope]:
            observed = _only(observed, _stated(find_operation(contract, scope[0]), place))  # noqa: PLW2901
        kept[location] = observed
    return replace(summary, observations=kept)


def _public_places(contract: Contract, scope: Scope) -> frozenset[str]:
    fields = fields_of_scope(contract, scope).items()
    public = (folded_place(place) for place, field in fields if field.sensitivity == PUBLIC)
    return frozenset({MEDIA_TYPE, *public})


def _stated(operation: Operation | None, place: str) -> Collection[str]:
    """Return the values of a place that are nobody's: statuses, and the business codes that are known."""
    if place == STATUS:
        return _STATUSES
    envelope = operation.envelope if operation else None
    return envelope.codes if envelope and place == RESPONSE_BODY + pointer(envelope.code) else ()


def _only(observed: Observed, stated: Collection[str]) -> Observed:
    return replace(
        observed,
        values={value: count for value, count in observed.values.items() if value in stated},
        value_days={value: day for value, day in observed.value_days.items() if value in stated},
        other_values=0,
        numbers=None,
    )
