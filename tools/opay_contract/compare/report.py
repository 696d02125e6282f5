"""What differs between two runs, as text for people and as JSON for programs."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click

from opay_contract.compare.comparison import Comparison, Difference, DifferenceKind
from opay_contract.contract.used import ContractUsed
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report.insights import describe_moment, describe_scope, describe_share, describe_spot
from opay_contract.report.json_report import build_contract_used, build_elsewhere
from opay_contract.report.outcomes import build_outcomes
from opay_contract.report.scope import describe_nothing, describe_out_of_scope
from opay_contract.report.text_report import describe_call, describe_place
from opay_contract.words import count, printable

SCHEMA_VERSION = 1
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_WITH_WORDS = {DifferenceKind.TYPES, DifferenceKind.VALUES, DifferenceKind.RANGE, DifferenceKind.READINGS}


def render_comparison(comparison: Comparison, used: ContractUsed | None = None) -> str:
    """Return what differs, for people; `used` is the contract that recordings were judged by."""
    blocks = [
        click.style(printable(str(used)), dim=True) if used else "",
        _findings("Findings of the new run alone", comparison.appeared),
        _findings("Findings of the old run alone", comparison.vanished),
        _findings("Findings of the old run that the new one may have beyond its cap", comparison.unsure),
        _differences(comparison.differences),
        _closing(comparison),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def render_comparison_json(comparison: Comparison, used: ContractUsed | None = None) -> str:
    """Return what differs, for programs; one ASCII text that ends in a line feed."""
    report = {
        "schema_version": SCHEMA_VERSION,
        "contract": build_contract_used(used),
        "old": _run(comparison.old),
        "new": _run(comparison.new),
        "findings_appeared": [_finding_json(folded) for folded in comparison.appeared],
        "findings_vanished": [_finding_json(folded) for folded in comparison.vanished],
        "findings_unsure": [_finding_json(folded) for folded in comparison.unsure],
        "differences": [_difference_json(difference) for difference in comparison.differences],
    }
    return json.dumps(report, indent=2) + "\n"


def _findings(title: str, findings: Iterable[FoldedFinding]) -> str:
    ordered = sorted(
        findings,
        key=lambda folded: (-folded.finding.rule.severity, folded.finding.rule.id, folded.finding.key),
    )
    lines = [_finding(folded) for folded in ordered]
    return "\n".join([click.style(f"{title} ({len(lines)})", bold=True), *lines]) if lines else ""


def _finding(folded: FoldedFinding) -> str:
    finding = folded.finding
    severity = click.style(finding.rule.severity.label, fg=_COLOURS[finding.rule.severity])
    where = f" {finding.pointer}" if finding.pointer else ""
    seen = f"; first seen {describe_moment(folded.first_seen)}" if folded.first_seen else ""
    details = f"{describe_call(finding)}; {count(folded.count, 'time')}{seen}"
    return (
        f"{describe_place(finding.place)}: {severity} {click.style(finding.rule.id, bold=True)}{where}: "
        f"expected {finding.expected}, got {finding.actual}\n    {click.style(details, dim=True)}"
    )


def _differences(differences: tuple[Difference, ...]) -> str:
    lines = [_difference(difference) for difference in differences]
    title = click.style(f"Other differences ({len(lines)})", bold=True)
    return "\n".join([title, *lines]) if lines else ""


def _difference(difference: Difference) -> str:
    place = printable(describe_spot(difference.spot)) or "exchanges"
    head = f"  {difference.kind.value:<8}  {place}: {_sides(difference)}"
    return (
        f"{head}\n            {click.style(describe_scope(difference.spot), dim=True)}"
        if any(difference.spot[:3])
        else head
    )


def _sides(difference: Difference) -> str:
    if difference.kind in _WITH_WORDS:
        return f"old {printable(difference.old)}; new {printable(difference.new)}"
    return f"old {describe_share(difference.old_share)}; new {describe_share(difference.new_share)}"


def _closing(comparison: Comparison) -> str:
    runs = [
        f"{name} {_describe_run(run)}" for name, run in (("Old:", comparison.old), ("New:", comparison.new))
    ]
    same = not (comparison.appeared or comparison.vanished or comparison.unsure or comparison.differences)
    verdict = "No difference." if same else f"{', '.join(_iter_counts(comparison))}."
    return "\n".join([*runs, click.style(verdict, bold=True)])


def _iter_counts(comparison: Comparison) -> Iterator[str]:
    if comparison.appeared:
        yield count(len(comparison.appeared), "new finding")
    if comparison.vanished:
        yield f"{len(comparison.vanished):,} gone"
    if comparison.unsure:
        yield f"{len(comparison.unsure):,} unsure"
    if comparison.differences:
        yield count(len(comparison.differences), "other difference")


def _describe_run(summary: DriftSummary) -> str:
    if not summary.exchanges:
        reasons = " ".join(describe_out_of_scope(summary))
        return f"nothing was checked: {describe_nothing(summary, None)}. {reasons}".rstrip()
    vacuous = ", none of which succeeded" if summary.is_vacuous else ""
    unread = f", {summary.unreadable_count:,} unreadable" if summary.unreadable_count else ""
    partial = ", interrupted" if summary.is_partial else ""
    found = count(len(summary.findings), "finding")
    return f"{count(summary.exchanges, 'exchange')}{vacuous}, {found}{unread}{partial}."


def _run(summary: DriftSummary) -> dict[str, Any]:
    return {
        "exchanges_checked": summary.exchanges,
        "outcomes": build_outcomes(summary.outcomes),
        "out_of_scope": summary.out_of_scope,
        "elsewhere": build_elsewhere(summary),
        "findings": len(summary.findings),
        "unreadable": summary.unreadable_count,
        "partial": summary.is_partial,
    }


def _finding_json(folded: FoldedFinding) -> dict[str, Any]:
    finding = folded.finding
    return {
        "rule": finding.rule.id,
        "severity": finding.rule.severity.label,
        "operation": finding.operation,
        "outcome": finding.outcome.value,
        "pointer": finding.pointer,
        "value": finding.value or None,
        "expected": finding.expected,
        "actual": finding.actual,
        "fingerprint": folded.fingerprint,
        "count": folded.count,
        "first_seen": folded.first_seen,
        "last_seen": folded.last_seen,
    }


def _difference_json(difference: Difference) -> dict[str, Any]:
    operation, form, outcome, pointer = difference.spot
    return {
        "kind": difference.kind.value,
        "operation": operation or None,
        "form": form or None,
        "outcome": outcome or None,
        "pointer": pointer,
        "old": difference.old,
        "new": difference.new,
        "old_share": {"count": difference.old_share.count, "of": difference.old_share.of},
        "new_share": {"count": difference.new_share.count, "of": difference.new_share.of},
    }
