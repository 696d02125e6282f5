"""The report as SARIF 2.1.0: findings at the contract's statements, related to where they were recorded."""

import json
import os
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from opay_contract import __version__
from opay_contract.baseline.acceptance import Acceptance, State
from opay_contract.contract.documents import ROOTS
from opay_contract.judge.table import RULES
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Rule, Severity
from opay_contract.model.summary import FoldedFinding
from opay_contract.report import sentences as say
from opay_contract.report.checked_run import TOOL, CheckedRun, by_gravity
from opay_contract.report.json_report import build_outcomes, build_signatures
from opay_contract.words import on_one_line, printable

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEMS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
"""What GitHub calls the severity of a rule."""

_SOURCES, _CARRIED = "%SRCROOT%", "CONTRACT"

Json = dict[str, Any]


def render_sarif(run: CheckedRun) -> str:
    """Return the report as one ASCII text that ends in a line feed; what is accepted is suppressed."""
    told = {
        "tool": {"driver": {"name": TOOL, "version": __version__, "rules": [_rule(rule) for rule in RULES]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            _SOURCES: {"description": {"text": "The folder that opay-contract ran in."}},
            _CARRIED: {"description": {"text": "The folder of the contract, outside of the one it ran in."}},
        },
        "invocations": [_invocation(run)],
        "results": [_result(folded, run) for folded in by_gravity(run.summary)],
        "properties": _numbers(run),
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [told]}, indent=2) + "\n"


def _rule(rule: Rule) -> Json:
    explanation = _message(rule.explanation)
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.id.replace("-", " ").capitalize() + "."},
        "fullDescription": explanation,
        "help": explanation,
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "kind": rule.kind.value,
            "area": rule.area.value,
            "precision": "very-high",
            "problem.severity": _PROBLEMS[rule.severity],
            "tags": [rule.kind.value, rule.area.value],
        },
    }


def _invocation(run: CheckedRun) -> Json:
    summary = run.summary
    notifications = []
    for one in summary.unreadable:
        remark = _remark("error", f"{say.describe_place(one.place)}: unreadable: {one.reason}")
        physical = _recording(one.place)
        notifications.append(remark | ({"locations": [physical]} if physical else {}))
    if more := summary.unreadable_count - len(summary.unreadable):
        notifications.append(_remark("error", f"{more:,} more entries could not be read."))
    if summary.is_partial:
        notifications.append(_remark("error", "The run was interrupted: not everything was checked."))
    if run.is_nothing:
        level = "note" if run.is_allowed_nothing else "error"
        notifications.append(
            _remark(level, " ".join([say.explain_nothing(run), *say.describe_out_of_scope(summary)]))
        )
    if vacuity := say.describe_vacuity(run):
        notifications.append(_remark("warning", vacuity))
    if shortage := say.describe_shortage(run):
        notifications.append(_remark("error", shortage))
    if summary.omitted:
        notifications.append(_remark("warning", say.describe_omitted(summary)))
    return {
        **({"startTimeUtc": run.moment} if run.moment else {}),
        "exitCode": int(run.exit_code),
        "exitCodeDescription": run.verdict.value,
        "executionSuccessful": (not run.is_nothing or run.is_allowed_nothing)
        and not (summary.unreadable_count or summary.is_partial),
        "toolExecutionNotifications": notifications,
        **(
            {"toolConfigurationNotifications": [_unused(one, run) for one in run.unused]}
            if run.judged
            else {}
        ),
    }


def _unused(acceptance: Acceptance, run: CheckedRun) -> Json:
    excuse = f" ({run.unused_excuse})" if run.unused_excuse else ""
    text = (
        f"Unused acceptance of {say.describe_covered(acceptance)}: {say.describe_unused(acceptance)}{excuse}."
    )
    return _remark("note" if excuse else "error", text) | {"locations": [_entry(acceptance)]}


def _remark(level: str, text: str) -> Json:
    return {"level": level, "message": _message(text)}


def _result(folded: FoldedFinding, run: CheckedRun) -> Json:
    finding = folded.finding
    contract = None
    if place := finding.contract:
        region = {"startLine": place.line, "startColumn": place.column}
        contract = _location(_contract_uri(place.file, run.contract_folder), region)
    root = run.contract.schemas.root.name if run.contract else ROOTS[0]
    first = _recording(finding.place)
    related = [
        {"id": number, **location, "message": _message(words)}
        for number, (location, words) in enumerate(
            [*_seen(folded, with_first=contract is not None), *_expired(folded, run)], 1
        )
    ]
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": next(index for index, rule in enumerate(RULES) if rule.id == finding.rule.id),
        "level": _LEVELS[finding.rule.severity],
        "message": _message(_describe(folded, run)),
        "locations": [contract or first or _location(_contract_uri(root, run.contract_folder))],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {
            "opayContractFinding/v1": folded.fingerprint,
            "primaryLocationLineHash": f"{folded.fingerprint}:1",  # the only one that GitHub compares
        },
        "occurrenceCount": folded.count,
        **({"suppressions": _suppressions(folded, run)} if run.judged else {}),  # of all results or of none
        "properties": {
            "operation": finding.operation,
            "outcome": finding.outcome.value,
            "pointer": printable(finding.pointer),
            "value": finding.value or None,
            "contractPointer": finding.contract.pointer if finding.contract else None,
            "recordedFrom": folded.first_seen,
            "recordedTo": folded.last_seen,
            **({"baseline": run.state(folded).value} if run.judged else {}),
        },
    }


