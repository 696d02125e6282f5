"""The report as JSON: structures of their own, apart from the internal types, with a version and a schema."""

import json
from collections import Counter
from typing import Any

from msgspec import to_builtins

from opay_contract import __version__
from opay_contract.baseline.acceptance import Acceptance, Judged, State
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import Change, Finding, Gap, Outcome, Severity
from opay_contract.model.observation import FieldLocation, Observations, Observed
from opay_contract.model.summary import MAX_FILES, DriftSummary, Outcomes, Signatures, count_outcome
from opay_contract.report.checked_run import TOOL, CheckedRun, by_gravity
from opay_contract.report.sentences import part_outcomes

SCHEMA_VERSION = 1


def render_json(run: CheckedRun) -> str:
    """Return the report as one ASCII text that ends in a line feed; `report-v1.schema.json` describes it."""
    return json.dumps(build_report(run), indent=2) + "\n"


def build_report(run: CheckedRun) -> dict[str, Any]:
    """Return the report as the values that JSON has; what a baseline says is there only beside one."""
    summary, judged = run.summary, run.judged
    findings = by_gravity(summary)
    states = {state.value: len(judged.findings(state)) for state in State} if judged else {}
    unused = [_covered(acceptance) | _acceptance(acceptance) for acceptance in run.unused]
    by_severity = Counter(finding.rule.severity for finding in findings)
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": TOOL, "version": __version__},
        "contract": to_builtins(run.used) if run.used else None,
        "run": {
            "started_at": run.moment,
            "inputs": list(run.named),
            "files": run.inputs,
            "fail_on": run.fail_on.label,
            "verdict": run.verdict,
            "exit_code": int(run.exit_code),
        },
        "summary": {
            "exchanges_checked": summary.exchanges,
            "outcomes": build_outcomes(summary.outcomes),
            "signatures": build_signatures(summary.signatures),
            **({} if run.require_success is None else {"required_successes": run.require_success}),
            "out_of_scope": summary.out_of_scope,
            "out_of_window": summary.out_of_window,
            "undated": summary.undated,
            "unreadable": summary.unreadable_count,
            "passed_over": summary.passed_over_count,
            "findings": len(findings),
            "by_severity": {severity.label: by_severity[severity] for severity in reversed(Severity)},
            "occurrences": sum(summary.occurrences.values()),
            "occurrences_omitted": summary.omitted,
            "partial": summary.is_partial,
            "limits": list(run.insight.limits),
        },
        **({"baseline": states | {"unused": unused}} if judged else {}),
        "findings": [
            build_finding(finding) | (_accepted(finding, judged) if judged else {}) for finding in findings
        ],
        "elsewhere": build_elsewhere(summary),
        "unreadable": [_unreadable(unreadable) for unreadable in summary.unreadable],
        "passed_over": [_unreadable(one) for one in summary.passed_over],
        "open_questions": [
            {
                "id": answer.question,
                "readings": [{"reading": reading, "count": count} for reading, count in answer.counts],
                "verdict": answer.verdict,
            }
            for answer in run.insight.answers
        ],
        "changes": [_change(change) for change in run.insight.changes],
        "gaps": [_gap(gap) for gap in run.insight.gaps],
        "observations": [
            _observation(location, one, summary.observations)
            for location, one in sorted(summary.observations.items())
        ],
    }


def build_finding(finding: Finding) -> dict[str, Any]:
    """Return a finding as the values that JSON has."""
    return {
        "rule": finding.rule.id,
        "kind": finding.rule.kind.value,
        "area": finding.rule.area.value,
        "severity": finding.rule.severity.label,
        "operation": finding.operation,
        "outcome": finding.outcome.value,
        "pointer": finding.pointer,
        "value": finding.value or None,
        "count": finding.count,
        "files": min(len(finding.files), MAX_FILES),
        "more_files": len(finding.files) > MAX_FILES,
        "expected": finding.expected,
        "actual": finding.actual,
        "status": finding.status,
        "code": finding.code or None,
        "fingerprint": finding.fingerprint,
        "first": _seen(finding.place, finding.recorded_at),
        "last": _seen(finding.last_place, finding.last_recorded_at),
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
        "days": dict(sorted(finding.days.items())),
        "contract": to_builtins(finding.contract) if finding.contract else None,
    }


def _accepted(finding: Finding, judged: Judged) -> dict[str, Any]:
    acceptance = judged.matched.get(finding.key)
    return {
        "state": judged.state(finding).value,
        "acceptance": _acceptance(acceptance) if acceptance else None,
    }


