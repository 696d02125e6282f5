"""Words for suggestions, the same in every form of a proposal."""

from opay_contract.model.insight import Share
from opay_contract.report.insights import describe_share
from opay_contract.suggest.suggestion import (
    Evidence,
    Judgement,
    Proposal,
    Suggestion,
    Thresholds,
    describe_limit,
)
from opay_contract.words import count, printable

_DAY = len("2026-11-23")

JUDGEMENTS = {
    Judgement.CONTRACT_TOO_STRICT: "the contract is too narrow",
    Judgement.API_VIOLATION: "the vendor broke its word",
    Judgement.UNCLEAR: "cannot tell yet",
    Judgement.TOO_WIDE: "the contract allows more than was seen",
    Judgement.ANSWERED: "an open question is answered",
}
ADVICE = {Judgement.UNCLEAR: "check more recordings"}
"""What is to do about all of a judgement, where their actions do not say it."""


def describe_thresholds(limits: Thresholds) -> str:
    """Return in sentences what the judgements rest on."""
    common, rare = describe_limit(limits.common), describe_limit(limits.rare)
    return (
        f"Judgements. The contract is too narrow: seen at least {limits.count:,} times and on at least "
        f"{limits.days} days (UTC), and, where it contradicts the contract, in at least {common} of what "
        f"could have shown it since it was first seen. The vendor broke its word: it contradicts the "
        f"contract in less than {rare} of at least {limits.enough:,}, or on fewer than {limits.days} days "
        f"after at least {limits.enough:,} without it, or no contract could allow it. Cannot tell yet: "
        f"everything else, and an undocumented member in less than {rare}. At most {limits.values} values "
        f"are added to a list at once, and at most {limits.changes} changes suggested."
    )


def describe_evidence(evidence: Evidence) -> str:
    """Return how often, of how often, and when."""
    words = f"in {describe_share(Share(count=evidence.count, of=evidence.of))}"
    if evidence.before:
        words += f" after {evidence.before:,} without"
    if evidence.first_seen and evidence.last_seen:
        first, last = evidence.first_seen[:_DAY], evidence.last_seen[:_DAY]
        days = f"on {count(evidence.days, 'day')} from {first} to {last}"
        words += f", on {first}" if first == last else f", {days}"
    return words


def describe_action(suggestion: Suggestion) -> str:
    """Return what to do, without the advice that goes for all of its judgement."""
    advice = ADVICE.get(suggestion.judgement, "")
    return suggestion.action.removeprefix(f"{advice}; then it may be: ")


def describe_subject(suggestion: Suggestion) -> str:
    """Return what a suggestion is about: rule and places, or the question."""
    if suggestion.question:
        return f"open question {suggestion.question}"
    places = ", ".join(pointer or "(the whole body)" for pointer in suggestion.pointers)
    return printable(f"{suggestion.rule} {places}")


def describe_place(suggestion: Suggestion) -> str:
    """Return the statement of the contract as a place that an editor can open."""
    place = suggestion.contract
    return f"{place.file}:{place.line}:{place.column}" if place else "the contract says nothing there"


def describe_result(proposal: Proposal) -> str:
    """Return in a sentence what came of a run."""
    changes, others = len(proposal.changes), len(proposal.others)
    unreadable = f" {proposal.unreadable:,} could not be read." if proposal.unreadable else ""
    return (
        f"{count(changes, 'change')} of the contract suggested from "
        f"{count(proposal.exchanges, 'exchange')}, {count(others, 'thing')} for a person.{unreadable}"
    )
