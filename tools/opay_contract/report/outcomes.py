"""Words for how the calls of a run ended, the same in every report."""

from collections import Counter
from typing import Any

from opay_contract.jsontext import pointer
from opay_contract.model.finding import Outcome
from opay_contract.model.outcomes import (
    Outcomes,
    Signatures,
    count_outcome,
    describe_failures,
    describe_mistakes,
)
from opay_contract.report.checked_run import CheckedRun
from opay_contract.words import printable

_SUCCESS, _BUSINESS_ERROR, _TRANSPORT = Outcome.SUCCESS, Outcome.BUSINESS_ERROR, Outcome.TRANSPORT


def describe_outcomes(outcomes: Outcomes) -> str:
    """Return how many calls ended in each way, parted by form, by code and by class of statuses."""
    kinds = (
        (_SUCCESS, "success", "successes", 1),
        (_BUSINESS_ERROR, "business error", "business errors", 3),
        (_TRANSPORT, "answer without a business code", "answers without a business code", 3),
    )
    said = []
    for outcome, one, many, part in kinds:
        if number := count_outcome(outcomes, outcome):
            parts = _parted(outcomes, outcome, part)
            named = ", ".join(f"{name} {count:,}" for name, count in parts if name)
            said.append(f"{number:,} {one if number == 1 else many}" + (f" ({named})" if named else ""))
    return printable("; ".join(said))


def describe_signatures(signatures: Signatures) -> str:
    """Return how many signatures verify, those of refused requests apart, or nothing where none was tried."""
    verified, refused = signatures.verified, signatures.refused_verified + signatures.refused_failed
    accepted = verified + signatures.failed
    parts = [f"{verified:,} of {accepted:,} verify"] if accepted else []
    parts += [f"of refused requests {signatures.refused_verified:,} of {refused:,} verify"] if refused else []
    mistakes = describe_mistakes(signatures)
    return printable("; ".join([", ".join(parts), *([mistakes] if mistakes else [])]))


def describe_vacuity(run: CheckedRun) -> str:
    """Return what a run without a success leaves unsaid, or nothing where something succeeded."""
    summary = run.summary
    if not summary.is_vacuous:
        return ""
    exchanges = "The exchange" if summary.exchanges == 1 else f"None of the {summary.exchanges:,} exchanges"
    verb = "did not succeed" if summary.exchanges == 1 else "succeeded"
    ended = describe_failures(summary.outcomes)
    said = f"{exchanges} {verb} ({ended}): nothing about {_data_of(run)} was checked"
    signatures = summary.signatures
    if failed := signatures.failed + signatures.refused_failed:
        said += f"; with the key given, {failed:,} of {signatures.total:,} signatures do not verify"
        mistakes = describe_mistakes(signatures)
        said += f"; {mistakes}" if mistakes else ""
    return f"{printable(said)}."


def describe_shortage(run: CheckedRun) -> str:
    """Return how far a run stays behind the successes that were asked for, or nothing."""
    if not run.is_short:
        return ""
    asked = f"{run.require_success:,} that --require-success asks for"
    return f"Too few successes: {run.summary.successes:,} of the {asked}."


def build_outcomes(outcomes: Outcomes) -> dict[str, Any]:
    """Return the outcomes as the values that JSON has."""
    forms: dict[tuple[str, str], int] = {}
    for (operation, form, outcome, _), number in outcomes.items():
        if outcome == _SUCCESS:
            forms[operation, form] = forms.get((operation, form), 0) + number
    return {
        "successes": count_outcome(outcomes, _SUCCESS),
        "by_form": [
            {"operation": operation, "form": form or None, "count": number}
            for (operation, form), number in sorted(forms.items())
        ],
        "business_errors": count_outcome(outcomes, _BUSINESS_ERROR),
        "by_code": [
            {"code": code or None, "count": number} for code, number in _parted(outcomes, _BUSINESS_ERROR, 3)
        ],
        "transport": count_outcome(outcomes, _TRANSPORT),
        "by_status": [
            {"status": status or None, "count": number} for status, number in _parted(outcomes, _TRANSPORT, 3)
        ],
    }


def build_signatures(signatures: Signatures) -> dict[str, Any]:
    """Return the signatures as the values that JSON has."""
    built: dict[str, Any] = {
        "verified": signatures.verified,
        "failed": signatures.failed,
        "refused": {"verified": signatures.refused_verified, "failed": signatures.refused_failed},
    }
    if signatures.diagnosed:
        mistakes = Counter((one.mistake, one.advice) for one in signatures.diagnosed)
        built["mistakes"] = [
            {"mistake": mistake, "advice": advice, "count": count}
            for (mistake, advice), count in sorted(mistakes.items())
        ]
    return built


def _parted(outcomes: Outcomes, outcome: Outcome, part: int) -> list[tuple[str, int]]:
    """Return counts by one part of the key, the most frequent first."""
    counts: dict[str, int] = {}
    for key, number in outcomes.items():
        if key[2] == outcome:
            counts[key[part]] = counts.get(key[part], 0) + number
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _data_of(run: CheckedRun) -> str:
    """Return the names of what a success carries, as the contract has them."""
    operations = run.contract.operations if run.contract else ()
    names = dict.fromkeys(pointer(one.envelope.data)[1:] for one in operations if one.envelope)
    return " and ".join(f"`{name}`" for name in names) or "what a success carries"
