"""Tells from evidence whether the contract is too narrow, the vendor broke its word, or nobody knows yet."""

from opay_contract.model.finding import Kind
from opay_contract.suggest.suggestion import Evidence, Judgement, Thresholds, describe_limit

Verdict = tuple[Judgement, str]
"""A judgement, and why."""


def judge(kind: Kind, evidence: Evidence, limits: Thresholds, *, is_catalogue: bool) -> Verdict:
    """Judge a difference by how often it was seen, on how many days, and since when.

    What is undocumented contradicts nothing, so the vendor cannot have broken its word. In a catalogue with
    an open end, such as that of codes, even what is rare belongs.
    """
    if kind is Kind.UNDOCUMENTED:
        return _judge_undocumented(evidence, limits, is_catalogue=is_catalogue)
    return _judge_contradicted(evidence, limits)


def _judge_undocumented(evidence: Evidence, limits: Thresholds, *, is_catalogue: bool) -> Verdict:
    if doubt := _find_doubt(evidence, limits):
        return Judgement.UNCLEAR, doubt
    if not is_catalogue and _is_rare(evidence, limits):
        return Judgement.UNCLEAR, f"rare: in less than {describe_limit(limits.rare)}"
    return Judgement.CONTRACT_TOO_STRICT, "regular, and nothing in the contract speaks against it"


def _judge_contradicted(evidence: Evidence, limits: Thresholds) -> Verdict:
    if evidence.of >= limits.enough and _is_rare(evidence, limits):
        return Judgement.API_VIOLATION, f"rare: in less than {describe_limit(limits.rare)}"
    if 0 < evidence.days < limits.days and evidence.before >= limits.enough:
        return (
            Judgement.API_VIOLATION,
            f"recent: on fewer than {limits.days} days",
        )
    if doubt := _find_doubt(evidence, limits):
        return Judgement.UNCLEAR, doubt
    if evidence.count >= limits.common * evidence.of:
        return Judgement.CONTRACT_TOO_STRICT, f"regular: in {describe_limit(limits.common)} or more"
    between = f"between {describe_limit(limits.rare)} and {describe_limit(limits.common)}"
    return Judgement.UNCLEAR, f"neither rare nor regular: {between}"


def _find_doubt(evidence: Evidence, limits: Thresholds) -> str | None:
    """Return why there is too little evidence, None where there is enough."""
    if evidence.count < limits.count:
        return f"seen fewer than {limits.count} times"
    if not evidence.days:
        return "the recordings do not say when they were made"
    return f"seen on fewer than {limits.days} days" if evidence.days < limits.days else None


def _is_rare(evidence: Evidence, limits: Thresholds) -> bool:
    return evidence.count < limits.rare * evidence.of
