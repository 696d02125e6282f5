"""The report as GitHub-flavoured Markdown, for a step summary or a comment."""

from collections.abc import Iterator

from opay_contract.baseline.acceptance import Acceptance, State
from opay_contract.contract.operation import OpenQuestion
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report.acceptance_status import describe_no_drift, describe_standing, describe_unused
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.markdown_insights import render_insights
from opay_contract.report.markdown_parts import NONE_LISTED, code, cut, details, prose, table
from opay_contract.report.ordering import by_gravity
from opay_contract.report.outcomes import (
    describe_outcomes,
    describe_shortage,
    describe_signatures,
    describe_vacuity,
)
from opay_contract.report.scope import describe_out_of_scope
from opay_contract.report.text_report import describe_call, describe_judged, describe_outside, describe_place
from opay_contract.words import count

MAX_ROWS = 300
"""Rows of findings, acceptances and what was observed, and rows of unreadable entries.

GitHub refuses a step summary above 1 MiB.
"""

_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.INFO: "Information"}
_FINDING_COLUMNS = ("Rule", "Where", "Expected", "Got", "Times", "Days", "First place", "Contract")
_ACCEPTED_COLUMNS = ("Rule", "Where", "Acceptance", "Times", "First place")
_UNUSED_COLUMNS = ("Rule", "Where", "Entry", "Why")
_LONGEST_REASON = 300


