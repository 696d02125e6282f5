"""Tells statements from data and names: which mappings of a document have keywords as their keys.

Data (`example`, `enum`, `default` ...) are no statements, and where keys are names (`properties`,
`responses` ...) a key that looks like a keyword is none.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from opay_contract.spec.problem import Address

SCHEMA_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
"""Keywords that hold schemas by name."""

_NAMED = frozenset(
    {
        *SCHEMA_MAPS, "callbacks", "content", "encoding", "examples", "headers", "links", "parameters",
        "pathItems", "paths", "requestBodies", "responses", "schemas", "securitySchemes", "variables",
        "webhooks", "x-sensitivity-classes", "x-sources",
    }
)  # fmt: skip
_DATA = frozenset({"const", "default", "enum", "example", "value"})


class Statement(NamedTuple):
    """A mapping whose keys are keywords, and where it stands."""

    at: Address
    value: dict[str, Any]


def iter_statements(at: Address, value: Any, *, named: bool = False) -> Iterator[Statement]:
    """Yield every statement in the value that stands at `at`, outer ones first."""
    if isinstance(value, dict):
        if not named:
            yield Statement(at, value)
        for key, child in value.items():
            if named or not _is_data(key, child):
                yield from iter_statements(at.child(key), child, named=not named and key in _NAMED)
    for index, child in items(value):
        yield from iter_statements(at.child(index), child)


def members(value: Any) -> dict[str, Any]:
    """Return a mapping's members, none for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield a list's items with their index, none for anything else."""
    yield from enumerate(value) if isinstance(value, list) else ()


def _is_data(key: str, value: Any) -> bool:
    return key in _DATA or (key == "examples" and isinstance(value, list))
