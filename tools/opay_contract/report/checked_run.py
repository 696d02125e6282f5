"""What a run of `check` has to tell: the one value that every format renders."""

from dataclasses import dataclass

from opay_contract.contract.operation import OpenQuestion
from opay_contract.model.acceptance import Judged
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRun:
    """A run's summary, the contract's open questions, what a baseline says, and how the run was asked for.

    `judged` is the same summary beside the baseline, or None where none was given. `contract_folder` is the
    contract's folder relative to the working folder, or None where the contract stands elsewhere, as the one
    that the package carries. `version` is the program's, where it is known.
    """

    summary: DriftSummary
    questions: tuple[OpenQuestion, ...] = ()
    judged: Judged | None = None
    fail_on: Severity = Severity.ERROR
    allow_unused: bool = False
    contract_folder: str | None = None
    version: str | None = None

    @property
    def counted(self) -> DriftSummary:
        """The summary without what is accepted: what counts for `fail_on`."""
        return self.judged.counted() if self.judged else self.summary