def render_markdown(run: CheckedRun) -> str:
    """Return the report; nothing that came from outside can format, link or mention."""
    summary = run.counted
    findings, accepted = by_gravity(summary), run.accepted
    listed = findings[:MAX_ROWS]
    unused = run.unused[: MAX_ROWS - len(listed)]
    accepted_listed = accepted[: MAX_ROWS - len(listed) - len(unused)]
    left = MAX_ROWS - len(listed) - len(unused) - len(accepted_listed)
    unlisted = len(findings) + len(accepted) - len(listed) - len(accepted_listed)
    blocks = [
        "## opay-contract check",
        prose(str(run.used)) if run.used else "",
        "**The run was interrupted: not everything was checked.**" * summary.is_partial,
        f"**{_verdict(run)}**",
        *(f"**{words}**" for words in (describe_shortage(run), prose(describe_vacuity(run))) if words),
        _counts(summary, findings),
        _outcomes(summary),
        " ".join(map(prose, describe_out_of_scope(summary))),
        describe_judged(run.judged) if run.judged else "",
        *(_severity(severity, findings, listed, run) for severity in reversed(Severity)),
        _unused(run, unused),
        _accepted(run, accepted, accepted_listed),
        _unreadable(summary),
        *render_insights(run.insight, left),
        _questions(run),
        _closing(run, unlisted),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _verdict(run: CheckedRun) -> str:
    summary = run.counted
    if run.is_nothing:
        return prose(run.nothing)
    drift = count(len(summary.findings), "finding") if summary.findings else describe_no_drift(run)
    return f"Checked {count(summary.exchanges, 'exchange')}: {drift}."


def _counts(summary: DriftSummary, findings: list[FoldedFinding]) -> str:
    """Return the numbers that are not zero as a table of one row, or nothing."""
    numbers = {
        **{
            _TITLES[severity]: sum(one.finding.rule.severity is severity for one in findings)
            for severity in reversed(Severity)
        },
        "Occurrences": sum(summary.occurrences.values()),
        "Out of scope": summary.out_of_scope,
        "Unreadable": summary.unreadable_count,
    }
    shown = {title: f"{number:,}" for title, number in numbers.items() if number}
    return table(shown, [shown.values()], right=len(shown)) if shown else ""


def _outcomes(summary: DriftSummary) -> str:
    said = {
        "Outcomes": describe_outcomes(summary.outcomes),
        "Signatures": describe_signatures(summary.signatures),
    }
    return "\n".join(f"{title}: {prose(words)}." for title, words in said.items() if words)


def _severity(
    severity: Severity, findings: list[FoldedFinding], listed: list[FoldedFinding], run: CheckedRun
) -> str:
    number = sum(one.finding.rule.severity is severity for one in findings)
    rows = [_finding(folded, run) for folded in listed if folded.finding.rule.severity is severity]
    if not number:
        return ""
    shown = table(_FINDING_COLUMNS, rows) if rows else NONE_LISTED
    return details(f"{_TITLES[severity]} ({number:,})", shown, is_open=severity is Severity.ERROR)


def _finding(folded: FoldedFinding, run: CheckedRun) -> list[str]:
    finding, statement = folded.finding, folded.finding.contract
    has_expired = run.state(folded) is State.EXPIRED
    return [
        code(finding.rule.id) + f"<br>**{run.standing(folded)}**" * has_expired,
        _where(finding.pointer, describe_call(finding)),
        prose(finding.expected),
        prose(finding.actual),
        f"{folded.count:,}",
        _days(folded),
        _place(finding.place),
        code(f"{statement.file}:{statement.line}:{statement.column}") if statement else "",
    ]


def _days(folded: FoldedFinding) -> str:
    """Return the days of the first and the last occurrence, where they are known."""
    days = [utc.partition("T")[0] for utc in (folded.first_seen, folded.last_seen) if utc]
    return prose(" to ".join(dict.fromkeys(days)))


def _where(pointer: str, call: str) -> str:
    return f"{code(pointer)}<br>{prose(call)}" if pointer else prose(call)


def _accepted(run: CheckedRun, accepted: list[FoldedFinding], listed: list[FoldedFinding]) -> str:
    if not accepted:
        return ""
    rows = [_accepted_row(folded, run) for folded in listed]
    body = table(_ACCEPTED_COLUMNS, rows) if rows else NONE_LISTED
    return details(f"Accepted ({len(accepted):,})", body, is_open=False)


def _accepted_row(folded: FoldedFinding, run: CheckedRun) -> list[str]:
    finding, standing = folded.finding, describe_standing(run, folded)
    where = _where(finding.pointer, describe_call(finding))
    return [
        code(finding.rule.id),
        where,
        prose(cut(standing, _LONGEST_REASON)),
        f"{folded.count:,}",
        _place(finding.place),
    ]


def _unused(run: CheckedRun, listed: tuple[Acceptance, ...]) -> str:
    if not run.unused:
        return ""
    parts = [table(_UNUSED_COLUMNS, [_unused_row(one) for one in listed]) if listed else NONE_LISTED]
    more = len(run.unused) - len(listed)
    parts += [f"And {more:,} more."] if listed and more else []
    parts += [f"They do not fail the run: {run.unused_excuse}."] if run.unused_excuse else []
    title = f"Unused acceptances ({len(run.unused):,})"
    return details(title, "\n\n".join(parts), is_open=True)


def _unused_row(acceptance: Acceptance) -> list[str]:
    where = _where(acceptance.pointer, f"{acceptance.operation or 'no operation'}, {acceptance.outcome}")
    entry = code(f"{acceptance.file}:{acceptance.line}")
    return [code(acceptance.rule), where, entry, prose(describe_unused(acceptance))]


def _unreadable(summary: DriftSummary) -> str:
    if not summary.unreadable_count:
        return ""
    listed = summary.unreadable[:MAX_ROWS]
    body = table(("Where", "Why"), [_unreadable_row(one) for one in listed])
    if more := summary.unreadable_count - len(listed):
        body += f"\n\nAnd {more:,} more."
    return details(f"Unreadable ({summary.unreadable_count:,})", body, is_open=True)


def _unreadable_row(unreadable: Unreadable) -> list[str]:
    return [_place(unreadable.place), prose(unreadable.reason)]


def _questions(run: CheckedRun) -> str:
    verdicts = {answer.question: answer.verdict for answer in run.insight.answers}
    rows = [
        row
        for question in run.questions
        for row in _question_rows(question, run.summary, verdicts.get(question.id))
    ]
    if not rows:
        return ""
    body = table(("Question", "Reading", "Count", "Verdict"), rows)
    return details("Open questions that these recordings speak to", body, is_open=False)


def _question_rows(question: OpenQuestion, summary: DriftSummary, verdict: str | None) -> Iterator[list[str]]:
    for reading in question.readings:
        if number := summary.readings.get((question.id, reading.id)):
            holds = "holds alone" if reading.id == verdict else ""
            yield [code(question.id), code(reading.id), f"{number:,}", holds]


def _closing(run: CheckedRun, unlisted: int) -> str:
    summary = run.counted
    lines = (
        [f"{count(unlisted, 'finding')} not listed here; the other formats have them."] if unlisted else []
    )
    if summary.omitted:
        lines.append(f"{count(summary.omitted, 'occurrence')} of further findings kept by no report.")
    if outside := describe_outside(summary):
        lines.append(outside)
    lines += [prose(cut(limit, _LONGEST_REASON)) for limit in run.insight.limits]
    return "\n".join(lines)


def _place(place: Place) -> str:
    return code(describe_place(place))
