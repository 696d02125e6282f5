"""Checks exchanges as they pass: each finding is told when it is seen first, and counted from then on."""

from collections.abc import Callable

import click
from msgspec import structs

from opay_contract.contract.contract import Contract
from opay_contract.drift.fold import Fold
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import Finding, Key, Severity
from opay_contract.model.summary import MAX_FINDINGS, DriftSummary
from opay_contract.record.lines import DecodedCapture
from opay_contract.report.text_report import describe_place

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


class Watch:
    """Folds findings; `tell` hears a line for each that is new. Its recorder's lock guards it."""

    def __init__(self, contract: Contract, settings: Settings, tell: Callable[[str], None] | None) -> None:
        self._fold = Fold(contract, settings)
        self._tell = tell
        self._told: set[Key] = set()

    def add(self, taken: DecodedCapture, place: Place) -> list[Finding]:
        """Check an exchange, and return its findings."""
        if taken.response is not None:
            self._fold.add(Unreadable(place=place, reason=f"the response is recorded with {taken.response}"))
            return []
        findings = self._fold.check(structs.replace(taken.exchange, place=place))
        for finding in findings:
            self._tell_once(finding)
        return findings

    def summary(self) -> DriftSummary:
        """Return what was seen so far."""
        return self._fold.summary()

    def _tell_once(self, finding: Finding) -> None:
        if self._tell is None or finding.key in self._told or len(self._told) >= MAX_FINDINGS:
            return
        self._told.add(finding.key)
        self._tell(render_finding(finding))


def render_finding(finding: Finding) -> str:
    """Return a finding on one line."""
    severity = click.style(finding.rule.severity.label, fg=_COLOURS[finding.rule.severity])
    where = f" {finding.pointer}" if finding.pointer else ""
    head = f"{describe_place(finding.place)}: {severity} {finding.rule.id}{where}"
    return f"{head}: expected {finding.expected}, got {finding.actual}"
