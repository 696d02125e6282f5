"""A proposal as text: a patch with what speaks for it in front, overlays, and JSON for programs.

An OpenAPI Overlay 1.0 has one target document, and its actions reach objects and arrays, never what a `$ref`
leads to. So a schema in a file of its own has an overlay of its own, whose `extends` names that file. The
specification cannot remove a primitive value, or replace one inside an array, and tools differ in how they
append to arrays. So the nearest object or array around such an edit is removed and put back edited. The JSON
has structures of its own with a version and a published schema.
"""

import difflib
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from msgspec import structs, to_builtins

from opay_contract.contract.documents import ContractUsed
from opay_contract.jsontext import value_at
from opay_contract.model.finding import Share
from opay_contract.report.sentences import describe_share
from opay_contract.suggest.editing import Add, Append, Put
from opay_contract.suggest.suggestion import (
    Frequency,
    Judgement,
    Move,
    Proposal,
    Revision,
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


def describe_evidence(evidence: Frequency) -> str:
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


_CONTEXT = 3
_WIDTH = 108
_NO_FEED = "\n\\ No newline at end of file\n"


def render_diff(proposal: Proposal, used: ContractUsed | None = None) -> str:
    """Return a patch for `git apply` and `patch -p1` in the contract's folder; they skip its comments."""
    blocks = [
        *([printable(str(used))] if used else []),
        describe_result(proposal),
        *(block for judgement in Judgement for block in _groups(judgement, proposal)),
        describe_thresholds(proposal.thresholds),
    ]
    head = "#\n".join(_comment(block) for block in blocks)
    return head + "".join(map(render_revision, proposal.revisions))


def render_revision(revision: Revision) -> str:
    """Return the unified diff of one document."""
    lines = difflib.unified_diff(
        _lines(revision.before),
        _lines(revision.after),
        f"a/{revision.name}",
        f"b/{revision.name}",
        n=_CONTEXT,
        lineterm="\n",
    )
    return "".join(line if line.endswith("\n") else line + _NO_FEED for line in lines)


def _lines(text: str) -> list[str]:
    """Part a text at line feeds and at nothing else, as the readers of patches do."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _groups(judgement: Judgement, proposal: Proposal) -> Iterator[str]:
    """Yield what was judged alike: what the patch has, then what is left to a person."""
    for note, suggestions in ((", in the patch below", proposal.changes), ("", proposal.others)):
        alike = [one for one in suggestions if one.judgement is judgement]
        if not alike:
            continue
        actions = {describe_action(one) for one in alike}
        shared = actions.pop() if len(actions) == 1 else ADVICE.get(judgement, "")
        title = f"{JUDGEMENTS[judgement][0].upper()}{JUDGEMENTS[judgement][1:]} ({len(alike)}){note}"
        head = f"{title}: {shared}" if shared else title
        yield "\n".join([head, *(line for one in alike for line in _lines_of(one, shared))])


def _lines_of(suggestion: Suggestion, shared: str) -> tuple[str, str]:
    subject, action = describe_subject(suggestion), describe_action(suggestion)
    what = f"{subject}: {action}" if action != shared else subject
    why = [suggestion.because, describe_evidence(suggestion.evidence)]
    if suggestion.judgement is Judgement.API_VIOLATION:  # what a baseline would accept
        why.append(", ".join(suggestion.fingerprints))
    return f"  {describe_place(suggestion)}: {what}", f"    {'; '.join(why)}"


def _comment(block: str) -> str:
    lines: list[str] = []
    for paragraph in block.split("\n"):
        indent = " " * (len(paragraph) - len(paragraph.lstrip()))
        following = f"{indent}    " if indent else ""
        lines += textwrap.wrap(
            paragraph, _WIDTH, subsequent_indent=following, break_long_words=False, break_on_hyphens=False
        )
    return "".join(f"# {line}\n" for line in lines)


VERSION = "1.0.0"
"""The version of the Overlay Specification."""

_TITLE = "Suggestions of opay-contract for"
_ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "'": "\\'", "\\": "\\\\"}

_Action = dict[str, Any]


def render_overlays(proposal: Proposal) -> str:
    """Return the overlays as a YAML stream: JSON documents, parted by `---` where there are several."""
    return "---\n".join(overlay_files(proposal).values())


def overlay_files(proposal: Proposal) -> dict[str, str]:
    """Return each overlay's text by the name of the document that it changes."""
    return {
        revision.name: json.dumps(_overlay(revision.name, proposal), indent=2, ensure_ascii=False) + "\n"
        for revision in proposal.revisions
    }


def normalized_path(tokens: tuple[str | int, ...]) -> str:
    """Return a place as a normalized JSONPath (RFC 9535, section 2.7)."""
    return "$" + "".join(
        f"[{token}]" if isinstance(token, int) else f"['{_escaped(token)}']" for token in tokens
    )


def _overlay(name: str, proposal: Proposal) -> dict[str, Any]:
    reasons = _reasons(proposal)
    return {
        "overlay": VERSION,
        "info": {
            "title": f"{_TITLE} {name}",
            "version": "1.0.0",
            "x-result": describe_result(proposal),
            "x-thresholds": describe_thresholds(proposal.thresholds),
        },
        "extends": name,
        "actions": [
            {"target": action.pop("target"), "description": reasons[id(move.edit)], **action}
            for move in _last_appends(move for move in proposal.moves if move.edit.file == name)
            for action in _actions(move)
        ],
    }


def _last_appends(moves: Iterable[Move]) -> Iterator[Move]:
    """Yield moves, of those that append to one list in a row the last, whose value has all items."""
    for (is_append, _), group in groupby(moves, lambda move: (isinstance(move.edit, Append), move.edit.at)):
        found = list(group)
        yield from found[-1:] if is_append else found


def _reasons(proposal: Proposal) -> dict[int, str]:
    """Return what speaks for each edit, by the edit's identity: two suggestions may have equal ones."""
    return {
        id(edit): f"{describe_subject(one)}: {one.action}. {JUDGEMENTS[one.judgement].capitalize()}: "
        f"{one.because}; {describe_evidence(one.evidence)}."
        for one in proposal.changes
        for edit in one.edits
    }


def _actions(move: Move) -> Iterator[_Action]:
    edit = move.edit
    is_primitive = not isinstance(edit, Add) and not isinstance(value_at(move.before, edit.at), dict | list)
    if isinstance(edit, Add):
        yield {"target": normalized_path(edit.at), "update": {edit.name: edit.value}}
    elif isinstance(edit, Put) and isinstance(edit.at[-1], str) and is_primitive:
        yield {"target": normalized_path(edit.at[:-1]), "update": {edit.at[-1]: edit.value}}
    else:
        yield from _rebuild(move)


def _rebuild(move: Move) -> Iterator[_Action]:
    """Take out the nearest object or array around an edit that is a member, and put it back edited."""
    place = move.edit.at
    while not (isinstance(place[-1], str) and isinstance(value_at(move.before, place), dict | list)):
        place = place[:-1]
    yield {"target": normalized_path(place), "remove": True}
    yield {"target": normalized_path(place[:-1]), "update": {place[-1]: value_at(move.after, place)}}


def _escaped(name: str) -> str:
    return "".join(
        _ESCAPES.get(letter, letter if letter >= " " else f"\\u{ord(letter):04x}") for letter in name
    )


SCHEMA_VERSION = 1


def render_suggestions(proposal: Proposal, used: ContractUsed | None = None) -> str:
    """Return a proposal as JSON text; `suggestions-v1.schema.json` describes it."""
    told = {
        "schema_version": SCHEMA_VERSION,
        "contract": to_builtins(used) if used else None,
        "exchanges": proposal.exchanges,
        "unreadable": proposal.unreadable,
        "thresholds": to_builtins(proposal.thresholds) | {"text": describe_thresholds(proposal.thresholds)},
        "suggestions": [_suggestion(one) for one in proposal.suggestions],
        "files": [{"file": one.name, "diff": render_revision(one)} for one in proposal.revisions],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "judgement": suggestion.judgement.value,
        "because": suggestion.because,
        "action": suggestion.action,
        "rule": suggestion.rule or None,
        "question": suggestion.question or None,
        "scopes": list(suggestion.scopes),
        "pointers": list(suggestion.pointers),
        "fingerprints": list(suggestion.fingerprints),
        "evidence": to_builtins(suggestion.evidence),
        "contract": to_builtins(suggestion.contract) if suggestion.contract else None,
        "edits": [
            {"do": type(edit).__name__.lower(), **structs.asdict(edit), "at": list(edit.at)}
            for edit in suggestion.edits
        ],
    }
