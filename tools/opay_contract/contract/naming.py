"""Tells the class of a value by its member's name, for places that no schema describes."""

from collections.abc import Iterator, Mapping
from typing import Any

from opay_contract.contract.documents import Document

SENSITIVITIES = ("card", "customer", "credential", "identifier", "public")
"""The classes of `x-sensitivity`, the strictest first."""


def sensitivity_by_name(documents: Mapping[str, Document]) -> dict[str, str]:
    """Return the class of each member that the schemas name; the strictest where places differ."""
    found: dict[str, str] = {}
    for name, document in documents.items():
        for member, schema in iter_properties(document.value):
            stated = schema.get("x-sensitivity", _referred(name, schema, documents))
            if stated in SENSITIVITIES:
                found[member] = min(stated, found.get(member, stated), key=SENSITIVITIES.index)
    return found


def iter_objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a document's value, itself included."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def iter_properties(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the schema of every member that a document describes."""
    for node in iter_objects(document):
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from ((name, schema) for name, schema in properties.items() if isinstance(schema, dict))


def _referred(name: str, schema: dict[str, Any], documents: Mapping[str, Document]) -> Any:
    target = str(schema.get("$ref", "")).removeprefix("schemas/")
    folder = name.rpartition("/")[0]
    document = documents.get(f"{folder}/{target}" if folder else f"schemas/{target}")
    return document.value.get("x-sensitivity") if document and isinstance(document.value, dict) else None
