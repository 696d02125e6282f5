"""Draws from a summary what its observations say beside findings."""

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import OpenQuestion
from opay_contract.drift.changes import find_changes
from opay_contract.drift.gaps import iter_gaps
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.insight import Answer, Insight
from opay_contract.model.observation import EARLIER, MAX_DAYS, MAX_SPOTS, MAX_VALUES
from opay_contract.model.summary import DriftSummary


def draw_insight(summary: DriftSummary, contract: Contract) -> Insight:
    """Return gaps, changes, answers and limits of a run; where nothing succeeded, nothing has a verdict."""
    return Insight(
        gaps=tuple(iter_gaps(summary.observations, contract)),
        changes=find_changes(summary.observations),
        answers=tuple(_answer(question, summary) for question in contract.questions),
        limits=tuple(_limits(summary)),
    )


def _answer(question: OpenQuestion, summary: DriftSummary) -> Answer:
    counts = tuple(
        (reading.id, summary.readings.get((question.id, reading.id), 0)) for reading in question.readings
    )
    holding = [reading for reading, count in counts if count]
    is_enough = sum(count for _, count in counts) >= MIN_OBSERVATIONS
    return Answer(
        question=question.id,
        counts=counts,
        verdict=holding[0] if len(holding) == 1 and is_enough and not summary.is_vacuous else None,
    )


def _limits(summary: DriftSummary) -> list[str]:
    observations = summary.observations
    limits = []
    if len(observations) >= MAX_SPOTS:
        limits.append(f"{MAX_SPOTS:,} places were observed; there may be more.")
    crowded = sorted({spot[3] for spot, observed in observations.items() if observed.has_many_values})
    if crowded:
        limits.append(f"More than {MAX_VALUES} values, none kept: {', '.join(crowded)}.")
    if any(EARLIER in days for observed in observations.values() for days in observed.types.values()):
        limits.append(f"Only the latest {MAX_DAYS} days are told apart.")
    return limits
