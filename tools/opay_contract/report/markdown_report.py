"""The report as Markdown: for a step summary or a comment on GitHub, and as a ticket for the vendor."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from opay_contract.baseline.acceptance import Acceptance, State
from opay_contract.contract.fields import RESPONSE_BODY, find_operation
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.judge.table import RULES_OF_A_RUN
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Change, ChangeKind, Finding, Gap, Insight, Kind, Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report import findings as tell
from opay_contract.report import sentences as say
from opay_contract.report.checked_run import TOOL, CheckedRun, by_gravity
from opay_contract.report.findings import build_frame, guide_of
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


def _counts(summary: DriftSummary, findings: list[Finding]) -> str:
    """Return the numbers that are not zero as a table of one row, or nothing."""
    numbers = {
        **{
            _TITLES[severity]: sum(one.rule.severity is severity for one in findings)
            for severity in reversed(Severity)
        },
        "Occurrences": sum(summary.occurrences.values()),
        "Out of scope": summary.out_of_scope,
        "Unreadable": summary.unreadable_count,
    }
    shown = {title: f"{number:,}" for title, number in numbers.items() if number}
    return table(shown, [shown.values()], right=len(shown)) if shown else ""


def _severity(severity: Severity, findings: list[Finding], listed: list[Finding], run: CheckedRun) -> str:
    number = sum(one.rule.severity is severity for one in findings)
    rows = [_finding(finding, run) for finding in listed if finding.rule.severity is severity]
    if not number:
        return ""
    shown = table(_FINDING_COLUMNS, rows) if rows else NONE_LISTED
    return details(f"{_TITLES[severity]} ({number:,})", shown, is_open=severity is Severity.ERROR)


def _finding(finding: Finding, run: CheckedRun) -> list[str]:
    statement = finding.contract
    has_expired = run.state(finding) is State.EXPIRED
    days = [utc.partition("T")[0] for utc in (finding.first_seen, finding.last_seen) if utc]
    return [
        code(finding.rule.id) + f"<br>**{run.acceptance_status(finding)}**" * has_expired,
        _where(finding.pointer, tell.describe_call(finding)),
        prose(finding.expected),
        prose(finding.actual),
        f"{finding.count:,}",
        prose(" to ".join(dict.fromkeys(days))),
        _place(finding.place),
        code(f"{statement.file}:{statement.line}:{statement.column}") if statement else "",
    ]


def _where(pointer: str, call: str) -> str:
    return f"{code(cut(pointer, _LONGEST))}<br>{prose(call)}" if pointer else prose(call)


def _accepted(run: CheckedRun, accepted: list[Finding], listed: list[Finding]) -> str:
    if not accepted:
        return ""
    rows = [
        [
            code(one.rule.id),
            _where(one.pointer, tell.describe_call(one)),
            prose(cut(tell.describe_acceptance(run, one), _LONGEST_REASON)),
            f"{one.count:,}",
            _place(one.place),
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
            _where(one.pointer, f"{tell.describe_operation(one.operation)}, {one.outcome}"),
            code(f"{one.file}:{one.line}"),
            prose(tell.describe_unused(one)),
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
    return code(tell.describe_place(place))


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
    where = _where(say.describe_location(change.location), say.describe_scope(change.location))
    return [change.day, prose(what), where, *map(prose, shares)]


def _narrower(gap: Gap) -> list[str]:
    where = _where(say.describe_location(gap.location), say.describe_scope(gap.location))
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


MAX_TOLD = 50
"""Findings that a ticket tells; nobody reads further."""

_OF_A_CLIENT = ("path-undocumented", "method-undocumented", "header-missing", "signature-mismatch")


def render_ticket(run: CheckedRun) -> str:
    """Return the ticket; findings that are accepted, of the client or of the run as a whole are not in it."""
    found = [one for one in by_gravity(run.counted) if _is_for_vendor(one, run)]
    told = found[:MAX_TOLD]
    blocks = [_title_ticket(run, found), *_introduce(run, found)]
    blocks += [_tell_finding(number, one, run) for number, one in enumerate(told, 1)]
    if more := len(found) - len(told):
        blocks.append(f"{count(more, 'further difference')} of less weight not listed here.")
    blocks.append(_close_ticket(run))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _is_for_vendor(finding: Finding, run: CheckedRun) -> bool:
    rule = finding.rule
    if rule.id in {one.id for one in RULES_OF_A_RUN} or rule.severity < Severity.WARNING:
        return False
    is_of_client = rule.id in _OF_A_CLIENT or rule.id.startswith(("request-", "parameter-"))
    return not is_of_client and run.state(finding) is not State.ACCEPTED


def _title_ticket(run: CheckedRun, found: list[Finding]) -> str:
    name = prose(run.used.title) if run.used and run.used.title else "The API"
    if not found:
        return f"# {name}: nothing to tell the vendor"
    return f"# {name}: {count(len(found), 'difference')} between documentation and answers"


def _introduce(run: CheckedRun, found: list[Finding]) -> Iterator[str]:
    summary = run.counted
    if not summary.exchanges:
        yield "Nothing was checked."
        return
    days = sorted(day for one in found for day in (one.first_seen, one.last_seen) if day)
    span = (
        f", recorded {' to '.join(dict.fromkeys(map(tell.describe_day, (days[0], days[-1]))))}"
        if days
        else ""
    )
    outcomes = prose(say.describe_outcomes(summary.outcomes))
    yield f"Compared: {count(summary.exchanges, 'call')}{span}: {outcomes}."
    yield "Types, lengths and places stand for values, as answers hold card and customer data."
    numbered = enumerate(found[:MAX_TOLD], 1)
    rows = [
        [str(number), _field(one), guide_of(one.rule).sentence, f"{one.count:,}"] for number, one in numbered
    ]
    if rows:
        yield table(("", "Field", "What differs", "Times"), rows, right=1)


def _field(finding: Finding) -> str:
    field = tell.describe_field(finding)
    return code(field) if field else "the answer as a whole"


def _tell_finding(number: int, finding: Finding, run: CheckedRun) -> str:
    frame = build_frame(finding, run)
    says = [f"- {prose(str(source))}" for source in frame.sources if source.mark == "DOC"]
    is_new = finding.rule.kind is Kind.UNDOCUMENTED or not says
    days = [tell.describe_day(utc) for utc in (finding.first_seen, finding.last_seen) if utc]
    since = f", first on {days[0]}, last on {days[-1]}" if days else ""
    lines = [
        f"## {number}. {_field(finding)}: {guide_of(finding.rule).sentence}",
        "**Your documentation says**" if not is_new else "**Your documentation does not say it**",
        "\n".join([f"- expected: {prose(finding.expected)}", *says]),
        "**What we see**",
        f"- {prose(finding.actual)}, {count(finding.count, 'time')} in {_calls(finding, run)}{since}",
        *_reproduction(finding, run),
    ]
    return "\n\n".join(lines)


def _calls(finding: Finding, run: CheckedRun) -> str:
    called = finding.operation
    total = sum(number for key, number in run.counted.outcomes.items() if key[0] == (called or ""))
    return (
        f"{count(max(total, finding.count), 'call')} of {code(called)}" if called else "calls of no operation"
    )


def _reproduction(finding: Finding, run: CheckedRun) -> Iterator[str]:
    """Yield a request of the contract's own example, sent to the mock, which misbehaves in this way."""
    from opay_contract.report.samples import build_calls, parameters_of  # noqa: PLC0415  of no use to the rest

    operation = find_operation(run.contract, finding.operation or "") if run.contract else None
    scenario = run.scenarios.get(finding.rule.id)
    if operation is None or run.contract is None:
        return
    yield "**How to see it**"
    shows = "shows the difference" if scenario else "answers as your documentation says, for comparison"
    yield f"A stand-in for your sandbox, with a public test key, {shows}:"
    # a call with the contract's own example, which is no recorded one
    calls = list(build_calls(run.contract, operation, parameters_of(run.contract, operation)))
    form = _form_of(finding, run)
    call = next((call for of_form, call in calls if of_form == form), calls[0][1])
    line = call.curl([("X-Mock-Scenario", scenario)] if scenario else [])
    yield f"```sh\n{TOOL} mock --port 8000   # in a terminal of its own\n{line}\n```"


def _form_of(finding: Finding, run: CheckedRun) -> str:
    """Return the request form in whose answers the place was seen most, or of most calls."""
    operation, place = finding.operation, f"{RESPONSE_BODY}{finding.pointer}"
    places = {
        location[1]: one.count
        for location, one in run.summary.observations.items()
        if location[0] == operation and location[3] == place
    }
    calls = Counter[str]()
    for key, number in run.summary.outcomes.items():
        calls[key[1]] += number if key[0] == operation and key[1] else 0
    return max(places or calls or {"": 0}, key=lambda form: (places.get(form, 0), calls[form], form))


def _close_ticket(run: CheckedRun) -> str:
    contract = f" from the contract {prose(run.used.name)}" if run.used else ""
    verdict = f"Verdict of the run: {run.verdict}, exit code {int(run.exit_code)}."
    moment = f" on {tell.describe_day(run.moment)}" if run.moment else ""
    files = "" if run.inputs is None else f", {count(run.inputs, 'recording')}"
    return f"Made by {run.tool}{contract}{moment}{files}. {verdict}"
