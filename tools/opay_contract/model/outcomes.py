"""How the calls of a run ended, in a form that joins: successes, business errors and what HTTP alone told."""

import heapq
from collections import Counter

import msgspec

from opay_contract.model.exchange import Place
from opay_contract.model.finding import Outcome
from opay_contract.model.observation import add

MAX_DETAILS = 64
"""Codes of a scope that are counted apart: the first in their order; the others count as not named."""

NOT_NAMED = ""
"""Stands for codes that are not public, that do not look like codes, and for those beyond the cap."""

_NAMED = 5
"""Ways to end that are named in a sentence."""

_WORDS = {Outcome.BUSINESS_ERROR: "code {}", Outcome.TRANSPORT: "HTTP {} and no code"}

OutcomeKey = tuple[str, str, str, str]
"""Operation, request form and outcome, and what tells more: a business code, or a class such as `5xx`.

Operation and form are empty where there is none; nothing tells more about a success.
"""

Outcomes = dict[OutcomeKey, int]


MAX_DIAGNOSED = 8
"""Signatures that do not verify of which the mistake is looked for: the first by place."""


class WrongSignature(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Where a signature stands that does not verify, its mistake ("made over the URL") and what to do."""

    place: Place
    mistake: str
    advice: str


class Signatures(msgspec.Struct, frozen=True, kw_only=True):
    """The signatures that were verified, those of refused requests apart: these are no findings.

    `diagnosed` are the first of those that do not verify.
    """

    verified: int = 0
    failed: int = 0
    refused_verified: int = 0
    refused_failed: int = 0
    diagnosed: tuple[WrongSignature, ...] = ()

    def __add__(self, other: "Signatures") -> "Signatures":
        """Join two counts."""
        return Signatures(
            verified=self.verified + other.verified,
            failed=self.failed + other.failed,
            refused_verified=self.refused_verified + other.refused_verified,
            refused_failed=self.refused_failed + other.refused_failed,
            diagnosed=tuple(heapq.nsmallest(MAX_DIAGNOSED, (*self.diagnosed, *other.diagnosed))),
        )

    @property
    def total(self) -> int:
        """How many were verified, whatever came of it."""
        return self.verified + self.failed + self.refused_verified + self.refused_failed


def describe_mistakes(signatures: Signatures) -> str:
    """Return in words what is wrong with signatures that do not verify, the most frequent mistakes first."""
    failed, looked_at = signatures.failed + signatures.refused_failed, len(signatures.diagnosed)
    if not looked_at:
        return ""
    mistakes = Counter((one.mistake, one.advice) for one in signatures.diagnosed)
    ranked = sorted(mistakes.items(), key=lambda one: (-one[1], one[0]))
    counted = ", ".join(
        f"{count} {'is' if count == 1 else 'are'} {mistake} ({advice})" for (mistake, advice), count in ranked
    )
    return f"of the first {looked_at} that do not, {counted}" if looked_at < failed else counted


def join_outcomes(left: Outcomes, right: Outcomes) -> Outcomes:
    """Join two counts; associative, commutative, with nothing as zero."""
    return limit_details(add(left, right))


def limit_details(outcomes: Outcomes) -> Outcomes:
    """Keep the cap. What is kept depends on the keys alone, so that every split keeps the same."""
    if len(outcomes) <= MAX_DETAILS:
        return outcomes
    details: dict[tuple[str, str, str], list[str]] = {}
    for *scope, detail in outcomes:
        if detail:
            operation, form, outcome = scope
            details.setdefault((operation, form, outcome), []).append(detail)
    kept = {
        (*scope, detail) for scope, found in details.items() for detail in heapq.nsmallest(MAX_DETAILS, found)
    }
    limited: Outcomes = {}
    for key, count in outcomes.items():
        own = key if key in kept else (*key[:3], NOT_NAMED)
        limited[own] = limited.get(own, 0) + count
    return limited


def count_outcome(outcomes: Outcomes, outcome: Outcome) -> int:
    """Return how many calls ended in a way."""
    return sum(count for key, count in outcomes.items() if key[2] == outcome)


def describe_failures(outcomes: Outcomes) -> str:
    """Return in words how the calls ended that did not succeed, the most frequent ways first."""
    ways: Counter[str] = Counter()
    for (_, _, outcome, detail), count in outcomes.items():
        if outcome != Outcome.SUCCESS:
            ways[_WORDS[Outcome(outcome)].format(detail) if detail else "a code that is not named"] += count
    ranked = sorted(ways.items(), key=lambda way: (-way[1], way[0]))
    named = [f"{count:,} with {way}" for way, count in ranked[:_NAMED]]
    rest = sum(count for _, count in ranked[_NAMED:])
    return ", ".join([*named, *([f"{rest:,} with something else"] if rest else [])])
