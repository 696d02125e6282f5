"""What a run of `check` has to tell: the one value that every format renders."""

from dataclasses import dataclass, field

from opay_contract.baseline.acceptance import Acceptance, Judged, State
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import OpenQuestion
from opay_contract.contract.used import ContractUsed
from opay_contract.model.finding import Severity
from opay_contract.model.insight import Insight
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report.ordering import by_gravity
from opay_contract.report.scope import describe_nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRun:
    """A run's summary, what follows from it, what a baseline says, and how the run was asked for.

    `contract` is what was checked against, where a report may ask what it documents. `judged` is the same
    summary beside the baseline, or None where none was given. `contract_folder` is the contract's folder
    relative to the working folder, or None where the contract stands elsewhere, as the one that the package
    carries. `require_success` is how many exchanges had to succeed, or None where nobody asked. `used` names
    the contract, `inputs` is how many files were read, `version` the program's; None where they are not
    known. With `allow_out_of_scope` a run in which everything was is no failure.
    """

    summary: DriftSummary
    questions: tuple[OpenQuestion, ...] = ()
    insight: Insight = field(default_factory=Insight)
    contract: Contract | None = None
    judged: Judged | None = None
    fail_on: Severity = Severity.ERROR
    allow_unused: bool = False
    require_success: int | None = None
    allow_out_of_scope: bool = False
    contract_folder: str | None = None
    used: ContractUsed | None = None
    inputs: int | None = None
    version: str | None = None

    @property
    def counted(self) -> DriftSummary:
        """The summary without what is accepted: what counts for `fail_on`."""
        return self.judged.counted() if self.judged else self.summary

    @property
    def is_short(self) -> bool:
        """Whether fewer exchanges succeeded than had to."""
        return self.summary.successes < (self.require_success or 0)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was checked."""
        return not self.summary.exchanges

    @property
    def is_allowed_nothing(self) -> bool:
        """Whether nothing was checked and that is as it was asked for: all was out of scope."""
        return self.is_nothing and self.allow_out_of_scope and bool(self.summary.out_of_scope)

    @property
    def nothing(self) -> str:
        """Why nothing was checked, as a sentence; empty where something was."""
        why = describe_nothing(self.summary, self.inputs)
        return f"Nothing was checked: {why}." if self.is_nothing else ""

    @property
    def accepted(self) -> list[FoldedFinding]:
        """The findings that the baseline accepts, in the order of every report."""
        return [one for one in by_gravity(self.summary) if self.state(one) is State.ACCEPTED]

    @property
    def unused(self) -> tuple[Acceptance, ...]:
        """The acceptances of the baseline that no finding has."""
        return self.judged.unused if self.judged else ()

    @property
    def unused_excuse(self) -> str:
        """Why unused acceptances do not fail the run, or nothing where they do."""
        summary = self.summary
        if summary.is_partial or summary.unreadable_count or not summary.exchanges:
            return "not everything was checked"
        return "--allow-unused" if self.allow_unused else ""

    def state(self, folded: FoldedFinding) -> State:
        """Return what the baseline says about a finding; without one, all are open."""
        return self.judged.state(folded) if self.judged else State.OPEN

    def acceptance(self, folded: FoldedFinding) -> Acceptance | None:
        """Return the acceptance that a finding has, expired or not."""
        return self.judged.matched.get(folded.finding.key) if self.judged else None

    def standing(self, folded: FoldedFinding) -> str:
        """Return in a few words how the acceptance of a finding stands, or nothing."""
        acceptance = self.acceptance(folded)
        return acceptance.standing(self.judged.today) if self.judged and acceptance else ""