def _covered(acceptance: Acceptance) -> dict[str, Any]:
    return {
        "rule": acceptance.rule,
        "operation": acceptance.operation or None,
        "outcome": acceptance.outcome,
        "pointer": acceptance.pointer,
        "value": acceptance.value or None,
        "fingerprint": acceptance.fingerprint,
    }


def _acceptance(acceptance: Acceptance) -> dict[str, Any]:
    return {
        "reason": acceptance.reason,
        "expires": acceptance.expires.isoformat(),
        "accepted_by": acceptance.accepted_by,
        "accepted_on": acceptance.accepted_on.isoformat(),
        "file": acceptance.file,
        "line": acceptance.line,
    }


def build_elsewhere(summary: DriftSummary) -> list[dict[str, Any]]:
    """Return where the exchanges went that are out of scope, most exchanges first."""
    return [
        {
            "reason": one.reason,
            "host": one.host or None,
            "path": one.path,
            "base_url": one.base_url or None,
            "exchanges": number,
        }
        for one, number in sorted(summary.elsewhere.items(), key=lambda item: (-item[1], item[0]))
    ]


def _seen(place: Place, recorded_at: str | None) -> dict[str, Any]:
    return {
        "file": place.file,
        "entry": place.entry,
        "line": place.line,
        "column": place.column,
        "recorded_at": recorded_at,
    }


def _unreadable(unreadable: Unreadable) -> dict[str, Any]:
    place = unreadable.place
    return {"file": place.file, "entry": place.entry, "line": place.line, "reason": unreadable.reason}


def build_outcomes(outcomes: Outcomes) -> dict[str, Any]:
    """Return the outcomes as the values that JSON has."""
    forms: dict[tuple[str, str], int] = {}
    for (operation, form, outcome, _), number in outcomes.items():
        if outcome == Outcome.SUCCESS:
            forms[operation, form] = forms.get((operation, form), 0) + number
    return {
        "successes": count_outcome(outcomes, Outcome.SUCCESS),
        "by_form": [
            {"operation": operation, "form": form or None, "count": number}
            for (operation, form), number in sorted(forms.items())
        ],
        "business_errors": count_outcome(outcomes, Outcome.BUSINESS_ERROR),
        "by_code": [
            {"code": code or None, "count": number}
            for code, number in part_outcomes(outcomes, Outcome.BUSINESS_ERROR, 3)
        ],
        "transport": count_outcome(outcomes, Outcome.TRANSPORT),
        "by_status": [
            {"status": status or None, "count": number}
            for status, number in part_outcomes(outcomes, Outcome.TRANSPORT, 3)
        ],
    }


def build_signatures(signatures: Signatures) -> dict[str, Any]:
    """Return the signatures as the values that JSON has."""
    built: dict[str, Any] = {
        "verified": signatures.verified,
        "failed": signatures.failed,
        "refused": {"verified": signatures.refused_verified, "failed": signatures.refused_failed},
    }
    if signatures.diagnosed:
        mistakes = Counter((one.mistake, one.advice) for one in signatures.diagnosed)
        built["mistakes"] = [
            {"mistake": mistake, "advice": advice, "count": number}
            for (mistake, advice), number in sorted(mistakes.items())
        ]
    return built


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind.value,
        **build_location(change.location),
        "day": change.day,
        "type": change.type or None,
        "before": to_builtins(change.before),
        "after": to_builtins(change.after),
        "documented": change.is_documented,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "rule": gap.rule.id,
        **build_location(gap.location),
        "documented": gap.documented,
        "seen": gap.seen,
        "opportunities": gap.opportunities,
        "contract": to_builtins(gap.contract),
    }


def _observation(location: FieldLocation, observed: Observed, observations: Observations) -> dict[str, Any]:
    parent = observations.get((*location[:3], location[3].rpartition("/")[0]))
    is_member = parent is not None and location[3] and not location[3].endswith("/*")
    return {
        **build_location(location),
        "documented": observed.is_documented,
        "count": observed.count,
        "opportunities": max(observed.count, parent.count_of("object"))
        if parent and is_member
        else observed.count,
        "types": {type_: dict(sorted(days.items())) for type_, days in sorted(observed.types.items())},
        "lengths": observed.lengths,
        "items": observed.items,
        "numbers": observed.numbers,
        "values": dict(sorted(observed.values.items())),
        "other_values": observed.other_values,
        "many_values": observed.has_many_values,
    }


def build_location(location: FieldLocation) -> dict[str, Any]:
    """Return a place as the values that JSON has."""
    operation, form, outcome, pointer = location
    return {
        "operation": operation or None,
        "form": form or None,
        "outcome": outcome or None,
        "pointer": pointer,
    }