def _suppressions(folded: FoldedFinding, run: CheckedRun) -> list[Json]:
    """Return the acceptance that holds; readers take any other suppression for one that does, too."""
    acceptance = run.acceptance(folded)
    if acceptance is None or run.state(folded) is not State.ACCEPTED:
        return []
    return [
        {
            "kind": "external",
            "status": "accepted",
            "justification": on_one_line(acceptance.reason),
            "location": _entry(acceptance),
            "properties": {
                "acceptedBy": on_one_line(acceptance.accepted_by),
                "acceptedOn": acceptance.accepted_on.isoformat(),
                "expires": acceptance.expires.isoformat(),
            },
        }
    ]


def _expired(folded: FoldedFinding, run: CheckedRun) -> list[tuple[Json, str]]:
    acceptance = run.acceptance(folded)
    is_expired = acceptance and run.state(folded) is State.EXPIRED
    return [(_entry(acceptance), "The acceptance, which has expired.")] if acceptance and is_expired else []


def _entry(acceptance: Acceptance) -> Json:
    return _location(_artifact(acceptance.file), {"startLine": acceptance.line})


def _describe(folded: FoldedFinding, run: CheckedRun) -> str:
    finding = folded.finding
    where = f"{finding.pointer}: " if finding.pointer else ""
    times = f"{folded.count:,} times, first at" if folded.count > 1 else "at"
    seen = "" if finding.place.is_whole_run else f"; {times} {say.describe_place(finding.place)}"
    status = f"; {run.acceptance_status(folded)}" if run.acceptance(folded) else ""
    return (
        f"{where}expected {finding.expected}, got {finding.actual} "
        f"({say.describe_call(finding)}{seen}{status})."
    )


def _seen(folded: FoldedFinding, *, with_first: bool) -> list[tuple[Json, str]]:
    first, last = folded.finding.place, folded.last_place
    places = [(first, "The first occurrence.")] if with_first else []
    if (first.source, first.entry) != (last.source, last.entry):
        places.append((last, "The last occurrence."))
    return [(location, words) for place, words in places if (location := _recording(place))]


def _contract_uri(file: str, contract_folder: str | None) -> Json:
    if contract_folder is None:
        return {"uri": _quote(file), "uriBaseId": _CARRIED}
    return {"uri": _quote(str(PurePath(contract_folder, file))), "uriBaseId": _SOURCES}


def _recording(place: Place) -> Json | None:
    """Return where an exchange stands, or None for standard input and a whole run: they have no URI."""
    if place.file == "-" or place.is_whole_run:
        return None
    region = {"startLine": place.line, "startColumn": place.column}
    return _location(_artifact(place.file), {name: at for name, at in region.items() if at is not None})


def _artifact(file: str) -> Json:
    path = PurePath(file)
    if path.is_absolute():
        return {"uri": f"file://{_quote(file)}"}
    return {"uri": _quote(str(path)), "uriBaseId": _SOURCES}


def _location(artifact: Json, region: Json | None = None) -> Json:
    return {"physicalLocation": {"artifactLocation": artifact, **({"region": region} if region else {})}}


def _quote(path: str) -> str:
    """Return a path as a URI reference; names need not be UTF-8."""
    return quote(os.fsencode(PurePath(path).as_posix()))


def _message(text: str) -> Json:
    """Return a message without links and placeholders: brackets and braces are literal (SARIF, 3.11)."""
    for character, literal in (("\\", "\\\\"), ("[", "\\["), ("]", "\\]"), ("{", "{{"), ("}", "}}")):
        text = text.replace(character, literal)
    return {"text": printable(text)}


def _numbers(run: CheckedRun) -> Json:
    summary, judged = run.summary, run.judged
    states = {state.value: len(judged.findings(state)) for state in State} if judged else {}
    return {
        **({"contract": str(run.used)} if run.used else {}),
        "inputs": [printable(name) for name in run.named],
        "files": run.inputs,
        "exchangesChecked": summary.exchanges,
        "outcomes": build_outcomes(summary.outcomes),
        "signatures": build_signatures(summary.signatures),
        "outOfScope": summary.out_of_scope,
        "elsewhere": say.describe_out_of_scope(summary),
        "outsideWindow": summary.out_of_window,
        "unreadable": summary.unreadable_count,
        "occurrences": sum(summary.occurrences.values()),
        "occurrencesOmitted": summary.omitted,
        "changes": len(run.insight.changes),
        "neverSeen": len(say.never_seen(run.insight)),
        "narrower": len(say.narrower(run.insight)),
        **({"baseline": states | {"unused": len(run.unused)}} if judged else {}),
        "openQuestions": {
            question.id: {
                reading.id: summary.readings.get((question.id, reading.id), 0)
                for reading in question.readings
            }
            for question in run.questions
        },
    }
