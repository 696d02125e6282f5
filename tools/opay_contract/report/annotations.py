"""Reports that a platform shows at lines of files: SARIF 2.1.0, and GitHub's workflow commands.

Both put a finding at the contract's statement where the contract stands in the working folder.
"""

import json
import os
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from opay_contract import __version__
from opay_contract.baseline.acceptance import Acceptance, State
from opay_contract.contract.documents import ROOTS
from opay_contract.judge.table import RULES
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Finding, Rule, Severity
from opay_contract.report import findings as tell
from opay_contract.report import sentences as say
from opay_contract.report.checked_run import TOOL, CheckedRun, by_gravity
from opay_contract.report.json_report import build_outcomes, build_signatures
from opay_contract.words import count, on_one_line, printable

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
        "results": [_result(finding, run) for finding in by_gravity(run.summary)],
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
        notification = _notification("error", f"{tell.describe_place(one.place)}: unreadable: {one.reason}")
        physical = _recording(one.place)
        notifications.append(notification | ({"locations": [physical]} if physical else {}))
    if more := summary.unreadable_count - len(summary.unreadable):
        notifications.append(_notification("error", f"{more:,} more entries could not be read."))
    if summary.is_partial:
        notifications.append(_notification("error", say.INTERRUPTED))
    if run.is_nothing:
        level = "note" if run.is_allowed_nothing else "error"
        notifications.append(
            _notification(level, " ".join([say.explain_nothing(run), *say.describe_out_of_scope(summary)]))
        )
    if vacuity := say.describe_vacuity(run):
        notifications.append(_notification("warning", vacuity))
    if shortage := say.describe_shortage(run):
        notifications.append(_notification("error", shortage))
    if summary.omitted:
        notifications.append(_notification("warning", say.describe_omitted(summary)))
    return {
        **({"startTimeUtc": run.moment} if run.moment else {}),
        "exitCode": int(run.exit_code),
        "exitCodeDescription": run.verdict,
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
    level = "note" if run.unused_excuse else "error"
    text = f"Unused acceptance of {_describe_unused(acceptance, run)}."
    return _notification(level, text) | {"locations": [_entry(acceptance)]}


def _describe_unused(acceptance: Acceptance, run: CheckedRun) -> str:
    excuse = f" ({run.unused_excuse})" if run.unused_excuse else ""
    return f"{tell.describe_covered(acceptance)}: {tell.describe_unused(acceptance)}{excuse}"


def _notification(level: str, text: str) -> Json:
    return {"level": level, "message": _message(text)}


def _result(finding: Finding, run: CheckedRun) -> Json:
    contract = None
    if place := finding.contract:
        region = {"startLine": place.line, "startColumn": place.column}
        contract = _location(_contract_uri(place.file, run.contract_folder), region)
    root = run.contract.schemas.root.name if run.contract else ROOTS[0]
    first = _recording(finding.place)
    related = [
        {"id": number, **location, "message": _message(words)}
        for number, (location, words) in enumerate(
            [*_seen(finding, with_first=contract is not None), *_expired(finding, run)], 1
        )
    ]
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": next(index for index, rule in enumerate(RULES) if rule.id == finding.rule.id),
        "level": _LEVELS[finding.rule.severity],
        "message": _message(f"{_describe(finding, run)}."),
        "locations": [contract or first or _location(_contract_uri(root, run.contract_folder))],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {
            "opayContractFinding/v1": finding.fingerprint,
            "primaryLocationLineHash": f"{finding.fingerprint}:1",  # the only one that GitHub compares
        },
        "occurrenceCount": finding.count,
        **({"suppressions": _suppressions(finding, run)} if run.judged else {}),  # of all results or of none
        "properties": {
            "operation": finding.operation,
            "outcome": finding.outcome.value,
            "pointer": printable(finding.pointer),
            "value": finding.value or None,
            "contractPointer": finding.contract.pointer if finding.contract else None,
            "recordedFrom": finding.first_seen,
            "recordedTo": finding.last_seen,
            **({"baseline": run.state(finding).value} if run.judged else {}),
        },
    }


def _suppressions(finding: Finding, run: CheckedRun) -> list[Json]:
    """Return the acceptance that holds; readers take any other suppression for one that does, too."""
    acceptance = run.acceptance(finding)
    if acceptance is None or run.state(finding) is not State.ACCEPTED:
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


def _expired(finding: Finding, run: CheckedRun) -> list[tuple[Json, str]]:
    acceptance = run.acceptance(finding)
    is_expired = acceptance and run.state(finding) is State.EXPIRED
    return [(_entry(acceptance), "The acceptance, which has expired.")] if acceptance and is_expired else []


def _entry(acceptance: Acceptance) -> Json:
    return _location(_artifact(acceptance.file), {"startLine": acceptance.line})


