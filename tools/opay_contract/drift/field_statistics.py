"""Counts what is seen at each field location of exchanges, and tells which of the values may be kept."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import RESPONSE_BODY, fields_of_scope, find_operation
from opay_contract.contract.operation import Operation
from opay_contract.jsontext import Tokens, pointer
from opay_contract.judge.describing import fold_pointer, is_label
from opay_contract.model.observation import (
    MAX_LOCATIONS,
    MAX_VALUES,
    UNDATED,
    Days,
    FieldLocation,
    Observations,
    Observed,
    Range,
    Scope,
    latest_days,
    limit_locations,
    limit_values,
    rank_of_location,
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


STATUS = "/response/status"

CONTENT_TYPE = "/response/headers/content-type"

_PUBLIC = "public"


class FieldCounter:
    """What was seen at one location so far.

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
        """Take what the contract says about the location, and the values that it states itself."""
        self.is_documented = is_documented
        self.is_public = is_public
        self.words = words
        self.types: Counter[tuple[str, str]] = Counter()
        self.lengths: Range | None = None
        self.items: Range | None = None
        self.numbers: Range | None = None
        self.other_values = 0
        self.value_days: dict[str, str] = {}
        self._values: dict[str, int] | None = {}

    def add_column(self, kind: type | None, values: list[Any]) -> None:
        """Take values that stand at the location, of one type or of several; types are counted elsewhere."""
        if kind is None:
            for one in set(map(type, values)):
                self.add_column(one, [value for value in values if type(value) is one])
        elif kind is str or kind is list:
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

    def count_type(self, type_: str, days: Days) -> None:
        """Take values of a type, so often on each day."""
        for day, count in days.items():
            self.types[type_, day] += count

    def count_value(self, value: str, days: Days) -> None:
        """Take a value that may be kept, so often on each day."""
        self._keep({value: sum(days.values())})
        if value in (self._values or ()):
            self.value_days[value] = max([self.value_days.get(value, UNDATED), *days])

    def may_keep(self, value: str) -> bool:
        """Tell whether a text of a public location looks as if it may be kept."""
        return value in self.words or is_label(value) or bool(_MEDIA_TYPE.fullmatch(value))

    def observed(self) -> Observed:
        """Return what was seen."""
        days: dict[str, dict[str, int]] = {}
        for (type_, day), count in sorted(self.types.items()):
            days.setdefault(type_, {})[day] = count
        values, has_many = limit_values(self._values or {}, is_over=self._values is None)
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

    def _keep(self, values: Mapping[str, int]) -> None:
        for value, times in values.items():
            if self._values is not None and value in self._values:
                self._values[value] += times
            elif not self.may_keep(value):
                self.other_values += times
            elif self._values is not None:
                self._values[value] = times
                if len(self._values) > MAX_VALUES:
                    self._values = None


class Observer:
    """Has a counter for each location; `observations()` gives what they counted."""

    def __init__(self, contract: Contract) -> None:
        """Begin without a location."""
        self._contract = contract
        self._locations: dict[FieldLocation, FieldCounter] = {}
        self._last: str | None = None

    def location(self, scope: Scope, tokens: Tokens) -> FieldCounter:
        """Return the counter of a place in exchanges of a scope, indexes of lists folded.

        Where so many others come before a place that no summary keeps it, what is counted is lost.
        """
        key = (*scope, _folded(tokens[:-1]) + _folded(tokens[-1:]))
        location = self._locations.get(key)
        if location is None:
            location = self._new_location(scope, tokens)
            if self._last is not None and not location.is_documented and rank_of_location(key) > self._last:
                return location
            self._locations[key] = location
            if len(self._locations) > 2 * MAX_LOCATIONS:
                self._locations = limit_locations(self._locations, lambda one: one.is_documented)
                others = [key for key, one in self._locations.items() if not one.is_documented]
                self._last = max(map(rank_of_location, others), default="")
        return location

    def observations(self) -> Observations:
        """Return what was seen so far."""
        kept = limit_locations(self._locations, lambda location: location.is_documented)
        return {location: counter.observed() for location, counter in sorted(kept.items()) if counter.types}

    def _new_location(self, scope: Scope, tokens: Tokens) -> FieldCounter:
        place = pointer(tuple("*" if isinstance(token, int) else token for token in tokens))
        documented = fields_of_scope(self._contract, scope)
        known = documented.get(place)
        is_outside = "body" not in tokens[:2]
        return FieldCounter(
            is_documented=place.removesuffix("/*") in documented or is_outside or tokens[2:] == (),
            is_public=place in (STATUS, CONTENT_TYPE) or (known is not None and known.sensitivity == _PUBLIC),
            words=_words(find_operation(self._contract, scope[0]), place),
        )


@lru_cache(maxsize=4096)
def _folded(tokens: Tokens) -> str:
    return fold_pointer(tokens)


def _words(operation: Operation | None, place: str) -> frozenset[str]:
    """Return the texts that the contract itself has for a place: business codes and their messages."""
    envelope = operation.envelope if operation else None
    if envelope is None:
        return frozenset()
    if place == RESPONSE_BODY + pointer(envelope.code):
        return frozenset(envelope.codes)
    if place == RESPONSE_BODY + pointer(envelope.message):
        return frozenset(message for code in envelope.codes.values() for message in code.messages)
    return frozenset()
