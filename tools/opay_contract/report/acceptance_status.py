"""What a baseline says, in words that every report and command uses alike."""

from opay_contract.baseline.acceptance import Acceptance, State
from opay_contract.model.summary import FoldedFinding
from opay_contract.report.checked_run import CheckedRun
from opay_contract.words import on_one_line, printable


def describe_standing(run: CheckedRun, folded: FoldedFinding) -> str:
    """Return how the acceptance of a finding stands, where, by whom it is and why, or nothing."""
    acceptance = run.acceptance(folded)
    if acceptance is None:
        return ""
    where = f"{acceptance.file}:{acceptance.line}"
    return on_one_line(f"{run.standing(folded)} ({where}) by {acceptance.accepted_by}: {acceptance.reason}")


def describe_covered(acceptance: Acceptance) -> str:
    """Return what an acceptance covers as findings are named: the rule and the place."""
    return " ".join(
        filter(None, (acceptance.rule, printable(acceptance.pointer), printable(acceptance.value)))
    )


def describe_unused(acceptance: Acceptance) -> str:
    """Return why an acceptance is called unused, and what to do about it."""
    why = f"no finding has the fingerprint {acceptance.fingerprint}"
    return f"{why}; `opay-contract baseline prune` removes it"


def describe_no_drift(run: CheckedRun) -> str:
    """Return what is said of a run in which nothing counts."""
    if run.summary.is_vacuous:
        return "none of them succeeded" if run.summary.exchanges > 1 else "it did not succeed"
    is_any_accepted = run.judged is not None and bool(run.judged.keys(State.ACCEPTED))
    return "no drift but what is accepted" if is_any_accepted else "no drift"
