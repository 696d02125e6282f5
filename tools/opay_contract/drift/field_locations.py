"""Counts what is seen at one spot, and tells which of its values may be kept."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from opay_contract.judge.describing import is_label
from opay_contract.model.observation import (
    MAX_VALUES,
    UNDATED,
    Days,
    Observed,
    Range,
    latest_days,
    limit_values,
    widest,
)

_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,60}")
_LONG_NUMBER = 10**10
"""Numbers from here on are not kept: they are as long as a telephone number, or a card's."""

TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
    dict: "object",
    list: "array",
}
"""The JSON types of parsed values; a whole number without a fraction is an integer."""


class SpotCounter:
    """What was seen at one spot so far.

    `is_public` if values may be kept: ranges of short numbers, booleans, and texts that the contract states
    itself (`words`) or that look like a code or a label, in capitals, which no name, address or number does.
    """

    __slots__ = (
        "_values",
        "is_documented",
        "is_public",
        "items",
        "lengths",
        "numbers",
        "other_values",
        "types",
        "value_days",
        "words",
    )

    def __init__(self, *, is_documented: bool, is_public: bool, words: frozenset[str] = frozenset()) -> None:
        """Take what the contract says about the spot, and the values that it states itself."""
        self.is_documented = is_documented
        self.is_public = is_public
        self.words = words
        self.types: Counter[tuple[str, str]] = Counter()
        self.lengths: Range | None = None
        self.items: Range | None = None
        self.numbers: Range | None = None
        self.other_values = 0
        self.value_days: dict[str, str] = {}
        self._values: Counter[str] | None = Counter()

    def add_column(self, kind: type | None, values: list[Any]) -> None:
        """Take values that stand at the spot, of one type or of several; types are counted elsewhere."""
        if kind is str or kind is list:
            lengths = list(map(len, values))
            self.add_lengths(kind, (min(lengths), max(lengths)))
            if kind is str:
                self.add_texts(values)
        elif kind is dict or kind is type(None):
            return  # nothing but their number is counted
        elif kind is not int or not self.add_range((min(values), max(values))):
            for value in values:
                self.add_value(value)

    def add_value(self, value: Any) -> None:
        """Take a value; its type is counted elsewhere."""
        kind = type(value)
        if kind is str:
            known = self.lengths
            if known is None or not known[0] <= len(value) <= known[1]:
                self.add_lengths(kind, (len(value), len(value)))
            if self.is_public:
                self.add_texts((value,))
        elif kind is list:
            self.add_lengths(kind, (len(value), len(value)))
        elif kind is int or kind is float:
            self.other_values += not self.add_range((value, value))
        elif kind is bool:
            self.add_texts(("true" if value else "false",))

    def add_lengths(self, kind: type, lengths: Range) -> None:
        """Take the least and the greatest length of some texts or of some lists."""
        if kind is str:
            self.lengths = widest(self.lengths, lengths)
        else:
            self.items = widest(self.items, lengths)

    def add_range(self, numbers: Range) -> bool:
        """Take the least and the greatest of some numbers; False if one of them may not be kept."""
        if not self.is_public:
            return True
        if not all(abs(number) < _LONG_NUMBER for number in numbers):
            return False
        self.numbers = widest(self.numbers, numbers)
        return True

    def add_texts(self, values: Iterable[str]) -> None:
        """Take texts whose lengths were taken; they are kept where that may be."""
        if self.is_public:
            self._keep(Counter(values))

    def count_value(self, value: str, days: Days) -> None:
        """Take a value that may be kept, so often on each day."""
        self._keep(Counter({value: sum(days.values())}))
        if value in (self._values or ()):
            self.value_days[value] = max([self.value_days.get(value, UNDATED), *days])

    def may_keep(self, value: str) -> bool:
        """Tell whether a text of a public spot looks as if it may be kept."""
        return value in self.words or is_label(value) or bool(_MEDIA_TYPE.fullmatch(value))

    def observed(self) -> Observed:
        """Return what was seen."""
        days: dict[str, dict[str, int]] = {}
        for (type_, day), count in sorted(self.types.items()):
            days.setdefault(type_, {})[day] = count
        values, has_many = limit_values(dict(self._values or {}), is_over=self._values is None)
        return Observed(
            is_documented=self.is_documented,
            types={type_: latest_days(found) for type_, found in days.items()},
            lengths=self.lengths,
            items=self.items,
            numbers=self.numbers,
            values=values,
            other_values=self.other_values,
            has_many_values=has_many,
            value_days={value: day for value, day in sorted(self.value_days.items()) if value in values},
        )

    def _keep(self, values: Counter[str]) -> None:
        for value, times in values.items():
            if not self.may_keep(value):
                self.other_values += times
            elif self._values is not None:
                self._values[value] += times
                if len(self._values) > MAX_VALUES:
                    self._values = None
