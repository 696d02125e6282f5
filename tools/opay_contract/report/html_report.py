"""The report as one HTML page that asks for nothing and can be read without its script."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup, escape

from opay_contract.baseline.acceptance import State
from opay_contract.contract.operation import OpenQuestion
from opay_contract.errors import ExitCode
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.finding import Change, ChangeKind, Finding, Kind, Severity, Share
from opay_contract.model.observation import Days, Observations
from opay_contract.pages import build_environment, load_asset, render_page
from opay_contract.report import findings as tell
from opay_contract.report import sentences as say
from opay_contract.report.charts import (
    Timeline,
    build_timeline,
    describe_day_key,
    draw_columns,
    draw_rates,
    draw_shares,
    draw_sparkline,
    is_dated,
    iter_days,
    iter_trees,
    occurrences_by_day,
)
from opay_contract.report.checked_run import TOOL, CheckedRun, by_gravity
from opay_contract.report.findings import FindingFrame, build_frame, guide_of
from opay_contract.report.sentences import next_steps
from opay_contract.words import count, printable

MAX_CHANGES = 500
"""Changes that the page shows, the latest; each has a chart."""

_PACKAGE = "opay_contract.report"
_LABELS = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Note"}
_CHECKED = "Exchanges checked"
_BREAKS = re.compile(r"(?<=[/.\]])(?=[^/.\[:\d\s])")


def render_html(run: CheckedRun) -> str:
    """Return the page; what came from outside is escaped, and the policy allows no script but the page's."""
    return render_page(
        build_environment(_PACKAGE, breakable=_breakable, coded=_coded),
        "report.html",
        styles=[load_asset(_PACKAGE, "html.css")],
        scripts=[load_asset(_PACKAGE, "html.js")],
        **_Values(run).build(),
    )


def _breakable(text: str) -> Markup:
    """Return text that may break after a slash or a dot, and nowhere in a line's number."""
    return Markup("<wbr>").join(escape(part) for part in _BREAKS.split(printable(text)))


def _coded(text: str) -> Markup:
    parts = enumerate(text.split("`"))
    return Markup().join(Markup("<code>{}</code>").format(one) if n % 2 else one for n, one in parts)


