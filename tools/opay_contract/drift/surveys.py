"""Asks lines that were decoded together what they say about open questions, a column at a time."""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from opay_contract.contract.operation import Evidence
from opay_contract.contract.schemas import SchemaSet
from opay_contract.rules.columns import Batch, Column


@dataclass(frozen=True, slots=True)
class Probe:
    """A piece of evidence, ready to be looked for; `by_shape` if a line's shape decides what it finds."""

    key: tuple[str, str]
    evidence: Evidence
    validator: jsonschema_rs.Draft202012Validator
    all_fit: jsonschema_rs.Draft202012Validator
    none_fits: jsonschema_rs.Draft202012Validator
    by_shape: bool

    def count(self, values: list[Any]) -> int:
        """Return how many values fit; most often all of them or none do."""
        if not values or self.all_fit.is_valid(values):
            return len(values)
        return 0 if self.none_fits.is_valid(values) else sum(map(self.validator.is_valid, values))


class Survey:
    """Probes with the column to ask, for lines that were decoded together.

    Most often a probe fits all lines or none, as it did in the lines before. So one schema asks whether all
    is as before; the probes are asked one by one only where it is not.
    """

    def __init__(self, schemas: SchemaSet, column: Column, probes: tuple[Probe, ...]) -> None:
        self._schemas = schemas
        self._column = column
        self._probes = probes
        self._guess = tuple(True for _ in probes)
        self._validators: dict[tuple[bool, ...], jsonschema_rs.Draft202012Validator] = {}

    def count(self, batch: Batch) -> Iterator[tuple[tuple[str, str], int]]:
        """Yield the key of each probe with the number of lines that speak for it."""
        values = batch.of(self._column)
        if self._validator().is_valid(values):
            counts = [len(values) * fits for fits in self._guess]
        else:
            counts = [probe.count(values) for probe in self._probes]
            self._guess = tuple(2 * number > len(values) for number in counts)
        yield from zip((probe.key for probe in self._probes), counts, strict=True)

    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        found = self._validators.get(self._guess)
        if found is None:
            asked = zip((probe.evidence.schema for probe in self._probes), self._guess, strict=True)
            wanted = [schema if fits else _deny(schema, self._column) for schema, fits in asked]
            found = self._validators[self._guess] = self._schemas.compile(
                {"items": {"allOf": _least(wanted)}}
            )
        return found


def _deny(schema: Any, column: Column) -> Any:
    """Return what holds where a schema does not; plainly where it only denies something of a text."""
    is_denial = isinstance(schema, dict) and schema.keys() == {"type", "not"} and schema["type"] == "string"
    return schema["not"] if is_denial and column.holds is str else {"not": schema}


def _least(schemas: list[Any]) -> list[Any]:
    """Leave out schemas that ask nothing that another one does not ask."""
    return [
        schema
        for schema in schemas
        if not isinstance(schema, dict)
        or not any(isinstance(other, dict) and schema.items() < other.items() for other in schemas)
    ]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Probes that compare the values of two columns, for lines that were decoded together."""

    column: Column
    other: Column
    probes: tuple[Probe, ...]

    def count(self, batch: Batch) -> Iterator[tuple[tuple[str, str], int]]:
        """Yield the key of each probe with the number of lines that speak for it."""
        values = batch.of(self.column)
        equal = sum(map(operator.eq, values, batch.of(self.other)))
        for probe in self.probes:
            yield probe.key, equal if probe.evidence.equal else len(values) - equal
