"""Derives from an open schema the one that allows documented members only.

The files in schemas/ stay open, as the vendor may add members; strictness is a question to ask, not a
property of the contract. `unevaluatedProperties: false` goes where a schema starts to describe a value (a
root, a member, an item), so that it sees through `$ref`, `allOf` and `if`. Conditions (`if`, `not`) keep
the open schemas: closing them would change what they ask. An `if` is denied twice, which keeps its verdict
and hides the members that it looks at: to be looked at is not to be documented.
"""

from collections.abc import Iterator
from typing import Any

from opay_contract.contract.addresses import CLOSED, OPEN, absolute, split_uri
from opay_contract.contract.documents import Document

_STARTS_VALUE = {"items", "additionalProperties", "contains", "unevaluatedItems"}
_STARTS_VALUES = {"properties", "patternProperties"}
_IN_PLACE = {"then", "else"}
_IN_PLACE_LISTS = {"allOf", "anyOf", "oneOf"}
_OPENERS = {"additionalProperties", "unevaluatedProperties"}


def close_schema(name: str, documents: dict[str, Document]) -> Any:
    """Return the closed form of the schema document `name`; its references lead to closed forms."""
    value = documents[name].value
    if not isinstance(value, dict) or "openapi" in value:
        return value
    return {
        **_close(value, name, documents, starts_value=False),
        "$defs": {key: _close(child, name, documents) for key, child in value.get("$defs", {}).items()},
    }


def close_reference(uri: str, documents: dict[str, Document]) -> dict[str, Any]:
    """Return a schema that asks for the closed form of the schema at `uri` as a whole value."""
    return {"$ref": uri.replace(OPEN, CLOSED, 1), **_seal({"$ref": uri}, "", documents)}


def _close(schema: Any, name: str, documents: dict[str, Document], *, starts_value: bool = True) -> Any:
    if not isinstance(schema, dict):
        return schema
    closed = {keyword: _close_keyword(keyword, value, name, documents) for keyword, value in schema.items()}
    return closed | _seal(schema, name, documents) if starts_value else closed


def _close_keyword(keyword: str, value: Any, name: str, documents: dict[str, Document]) -> Any:
    if keyword in _STARTS_VALUE:
        return _close(value, name, documents)
    if keyword in _STARTS_VALUES:
        return {key: _close(child, name, documents) for key, child in value.items()}
    if keyword == "prefixItems":
        return [_close(child, name, documents) for child in value]
    if keyword in _IN_PLACE:
        return _close(value, name, documents, starts_value=False)
    if keyword in _IN_PLACE_LISTS:
        return [_close(child, name, documents, starts_value=False) for child in value]
    if keyword == "if":
        return {"not": {"not": _open_references(value, name)}}
    return _open_references(value, name) if keyword == "not" else value


def _open_references(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {
            key: absolute(child, name) if key == "$ref" else _open_references(child, name)
            for key, child in value.items()
        }
    return [_open_references(child, name) for child in value] if isinstance(value, list) else value


def _seal(schema: dict[str, Any], name: str, documents: dict[str, Document]) -> dict[str, bool]:
    """Close a value that has documented members and does not say itself what becomes of others."""
    parts = list(_in_place(schema, name, documents, frozenset()))
    documented = any("properties" in part or "patternProperties" in part for part in parts)
    explicit = any(opener in part for part in parts for opener in _OPENERS)
    return {"unevaluatedProperties": False} if documented and not explicit else {}


def _in_place(
    schema: Any, name: str, documents: dict[str, Document], seen: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """Yield every schema that applies to the same value as `schema` does."""
    if not isinstance(schema, dict):
        return
    yield schema
    reference = absolute(schema["$ref"], name) if "$ref" in schema else ""
    if reference and reference not in seen:
        yield from _referred(reference, documents, seen | {reference})
    for keyword in _IN_PLACE & schema.keys():
        yield from _in_place(schema[keyword], name, documents, seen)
    for keyword in _IN_PLACE_LISTS & schema.keys():
        for child in schema[keyword]:
            yield from _in_place(child, name, documents, seen)


def _referred(
    reference: str, documents: dict[str, Document], seen: frozenset[str]
) -> Iterator[dict[str, Any]]:
    name, tokens = split_uri(reference)
    target = documents[name].value if name in documents else None
    for token in tokens:
        if isinstance(target, list) and token.isdigit() and int(token) < len(target):
            target = target[int(token)]
        else:
            target = target.get(token) if isinstance(target, dict) else None
    yield from _in_place(target, name, documents, seen)