def _describe(finding: Finding, run: CheckedRun, more: str = "") -> str:
    """Return both sides of a finding, and where it was seen."""
    where = f"{finding.pointer}: " if finding.pointer else ""
    times = f"{finding.count:,} times, first at" if finding.count > 1 else "at"
    seen = "" if finding.place.is_whole_run else f"; {times} {tell.describe_place(finding.place)}"
    status = f"; {run.acceptance_status(finding)}" if run.acceptance(finding) else ""
    return (
        f"{where}expected {finding.expected}, got {finding.actual} "
        f"({tell.describe_call(finding)}{seen}{more}{status})"
    )


def _seen(finding: Finding, *, with_first: bool) -> list[tuple[Json, str]]:
    first, last = finding.place, finding.last_place
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


_COMMANDS = {**_LEVELS, Severity.INFO: "notice"}


def render_github(run: CheckedRun) -> str:
    """Return one command a line, the most severe first: GitHub shows ten of a kind for each step.

    A finding is put at the contract's statement where the contract stands in the working folder; otherwise,
    and where there is no statement, at the recording. What is accepted is only counted and open questions are
    none: an annotation is for what should be done.
    """
    findings = by_gravity(run.counted)
    lines = [*_notices(run), *(_finding(finding, run) for finding in findings), *_acceptances(findings, run)]
    lines += [f"{TOOL}: {line}" for line in say.describe_head(run)]
    lines.append(f"{TOOL}: {say.describe_verdict(run)}; exit code {int(run.exit_code)}")
    return "\n".join(lines) + "\n"


def _notices(run: CheckedRun) -> Iterator[str]:
    summary = run.counted
    if summary.is_partial:
        yield command("error", say.INTERRUPTED, title=TOOL)
    if run.is_nothing:
        message = " ".join([say.explain_nothing(run), *say.describe_out_of_scope(summary)])
        yield command("notice" if run.is_allowed_nothing else "error", message, title=TOOL)
    elif not summary.findings and not summary.is_vacuous and not summary.unreadable_count:
        message = f"Checked {count(summary.exchanges, 'exchange')}: {say.describe_no_drift(run)}."
        yield command("notice", message, title=TOOL)
    for words in filter(None, (say.describe_shortage(run), say.describe_vacuity(run))):
        yield command("error" if run.is_short else "warning", words, title=TOOL)
    if run.judged:
        yield command("notice", say.describe_judged(run.judged), title=TOOL)
    if changes := run.insight.changes:
        days = " to ".join(dict.fromkeys((changes[0].day, changes[-1].day)))
        message = f"{count(len(changes), 'change')} over time ({days}); the other formats show them."
        yield command("notice", message, title=f"{TOOL}: changes")
    for unreadable in summary.unreadable[:1]:
        others = summary.unreadable_count - 1
        more = f" (and {count(others, 'more entry', 'more entries')})" if others else ""
        message = f"{tell.describe_place(unreadable.place)}: unreadable: {unreadable.reason}{more}"
        yield command("error", message, **_place_of(unreadable.place), title=f"{TOOL}: unreadable")
    if summary.omitted:
        yield command("warning", say.describe_omitted(summary), title=TOOL)


def _finding(finding: Finding, run: CheckedRun) -> str:
    statement = finding.contract
    place = _place_of(finding.place)
    if statement and run.contract_folder is not None:
        file = PurePath(run.contract_folder, statement.file).as_posix()
        place = {"file": file, "line": statement.line, "col": statement.column}
    message = _describe(finding, run, f"; fingerprint {finding.fingerprint}")
    return command(_COMMANDS[finding.rule.severity], message, **place, title=f"{TOOL}: {finding.rule.id}")


def _acceptances(findings: list[Finding], run: CheckedRun) -> Iterator[str]:
    """Annotate the baseline where an entry has to be renewed or taken out."""
    for finding in findings:
        acceptance = run.acceptance(finding)
        if acceptance and run.state(finding) is State.EXPIRED:
            message = (
                f"{tell.describe_covered(acceptance)} counts again: {tell.describe_acceptance(run, finding)}"
            )
            entry: dict[str, str | int | None] = {"file": acceptance.file, "line": acceptance.line}
            yield command("warning", message, **entry, title=f"{TOOL}: acceptance expired")
    name = "notice" if run.unused_excuse else "error"
    for acceptance in run.unused:
        message = _describe_unused(acceptance, run)
        entry = {"file": acceptance.file, "line": acceptance.line}
        yield command(name, message, **entry, title=f"{TOOL}: unused acceptance")


def _place_of(place: Place) -> dict[str, str | int | None]:
    if place.file == "-" or place.is_whole_run:
        return {}
    return {"file": place.file, "line": place.line, "col": place.column}


def command(name: str, message: str, **properties: str | int | None) -> str:
    """Return one of GitHub's workflow commands."""
    given = (
        (key, _data(str(value)).replace(":", "%3A").replace(",", "%2C"))
        for key, value in properties.items()
        if value is not None
    )
    return f"::{name} {','.join(f'{key}={value}' for key, value in given)}::{_data(message)}"


def _data(text: str) -> str:
    """Escape as @actions/core does; control characters, the line feed among them, are gone before."""
    return printable(text).replace("%", "%25")
