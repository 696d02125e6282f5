"""Writes a JSON Schema of ours as a table of its members, for tools/docs/reference/report-v1.md."""

import json
from collections.abc import Iterator
from typing import Any

_EACH = ("items", "additionalProperties")
"""What describes each item of a list, and each member whose name is data."""

_Row = tuple[str, str, str]


def render_members(schema: dict[str, Any]) -> str:
    """Return a row for each member: where it stands, of what type it is, and what it says."""
    rows = [f"| `{place}` | {type_} | {text} |" for place, type_, text in _rows(schema, schema, "")]
    return "\n".join(["| member | type | what it says |", "|---|---|---|", *rows, ""])


def _rows(schema: dict[str, Any], root: dict[str, Any], place: str) -> Iterator[_Row]:
    for name, value in schema.get("properties", {}).items():
        resolved = _resolved(value, root)
        here = f"{place}/{name}"
        yield here, _type(resolved, root), _text(name, schema, resolved)
        for inner, at in _inside(resolved, root, here):
            yield from _rows(inner, root, at)


def _inside(schema: dict[str, Any], root: dict[str, Any], place: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield what may have members of its own: the value, its items, and each alternative."""
    yield schema, place
    for keyword in _EACH:
        if isinstance(schema.get(keyword), dict):
            yield _resolved(schema[keyword], root), f"{place}/*"
    for alternative in _alternatives(schema):
        yield _resolved(alternative, root), place


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with what its `$ref` within the document names, its own words first."""
    if "$ref" not in schema:
        return schema
    target: Any = root
    for token in schema["$ref"].removeprefix("#/").split("/"):
        target = target[token]
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return _resolved(target, root) | own


def _type(schema: dict[str, Any], root: dict[str, Any]) -> str:
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if _alternatives(schema):
        return " or ".join(_type(_resolved(one, root), root) for one in _alternatives(schema))
    types = schema.get("type", "any")
    named = " or ".join(types) if isinstance(types, list) else str(types)
    each = schema.get("additionalProperties")
    return f"{named} of {_type(_resolved(each, root), root)}" if isinstance(each, dict) else named


def _alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())]


def _text(name: str, parent: dict[str, Any], schema: dict[str, Any]) -> str:
    said = schema.get("description", "")
    return said if name in parent.get("required", ()) else f"May be missing. {said}".rstrip()
