"""The reports that are a line a finding: for editors, grep and pipes, and as GitHub's workflow commands.

A step's log turns these commands into annotations of files.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import PurePath

import click

from opay_contract.baseline.acceptance import Acceptance, State
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Severity
from opay_contract.model.summary import FoldedFinding
from opay_contract.report import sentences as say
from opay_contract.report.checked_run import TOOL, CheckedRun, View, by_gravity
from opay_contract.words import count, printable

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_bold = partial(click.style, bold=True)
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render_concise(run: CheckedRun, view: View | None = None) -> str:
    """Return `file:line: severity rule place: message` for each finding, and lines that name the program.

    What is quiet has the verdict alone; what is verbose has fingerprints, too.
    """
    summary, view = run.counted, view or View()
    found = say.count_rules(run) if view.counts_rules else []
    if not view.counts_rules:
        found += [_line(folded, run, is_verbose=view.is_verbose) for folded in by_gravity(summary)]
    found += [
        f"{printable(one.file)}:{one.line}: unused {say.describe_covered(one)}: {say.describe_unused(one)}"
        for one in run.unused
    ]
    found += [
        f"{say.describe_place(one.place)}: unreadable: {printable(one.reason)}" for one in summary.unreadable
    ]
    more = summary.unreadable_count - len(summary.unreadable)
    said = [f"{more:,} more could not be read."] if more else []
    said += [
        say.describe_judged(run.judged) if run.judged else "",
        say.describe_omitted(summary),
        say.describe_outside(summary),
        *say.describe_out_of_scope(summary),
        say.describe_vacuity(run),
    ]
    remarks = [*say.describe_head(run), *filter(None, said)]
    verdict = f"{say.describe_verdict(run)}; exit code {int(run.exit_code)}"
    own = [f"{TOOL}: {line}" for line in ([*remarks, verdict] if not view.is_quiet else [verdict])]
    return "\n".join([*([] if view.is_quiet else found), *own]) + "\n"


def _line(folded: FoldedFinding, run: CheckedRun, *, is_verbose: bool) -> str:
    finding = folded.finding
    severity = click.style(finding.rule.severity.label, fg=_COLOURS[finding.rule.severity])
    where = f" {printable(finding.pointer)}" if finding.pointer else ""
    place = finding.place
    details = [
        "" if place.is_whole_run or place.entry in (0, place.line) else f"entry {place.entry}",
        f"{folded.count:,} times" if folded.count > 1 else "",
        run.acceptance_status(folded),
        f"fingerprint {folded.fingerprint}" if is_verbose else "",
    ]
    about = ", ".join(filter(None, details))
    message = f"expected {printable(finding.expected)}, got {printable(finding.actual)}"
    head = f"{say.describe_file(place)}: {severity} {_bold(finding.rule.id)}{where}:"
    return f"{head} {message}" + (f" ({about})" if about else "")


def render_github(run: CheckedRun) -> str:
    """Return one command a line, the most severe first: GitHub shows ten of a kind for each step.

    A finding is put at the contract's statement where the contract stands in the working folder; otherwise,
    and where there is no statement, at the recording. What is accepted is only counted and open questions are
    none: an annotation is for what should be done.
    """
    findings = by_gravity(run.counted)
    lines = [*_remarks(run), *(_finding(folded, run) for folded in findings), *_acceptances(findings, run)]
    lines += [f"{TOOL}: {line}" for line in say.describe_head(run)]
    lines.append(f"{TOOL}: {say.describe_verdict(run)}; exit code {int(run.exit_code)}")
    return "\n".join(lines) + "\n"


def _remarks(run: CheckedRun) -> Iterator[str]:
    summary = run.counted
    if summary.is_partial:
        yield command("error", "The run was interrupted: not everything was checked.", title=TOOL)
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
        message = f"{say.describe_place(unreadable.place)}: unreadable: {unreadable.reason}{more}"
        yield command("error", message, **_recording(unreadable.place), title=f"{TOOL}: unreadable")
    if summary.omitted:
        yield command("warning", say.describe_omitted(summary), title=TOOL)


def _finding(folded: FoldedFinding, run: CheckedRun) -> str:
    finding, statement = folded.finding, folded.finding.contract
    place = _recording(finding.place)
    if statement and run.contract_folder is not None:
        file = PurePath(run.contract_folder, statement.file).as_posix()
        place = {"file": file, "line": statement.line, "col": statement.column}
    pointer = f"{finding.pointer}: " if finding.pointer else ""
    times = f"{folded.count:,} times, first at" if folded.count > 1 else "at"
    status = f"; {run.acceptance_status(folded)}" if run.acceptance(folded) else ""
    where = "" if finding.place.is_whole_run else f"; {times} {say.describe_place(finding.place)}"
    message = (
        f"{pointer}expected {finding.expected}, got {finding.actual} "
        f"({say.describe_call(finding)}{where}; fingerprint {folded.fingerprint}{status})"
    )
    return command(_COMMANDS[finding.rule.severity], message, **place, title=f"{TOOL}: {finding.rule.id}")


def _acceptances(findings: list[FoldedFinding], run: CheckedRun) -> Iterator[str]:
    """Annotate the baseline where an entry has to be renewed or taken out."""
    for folded in findings:
        acceptance = run.acceptance(folded)
        if acceptance and run.state(folded) is State.EXPIRED:
            message = (
                f"{say.describe_covered(acceptance)} counts again: {say.describe_acceptance(run, folded)}"
            )
            yield command("warning", message, **_entry(acceptance), title=f"{TOOL}: acceptance expired")
    excuse = f" ({run.unused_excuse})" if run.unused_excuse else ""
    for acceptance in run.unused:
        message = f"{say.describe_covered(acceptance)}: {say.describe_unused(acceptance)}{excuse}"
        name = "notice" if excuse else "error"
        yield command(name, message, **_entry(acceptance), title=f"{TOOL}: unused acceptance")


def _entry(acceptance: Acceptance) -> dict[str, str | int | None]:
    return {"file": acceptance.file, "line": acceptance.line}


def _recording(place: Place) -> dict[str, str | int | None]:
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
