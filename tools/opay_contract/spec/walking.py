"""Finds what the checks look at: schemas, the schemas inside them, and examples."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from opay_contract.contract.loading import ROOT
from opay_contract.spec.problem import Address
from opay_contract.spec.statements import SCHEMA_MAPS, Statement, items, members
from opay_contract.spec.subject import Subject

SCHEMAS = (
    "items",
    "additionalProperties",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Keywords that hold one schema for parts of the value."""

SCHEMAS_IN_PLACE = ("if", "then", "else", "not")
"""Keywords that hold one schema for the value itself."""

SCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")


class Example(NamedTuple):
    """An example, where it stands, and the schema that it shows."""

    at: Address
    value: Any
    schema: Address


def iter_schemas(subject: Subject) -> Iterator[Address]:
    """Yield the whole schemas: the files in schemas/, and those that stand in openapi.yaml itself."""
    yield from (Address(name) for name in subject.schema_names)
    for name in members(members(subject.root.get("components")).get("schemas")):
        yield Address(ROOT, ("components", "schemas", name))
    for at, value in subject.statements:
        if at.file == ROOT:
            yield from (at.child(key) for key in ("schema", "when") if key in value)


def iter_subschemas(subject: Subject, at: Address) -> Iterator[Statement]:
    """Yield a schema and every schema inside it, without following references."""
    value = subject.value(at)
    if isinstance(value, dict):
        yield Statement(at, value)
        for child in _subschemas(at, value):
            yield from iter_subschemas(subject, child)


def iter_all_subschemas(subject: Subject) -> Iterator[Statement]:
    """Yield every schema of the contract at any depth."""
    for at in iter_schemas(subject):
        yield from iter_subschemas(subject, at)


def iter_examples(subject: Subject) -> Iterator[Example]:
    """Yield the examples of schemas, media types, parameters and headers."""
    for at, schema in iter_all_subschemas(subject):
        yield from (Example(at.child("examples", i), value, at) for i, value in items(schema.get("examples")))
    for at, value in subject.statements:
        if at.file == ROOT and "schema" in value:
            yield from _described_examples(at, value)


def _described_examples(at: Address, described: dict[str, Any]) -> Iterator[Example]:
    if "example" in described:
        yield Example(at.child("example"), described["example"], at.child("schema"))
    for name, example in members(described.get("examples")).items():
        if "value" in members(example):
            yield Example(at.child("examples", name, "value"), example["value"], at.child("schema"))


def _subschemas(at: Address, schema: dict[str, Any]) -> Iterator[Address]:
    for keyword in (*SCHEMAS, *SCHEMAS_IN_PLACE):
        if keyword in schema:
            yield at.child(keyword)
    for keyword in SCHEMA_LISTS:
        yield from (at.child(keyword, index) for index, _ in items(schema.get(keyword)))
    for keyword in SCHEMA_MAPS:
        yield from (at.child(keyword, name) for name in members(schema.get(keyword)))
