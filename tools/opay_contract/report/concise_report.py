"""The report as lines for editors, grep and pipes: one a finding, then what was checked and the verdict."""

from functools import partial

import click

from opay_contract.model.finding import Severity
from opay_contract.model.summary import FoldedFinding
from opay_contract.report.checked_run import TOOL, CheckedRun, View, by_gravity
from opay_contract.report.sentences import (
    count_rules,
    describe_covered,
    describe_file,
    describe_head,
    describe_judged,
    describe_omitted,
    describe_out_of_scope,
    describe_outside,
    describe_place,
    describe_unused,
    describe_vacuity,
    describe_verdict,
)
from opay_contract.words import printable

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_bold = partial(click.style, bold=True)


def render_concise(run: CheckedRun, view: View | None = None) -> str:
    """Return `file:line: severity rule place: message` for each finding, and lines that name the program.

    What is quiet has the verdict alone; what is verbose has fingerprints, too.
    """
    summary, view = run.counted, view or View()
    found = count_rules(run) if view.counts_rules else []
    if not view.counts_rules:
        found += [_finding(folded, run, is_verbose=view.is_verbose) for folded in by_gravity(summary)]
    found += [
        f"{printable(one.file)}:{one.line}: unused {describe_covered(one)}: {describe_unused(one)}"
        for one in run.unused
    ]
    found += [
        f"{describe_place(one.place)}: unreadable: {printable(one.reason)}" for one in summary.unreadable
    ]
    more = summary.unreadable_count - len(summary.unreadable)
    said = [f"{more:,} more could not be read."] if more else []
    said += [
        describe_judged(run.judged) if run.judged else "",
        describe_omitted(summary),
        describe_outside(summary),
        *describe_out_of_scope(summary),
        describe_vacuity(run),
    ]
    remarks = [*describe_head(run), *filter(None, said)]
    verdict = f"{describe_verdict(run)}; exit code {int(run.exit_code)}"
    own = [f"{TOOL}: {line}" for line in ([*remarks, verdict] if not view.is_quiet else [verdict])]
    return "\n".join([*([] if view.is_quiet else found), *own]) + "\n"


def _finding(folded: FoldedFinding, run: CheckedRun, *, is_verbose: bool) -> str:
    finding = folded.finding
    severity = click.style(finding.rule.severity.label, fg=_COLOURS[finding.rule.severity])
    where = f" {printable(finding.pointer)}" if finding.pointer else ""
    place = finding.place
    details = [
        "" if place.is_whole_run or place.entry in (0, place.line) else f"entry {place.entry}",
        f"{folded.count:,} times" if folded.count > 1 else "",
        run.standing(folded),
        f"fingerprint {folded.fingerprint}" if is_verbose else "",
    ]
    about = ", ".join(filter(None, details))
    message = f"expected {printable(finding.expected)}, got {printable(finding.actual)}"
    head = f"{describe_file(place)}: {severity} {_bold(finding.rule.id)}{where}:"
    return f"{head} {message}" + (f" ({about})" if about else "")
