"""The tables of the Markdown report that come from observations; they fold, as they ask for nothing."""

from collections.abc import Iterator

from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.insight import Change, ChangeKind, Gap, Insight
from opay_contract.report.insights import (
    GapGroup,
    describe_scope,
    describe_share,
    describe_spot,
    group_gaps,
    narrower,
)
from opay_contract.report.markdown_parts import NONE_LISTED, code, cut, details, prose, table

MAX_ITEMS = 40
"""Things that were never seen in a row; further ones are counted."""

_LONGEST = 200
_Rows = list[list[str]]


def render_insights(insight: Insight, rows: int) -> list[str]:
    """Return changes, what is narrower and what was never seen, in so many rows at most."""
    blocks = []
    for title, columns, lines in _tables(insight):
        if lines:
            blocks.append(details(title, _limited(columns, lines, rows), is_open=False))
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
    allowed = [_narrower(gap) for gap in narrower(insight)]
    title = f"Narrower than documented ({len(allowed):,}; from {MIN_OBSERVATIONS} observations on)"
    yield title, ("Rule", "Where", "Documented", "Seen", "Observations"), allowed
    never = group_gaps(insight.gaps, is_narrower=False)
    title = f"Documented and never seen ({sum(len(group.items) for group in never):,})"
    yield title, ("Rule", "In", "Never seen", "Of"), [_never(group) for group in never]


def _limited(columns: tuple[str, ...], lines: _Rows, rows: int) -> str:
    if not rows:
        return NONE_LISTED
    more = f"\n\nAnd {len(lines) - rows:,} more." if len(lines) > rows else ""
    return table(columns, lines[:rows]) + more


def _change(change: Change) -> list[str]:
    what = f"{change.kind}: {change.type}" if change.kind is ChangeKind.TYPE else change.kind.value
    what += "" if change.is_documented else ", undocumented"
    shares = (describe_share(change.before), describe_share(change.after))
    where = _where(describe_spot(change.spot), describe_scope(change.spot))
    return [change.day, prose(what), where, *map(prose, shares)]


def _narrower(gap: Gap) -> list[str]:
    where = _where(describe_spot(gap.spot), describe_scope(gap.spot))
    documented, seen = prose(cut(gap.documented, _LONGEST)), prose(cut(gap.seen, _LONGEST))
    return [code(gap.rule.id), where, documented, seen, f"{gap.opportunities:,}"]


def _never(group: GapGroup) -> list[str]:
    items = ", ".join(code(cut(item, _LONGEST)) for item in group.items[:MAX_ITEMS])
    more = f" and {len(group.items) - MAX_ITEMS:,} more" if len(group.items) > MAX_ITEMS else ""
    return [code(group.rule.id), prose(group.scope), items + more, f"{group.opportunities:,}"]


def _where(place: str, scope: str) -> str:
    return f"{code(cut(place, _LONGEST))}<br>{prose(scope)}"
