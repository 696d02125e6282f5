"""The report as one HTML page that asks for nothing and can be read without its script."""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from importlib import resources

from opay_contract.contract.operation import OpenQuestion, Reading
from opay_contract.model.finding import Kind, Severity
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.ordering import by_gravity
from opay_contract.report.printing import printable
from opay_contract.report.text_report import count, describe_place

_LABELS = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Information"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A part of the page: what its link in the contents leads to, and its HTML below the heading."""

    id: str
    title: str
    body: str


def render_html(run: CheckedRun) -> str:
    """Return the page; what came from outside is escaped, and the policy allows no script but the page's."""
    summary = run.counted
    script, style = _asset("html_report.js"), _asset("html_report.css")
    sections = [section for build in _SECTIONS if (section := build(summary, run.questions))]
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        "<title>opay-contract check</title>",
        '<link rel="icon" href="data:,">',
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        '<a class="skip" href="#main">Skip to the content</a>',
        f"<header>\n<p>opay-contract check</p>\n{_contents(sections)}\n</header>",
        '<main id="main" tabindex="-1">',
        f'<h1 class="{_mood(summary)}">{_verdict(summary)}</h1>',
        *(["<p>The run was interrupted: not everything was checked.</p>"] if summary.is_partial else []),
        *(_render_section(section) for section in sections),
        "</main>",
        "<footer><p>Recorded values are never shown: findings name type, length and place.</p></footer>",
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _summary_section(summary: DriftSummary, _questions: tuple[OpenQuestion, ...]) -> _Section:
    numbers = Counter(folded.finding.rule.severity for folded in summary.findings.values())
    tiles = [(_plural(severity), numbers[severity], severity.label) for severity in reversed(Severity)]
    tiles += [
        ("Exchanges checked", summary.exchanges, ""),
        ("Occurrences", sum(summary.occurrences.values()), ""),
        ("Out of scope", summary.out_of_scope, ""),
        ("Unreadable", summary.unreadable_count, "error" if summary.unreadable_count else ""),
    ]
    body = "\n".join(
        f'<div class="{kind if number else ""}"><dt>{title}</dt><dd>{number:,}</dd></div>'
        for title, number, kind in tiles
    )
    return _Section(id="summary", title="Summary", body=f'<dl class="tiles">\n{body}\n</dl>')


def _findings_section(summary: DriftSummary, _questions: tuple[OpenQuestion, ...]) -> _Section | None:
    findings = by_gravity(summary)
    if not findings:
        return None
    parts = [_filters(findings)]
    if summary.omitted:
        omitted = count(summary.omitted, "occurrence")
        parts.append(f"<p>{omitted} of further findings not listed: the report keeps {len(findings):,}.</p>")
    parts += ['<ul class="findings" id="list">', *(_finding(folded) for folded in findings), "</ul>"]
    return _Section(id="findings", title=f"Findings ({len(findings):,})", body="\n".join(parts))


def _filters(findings: list[FoldedFinding]) -> str:
    severities = Counter(folded.finding.rule.severity for folded in findings)
    rules = Counter(folded.finding.rule.id for folded in findings)
    kinds = Counter(folded.finding.rule.kind for folded in findings)
    boxes = "\n".join(
        f'<label><input type="checkbox" name="severity" value="{severity.label}" checked> '
        f"{_plural(severity)} ({severities[severity]:,})</label>"
        for severity in reversed(Severity)
        if severities[severity]
    )
    return (
        f'<form id="filters" hidden aria-label="Filter the findings">\n'
        f"<fieldset><legend>Severity</legend>\n{boxes}\n</fieldset>\n"
        f"{_select('rule', 'Rule', sorted(rules.items()))}\n"
        f"{_select('kind', 'Kind', [(kind.value, kinds[kind]) for kind in Kind if kinds[kind]])}\n"
        '<label class="field">Text <input type="search" name="text" autocomplete="off"></label>\n'
        '<button type="reset">Reset</button>\n'
        '<p id="shown" role="status"></p>\n</form>'
    )


def _select(name: str, title: str, options: Iterable[tuple[str, int]]) -> str:
    listed = "".join(f'<option value="{_text(key)}">{_text(key)} ({n:,})</option>' for key, n in options)
    select = f'<select name="{name}"><option value="">all</option>{listed}</select>'
    return f'<label class="field">{title} {select}</label>'


def _finding(folded: FoldedFinding) -> str:
    finding = folded.finding
    rule = finding.rule
    facts = "".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in _facts(folded))
    pointer = f' <code class="pointer">{_text(finding.pointer)}</code>' if finding.pointer else ""
    badge = f'<span class="badge">{_LABELS[rule.severity]}</span>'
    return (
        f'<li class="finding {rule.severity.label}" id="finding-{folded.fingerprint}" '
        f'data-severity="{rule.severity.label}" data-rule="{_text(rule.id)}" data-kind="{rule.kind.value}">\n'
        f"<h3>{badge} <code>{_text(rule.id)}</code>{pointer}</h3>\n"
        f"<p>Expected <strong>{_text(finding.expected)}</strong>, "
        f"got <strong>{_text(finding.actual)}</strong>.</p>\n"
        f'<dl class="facts">{facts}</dl>\n'
        f"<details><summary>About {_text(rule.id)}</summary><p>{_text(rule.explanation)}</p></details>\n</li>"
    )


