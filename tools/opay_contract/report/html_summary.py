"""The numbers of a run on the HTML page, and what limits them."""

from collections import Counter
from collections.abc import Iterator

from opay_contract.model.finding import Severity
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_parts import Section, as_text, plural
from opay_contract.report.outcomes import (
    describe_outcomes,
    describe_shortage,
    describe_signatures,
    describe_vacuity,
)
from opay_contract.report.scope import describe_out_of_scope
from opay_contract.report.text_report import describe_judged, describe_outside

_CHECKED = "Exchanges checked"


def build_summary(run: CheckedRun) -> Section:
    """Return the numbers as tiles, and remarks below them."""
    body = "\n".join(
        f'<div class="{kind}"><dt>{title}</dt><dd>{number:,}</dd></div>'
        for title, number, kind in _tiles(run)
        if number or title == _CHECKED
    )
    remarks = "".join(f"\n<p>{as_text(remark)}</p>" for remark in _remarks(run))
    return Section(id="summary", title="Summary", body=f'<dl class="tiles">\n{body}\n</dl>{remarks}')


def _tiles(run: CheckedRun) -> Iterator[tuple[str, int, str]]:
    """Yield title, number, and how the tile is marked; of zeros only that of the exchanges is shown."""
    summary = run.counted
    numbers = Counter(folded.finding.rule.severity for folded in summary.findings.values())
    yield from ((plural(severity), numbers[severity], severity.label) for severity in reversed(Severity))
    yield "Occurrences", sum(summary.occurrences.values()), ""
    yield "Changes", len(run.insight.changes), ""
    yield _CHECKED, summary.exchanges, ""
    yield "Out of scope", summary.out_of_scope, ""
    yield "Unreadable", summary.unreadable_count, "error"
    yield "Outside the window", summary.out_of_window, ""
    if run.judged:
        yield "Accepted", len(run.accepted), ""
        yield "Unused acceptances", len(run.unused), ""


def _remarks(run: CheckedRun) -> Iterator[str]:
    summary = run.summary
    if run.used:
        yield str(run.used)
    if shortage := describe_shortage(run):
        yield shortage
    if vacuity := describe_vacuity(run):
        yield vacuity
    if outcomes := describe_outcomes(summary.outcomes):
        yield f"Outcomes: {outcomes}."
    if signatures := describe_signatures(summary.signatures):
        yield f"Signatures: {signatures}."
    if run.judged:
        yield describe_judged(run.judged)
    if outside := describe_outside(summary):
        yield outside
    yield from describe_out_of_scope(summary)
    yield from run.insight.limits
