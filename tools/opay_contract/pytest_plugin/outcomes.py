"""How the calls in a pytest run's recordings ended: carried by the tests' reports, also between processes."""

import json
from collections.abc import Iterable

from opay_contract.contract.contract import Contract
from opay_contract.model.outcomes import Outcomes, join_outcomes
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.outcomes import describe_outcomes, describe_vacuity


def pack_outcomes(outcomes: Outcomes) -> str:
    """Return outcomes as text that a report can carry; it holds no recorded value but public codes."""
    return json.dumps([[*key, count] for key, count in outcomes.items()])


def join_packed(packed: Iterable[str]) -> DriftSummary:
    """Return what the recordings of a run show together."""
    total: Outcomes = {}
    for text in packed:
        for operation, form, outcome, detail, count in json.loads(text):
            total = join_outcomes(total, {(operation, form, outcome, detail): count})
    return DriftSummary(exchanges=sum(total.values()), outcomes=total)


def find_shortage(summary: DriftSummary, required: int | None) -> bool:
    """Tell whether a run fails because too few exchanges succeeded; by default none is too few."""
    if required is None:
        return summary.is_vacuous
    return summary.successes < required


def describe_run(summary: DriftSummary, required: int | None, contract: Contract) -> list[str]:
    """Return what the terminal says at the end, the verdict last."""
    lines = [f"Outcomes: {describe_outcomes(summary.outcomes)}."]
    if required and summary.successes < required:
        asked = f"{required:,} that --opay-require-success asks for"
        lines.append(f"Too few successes: {summary.successes:,} of the {asked}.")
    vacuity = describe_vacuity(CheckedRun(summary=summary, contract=contract))
    return [*lines, *([vacuity] if vacuity else [])]
