"""The report as JSON: structures of their own, apart from the internal types, with a version and a schema."""

import json
from collections import Counter
from importlib import resources
from typing import Any

from opay_contract.contract.operation import OpenQuestion
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import ContractPlace, Severity
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report.ordering import by_gravity

SCHEMA_VERSION = 1


def render_json(summary: DriftSummary, questions: tuple[OpenQuestion, ...]) -> str:
    """Return the report as one ASCII text that ends in a line feed; `report_schema()` describes it."""
    return json.dumps(build_report(summary, questions), indent=2) + "\n"


def report_schema() -> Any:
    """Return the JSON Schema of the report."""
    file = resources.files("opay_contract.report") / "report-v1.schema.json"
    return json.loads(file.read_text(encoding="utf-8"))


def build_report(summary: DriftSummary, questions: tuple[OpenQuestion, ...]) -> dict[str, Any]:
    """Return the report as the values that JSON has."""
    findings = by_gravity(summary)
    by_severity = Counter(folded.finding.rule.severity for folded in findings)
    return {
        "schema_version": SCHEMA_VERSION,
        "summary": {
            "exchanges_checked": summary.exchanges,
            "out_of_scope": summary.out_of_scope,
            "unreadable": summary.unreadable_count,
            "findings": len(findings),
            "by_severity": {severity.label: by_severity[severity] for severity in reversed(Severity)},
            "occurrences": sum(summary.occurrences.values()),
            "occurrences_omitted": summary.omitted,
        },
        "findings": [_finding(folded) for folded in findings],
        "unreadable": [_unreadable(unreadable) for unreadable in summary.unreadable],
        "open_questions": [_question(question, summary) for question in questions],
    }


def _finding(folded: FoldedFinding) -> dict[str, Any]:
    finding = folded.finding
    return {
        "rule": finding.rule.id,
        "kind": finding.rule.kind.value,
        "area": finding.rule.area.value,
        "severity": finding.rule.severity.label,
        "operation": finding.operation,
        "outcome": finding.outcome.value,
        "pointer": finding.pointer,
        "count": folded.count,
        "expected": finding.expected,
        "actual": finding.actual,
        "fingerprint": folded.fingerprint,
        "first": _seen(finding.place, finding.recorded_at),
        "last": _seen(folded.last_place, folded.last_recorded_at),
        "contract": _contract_place(finding.contract) if finding.contract else None,
    }


def _seen(place: Place, recorded_at: str | None) -> dict[str, Any]:
    return {"file": place.file, "entry": place.entry, "line": place.line, "recorded_at": recorded_at}


def _contract_place(place: ContractPlace) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "column": place.column, "pointer": place.pointer}


def _unreadable(unreadable: Unreadable) -> dict[str, Any]:
    place = unreadable.place
    return {"file": place.file, "entry": place.entry, "line": place.line, "reason": unreadable.reason}


def _question(question: OpenQuestion, summary: DriftSummary) -> dict[str, Any]:
    return {
        "id": question.id,
        "readings": [
            {"reading": reading.id, "count": summary.readings.get((question.id, reading.id), 0)}
            for reading in question.readings
        ],
    }
