"""Folds a stream of exchanges into a DriftSummary, in memory that does not grow with the stream."""

from collections import Counter

from opay_contract.contract.contract import Contract
from opay_contract.drift.evidence import EvidenceCounter, Tally
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.model.finding import Finding, Severity
from opay_contract.model.summary import (
    MAX_FINDINGS,
    MAX_UNREADABLE,
    DriftSummary,
    FoldedFinding,
    Key,
    first_unreadable,
    gravest,
    join,
)
from opay_contract.recordings.ndjson import parse_line
from opay_contract.recordings.sources import Source
from opay_contract.rules.fastpath import FastPath
from opay_contract.rules.judging import check_exchange
from opay_contract.rules.subject import Settings


class Fold:
    """Takes exchanges one at a time; `summary()` gives what they showed so far."""

    def __init__(self, contract: Contract, settings: Settings) -> None:
        self._contract = contract
        self._settings = settings
        self._evidence = EvidenceCounter(contract)
        self._fast_path = FastPath(contract, settings)
        self._tallies: list[Tally] = []
        self._exchanges = 0
        self._out_of_scope = 0
        self._unreadable_count = 0
        self._unreadable: list[Unreadable] = []
        self._findings: dict[Key, FoldedFinding] = {}
        self._occurrences: Counter[Severity] = Counter()

    @property
    def seen(self) -> int:
        """How many things were taken, of whatever kind."""
        return self._exchanges + self._out_of_scope + self._unreadable_count

    def add_line(self, source: Source, number: int, line: bytes) -> None:
        """Take a line of the native format: quickly where it conforms, else as any other exchange."""
        record = self._fast_path.read(line)
        shape = self._fast_path.conforms(record) if record is not None else None
        if record is not None and shape is not None:
            self._exchanges += 1
            self._evidence.add_to(self._tallies[shape], record.describe())
            return
        item = parse_line(source.place(number, number), line)
        if self.add(item) or record is None or isinstance(item, Unreadable):
            return
        match = self._contract.match(item)
        if self._fast_path.learn(record, item, match):
            self._tallies.append(self._evidence.learn(item, match))

    def add(self, item: Exchange | Unreadable) -> list[Finding]:
        """Take one thing that a reader yielded; returns its findings."""
        if isinstance(item, Unreadable):
            self._add_unreadable(item)
            return []
        match = self._contract.match(item)
        if not match.route.in_scope:
            self._out_of_scope += 1
            return []
        self._exchanges += 1
        self._evidence.add(item, match)
        findings = list(check_exchange(self._contract, item, match, self._settings))
        for finding in findings:
            self._add_finding(finding)
        return findings

    def summary(self) -> DriftSummary:
        """Return what was folded so far."""
        return DriftSummary(
            exchanges=self._exchanges,
            out_of_scope=self._out_of_scope,
            unreadable_count=self._unreadable_count,
            unreadable=first_unreadable(self._unreadable),
            findings=gravest(dict(self._findings)),
            occurrences=dict(self._occurrences),
            readings=self._evidence.counts(),
        )

    def _add_unreadable(self, unreadable: Unreadable) -> None:
        self._unreadable_count += 1
        self._unreadable.append(unreadable)
        if len(self._unreadable) > 2 * MAX_UNREADABLE:
            self._unreadable = list(first_unreadable(self._unreadable))

    def _add_finding(self, finding: Finding) -> None:
        self._occurrences[finding.rule.severity] += 1
        folded = FoldedFinding(
            finding=finding, count=1, last_place=finding.place, last_recorded_at=finding.recorded_at
        )
        before = self._findings.get(finding.key)
        self._findings[finding.key] = join(before, folded) if before else folded
        if len(self._findings) > 2 * MAX_FINDINGS:
            self._findings = gravest(self._findings)
