"""Checks of the schemas: the meta-schema, what every file says of itself, and what every property says."""

from collections.abc import Iterator
from typing import Any

from opay_contract.contract.loading import ROOT
from opay_contract.contract.schemas import DIALECT
from opay_contract.spec.judging import build_meta_validator, iter_faults
from opay_contract.spec.linking import in_place
from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.statements import Statement, items, members
from opay_contract.spec.subject import MISSING, Subject
from opay_contract.spec.walking import iter_all_subschemas, iter_schemas, iter_subschemas

_HEAD = ("title", "description", "examples", "x-source")
_CONDITIONS = ("if", "not")
_SCALARS = frozenset({"string", "number", "integer"})


def find_meta_schema_faults(subject: Subject) -> Iterator[RawProblem]:
    """Hold every schema, in a file or in openapi.yaml, against the meta-schema of JSON Schema 2020-12."""
    validator = build_meta_validator()
    for at in iter_schemas(subject):
        yield from iter_faults(validator, subject.value(at), at)


def find_head_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each file in schemas/ says what it is, by which dialect, from which source, with examples."""
    for name in subject.schema_names:
        at, schema = Address(name), members(subject.documents[name].value)
        yield from _check_constant(at, schema, "$schema", DIALECT)
        yield from _check_constant(at, schema, "$id", name.rpartition("/")[2])
        for keyword in _HEAD:
            if not schema.get(keyword):
                yield RawProblem(
                    at.child(keyword) if keyword in schema else at, f"the schema has no `{keyword}`"
                )


def find_property_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each property that says more than a reference does has a description and a source."""
    for at, schema in _iter_properties(subject):
        if schema.keys() - {"$ref"}:
            for keyword in ("description", "x-source"):
                if not schema.get(keyword):
                    yield RawProblem(at, f"the property '{at.tokens[-1]}' has no `{keyword}`")


def find_sensitivity_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each class of sensitivity is a known one, and each property that holds text or a number has one."""
    classes = members(subject.root.get("x-sensitivity-classes"))
    for at, schema in iter_all_subschemas(subject):
        if ROOT in subject.documents and schema.get("x-sensitivity", MISSING) not in [MISSING, *classes]:
            yield RawProblem(
                at.child("x-sensitivity"), "no such class in `x-sensitivity-classes` of openapi.yaml"
            )
    for at, _ in _iter_properties(subject):
        parts = [members(subject.value(part)) for part in in_place(subject, at)]
        if any(map(_is_scalar, parts)) and not any("x-sensitivity" in part for part in parts):
            yield RawProblem(
                at, f"the property '{at.tokens[-1]}' has no `x-sensitivity`, directly or by its $ref"
            )


def _check_constant(at: Address, schema: dict[str, Any], keyword: str, value: str) -> Iterator[RawProblem]:
    if schema.get(keyword) != value:
        yield RawProblem(at.child(keyword) if keyword in schema else at, f"`{keyword}` must be '{value}'")


def _iter_properties(subject: Subject) -> Iterator[Statement]:
    """Yield the properties that are described, other than in a condition."""
    for name in subject.schema_names:
        for at, schema in iter_subschemas(subject, Address(name)):
            for key, value in members(schema.get("properties")).items():
                if not _is_condition(at) and isinstance(value, dict):
                    yield Statement(at.child("properties", key), value)


def _is_condition(at: Address) -> bool:
    """Tell whether a schema stands below `if` or `not` as a keyword, not as a property's name."""
    before = ("", *at.tokens)
    return any(token in _CONDITIONS and before[i] != "properties" for i, token in enumerate(at.tokens))


def _is_scalar(schema: dict[str, Any]) -> bool:
    named = schema.get("type", [])
    types = {str(name) for _, name in items(named)} if isinstance(named, list) else {str(named)}
    values = [schema.get("const"), *(value for _, value in items(schema.get("enum")))]
    return bool(types & _SCALARS) or any(isinstance(value, str | int | float) for value in values)
