"""Reads decoded lines of one kind column by column, each place once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

EACH = "*"
"""The step from a list to each of its items."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Column:
    """One place in every line of a kind; `steps` are the attributes that lead to it, and `EACH`.

    `holds` is the type of everything that stands there, None where it may be one of several, or absent.
    """

    steps: tuple[str, ...]
    holds: type | None = None

    def below(self, step: str, holds: type | None = None) -> "Column":
        """Return the column of a member, or of the items with `EACH`."""
        return Column((*self.steps, step), holds)

    @property
    def lists(self) -> tuple[str, ...] | None:
        """The steps to the list that the place is in, None for a place that each line has once."""
        return self.steps[: self.steps.index(EACH)] if EACH in self.steps else None


class Batch:
    """Lines of one kind that were decoded; what is asked about a column is found out once."""

    __slots__ = ("_known", "_read", "lines")

    def __init__(self, lines: list[Any]) -> None:
        self.lines = lines
        self._read: dict[tuple[str, ...], list[Any]] = {(): lines}
        self._known: dict[tuple[Any, ...], Any] = {}

    def __len__(self) -> int:
        """Return how many lines there are."""
        return len(self.lines)

    def all_of(self, column: Column) -> list[Any]:
        """Return what stands at a place in every line, in order; UNSET where it may be absent and is."""
        return self._all_of(column.steps)

    def of(self, column: Column) -> list[Any]:
        """Return the same without what is absent."""
        return self._all_of(column.steps) if column.holds else self.once(column, _present)

    def types(self, column: Column) -> set[type]:
        """Return the types of all that stands at a place, UNSET's where it may be absent and is."""
        return {column.holds} if column.holds else self.once(column, _types)

    def lengths(self, column: Column) -> tuple[int, int] | None:
        """Return the least and the greatest length of texts or lists, where a place holds nothing else."""
        return self.once(column, _lengths)

    def extremes(self, column: Column) -> tuple[Any, Any] | None:
        """Return the least and the greatest of numbers, where a place holds nothing else."""
        return self.once(column, _extremes)

    def once(self, column: Column, find: "Callable[[Batch, Column], V]", *more: Any) -> V:
        """Return what a function finds out about a column, asking it only the first time."""
        key = (find, column.steps, *more)
        if key not in self._known:
            self._known[key] = find(self, column, *more)
        found: V = self._known[key]
        return found

    def _all_of(self, steps: tuple[str, ...]) -> list[Any]:
        found = self._read.get(steps)
        if found is None:
            found = self._read[steps] = build_reader(steps)(self.lines)
        return found


@lru_cache(maxsize=1024)
def build_reader(steps: tuple[str, ...]) -> Callable[[list[Any]], list[Any]]:
    """Return a function that reads a place from many lines.

    It is made as source text, a comprehension, which takes half the time of a loop over
    `operator.attrgetter`; the steps are attributes that `linetypes` named, never names from a recording.
    """
    value, loops = "line", "for line in lines"
    for step in steps:
        if step == EACH:
            value, loops = "item", f"{loops} for item in {value}"
        elif step.isidentifier():
            value = f"{value}.{step}"
        else:
            raise ValueError(step)
    reader: Callable[[list[Any]], list[Any]] = eval(f"lambda lines: [{value} {loops}]")  # noqa: S307  see above
    return reader


def _present(batch: Batch, column: Column) -> list[Any]:
    values = batch.all_of(column)
    return [value for value in values if value is not msgspec.UNSET] if msgspec.UNSET in values else values


def _types(batch: Batch, column: Column) -> set[type]:
    return set(map(type, batch.all_of(column)))


def _lengths(batch: Batch, column: Column) -> tuple[int, int] | None:
    lengths = set(map(len, batch.of(column)))
    return (min(lengths), max(lengths)) if lengths else None


def _extremes(batch: Batch, column: Column) -> tuple[Any, Any] | None:
    values = batch.of(column)
    return (min(values), max(values)) if values else None
