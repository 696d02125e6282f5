"""The sections of the text report that come from observations; short, as they inform and ask for nothing."""

import click

from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.insight import Change, Insight
from opay_contract.report.insights import (
    describe_answer,
    describe_change,
    describe_scope,
    describe_spot,
    group_gaps,
)
from opay_contract.words import printable


def render_changes(changes: tuple[Change, ...]) -> str:
    """Return what changed, a line each, by day."""
    lines = [
        f"{change.day}: {click.style(change.kind.value, bold=True)} {printable(describe_spot(change.spot))}: "
        f"{describe_change(change)}\n    {click.style(describe_scope(change.spot), dim=True)}"
        for change in changes
    ]
    return _section(f"Changes over time ({len(changes)})", lines)


def render_gaps(insight: Insight) -> str:
    """Return what was documented and never seen, a line for each rule and scope."""
    groups = group_gaps(insight.gaps, is_narrower=False)
    width = max((len(group.rule.id) for group in groups), default=0)
    lines = [
        f"  {group.rule.id:<{width}}  {group.scope}: {', '.join(group.items)} (0 of {group.opportunities:,})"
        for group in groups
    ]
    return _section(f"Documented and never seen ({sum(len(group.items) for group in groups)})", lines)


def render_narrower(insight: Insight) -> str:
    """Return what the contract allows and the recordings do not need, a line each."""
    groups = group_gaps(insight.gaps, is_narrower=True)
    lines = [
        f"  {group.rule.id}  {group.scope}: {item} ({group.opportunities:,} seen)"
        for group in groups
        for item in group.items
    ]
    title = f"Narrower than documented ({len(lines)}; from {MIN_OBSERVATIONS} observations on)"
    return _section(title, lines)


def render_answers(insight: Insight) -> str:
    """Return the open questions that something speaks to, with counts and a verdict where there is one."""
    answers = [answer for answer in insight.answers if answer.observations]
    width = max((len(answer.question) for answer in answers), default=0)
    lines = [f"  {answer.question:<{width}}  {describe_answer(answer)}" for answer in answers]
    return _section("Open questions that these recordings speak to", lines)


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([click.style(title, bold=True), *lines]) if lines else ""
