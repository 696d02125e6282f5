"""Findings that people know and accept for a while, and a run's findings told apart by that."""

from collections import Counter
from datetime import UTC, date, datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from opay_contract.model.finding import Finding, Key, fingerprint, key_of
from opay_contract.model.summary import DriftSummary


class State(StrEnum):
    """What a baseline says about a finding; the findings of a run are parted into these."""

    OPEN = "open"
    ACCEPTED = "accepted"
    EXPIRED = "expired"


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """One rule at one place, accepted until a day; of a rule about public values one `value` of them.

    `operation` is empty where no operation of the contract was called; that and `outcome`, one of `Outcome`,
    are of a change of the contract, which `opay-contract diff` finds. The acceptance holds through the day
    `expires` (UTC). `file` is the baseline as the user gave it, `line` the 1-based line of the entry there.
    """

    rule: str
    operation: str
    outcome: str
    pointer: str
    value: str = ""
    reason: str
    expires: date
    accepted_by: str
    accepted_on: date
    file: str
    line: int

    @property
    def key(self) -> Key:
        """What it covers: findings of the same key and nothing else."""
        return key_of(self.rule, self.operation, self.outcome, self.pointer, self.value)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the findings that it covers."""
        return fingerprint(self.key)

    def is_expired(self, today: date) -> bool:
        """Return whether the last day of the acceptance is over."""
        return today > self.expires

    def status(self, today: date) -> str:
        """Return in words whether it holds."""
        verdict = "acceptance expired on" if self.is_expired(today) else "accepted until"
        return f"{verdict} {self.expires}"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A run's summary beside a baseline.

    `matched` holds the acceptance of each finding that has one, expired or not; `unused` those that no
    finding of the run has, expired or not.
    """

    summary: DriftSummary
    today: date
    matched: dict[Key, Acceptance]
    unused: tuple[Acceptance, ...]

    def state(self, finding: Finding) -> State:
        """Return what the baseline says about a finding."""
        acceptance = self.matched.get(finding.key)
        if acceptance is None:
            return State.OPEN
        return State.EXPIRED if acceptance.is_expired(self.today) else State.ACCEPTED

    def findings(self, state: State) -> list[Finding]:
        """Return the findings of a state."""
        return [finding for finding in self.summary.findings.values() if self.state(finding) is state]

    def keys(self, state: State) -> frozenset[Key]:
        """Return the keys of the findings of a state."""
        return frozenset(finding.key for finding in self.findings(state))

    def counted(self) -> DriftSummary:
        """Return the summary without what is accepted; findings beyond its cap are never accepted."""
        accepted = self.keys(State.ACCEPTED)
        findings = self.summary.findings
        occurrences = Counter(self.summary.occurrences)
        for key in accepted:
            occurrences[findings[key].rule.severity] -= findings[key].count
        return replace(
            self.summary,
            findings={key: finding for key, finding in findings.items() if key not in accepted},
            occurrences=dict(occurrences),
        )


def utc_day(timestamp: float) -> date:
    """Return the day of a Unix time: the day that expiries are compared with."""
    return datetime.fromtimestamp(timestamp, UTC).date()
