"""Changes over time on the HTML page: what is present or typed otherwise since a day, with its rates."""

from opay_contract.model.insight import Change, ChangeKind, Share
from opay_contract.model.observation import Observations
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_charts import draw_rates
from opay_contract.report.html_parts import Section, as_text
from opay_contract.report.html_timeline import timeline_of
from opay_contract.report.insights import describe_scope, describe_share, describe_spot
from opay_contract.report.timeline import Timeline

MAX_CHANGES = 500
"""Changes that the page shows, the latest; each has a chart."""


def build_changes(run: CheckedRun) -> Section | None:
    """Return the changes by day, each with a chart of its rate."""
    changes, timeline = run.insight.changes, timeline_of(run)
    if not changes or timeline is None:
        return None
    left_out = len(changes) - MAX_CHANGES
    about = f"Each chart has the share from {timeline.first} to {timeline.last}; a column is {timeline.unit}"
    parts = [f"<p>{about}, and the broken line is the change.</p>"]
    parts += [f"<p>The latest {MAX_CHANGES:,}; {left_out:,} before them are left out.</p>"] * (left_out > 0)
    items = (_change(change, run.summary.observations, timeline) for change in changes[-MAX_CHANGES:])
    parts += ['<ol class="changes">', *items, "</ol>"]
    return Section(id="changes", title=f"Changes over time ({len(changes):,})", body="\n".join(parts))


def _change(change: Change, observations: Observations, timeline: Timeline) -> str:
    undocumented = "" if change.is_documented else ' <span class="tag">undocumented</span>'
    return (
        f'<li class="change">\n<div>\n<h3><time datetime="{change.day}">{change.day}</time> '
        f'<span class="badge">{change.kind.value}</span> '
        f'<code class="pointer">{as_text(describe_spot(change.spot))}</code>{undocumented}</h3>\n'
        f"<p>{_describe(change)}</p>\n"
        f'<p class="statement">{as_text(describe_scope(change.spot))}</p>\n</div>\n'
        f"<div>{_chart(change, observations, timeline)}</div>\n</li>"
    )


def _describe(change: Change) -> str:
    what = as_text(change.type.capitalize()) if change.kind is ChangeKind.TYPE else "Present"
    before, after = describe_share(change.before), describe_share(change.after)
    return f"{what} in {after} from then on, in {before} before."


def _chart(change: Change, observations: Observations, timeline: Timeline) -> str:
    title = f"{_subject(change)} over time"
    before, after = describe_share(change.before), describe_share(change.after)
    words = f"Before {change.day} in {before}, since then in {after}."
    shares = rates_of(change, observations, timeline)
    return draw_rates(title, words, shares, timeline.column_of(change.day))


def _subject(change: Change) -> str:
    share = change.type if change.kind is ChangeKind.TYPE else "presence"
    return f"Share of {share} of {describe_spot(change.spot)}"


def rates_of(change: Change, observations: Observations, timeline: Timeline) -> list[Share]:
    """Return what a change counts, column by column."""
    observed = observations.get(change.spot)
    around = observations.get((*change.spot[:3], change.spot[3].rpartition("/")[0]))
    if observed is None or around is None:
        return []
    days = observed.days()
    is_type = change.kind is ChangeKind.TYPE
    counts = timeline.counts(observed.types.get(change.type, {}) if is_type else days)
    of = timeline.counts(days if is_type else around.types.get("object", {}))
    return [Share(count=min(number, most), of=most) for number, most in zip(counts, of, strict=True)]
