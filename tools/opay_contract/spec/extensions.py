"""Checks of the `x-` members by extensions.schema.json: known, well shaped, where they are read."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from opay_contract.contract.loading import ROOT
from opay_contract.spec.judging import build_validator, iter_faults
from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.subject import Subject
from opay_contract.spec.walking import iter_all_subschemas

_SCHEMA = Path(__file__).with_name("extensions.schema.json")
_AT_ROOT = (
    "openapi.yaml's top level",
    frozenset({"x-all-paths", "x-open-questions", "x-sensitivity-classes", "x-sources"}),
)
_AT_OPERATION = ("an operation", frozenset({"x-business-codes", "x-envelope", "x-forms"}))
_AT_SCHEME = ("a security scheme", frozenset({"x-signature"}))
_AT_SERVER = ("a server", frozenset({"x-environment"}))
_AT_SCHEMA = ("a schema", frozenset({"x-sensitivity", "x-unique-by", "x-unit"}))
_PLACES = (_AT_ROOT, _AT_OPERATION, _AT_SCHEME, _AT_SERVER, _AT_SCHEMA)


@cache
def load_extension_schema() -> Any:
    """Return the published schema of the extensions."""
    return json.loads(_SCHEMA.read_text(encoding="utf-8"))


def find_shape_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each `x-` member is a known one and has its documented shape."""
    validator = build_validator(load_extension_schema())
    for at, extensions in _iter_extended(subject):
        yield from iter_faults(validator, extensions, at)


def find_misplaced(subject: Subject) -> Iterator[RawProblem]:
    """Each `x-` member stands where it is read; elsewhere it would be passed over without a word."""
    schemas = {at for at, _ in iter_all_subschemas(subject)}
    for at, extensions in _iter_extended(subject):
        allowed = _allowed(at, is_schema=at in schemas)
        for name in extensions:
            place = next((words for words, names in _PLACES if name in names), None)
            if place and name not in allowed:
                yield RawProblem(at.child(name), f"`{name}` is read at {place} only")


def _iter_extended(subject: Subject) -> Iterator[tuple[Address, dict[str, Any]]]:
    for at, value in subject.statements:
        extensions = {key: child for key, child in value.items() if key.startswith("x-")}
        if extensions:
            yield at, extensions


def _allowed(at: Address, *, is_schema: bool) -> frozenset[str]:
    if is_schema:
        return _AT_SCHEMA[1]
    if at.file != ROOT:
        return frozenset()
    match at.tokens:
        case ():
            return _AT_ROOT[1]
        case ("paths", _, _):
            return _AT_OPERATION[1]
        case ("components", "securitySchemes", _):
            return _AT_SCHEME[1]
        case (*_, "servers", int()):
            return _AT_SERVER[1]
    return frozenset()