def _facts(folded: FoldedFinding) -> Iterator[tuple[str, str]]:
    finding, statement = folded.finding, folded.finding.contract
    yield "Operation", f"{_text(finding.operation or 'none')}, {_text(finding.outcome)}"
    yield "Kind", f"{_text(finding.rule.kind)}, {_text(finding.rule.area)}"
    yield (
        ("First place" if folded.count > 1 else "Place"),
        f"<code>{_text(describe_place(finding.place))}</code>",
    )
    if folded.count > 1:
        yield "Last place", f"<code>{_text(describe_place(folded.last_place))}</code>"
        yield "Times", f"{folded.count:,}"
    if times := sorted({time for time in (finding.recorded_at, folded.last_recorded_at) if time}):
        yield "Recorded", _text(" to ".join(times))
    if statement:
        yield "Contract", f"<code>{_text(f'{statement.file}:{statement.line}:{statement.column}')}</code>"
    yield "Fingerprint", f'<a href="#finding-{folded.fingerprint}"><code>{folded.fingerprint}</code></a>'


def _unreadable_section(summary: DriftSummary, _questions: tuple[OpenQuestion, ...]) -> _Section | None:
    if not summary.unreadable_count:
        return None
    items = [
        f"<li><code>{_text(describe_place(one.place))}</code>: {_text(one.reason)}</li>"
        for one in summary.unreadable
    ]
    more = summary.unreadable_count - len(items)
    items += [f"<li>and {more:,} more</li>"] if more else []
    title = f"Unreadable ({summary.unreadable_count:,})"
    return _Section(id="unreadable", title=title, body="\n".join(['<ul class="plain">', *items, "</ul>"]))


def _questions_section(summary: DriftSummary, questions: tuple[OpenQuestion, ...]) -> _Section | None:
    """Show the questions of the contract that these recordings say something about, and name the others."""
    if not questions:
        return None
    answered = [question for question in questions if any(_counts(question, summary).values())]
    silent = [question for question in questions if question not in answered]
    parts = [_question(question, summary) for question in answered]
    if silent:
        names = "\n".join(f"<li><code>{_text(one.id)}</code>: {_text(one.question)}</li>" for one in silent)
        title = f"{count(len(silent), 'question')} without evidence in these recordings"
        parts.append(f'<details><summary>{title}</summary>\n<ul class="plain">\n{names}\n</ul></details>')
    return _Section(id="questions", title=f"Open questions ({len(answered):,})", body="\n".join(parts))


def _question(question: OpenQuestion, summary: DriftSummary) -> str:
    counts = _counts(question, summary)
    rows = "\n".join(_reading(one, counts[one.id], sum(counts.values())) for one in question.readings)
    return (
        f"<h3><code>{_text(question.id)}</code></h3>\n<p>{_text(question.question)}</p>\n"
        f'<ul class="readings">\n{rows}\n</ul>'
    )


def _reading(reading: Reading, number: int, total: int) -> str:
    share = 100 * number / total
    assumed = " (the contract assumes it)" if reading.assumed else ""
    return (
        f'<li><span class="reading"><code>{_text(reading.id)}</code>{assumed}</span> '
        f'<span class="number">{number:,} of {total:,}, {share:.1f} %</span>\n'
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="1"/>'
        f'<rect class="value" width="{share:.2f}" height="1"/></svg>\n'
        f'<span class="statement">{_text(reading.statement)}</span></li>'
    )


def _counts(question: OpenQuestion, summary: DriftSummary) -> dict[str, int]:
    return {reading.id: summary.readings.get((question.id, reading.id), 0) for reading in question.readings}


_SECTIONS: tuple[Callable[[DriftSummary, tuple[OpenQuestion, ...]], _Section | None], ...] = (
    _summary_section,
    _findings_section,
    _unreadable_section,
    _questions_section,
)
"""What the page is made of, in its order; a section that returns None is left out."""


def _contents(sections: Iterable[_Section]) -> str:
    items = "".join(f'<li><a href="#{section.id}">{section.title}</a></li>' for section in sections)
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def _render_section(section: _Section) -> str:
    heading = f'<h2 id="{section.id}-title">{section.title}</h2>'
    labelled = f'id="{section.id}" aria-labelledby="{section.id}-title"'
    return f"<section {labelled}>\n{heading}\n{section.body}\n</section>"


def _verdict(summary: DriftSummary) -> str:
    if not summary.exchanges:
        return "Nothing was checked: no exchange of the contract&#39;s hosts was found"
    checked = f"Checked {count(summary.exchanges, 'exchange')}"
    return f"{checked}: {count(len(summary.findings), 'finding') if summary.findings else 'no drift'}"


def _mood(summary: DriftSummary) -> str:
    if not summary.exchanges:
        return Severity.ERROR.label
    worst = max(summary.occurrences, default=None)
    return "clean" if worst is None else worst.label


def _plural(severity: Severity) -> str:
    return "Information" if severity is Severity.INFO else f"{_LABELS[severity]}s"


def _text(text: str) -> str:
    return escape(printable(text))


def _hash(asset: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(asset.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return (resources.files("opay_contract.report") / name).read_text(encoding="utf-8")
