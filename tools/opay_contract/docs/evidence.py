"""What recordings say about a contract: the summary of a run, and what was drawn from it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from opay_contract.contract.addresses import split_uri
from opay_contract.contract.contract import Contract
from opay_contract.docs.public_part import public_part
from opay_contract.errors import UsageError
from opay_contract.jsontext import pointer
from opay_contract.model.insight import Answer, Insight
from opay_contract.model.observation import Days, FieldLocation, Observed, Scope, add
from opay_contract.model.summary import DriftSummary, FoldedFinding

_NOTHING = Observed(is_documented=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The summary of a run, with public values alone, and what was drawn from it: gaps, changes, answers."""

    summary: DriftSummary
    insight: Insight

    def at(self, spot: FieldLocation) -> Observed:
        """Return what was seen at a spot, an empty observation where nothing was."""
        return self.summary.observations.get(spot, _NOTHING)

    def scopes(self, operation: str) -> list[Scope]:
        """Return the scopes of an operation that were seen."""
        return sorted({spot[:3] for spot in self.summary.observations if spot[0] == operation})

    def days(self) -> Days:
        """Return the number of exchanges by day."""
        total: Days = {}
        for spot, observed in self.summary.observations.items():
            total = total if spot[3] else add(total, observed.days())
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
) -> Evidence:
    """Return a run as evidence; raises UsageError where it has none: nothing checked proves nothing."""
    public = public_part(summary, contract)
    evidence = Evidence(summary=public, insight=draw(public, contract))
    if not any(evidence.scopes(operation.id) for operation in contract.operations):
        raise UsageError(
            "the run has no exchange that calls an operation of this contract, and proves nothing about it"
        )
    return evidence
