"""Words for suggestions, the same in every form of a proposal."""

from opay_contract.model.insight import Share
from opay_contract.report.insights import describe_share
from opay_contract.report.sentences import describe_moment
from opay_contract.suggest.suggestion import (
    Evidence,
    Judgement,
    Proposal,
    Suggestion,
    Thresholds,
    describe_limit,
)
from opay_contract.words import printable

JUDGEMENTS = {
    Judgement.CONTRACT_TOO_STRICT: "the contract is too narrow",
    Judgement.API_VIOLATION: "the vendor broke its word",
    Judgement.UNCLEAR: "cannot tell yet",
    Judgement.TOO_WIDE: "the contract allows more than was seen",
    Judgement.ANSWERED: "an open question is answered",
}


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
    if evidence.days:
        words += f", on {evidence.days:,} {'day' if evidence.days == 1 else 'days'}"
    if evidence.first_seen and evidence.last_seen:
        words += f", from {describe_moment(evidence.first_seen)} to {describe_moment(evidence.last_seen)}"
    return words


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
        f"{changes:,} {'change' if changes == 1 else 'changes'} of the contract suggested from "
        f"{proposal.exchanges:,} {'exchange' if proposal.exchanges == 1 else 'exchanges'}, "
        f"{others:,} {'thing' if others == 1 else 'things'} for a person.{unreadable}"
    )