class _Values:
    """What the template is filled with; a section without its value is left out."""

    def __init__(self, run: CheckedRun) -> None:
        self._run = run
        findings = run.summary.findings.values()
        self._timeline = build_timeline(run.summary.days(), *(one.days for one in findings))

    def build(self) -> dict[str, Any]:
        run, summary = self._run, self._run.counted
        findings = by_gravity(summary)
        never, allowed = say.never_seen(run.insight), say.narrower(run.insight)
        answered = [one for one in run.questions if any(self._readings(one))]
        sections = {
            "findings": [self._finding(one) for one in findings],
            "unused": run.unused,
            "accepted": [self._finding(one) for one in run.accepted],
            "unreadable": run.summary.unreadable,
            "time": self._time(),
            "changes": self._changes(),
            "presence": [*iter_trees(run.summary.observations, run.contract)],
            "never": say.group_gaps(run.insight.gaps, is_narrower=False),
            "narrower": allowed,
            "questions": [self._question(one) for one in answered],
        }
        titles = {
            "summary": "Summary",
            "findings": f"Findings ({len(findings):,})",
            "unused": f"Unused acceptances ({len(run.unused):,})",
            "accepted": f"Accepted ({len(run.accepted):,})",
            "unreadable": f"Unreadable ({run.summary.unreadable_count:,})",
            "time": "Drift over time",
            "changes": f"Changes over time ({len(run.insight.changes):,})",
            "presence": "Fields of the bodies",
            "never": f"Documented and never seen ({len(never):,})",
            "narrower": f"Narrower than documented ({len(allowed):,})",
            "questions": f"Open questions ({len(answered):,})",
        }
        shown = {"summary", *(name for name, value in sections.items() if value)}
        shown |= {"questions"} if run.questions else set()
        return {
            **sections,
            "say": say,
            "tell": tell,
            "count": count,
            "run": run,
            "title": f"{TOOL} check",
            "mood": _mood(run),
            "contents": [(id_, title) for id_, title in titles.items() if id_ in shown],
            "titles": titles,
            "tiles": [one for one in _tiles(run) if one[1] or one[0] == _CHECKED],
            "notes": [*_notes(run)],
            "steps": next_steps(run),
            "filters": _filters(findings),
            "min_observations": MIN_OBSERVATIONS,
            "silent": [one for one in run.questions if one not in answered],
        }

    def _finding(self, finding: Finding) -> dict[str, Any]:
        """Return a finding as its row and what the row folds out into."""
        run = self._run
        same = [one for one in run.summary.findings.values() if one.rule.id == finding.rule.id]
        frame = build_frame(finding, run)
        return {
            "finding": finding,
            "label": _LABELS[finding.rule.severity],
            "is_expired": run.state(finding) is State.EXPIRED,
            "guide": guide_of(finding.rule),
            "frame": frame,
            "is_one_of_many": sum(tell.describe_field(one) == tell.describe_field(finding) for one in same)
            > 1,
            "facts": [*_facts(finding, frame, run)],
            "days": self._days(finding),
        }

    def _days(self, finding: Finding) -> tuple[str, Markup] | None:
        dated = {day: number for day, number in finding.days.items() if is_dated(day)}
        if not dated or self._timeline is None or self._timeline.columns == 1:
            return None
        most = max(dated, key=lambda day: (dated[day], day))
        chart = draw_sparkline(self._timeline.counts(dated), finding.rule.severity.label)
        return f"{count(len(dated), 'day')}, most on {most} ({dated[most]:,})", chart

    def _time(self) -> dict[str, Any] | None:
        """Return the charts, one above the other on the same axis, and the numbers; None for a single day."""
        run, timeline = self._run, self._timeline
        if timeline is None or timeline.first == timeline.last:
            return None
        changes = Counter(change.day for change in run.insight.changes)
        rows: list[tuple[str, str, Days]] = [
            ("Exchanges", "exchanges", run.summary.days()),
            *(
                (f"{_LABELS[severity]}s", severity.label, days)
                for severity, days in occurrences_by_day(run.counted).items()
            ),
            ("Changes", "changes", dict(changes)),
        ]
        rows = [row for row in rows if row[2]]
        span = f"From {timeline.first} to {timeline.last}, in UTC"
        accepted = " What is accepted is left out." if run.accepted else ""
        return {
            "said": f"{span}. A column is {timeline.unit}; each row has a scale of its own.{accepted}",
            "charts": [_chart_of_days(row, timeline) for row in rows] if timeline.columns > 1 else [],
            "first": timeline.first,
            "last": timeline.last,
            "columns": ["Day", *(title for title, _, _ in rows)],
            "rows": [
                (describe_day_key(day), [days.get(day, 0) for _, _, days in rows])
                for day in iter_days(*(days for _, _, days in rows))
            ],
        }

    def _changes(self) -> dict[str, Any] | None:
        changes, timeline = self._run.insight.changes, self._timeline
        if not changes or timeline is None:
            return None
        left_out = len(changes) - MAX_CHANGES
        about = (
            f"Each chart has the share from {timeline.first} to {timeline.last}; a column is {timeline.unit}"
        )
        omitted = f"The latest {MAX_CHANGES:,}; {left_out:,} before them are left out."
        return {
            "said": f"{about}, and the broken line is the change.",
            "left_out": omitted if left_out > 0 else "",
            "rows": [
                _change(one, self._run.summary.observations, timeline) for one in changes[-MAX_CHANGES:]
            ],
        }

    def _readings(self, question: OpenQuestion) -> list[int]:
        return [self._run.summary.readings.get((question.id, one.id), 0) for one in question.readings]

    def _question(self, question: OpenQuestion) -> dict[str, Any]:
        numbers = self._readings(question)
        answer = next((one for one in self._run.insight.answers if one.question == question.id), None)
        times = count(answer.observations if answer else sum(numbers), "observation")
        said = f"No verdict yet: {times}; it takes {MIN_OBSERVATIONS}."
        if answer and sum(1 for _, found in answer.counts if found) > 1:
            said = f"No verdict: more than one reading holds, in {times}."
        return {
            "question": question,
            "holds": answer.verdict if answer else None,
            "times": times,
            "said": said,
            "bar": draw_shares(numbers),
            "numbers": numbers,
        }


def _facts(finding: Finding, frame: FindingFrame, run: CheckedRun) -> Iterator[tuple[str, str]]:
    rule = finding.rule
    yield "Operation", tell.describe_call(finding)
    yield "Kind", f"{rule.kind}, {rule.area}"
    yield "Seen", ", ".join(filter(None, (tell.describe_spread(finding, run), frame.ended)))
    if finding.count > 1:
        yield "Last place", _breakable(tell.describe_place(finding.last_place))
    if finding.first_seen and finding.last_seen:
        yield "First seen", tell.describe_moment(finding.first_seen)
        yield "Last seen", tell.describe_moment(finding.last_seen)
    if status := tell.describe_acceptance(run, finding):
        yield "Acceptance", status


