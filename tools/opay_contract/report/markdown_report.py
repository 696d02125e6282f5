"""The report as GitHub-flavoured Markdown, for a step summary or a comment."""

import re
from collections.abc import Iterable, Iterator

from opay_contract.contract.operation import OpenQuestion
from opay_contract.model.acceptance import Acceptance, State
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.ordering import by_gravity
from opay_contract.report.printing import printable
from opay_contract.report.standing import describe_no_drift, describe_standing, describe_unused
from opay_contract.report.text_report import count, describe_judged, describe_place

MAX_ROWS = 300
"""Rows of findings and acceptances, and of unreadable entries: GitHub refuses a step summary above 1 MiB."""

_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.INFO: "Information"}
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#|~@:$&!\"']|(?<=www)\.")
_FINDING_COLUMNS = ("Rule", "Where", "Expected", "Got", "Times", "First place", "Contract")
_ACCEPTED_COLUMNS = ("Rule", "Where", "Acceptance", "Times", "First place")
_UNUSED_COLUMNS = ("Rule", "Where", "Entry", "Why")
_LONGEST_REASON = 300
_NONE_LISTED = "None of them is listed here."


def render_markdown(run: CheckedRun) -> str:
    """Return the report; nothing that came from outside can format, link or mention."""
    summary = run.counted
    findings, accepted = by_gravity(summary), run.accepted
    listed = findings[:MAX_ROWS]
    unused = run.unused[: MAX_ROWS - len(listed)]
    accepted_listed = accepted[: MAX_ROWS - len(listed) - len(unused)]
    unlisted = len(findings) + len(accepted) - len(listed) - len(accepted_listed)
    blocks = [
        "## opay-contract check",
        "**The run was interrupted: not everything was checked.**" * summary.is_partial,
        f"**{_verdict(run)}**",
        _counts(summary, findings),
        describe_judged(run.judged) if run.judged else "",
        *(_severity(severity, findings, listed, run) for severity in reversed(Severity)),
        _unused(run, unused),
        _accepted(run, accepted, accepted_listed),
        _unreadable(summary),
        _questions(summary, run.questions),
        _closing(summary, unlisted),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _verdict(run: CheckedRun) -> str:
    summary = run.counted
    if not summary.exchanges:
        return "Nothing was checked: no exchange of the contract's hosts was found."
    drift = count(len(summary.findings), "finding") if summary.findings else describe_no_drift(run)
    return f"Checked {count(summary.exchanges, 'exchange')}: {drift}."


def _counts(summary: DriftSummary, findings: list[FoldedFinding]) -> str:
    numbers = [
        sum(one.finding.rule.severity is severity for one in findings) for severity in reversed(Severity)
    ]
    occurrences = sum(summary.occurrences.values())
    rest = (occurrences, summary.out_of_scope, summary.unreadable_count)
    titles = [
        *(_TITLES[severity] for severity in reversed(Severity)),
        "Occurrences",
        "Out of scope",
        "Unreadable",
    ]
    return _table(titles, [[f"{number:,}" for number in (*numbers, *rest)]], right=len(titles))


def _severity(
    severity: Severity, findings: list[FoldedFinding], listed: list[FoldedFinding], run: CheckedRun
) -> str:
    number = sum(one.finding.rule.severity is severity for one in findings)
    rows = [_finding(folded, run) for folded in listed if folded.finding.rule.severity is severity]
    if not number:
        return ""
    shown = _table(_FINDING_COLUMNS, rows) if rows else _NONE_LISTED
    return _details(f"{_TITLES[severity]} ({number:,})", shown, is_open=severity is Severity.ERROR)


def _finding(folded: FoldedFinding, run: CheckedRun) -> list[str]:
    finding, statement = folded.finding, folded.finding.contract
    has_expired = run.state(folded) is State.EXPIRED
    return [
        _code(finding.rule.id) + f"<br>**{run.standing(folded)}**" * has_expired,
        _where(finding.pointer, finding.operation, finding.outcome),
        _prose(finding.expected),
        _prose(finding.actual),
        f"{folded.count:,}",
        _place(finding.place),
        _code(f"{statement.file}:{statement.line}:{statement.column}") if statement else "",
    ]


def _where(pointer: str, operation: str | None, outcome: str) -> str:
    call = f"{_prose(operation or 'no operation')}, {_prose(outcome)}"
    return f"{_code(pointer)}<br>{call}" if pointer else call


def _accepted(run: CheckedRun, accepted: list[FoldedFinding], listed: list[FoldedFinding]) -> str:
    if not accepted:
        return ""
    rows = [_accepted_row(folded, run) for folded in listed]
    body = _table(_ACCEPTED_COLUMNS, rows) if rows else _NONE_LISTED
    return _details(f"Accepted ({len(accepted):,})", body, is_open=False)


def _accepted_row(folded: FoldedFinding, run: CheckedRun) -> list[str]:
    finding, standing = folded.finding, describe_standing(run, folded)
    cut = f"{standing[:_LONGEST_REASON]} ..." if len(standing) > _LONGEST_REASON else standing
    where = _where(finding.pointer, finding.operation, finding.outcome)
    return [_code(finding.rule.id), where, _prose(cut), f"{folded.count:,}", _place(finding.place)]


def _unused(run: CheckedRun, listed: tuple[Acceptance, ...]) -> str:
    if not run.unused:
        return ""
    parts = [_table(_UNUSED_COLUMNS, [_unused_row(one) for one in listed]) if listed else _NONE_LISTED]
    more = len(run.unused) - len(listed)
    parts += [f"And {more:,} more."] if listed and more else []
    parts += [f"They do not fail the run: {run.unused_excuse}."] if run.unused_excuse else []
    title = f"Unused acceptances ({len(run.unused):,})"
    return _details(title, "\n\n".join(parts), is_open=True)


def _unused_row(acceptance: Acceptance) -> list[str]:
    where = _where(acceptance.pointer, acceptance.operation, acceptance.outcome)
    entry = _code(f"{acceptance.file}:{acceptance.line}")
    return [_code(acceptance.rule), where, entry, _prose(describe_unused(acceptance))]


def _unreadable(summary: DriftSummary) -> str:
    if not summary.unreadable_count:
        return ""
    listed = summary.unreadable[:MAX_ROWS]
    body = _table(("Where", "Why"), [_unreadable_row(one) for one in listed])
    if more := summary.unreadable_count - len(listed):
        body += f"\n\nAnd {more:,} more."
    return _details(f"Unreadable ({summary.unreadable_count:,})", body, is_open=True)


def _unreadable_row(unreadable: Unreadable) -> list[str]:
    return [_place(unreadable.place), _prose(unreadable.reason)]


def _questions(summary: DriftSummary, questions: tuple[OpenQuestion, ...]) -> str:
    rows = [row for question in questions for row in _question_rows(question, summary)]
    if not rows:
        return ""
    body = _table(("Question", "Reading", "Count"), rows)
    return _details("Open questions that these recordings speak to", body, is_open=False)


def _question_rows(question: OpenQuestion, summary: DriftSummary) -> Iterator[list[str]]:
    for reading in question.readings:
        if number := summary.readings.get((question.id, reading.id)):
            yield [_code(question.id), _code(reading.id), f"{number:,}"]


def _closing(summary: DriftSummary, unlisted: int) -> str:
    lines = (
        [f"{count(unlisted, 'finding')} not listed here; the other formats have them."] if unlisted else []
    )
    if summary.omitted:
        lines.append(f"{count(summary.omitted, 'occurrence')} of further findings kept by no report.")
    return "\n".join(lines)


def _details(title: str, body: str, *, is_open: bool) -> str:
    """Return what folds away; the empty lines make GitHub read the body as Markdown."""
    return f"<details{' open' * is_open}>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]], right: int = 0) -> str:
    titles = list(titles)
    rule = ["---:"] * right + ["---"] * (len(titles) - right)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rule, *rows))


def _place(place: Place) -> str:
    return _code(describe_place(place))


def _code(text: str) -> str:
    """Return text as code; a tag and not backticks, so that the same escapes hold in it."""
    return f"<code>{_prose(text)}</code>"


def _prose(text: str) -> str:
    """Return text with everything that Markdown reads as a reference to the character, which it does not."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group())};", printable(text))
