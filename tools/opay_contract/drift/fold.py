"""Folds a stream of exchanges into a DriftSummary, in memory that does not grow with the stream."""

from collections import Counter
from typing import Any

from opay_contract.contract.contract import Contract, Match
from opay_contract.drift.evidence import EvidenceCounter, Survey, Tally
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
from opay_contract.recordings.ndjson import NumberedLine, parse_line
from opay_contract.recordings.sources import Source
from opay_contract.rules.batchpath import BatchPath, Verdict
from opay_contract.rules.fastpath import MAX_PLANS, FastPath, Record
from opay_contract.rules.judging import check_exchange
from opay_contract.rules.linekinds import Kind
from opay_contract.rules.subject import Settings, build_subject


class Fold:
    """Takes exchanges one at a time; `summary()` gives what they showed so far."""

    def __init__(self, contract: Contract, settings: Settings) -> None:
        self._contract = contract
        self._settings = settings
        self._evidence = EvidenceCounter(contract)
        self._fast_path = FastPath(contract, settings)
        self._tallies: dict[tuple[Any, ...], Tally] = {}
        self._batches = None if settings.private_key else BatchPath(settings.started_at)
        self._surveys: dict[int, tuple[Survey, ...]] = {}
        self._variants: dict[tuple[int, Any], Tally] = {}
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

    def add_line(self, source: Source, numbered: NumberedLine) -> None:
        """Take a line of the native format: quickly where it conforms, else as any other exchange."""
        taken = self._batches.take(source, numbered) if self._batches else False
        if taken is True:
            return
        if taken is False:
            self._add_single_line(source, *numbered)
        else:
            self._add_verdict(taken)

    def _add_verdict(self, verdict: Verdict) -> None:
        self._exchanges += len(verdict.decoded)
        self._evidence.add_columns(self._surveys[verdict.kind.number], verdict.decoded)
        for variant, count in verdict.variants.items():
            self._variants[verdict.kind.number, variant].count += count
        for source, numbered in verdict.failed:
            self._add_single_line(source, *numbered)

    def _add_single_line(self, source: Source, number: int, line: bytes) -> None:
        record = self._fast_path.read(line)
        if record is None:
            self.add(parse_line(source.place(number, number), line))
            return
        tally = self._tallies.get(record.key)
        if tally is not None and self._fast_path.conforms(record):
            self._exchanges += 1
            self._evidence.add_to(tally, record.describe())
            return
        item = parse_line(source.place(number, number), line)
        if isinstance(item, Unreadable):
            self._add_unreadable(item)
            return
        match = self._contract.match(item)
        if tally is not None:
            self._evidence.add_to(tally, record.describe())
        elif len(self._tallies) < MAX_PLANS:
            self._tallies[record.key] = self._evidence.learn(item, match, count=1)
        else:
            self._evidence.add(item, match)
        if not self._judge(item, match):
            self._learn(record, item, match, line)

    def _learn(self, record: Record, exchange: Exchange, match: Match, line: bytes) -> None:
        """Remember a line that went the long way without a finding, so that its like need not."""
        if match.route.operation is None:
            return
        subject = build_subject(exchange, match, match.route.operation, self._contract, self._settings)
        self._fast_path.learn(record, subject)
        if self._batches is None:
            return
        learnt = self._batches.learn(subject, line, lambda kind: self._welcome(kind, exchange, match))
        if learnt is not None:
            self._variants[learnt[0].number, learnt[1]] = self._evidence.learn(exchange, match)

    def _welcome(self, kind: Kind, exchange: Exchange, match: Match) -> bool:
        surveys = self._evidence.columns(exchange, match, kind.column_of)
        if surveys is None:
            return False
        self._surveys[kind.number] = surveys
        return True

    def add(self, item: Exchange | Unreadable) -> list[Finding]:
        """Take one thing that a reader yielded; returns its findings."""
        if isinstance(item, Unreadable):
            self._add_unreadable(item)
            return []
        match = self._contract.match(item)
        if not match.route.in_scope:
            self._out_of_scope += 1
            return []
        self._evidence.add(item, match)
        return self._judge(item, match)

    def _judge(self, exchange: Exchange, match: Match) -> list[Finding]:
        self._exchanges += 1
        findings = list(check_exchange(self._contract, exchange, match, self._settings))
        for finding in findings:
            self._add_finding(finding)
        return findings

    def summary(self) -> DriftSummary:
        """Return what was folded so far."""
        for verdict in self._batches.finish() if self._batches else ():
            self._add_verdict(verdict)
        return DriftSummary(
            exchanges=self._exchanges,
            out_of_scope=self._out_of_scope,
            unreadable_count=self._unreadable_count,
            unreadable=first_unreadable(self._unreadable),
            findings=gravest(dict(sorted(self._findings.items()))),
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
