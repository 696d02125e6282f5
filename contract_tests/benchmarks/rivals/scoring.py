"""Scores what tools said against what was planted, and renders the table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from opay_contract.judge.table import RULES, RULES_BY_ID, RULES_OF_A_RUN

from .material import Material
from .said import Run, names_place
from .tools import Tool

Cell = tuple[int, int]
"""Drifts that were found at their place, and those found elsewhere in the exchange."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A tool beside the corpus: what it found by rule, what it said in error, and what it gave away."""

    tool: Tool
    cells: dict[str, Cell]
    false_alarms: int
    leaked: tuple[str, ...]


def score_findings(material: Material, run: Run) -> dict[str, Cell]:
    """Count by rule what was found at its place, and what was found elsewhere."""
    placed: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for number, drift in material.planted.items():
        remarks = [one for one in run.said if one.exchange == number]
        if any(names_place(RULES_BY_ID[drift.rule], drift.found[0][3], one) for one in remarks):
            placed[drift.rule] += 1
        elif remarks:
            elsewhere[drift.rule] += 1
    return {rule.id: (placed[rule.id], elsewhere[rule.id]) for rule in RULES if rule not in RULES_OF_A_RUN}


def find_leaks(material: Material, printed: str) -> tuple[str, ...]:
    """Return the classes of recorded values that a tool printed."""
    shown = printed + printed.encode().decode("unicode-escape", "ignore") if "\\u" in printed else printed
    return tuple(name for name, values in material.secrets.items() if any(one in shown for one in values))


def render_table(material: Material, clean: int, scores: Sequence[Score]) -> str:
    """Return the table in Markdown: a row for each rule, then what else matters."""
    planted = Counter(drift.rule for drift in material.planted.values())
    names = [f"{score.tool.name} {score.tool.version}" for score in scores]
    rows = [["kind of drift", "planted", *names], ["---"] * (len(scores) + 2)]
    rows += [
        [f"`{rule.id}`", str(planted[rule.id]), *(_cell(score.cells[rule.id]) for score in scores)]
        for rule in RULES
        if rule not in RULES_OF_A_RUN
    ]
    rows += [
        ["found at its place", f"{planted.total()}", *(str(_placed(score)) for score in scores)],
        ["false alarms, clean exchanges", f"{clean:,}", *(f"{score.false_alarms:,}" for score in scores)],
        ["recorded values in its messages", "", *(", ".join(score.leaked) or "none" for score in scores)],
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(cell: Cell) -> str:
    placed, elsewhere = cell
    if elsewhere:
        return f"{placed} (+{elsewhere} elsewhere)"
    return str(placed) if placed else "–"  # noqa: RUF001  a dash in a table


def _placed(score: Score) -> int:
    return sum(placed for placed, _ in score.cells.values())