def _filters(findings: list[Finding]) -> dict[str, Any]:
    severities = Counter(finding.rule.severity for finding in findings)
    kinds = Counter(finding.rule.kind for finding in findings)
    return {
        "severities": [
            (severity.label, f"{_LABELS[severity]}s", severities[severity])
            for severity in reversed(Severity)
            if severities[severity]
        ],
        "rules": sorted(Counter(finding.rule.id for finding in findings).items()),
        "kinds": [(kind.value, kinds[kind]) for kind in Kind if kinds[kind]],
    }


def _tiles(run: CheckedRun) -> Iterator[tuple[str, int, str]]:
    """Yield title, number, and how the tile is marked; of zeros only that of the exchanges is shown."""
    summary, numbers = run.counted, run.numbers
    yield from ((f"{_LABELS[one]}s", numbers[one], one.label) for one in reversed(Severity))
    yield "Occurrences", sum(summary.occurrences.values()), ""
    yield "Changes", len(run.insight.changes), ""
    yield _CHECKED, summary.exchanges, ""
    yield "Out of scope", summary.out_of_scope, ""
    yield "Unreadable", summary.unreadable_count, "error"
    yield "Outside the window", summary.out_of_window, ""
    yield "Accepted", len(run.accepted), ""
    yield "Unused acceptances", len(run.unused), ""


def _notes(run: CheckedRun) -> Iterator[str]:
    summary = run.summary
    yield from filter(None, (say.describe_shortage(run), say.describe_vacuity(run)))
    if outcomes := say.describe_outcomes(summary.outcomes):
        yield f"Outcomes: {outcomes}."
    if signatures := say.describe_signatures(summary.signatures):
        yield f"Signatures: {signatures}."
    if run.judged:
        yield say.describe_judged(run.judged)
    if outside := say.describe_outside(summary):
        yield outside
    yield from say.describe_out_of_scope(summary)
    yield from run.insight.limits


def _mood(run: CheckedRun) -> str:
    """Return the class of the verdict: how grave what counts is, or that the run proves nothing."""
    if run.exit_code in (ExitCode.NOTHING_CHECKED, ExitCode.INCOMPLETE, ExitCode.INTERRUPTED):
        return Severity.ERROR.label
    counted = [severity for severity, number in run.counted.occurrences.items() if number]
    if counted:
        return max(counted).label
    return Severity.WARNING.label if run.is_nothing or run.summary.is_vacuous else "clean"


def _chart_of_days(row: tuple[str, str, Days], timeline: Timeline) -> dict[str, Any]:
    title, kind, days = row
    counts = timeline.counts(days)
    most = max(counts)
    words = f"{sum(counts):,}, at most {most:,} {timeline.label(counts.index(most))}"
    labels = [timeline.label(column) for column in range(timeline.columns)]
    chart = draw_columns(f"{title} over time", f"{words}.", counts, labels, kind)
    return {"title": title, "words": words, "chart": chart}


def _change(change: Change, observations: Observations, timeline: Timeline) -> dict[str, Any]:
    is_type = change.kind is ChangeKind.TYPE
    before, after = say.describe_share(change.before), say.describe_share(change.after)
    what, place = change.type.capitalize() if is_type else "Present", say.describe_location(change.location)
    chart = draw_rates(
        f"Share of {change.type if is_type else 'presence'} of {place} over time",
        f"Before {change.day} in {before}, since then in {after}.",
        rates_of(change, observations, timeline),
        timeline.column_of(change.day),
    )
    return {
        "day": change.day,
        "kind": change.kind.value,
        "place": place,
        "scope": say.describe_scope(change.location),
        "is_undocumented": not change.is_documented,
        "said": f"{what} in {after} from then on, in {before} before.",
        "chart": chart,
    }


def rates_of(change: Change, observations: Observations, timeline: Timeline) -> list[Share]:
    """Return what a change counts, column by column."""
    observed = observations.get(change.location)
    around = observations.get((*change.location[:3], change.location[3].rpartition("/")[0]))
    if observed is None or around is None:
        return []
    days = observed.days()
    is_type = change.kind is ChangeKind.TYPE
    counts = timeline.counts(observed.types.get(change.type, {}) if is_type else days)
    of = timeline.counts(days if is_type else around.types.get("object", {}))
    return [Share(count=min(number, most), of=most) for number, most in zip(counts, of, strict=True)]
