"""The findings on the HTML page, and the form that filters them."""

from collections import Counter
from collections.abc import Iterable, Iterator

from opay_contract.baseline.acceptance import State
from opay_contract.model.finding import Kind, Severity
from opay_contract.model.summary import FoldedFinding
from opay_contract.report.acceptance_status import describe_standing
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_charts import draw_sparkline
from opay_contract.report.html_parts import LABELS, Section, as_text, plural
from opay_contract.report.html_timeline import timeline_of
from opay_contract.report.insights import describe_moment
from opay_contract.report.ordering import by_gravity
from opay_contract.report.text_report import describe_call, describe_place
from opay_contract.report.timeline import Timeline, is_dated
from opay_contract.words import count


def build_findings(run: CheckedRun) -> Section | None:
    """Return what counts, with filters."""
    summary = run.counted
    findings = by_gravity(summary)
    if not findings:
        return None
    parts, timeline = [_filters(findings)], timeline_of(run)
    if summary.omitted:
        omitted = count(summary.omitted, "occurrence")
        parts.append(f"<p>{omitted} of further findings not listed: the report keeps {len(findings):,}.</p>")
    items = (finding_item(folded, run, timeline) for folded in findings)
    parts += ['<ul class="findings" id="list">', *items, "</ul>"]
    return Section(id="findings", title=f"Findings ({len(findings):,})", body="\n".join(parts))


def _filters(findings: list[FoldedFinding]) -> str:
    severities = Counter(folded.finding.rule.severity for folded in findings)
    rules = Counter(folded.finding.rule.id for folded in findings)
    kinds = Counter(folded.finding.rule.kind for folded in findings)
    boxes = "\n".join(
        f'<label><input type="checkbox" name="severity" value="{severity.label}" checked> '
        f"{plural(severity)} ({severities[severity]:,})</label>"
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
    listed = "".join(f'<option value="{as_text(key)}">{as_text(key)} ({n:,})</option>' for key, n in options)
    select = f'<select name="{name}"><option value="">all</option>{listed}</select>'
    return f'<label class="field">{title} {select}</label>'


def finding_item(folded: FoldedFinding, run: CheckedRun, timeline: Timeline | None) -> str:
    """Return a finding as an item of a list, with what the filters look at."""
    finding = folded.finding
    rule = finding.rule
    facts = "".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in _facts(folded, run))
    pointer = f' <code class="pointer">{as_text(finding.pointer)}</code>' if finding.pointer else ""
    badge = f'<span class="badge">{LABELS[rule.severity]}</span>'
    if run.state(folded) is State.EXPIRED:
        badge += ' <span class="badge">Acceptance expired</span>'
    about = f"<summary>About {as_text(rule.id)}</summary><p>{as_text(rule.explanation)}</p>"
    return (
        f'<li class="finding {rule.severity.label}" id="finding-{folded.fingerprint}" '
        f'data-severity="{rule.severity.label}" data-rule="{as_text(rule.id)}" '
        f'data-kind="{rule.kind.value}">\n'
        f"<h3>{badge} <code>{as_text(rule.id)}</code>{pointer}</h3>\n"
        f"<p>Expected <strong>{as_text(finding.expected)}</strong>, "
        f"got <strong>{as_text(finding.actual)}</strong>.</p>\n"
        f'<dl class="facts">{facts}{_days(folded, timeline)}</dl>\n'
        f"<details>{about}</details>\n</li>"
    )


def _days(folded: FoldedFinding, timeline: Timeline | None) -> str:
    """Return on how many days a finding occurred, with a small chart on the axis of the whole run."""
    dated = {day: number for day, number in folded.days.items() if is_dated(day)}
    if not dated or timeline is None or timeline.columns == 1:
        return ""
    most = max(dated, key=lambda day: (dated[day], day))
    words = f"{count(len(dated), 'day')}, most on {most} ({dated[most]:,})"
    chart = draw_sparkline(timeline.counts(dated), folded.finding.rule.severity.label)
    return f'<div class="days"><dt>Days</dt><dd>{words}{chart}</dd></div>'


def _time(utc: str) -> str:
    moment = as_text(describe_moment(utc))
    return f'<time datetime="{moment}">{moment}</time>'


def _facts(folded: FoldedFinding, run: CheckedRun) -> Iterator[tuple[str, str]]:
    finding, statement = folded.finding, folded.finding.contract
    yield "Operation", as_text(describe_call(finding))
    yield "Kind", f"{as_text(finding.rule.kind)}, {as_text(finding.rule.area)}"
    yield (
        ("First place" if folded.count > 1 else "Place"),
        f"<code>{as_text(describe_place(finding.place))}</code>",
    )
    if folded.count > 1:
        yield "Last place", f"<code>{as_text(describe_place(folded.last_place))}</code>"
        yield "Times", f"{folded.count:,}"
    if folded.first_seen and folded.last_seen:
        yield "First seen", _time(folded.first_seen)
        yield "Last seen", _time(folded.last_seen)
    if statement:
        yield "Contract", f"<code>{as_text(f'{statement.file}:{statement.line}:{statement.column}')}</code>"
    yield "Fingerprint", f'<a href="#finding-{folded.fingerprint}"><code>{folded.fingerprint}</code></a>'
    if standing := describe_standing(run, folded):
        yield "Acceptance", as_text(standing)
