"""The report as GitHub-flavoured Markdown, for a step summary or a comment."""

import re
from collections.abc import Iterable, Iterator

from opay_contract.baseline.acceptance import Acceptance, State
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Change, ChangeKind, Gap, Insight, Severity
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report import sentences as say
from opay_contract.report.checked_run import TOOL, CheckedRun, by_gravity
from opay_contract.words import count, printable

MAX_ROWS = 300
"""Rows of findings, acceptances and what was observed, and rows of unreadable entries.

GitHub refuses a step summary above 1 MiB.
"""

_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.INFO: "Information"}
_FINDING_COLUMNS = ("Rule", "Where", "Expected", "Got", "Times", "Days", "First place", "Contract")
_ACCEPTED_COLUMNS = ("Rule", "Where", "Acceptance", "Times", "First place")
_UNUSED_COLUMNS = ("Rule", "Where", "Entry", "Why")
_LONGEST_REASON = 300
_LONGEST = 200
MAX_ITEMS = 40
"""Things that were never seen in a row; further ones are counted."""

NONE_LISTED = "None of them is listed here."
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~@$&]|:(?=\S)|(?<=www)\.")
_Rows = list[list[str]]


def render_markdown(run: CheckedRun) -> str:
    """Return the report; nothing that came from outside can format, link or mention."""
    summary = run.counted
    findings, accepted = by_gravity(summary), run.accepted
    listed = findings[:MAX_ROWS]
    unused = run.unused[: MAX_ROWS - len(listed)]
    accepted_listed = accepted[: MAX_ROWS - len(listed) - len(unused)]
    left = MAX_ROWS - len(listed) - len(unused) - len(accepted_listed)
    unlisted = len(findings) + len(accepted) - len(listed) - len(accepted_listed)
    outcomes = {
        "Outcomes": say.describe_outcomes(summary.outcomes),
        "Signatures": say.describe_signatures(summary.signatures),
    }
    blocks = [
        f"## {TOOL} check",
        "<br>".join(map(prose, say.describe_head(run))),
        f"**{say.INTERRUPTED}**" * summary.is_partial,
        f"**{_verdict(run)}** Verdict: {run.verdict}, exit code {int(run.exit_code)}.",
        *(
            f"**{words}**"
            for words in (say.describe_shortage(run), prose(say.describe_vacuity(run)))
            if words
        ),
        _counts(summary, findings),
        "\n".join(f"{title}: {prose(words)}." for title, words in outcomes.items() if words),
        " ".join(map(prose, say.describe_out_of_scope(summary))),
        say.describe_judged(run.judged) if run.judged else "",
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
        return prose(say.explain_nothing(run))
    drift = count(len(summary.findings), "finding") if summary.findings else say.describe_no_drift(run)
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
    days = [utc.partition("T")[0] for utc in (folded.first_seen, folded.last_seen) if utc]
    return [
        code(finding.rule.id) + f"<br>**{run.acceptance_status(folded)}**" * has_expired,
        _where(finding.pointer, say.describe_call(finding)),
        prose(finding.expected),
        prose(finding.actual),
        f"{folded.count:,}",
        prose(" to ".join(dict.fromkeys(days))),
        _place(finding.place),
        code(f"{statement.file}:{statement.line}:{statement.column}") if statement else "",
    ]


def _where(pointer: str, call: str) -> str:
    return f"{code(cut(pointer, _LONGEST))}<br>{prose(call)}" if pointer else prose(call)


def _accepted(run: CheckedRun, accepted: list[FoldedFinding], listed: list[FoldedFinding]) -> str:
    if not accepted:
        return ""
    rows = [
        [
            code(one.finding.rule.id),
            _where(one.finding.pointer, say.describe_call(one.finding)),
            prose(cut(say.describe_acceptance(run, one), _LONGEST_REASON)),
            f"{one.count:,}",
            _place(one.finding.place),
        ]
        for one in listed
    ]
    body = table(_ACCEPTED_COLUMNS, rows) if rows else NONE_LISTED
    return details(f"Accepted ({len(accepted):,})", body, is_open=False)


def _unused(run: CheckedRun, listed: tuple[Acceptance, ...]) -> str:
    if not run.unused:
        return ""
    rows = [
        [
            code(one.rule),
            _where(one.pointer, f"{say.describe_operation(one.operation)}, {one.outcome}"),
            code(f"{one.file}:{one.line}"),
            prose(say.describe_unused(one)),
        ]
        for one in listed
    ]
    parts = [table(_UNUSED_COLUMNS, rows) if rows else NONE_LISTED]
    more = len(run.unused) - len(listed)
    parts += [f"And {more:,} more."] if listed and more else []
    parts += [f"They do not fail the run: {run.unused_excuse}."] if run.unused_excuse else []
    title = f"Unused acceptances ({len(run.unused):,})"
    return details(title, "\n\n".join(parts), is_open=True)


def _unreadable(summary: DriftSummary) -> str:
    if not summary.unreadable_count:
        return ""
    listed = summary.unreadable[:MAX_ROWS]
    body = table(("Where", "Why"), [[_place(one.place), prose(one.reason)] for one in listed])
    if more := summary.unreadable_count - len(listed):
        body += f"\n\nAnd {more:,} more."
    return details(f"Unreadable ({summary.unreadable_count:,})", body, is_open=True)


def _questions(run: CheckedRun) -> str:
    verdicts = {answer.question: answer.verdict for answer in run.insight.answers}
    rows = [
        [
            code(question.id),
            code(reading.id),
            f"{number:,}",
            "holds alone" if reading.id == verdicts.get(question.id) else "",
        ]
        for question in run.questions
        for reading in question.readings
        if (number := run.summary.readings.get((question.id, reading.id)))
    ]
    if not rows:
        return ""
    body = table(("Question", "Reading", "Count", "Verdict"), rows)
    return details("Open questions that these recordings speak to", body, is_open=False)


def _closing(run: CheckedRun, unlisted: int) -> str:
    summary = run.counted
    lines = (
        [f"{count(unlisted, 'finding')} not listed here; the other formats have them."] if unlisted else []
    )
    lines += filter(None, (say.describe_omitted(summary), say.describe_outside(summary)))
    lines += [prose(cut(limit, _LONGEST_REASON)) for limit in run.insight.limits]
    return "\n".join(lines)


def _place(place: Place) -> str:
    return code(say.describe_place(place))


def render_insights(insight: Insight, rows: int) -> list[str]:
    """Return changes, what is narrower and what was never seen, in so many rows at most."""
    blocks = []
    for title, columns, lines in _tables(insight):
        if lines:
            more = f"\n\nAnd {len(lines) - rows:,} more." if len(lines) > rows else ""
            shown = table(columns, lines[:rows]) + more if rows else NONE_LISTED
            blocks.append(details(title, shown, is_open=False))
            rows -= min(rows, len(lines))
    return blocks


def _tables(insight: Insight) -> Iterator[tuple[str, tuple[str, ...], _Rows]]:
    """Yield title, columns and rows."""
    changes = [_change(change) for change in insight.changes]
    yield (
        f"Changes over time ({len(changes):,})",
        ("Day", "Change", "Where", "Before", "From then on"),
        changes,
    )
    allowed = [_narrower(gap) for gap in say.narrower(insight)]
    title = f"Narrower than documented ({len(allowed):,}; from {MIN_OBSERVATIONS} observations on)"
    yield title, ("Rule", "Where", "Documented", "Seen", "Observations"), allowed
    never = say.group_gaps(insight.gaps, is_narrower=False)
    title = f"Documented and never seen ({sum(len(group.items) for group in never):,})"
    yield title, ("Rule", "In", "Never seen", "Of"), [_never(group) for group in never]


def _change(change: Change) -> list[str]:
    what = f"{change.kind}: {change.type}" if change.kind is ChangeKind.TYPE else change.kind.value
    what += "" if change.is_documented else ", undocumented"
    shares = (say.describe_share(change.before), say.describe_share(change.after))
    where = _where(say.describe_spot(change.spot), say.describe_scope(change.spot))
    return [change.day, prose(what), where, *map(prose, shares)]


def _narrower(gap: Gap) -> list[str]:
    where = _where(say.describe_spot(gap.spot), say.describe_scope(gap.spot))
    documented, seen = prose(cut(gap.documented, _LONGEST)), prose(cut(gap.seen, _LONGEST))
    return [code(gap.rule.id), where, documented, seen, f"{gap.opportunities:,}"]


def _never(group: say.GapGroup) -> list[str]:
    items = ", ".join(code(cut(item, _LONGEST)) for item in group.items[:MAX_ITEMS])
    more = f" and {len(group.items) - MAX_ITEMS:,} more" if len(group.items) > MAX_ITEMS else ""
    return [code(group.rule.id), prose(group.scope), items + more, f"{group.opportunities:,}"]


def details(title: str, body: str, *, is_open: bool) -> str:
    """Return what folds away; the empty lines make GitHub read the body as Markdown."""
    return f"<details{' open' * is_open}>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def table(titles: Iterable[str], rows: Iterable[Iterable[str]], right: int = 0) -> str:
    """Return a table; the numbers of the first columns stand to the right."""
    titles = list(titles)
    rule = ["---:"] * right + ["---"] * (len(titles) - right)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rule, *rows))


def code(text: str) -> str:
    """Return text as code; a tag and not backticks, so that the same escapes hold in it."""
    return f"<code>{prose(text)}</code>"


def prose(text: str) -> str:
    """Return text with everything that Markdown reads as a reference to the character, which it does not."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group())};", printable(text))


def cut(text: str, length: int) -> str:
    """Return text of a bounded length, as a row of a table has to be."""
    return f"{text[:length]} ..." if len(text) > length else text
