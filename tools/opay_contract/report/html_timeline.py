"""How drift went over time on the HTML page: exchanges, occurrences and changes by day, and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from opay_contract.model.observation import Days
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_charts import draw_columns
from opay_contract.report.html_parts import Section, plural
from opay_contract.report.timeline import (
    Timeline,
    build_timeline,
    describe_day,
    exchanges_by_day,
    iter_days,
    occurrences_by_day,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What is counted by day: a chart of the page and a column of its table."""

    title: str
    kind: str
    days: Days


def timeline_of(run: CheckedRun) -> Timeline | None:
    """Return the axis that every chart of the page has."""
    findings = run.summary.findings.values()
    return build_timeline(exchanges_by_day(run.summary), *(folded.days for folded in findings))


def build_over_time(run: CheckedRun) -> Section | None:
    """Return the charts, one above the other on the same axis, and the numbers as a table."""
    timeline = timeline_of(run)
    if timeline is None:
        return None
    rows = [row for row in _rows(run) if row.days]
    charts = [_chart(row, timeline) for row in rows] if timeline.columns > 1 else []
    axis = f'<div class="axis"><span>{timeline.first}</span><span>{timeline.last}</span></div>'
    parts = [f"<p>{_describe(run, timeline)}</p>"]
    parts += ['<figure class="time">', *charts, axis, "</figure>"] if charts else []
    parts.append(_table(rows))
    return Section(id="time", title="Drift over time", body="\n".join(parts))


def _rows(run: CheckedRun) -> list[_Row]:
    changes: Days = {}
    for change in run.insight.changes:
        changes[change.day] = changes.get(change.day, 0) + 1
    return [
        _Row(title="Exchanges", kind="exchanges", days=exchanges_by_day(run.summary)),
        *(
            _Row(title=plural(severity), kind=severity.label, days=days)
            for severity, days in occurrences_by_day(run.counted).items()
        ),
        _Row(title="Changes", kind="changes", days=changes),
    ]


def _describe(run: CheckedRun, timeline: Timeline) -> str:
    if timeline.first == timeline.last:
        return f"Everything with a time was recorded on {timeline.first}. Days are those of UTC."
    accepted = " What is accepted is left out." if run.accepted else ""
    span = f"From {timeline.first} to {timeline.last}, in UTC"
    return f"{span}. A column is {timeline.unit}; each row has a scale of its own.{accepted}"


def _chart(row: _Row, timeline: Timeline) -> str:
    counts = timeline.counts(row.days)
    words = _describe_most(counts, timeline)
    labels = [timeline.label(column) for column in range(timeline.columns)]
    chart = draw_columns(f"{row.title} over time", f"{words}.", counts, labels, row.kind)
    return f'<div class="series"><p>{row.title} <span class="soft">{words}</span></p>\n{chart}</div>'


def _describe_most(counts: Sequence[int], timeline: Timeline) -> str:
    most = max(counts)
    return f"{sum(counts):,}, at most {most:,} {timeline.label(counts.index(most))}"


def _table(rows: Sequence[_Row]) -> str:
    titles = "".join(f'<th scope="col">{title}</th>' for title in ("Day", *(row.title for row in rows)))
    lines = [
        f'<tr><th scope="row">{describe_day(day)}</th>'
        + "".join(f"<td>{row.days.get(day, 0):,}</td>" for row in rows)
        + "</tr>"
        for day in iter_days(*(row.days for row in rows))
    ]
    return "\n".join(
        [
            "<details><summary>The numbers by day</summary>",
            '<div class="scroll" role="region" aria-label="Numbers by day" tabindex="0"><table>',
            f"<thead><tr>{titles}</tr></thead>",
            "<tbody>",
            *lines,
            "</tbody>",
            "</table></div></details>",
        ]
    )
