"""The report for people: findings by severity, each on a line that can be clicked, then what was checked."""

import click

from opay_contract.baseline.acceptance import Acceptance, Judged, State
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Finding, Severity
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report.acceptance_status import (
    describe_covered,
    describe_no_drift,
    describe_standing,
    describe_unused,
)
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.insights import describe_moment
from opay_contract.report.ordering import by_gravity
from opay_contract.report.outcomes import (
    describe_outcomes,
    describe_shortage,
    describe_signatures,
    describe_vacuity,
)
from opay_contract.report.scope import describe_out_of_scope
from opay_contract.report.text_insights import (
    render_answers,
    render_changes,
    render_gaps,
    render_narrower,
)
from opay_contract.words import count, printable

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.INFO: "Information"}


def render_text(run: CheckedRun) -> str:
    """Return the report with colour codes, which `click.echo` takes off where there is no terminal."""
    counted = run.counted
    findings = by_gravity(counted)
    blocks = [_head(run), *(_section(severity, findings, run) for severity in reversed(Severity))]
    blocks += [
        _accepted_section(run),
        _unused_section(run.unused),
        _unreadable_section(counted),
        render_changes(run.insight.changes),
        render_narrower(run.insight),
        render_gaps(run.insight),
        render_answers(run.insight),
        render_closing(run),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def describe_place(place: Place) -> str:
    """Return a place as an editor understands it: `file:line`, with the entry where it is not the line."""
    if place.is_whole_run:
        return "run"
    file = printable(place.file)
    where = f"{file}:{place.line}" if place.line is not None else file
    return where if place.entry in (0, place.line) else f"{where}: entry {place.entry}"


def describe_call(finding: Finding) -> str:
    """Return the operation and the outcome that a finding is about."""
    if finding.place.is_whole_run and finding.operation is None:
        return "the whole run"
    return f"{finding.operation or 'no operation'}, {finding.outcome}"


def describe_judged(judged: Judged) -> str:
    """Return how many findings are in each state that there is, and how many acceptances have none."""
    parts = [", ".join(f"{number:,} {state}" for state in State if (number := len(judged.findings(state))))]
    if occurrences := sum(folded.count for folded in judged.findings(State.ACCEPTED)):
        parts.append(f"{count(occurrences, 'occurrence')} accepted")
    if judged.unused:
        parts.append(count(len(judged.unused), "unused acceptance"))
    return f"Baseline: {'; '.join(filter(None, parts)) or 'no findings'}."


def describe_recorded(folded: FoldedFinding) -> str:
    """Return when a finding was first and last recorded, or nothing."""
    times = [describe_moment(time) for time in (folded.first_seen, folded.last_seen) if time]
    return f"recorded {' to '.join(dict.fromkeys(times))}" if times else ""


def describe_outside(summary: DriftSummary) -> str:
    """Return how many exchanges were not looked at because of their time, or nothing."""
    if not summary.out_of_window:
        return ""
    undated = f", {summary.undated:,} of them without a time" if summary.undated else ""
    return f"Outside --since and --until: {count(summary.out_of_window, 'exchange')}{undated}."


def _head(run: CheckedRun) -> str:
    return click.style(printable(str(run.used)), dim=True) if run.used else ""


def _section(severity: Severity, findings: list[FoldedFinding], run: CheckedRun) -> str:
    chosen = [folded for folded in findings if folded.finding.rule.severity is severity]
    if not chosen:
        return ""
    title = click.style(f"{_TITLES[severity]} ({len(chosen)})", fg=_COLOURS[severity], bold=True)
    return "\n".join([title, *(_finding(folded, run) for folded in chosen)])


def _accepted_section(run: CheckedRun) -> str:
    findings = run.accepted
    if not findings:
        return ""
    title = click.style(f"Accepted ({len(findings)})", fg="green", bold=True)
    return "\n".join([title, *(_finding(folded, run) for folded in findings)])


def _unused_section(unused: tuple[Acceptance, ...]) -> str:
    if not unused:
        return ""
    title = click.style(f"Unused acceptances ({len(unused)})", fg="magenta", bold=True)
    return "\n".join([title, *map(_unused, unused)])


def _unused(acceptance: Acceptance) -> str:
    head = f"{printable(acceptance.file)}:{acceptance.line}: unused {describe_covered(acceptance)}:"
    return f"{head} {describe_unused(acceptance)}"


def _finding(folded: FoldedFinding, run: CheckedRun) -> str:
    finding = folded.finding
    severity = click.style(finding.rule.severity.label, fg=_COLOURS[finding.rule.severity])
    where = f" {finding.pointer}" if finding.pointer else ""
    head = f"{describe_place(finding.place)}: {severity} {click.style(finding.rule.id, bold=True)}{where}:"
    return f"{head} expected {finding.expected}, got {finding.actual}\n    {_details(folded)}" + _standing(
        folded, run
    )


def _standing(folded: FoldedFinding, run: CheckedRun) -> str:
    words = describe_standing(run, folded)
    colour = "yellow" if run.state(folded) is State.EXPIRED else "green"
    return f"\n    {click.style(words, fg=colour)}" if words else ""


def _details(folded: FoldedFinding) -> str:
    finding = folded.finding
    parts = [describe_call(finding)]
    if finding.contract:
        parts.append(f"contract {finding.contract.file}:{finding.contract.line}:{finding.contract.column}")
    if folded.count > 1:
        parts.append(f"{folded.count:,} times, last at {describe_place(folded.last_place)}")
    parts += [recorded] if (recorded := describe_recorded(folded)) else []
    return click.style("; ".join([*parts, f"fingerprint {folded.fingerprint}"]), dim=True)


def _unreadable_section(summary: DriftSummary) -> str:
    if not summary.unreadable_count:
        return ""
    title = click.style(f"Unreadable ({summary.unreadable_count:,})", fg="magenta", bold=True)
    lines = [f"{describe_place(one.place)}: unreadable: {one.reason}" for one in summary.unreadable]
    more = summary.unreadable_count - len(lines)
    return "\n".join([title, *lines, *([f"and {more:,} more"] if more else [])])


def render_closing(run: CheckedRun) -> str:
    """Return the last lines: how far the run got, and its verdict, without what is accepted."""
    summary, findings = run.counted, by_gravity(run.counted)
    lines = ["Interrupted: this report is partial."] if summary.is_partial else []
    lines.append(_verdict(summary, findings, run))
    if outcomes := describe_outcomes(summary.outcomes):
        lines.append(f"Outcomes: {outcomes}.")
    if signatures := describe_signatures(summary.signatures):
        lines.append(f"Signatures: {signatures}.")
    if run.judged:
        lines.append(describe_judged(run.judged))
    if summary.omitted:
        omitted = count(summary.omitted, "occurrence")
        kept = len(run.summary.findings)
        lines.append(f"{omitted} of further findings not listed: the report keeps {kept:,}.")
    lines += run.insight.limits
    if outside := describe_outside(summary):
        lines.append(outside)
    lines += describe_out_of_scope(summary)
    if summary.unreadable_count:
        lines.append(f"Unreadable: {summary.unreadable_count:,}.")
    if summary.passed_over_count:
        files = count(summary.passed_over_count, "file of a folder", "files of folders")
        lines.append(f"Passed over: {files}, no recordings (named by --format json).")
    lines += [click.style(words, fg="red", bold=True) for words in _shortcomings(run) if words]
    return "\n".join(lines)


def _shortcomings(run: CheckedRun) -> tuple[str, ...]:
    """Return what keeps a run from proving anything, which is the last thing that is said of it."""
    return describe_shortage(run), describe_vacuity(run)


def _verdict(summary: DriftSummary, findings: list[FoldedFinding], run: CheckedRun) -> str:
    if run.is_nothing:
        return click.style(run.nothing, fg="yellow" if run.is_allowed_nothing else "red", bold=True)
    checked = f"Checked {count(summary.exchanges, 'exchange')}:"
    if not findings:
        colour = "yellow" if summary.is_vacuous else "green"
        return click.style(f"{checked} {describe_no_drift(run)}.", fg=colour, bold=True)
    by_severity = [
        count(number, severity.label, "info" if severity is Severity.INFO else "")
        for severity in reversed(Severity)
        if (number := sum(folded.finding.rule.severity is severity for folded in findings))
    ]
    occurrences = count(sum(summary.occurrences.values()), "occurrence")
    return click.style(f"{checked} {', '.join(by_severity)} ({occurrences}).", bold=True)
