"""What a run of `check` has to tell: the one value that every format renders."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import field

from opay_contract import __version__
from opay_contract.baseline.acceptance import Acceptance, Judged, State
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import ContractUsed
from opay_contract.contract.operation import OpenQuestion
from opay_contract.errors import ExitCode
from opay_contract.judge.table import CARD_NUMBER_EXPOSED
from opay_contract.model.finding import ContractPlace, Finding, Insight, Severity
from opay_contract.model.summary import DriftSummary

TOOL = "opay-contract"


_VERDICTS = {
    ExitCode.CLEAN: "passed",
    ExitCode.FINDINGS: "failed",
    ExitCode.NOTHING_CHECKED: "nothing checked",
    ExitCode.INCOMPLETE: "incomplete",
    ExitCode.INTERRUPTED: "interrupted",
}
"""What becomes of a run, by its exit code."""


class CheckedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run's summary, what follows from it, what a baseline says, and how the run was asked for.

    `contract` is what was checked against, where a report may ask what it documents. `judged` is the same
    summary beside the baseline, or None where none was given. `contract_folder` is the contract's folder
    relative to the working folder, or None where the contract stands elsewhere, as the one that the package
    carries. `require_success` is how many exchanges had to succeed, or None where nobody asked. With
    `allow_out_of_scope` a run in which everything was is no failure.

    `scenarios` has a scenario of the mock that shows the drift of a rule, by the rule's id. `link_to` says
    where somebody reads more about a statement of the contract, or nothing.

    `used` names the contract, `named` the inputs as the user gave them, `options` are the arguments that go
    with them on a command line; `inputs` is how many files were read, None where that is not known, and
    `started_at` when, in seconds since 1970.
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
    named: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    scenarios: Mapping[str, str] = field(default_factory=dict)
    link_to: Callable[[ContractPlace], str] = lambda _place: ""
    inputs: int | None = None
    started_at: float | None = None

    @property
    def tool(self) -> str:
        """The program and its version."""
        return f"{TOOL} {__version__}"

    @property
    def moment(self) -> str | None:
        """When the run began, as RFC 3339 text in UTC, in seconds."""
        if self.started_at is None:
            return None
        return f"{datetime.fromtimestamp(self.started_at, UTC):%Y-%m-%dT%H:%M:%SZ}"

    @property
    def exit_code(self) -> ExitCode:
        """The code of the run: interrupted, findings, input that could not be read, nothing at all.

        Acceptances without a finding count as findings do, but only where everything was read: else their
        finding may be in what was not. Too few successes count whatever was read.
        """
        counted = self.counted
        if counted.is_partial:
            return ExitCode.INTERRUPTED
        if self.is_short and counted.exchanges:
            return ExitCode.FINDINGS
        if any(number and severity >= self.fail_on for severity, number in counted.occurrences.items()):
            return ExitCode.FINDINGS
        if counted.unreadable_count:
            return ExitCode.INCOMPLETE
        if not counted.exchanges:
            return ExitCode.CLEAN if self.is_allowed_nothing else ExitCode.NOTHING_CHECKED
        return ExitCode.FINDINGS if self.unused and not self.allow_unused else ExitCode.CLEAN

    @property
    def verdict(self) -> str:
        """What becomes of the run, in words: what its exit code says."""
        return _VERDICTS[self.exit_code]

    @property
    def counted(self) -> DriftSummary:
        """The summary without what is accepted: what counts for `fail_on`."""
        return self.judged.counted() if self.judged else self.summary

    @property
    def numbers(self) -> Counter[Severity]:
        """How many findings count, by severity."""
        return Counter(finding.rule.severity for finding in self.counted.findings.values())

    @property
    def recordings(self) -> int | None:
        """How many of the files that were read are recordings, None where that is not known."""
        return None if self.inputs is None else self.inputs - self.summary.passed_over_count

    @property
    def counts_files(self) -> bool:
        """Whether it says something in how many files a finding was seen."""
        return any(len(one.files) > 1 for one in self.summary.findings.values()) or (
            (self.recordings or 0) > 1 and any(one.files for one in self.summary.findings.values())
        )

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
    def accepted(self) -> list[Finding]:
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

    def state(self, finding: Finding) -> State:
        """Return what the baseline says about a finding; without one, all are open."""
        return self.judged.state(finding) if self.judged else State.OPEN

    def acceptance(self, finding: Finding) -> Acceptance | None:
        """Return the acceptance that a finding has, expired or not."""
        return self.judged.matched.get(finding.key) if self.judged else None

    def acceptance_status(self, finding: Finding) -> str:
        """Return in a few words how the acceptance of a finding stands, or nothing."""
        acceptance = self.acceptance(finding)
        return acceptance.status(self.judged.today) if self.judged and acceptance else ""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """How much is shown, and on what: a terminal's columns and lines, and what was asked for."""

    width: int = 100
    height: int = 40
    shows_all: bool = False
    is_full: bool = False
    shows_questions: bool = False
    shows_observed: bool = False
    is_quiet: bool = False
    is_verbose: bool = False
    counts_rules: bool = False


def by_gravity(summary: DriftSummary) -> list[Finding]:
    """Return the findings in the order of every report."""
    return rank(summary.findings.values())


def rank(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, most severe first and card numbers before all, then by rule and where first seen."""
    return sorted(
        findings,
        key=lambda finding: (
            -finding.rule.severity,
            finding.rule.id != CARD_NUMBER_EXPOSED.id,
            finding.rule.id,
            finding.place,
            finding.key,
        ),
    )
