"""Edits of a document of the contract, each at one place, for its value and for its text."""

from dataclasses import dataclass
from typing import Any

Place = tuple[str | int, ...]
"""The steps of a JSON pointer: member names and indexes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Another value for what stands at a place."""

    file: str
    at: Place
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """Another name and another value for the member at a place, which keeps its position."""

    file: str
    at: Place
    name: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """One more member of the mapping at a place, behind the member `after`, or the last."""

    file: str
    at: Place
    name: str
    value: Any
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """One more item at the end of the list at a place."""

    file: str
    at: Place
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """The member or the item at a place, gone."""

    file: str
    at: Place


Edit = Put | Rename | Add | Append | Remove
