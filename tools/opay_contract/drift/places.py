"""Moves the places that a summary names, and nothing else of it."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.summary import DriftSummary, FoldedFinding, merge

Move = Callable[[Place], Place]
"""Says where a place is now; it must keep the order of places."""

T = TypeVar("T")


def move_places(summary: DriftSummary, move: Move) -> DriftSummary:
    """Return the summary with every place moved, wherever in it one stands."""
    moved: DriftSummary = _moved(summary, move)
    return moved


def join_runs(summaries: list[DriftSummary]) -> DriftSummary:
    """Join the summaries of runs of their own: the files of each come after those of the one before."""
    total, files = DriftSummary(), 0
    for summary in summaries:
        places: list[Place] = []
        total = merge(total, move_places(summary, _shift(files, places)))
        files = max((place.source + 1 for place in places), default=files)
    return total


def _shift(files: int, places: list[Place]) -> Move:
    def shift(place: Place) -> Place:
        moved = structs.replace(place, source=place.source + files)
        places.append(moved)
        return moved

    return shift


def _moved(value: T, move: Move) -> Any:
    if isinstance(value, Place):
        return move(value)
    if isinstance(value, Unreadable):
        return _moved_unreadable(value, move)
    if isinstance(value, FoldedFinding):
        return _moved_members(
            structs.replace(value, files=tuple(_moved_file(one, move) for one in value.files)), move
        )
    if isinstance(value, dict):
        return {key: _moved(member, move) for key, member in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_moved(item, move) for item in value)
    if isinstance(value, msgspec.Struct):
        return _moved_members(value, move)
    return value


def _moved_file(ordinal: int, move: Move) -> int:
    """Move a file that is named by its ordinal alone."""
    return move(Place(source=ordinal, entry=0, file="file")).source


def _moved_members(value: Any, move: Move) -> Any:
    members = structs.asdict(value)
    moved = {name: _moved(member, move) for name, member in members.items()}
    changed = {name: member for name, member in moved.items() if member is not members[name]}
    return structs.replace(value, **changed) if changed else value


def _moved_unreadable(value: Unreadable, move: Move) -> Unreadable:
    """Move what could not be read; the reason may name the line, too."""
    place = move(value.place)
    reason = value.reason.replace(f"at line {value.place.line},", f"at line {place.line},")
    return structs.replace(value, place=place, reason=reason)
