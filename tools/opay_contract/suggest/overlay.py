"""A proposal as OpenAPI Overlay 1.0 documents, one for each document of the contract that changes.

An overlay has one target document, and its actions reach objects and arrays, never what a `$ref` leads to.
So a schema in a file of its own has an overlay of its own, whose `extends` names that file. The
specification cannot remove a primitive value, or replace one inside an array, and tools differ in how they
append to arrays. So the nearest object or array around such an edit is removed and put back edited.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from opay_contract.jsontext import value_at
from opay_contract.suggest.edit import Add, Append, Put
from opay_contract.suggest.suggestion import Move, Proposal
from opay_contract.suggest.words import (
    JUDGEMENTS,
    describe_evidence,
    describe_result,
    describe_subject,
    describe_thresholds,
)

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
    if isinstance(edit, Add):
        yield {"target": normalized_path(edit.at), "update": {edit.name: edit.value}}
    elif isinstance(edit, Put) and isinstance(edit.at[-1], str) and _is_primitive(move):
        yield {"target": normalized_path(edit.at[:-1]), "update": {edit.at[-1]: edit.value}}
    else:
        yield from _rebuild(move)


def _is_primitive(move: Move) -> bool:
    return not isinstance(value_at(move.before, move.edit.at), dict | list)


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
