"""Says a document of OpenAPI 3.1 as 3.0 has it, and what cannot be said there."""

from copy import deepcopy
from typing import Any

from opay_contract.contract.addresses import Address, value_below
from opay_contract.contract.documents import Document
from opay_contract.contract.keywords import map_subschemas
from opay_contract.contract.openapi import ROOTS, SchemaPlaces

VERSION = "3.0.4"
_KEPT = frozenset(
    (
        *("title", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength"),
        *("minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties"),
        *("required", "enum", "type", "allOf", "oneOf", "anyOf", "not", "items", "properties", "format"),
        *("additionalProperties", "description", "default", "nullable", "discriminator", "readOnly"),
        *("writeOnly", "xml", "externalDocs", "example", "deprecated", "$ref"),
    )
)
"""What a schema of version 3.0 may say."""

_FOR_PEOPLE = frozenset(("$schema", "$id", "$comment", "$anchor", "examples"))
_NULL: dict[str, Any] = {"type": "object", "nullable": True, "enum": [None]}
"""What is null and nothing else; `nullable` wants a type beside it."""

_ONLY_3_1 = {(): ("webhooks", "jsonSchemaDialect"), ("info",): ("summary",), ("components",): ("pathItems",)}


def downgrade(root: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a document in version 3.0, and a sentence on each statement that it has no words for."""
    losses: dict[str, None] = {}
    value = deepcopy(root) | {"openapi": VERSION}
    name = ROOTS[0]
    for tokens in SchemaPlaces({name: Document(name=name, value=root, text="")}).iter_tops(name):
        holder, lost = value_below(value, tokens[:-1]), dict[str, None]()
        key = int(tokens[-1]) if isinstance(holder, list) else tokens[-1]
        holder[key] = _schema(holder[key], lost)
        losses |= dict.fromkeys(_loss(Address(name, tokens), keyword) for keyword in lost)
    for place, names in _ONLY_3_1.items():
        holder = value
        for step in place:
            holder[step] = dict(holder.get(step, {}))
            holder = holder[step]
        for name in names:
            if holder.pop(name, None) and name != "summary":
                losses[_loss(Address(ROOTS[0], place), name)] = None
    return {key: child for key, child in value.items() if child != {} or key == "paths"}, list(losses)


def _loss(at: Address, keyword: str) -> str:
    return f"#{str(at).partition('#')[2]}: `{keyword}` has no place in OpenAPI 3.0 and is left out"


def _schema(schema: Any, lost: dict[str, None]) -> Any:
    """Return a schema in the words of 3.0; `lost` gets the keywords that it has not."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    if not isinstance(schema, dict):
        return schema
    said = {
        keyword: map_subschemas(keyword, value, lambda inner: _schema(inner, lost))
        for keyword, value in schema.items()
    }
    if isinstance(schema.get("additionalProperties"), bool):
        said["additionalProperties"] = schema["additionalProperties"]
    _rename(said)
    _take_types_apart(said)
    lost.update(dict.fromkeys(key for key in said if not _is_known(key) and key not in _FOR_PEOPLE))
    said = {keyword: value for keyword, value in said.items() if _is_known(keyword)}
    beside = {keyword: value for keyword, value in said.items() if keyword != "$ref"}
    if "$ref" in said and beside:
        return {**beside, "allOf": [{"$ref": said["$ref"]}, *beside.get("allOf", ())]}
    return said


def _is_known(keyword: str) -> bool:
    return keyword in _KEPT or keyword.startswith("x-")


def _rename(said: dict[str, Any]) -> None:
    """Say by other keywords what 3.0 has other keywords for."""
    examples = said.get("examples")
    if isinstance(examples, list) and examples:
        said.setdefault("example", examples[0])
    if "const" in said:
        said["enum"] = [said.pop("const")]
    if said.get("contentEncoding") == "base64":
        said.setdefault("format", "byte")
        del said["contentEncoding"]
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(said.get(bound), int | float) and not isinstance(said[bound], bool):
            said[limit], said[bound] = said[bound], True


def _take_types_apart(said: dict[str, Any]) -> None:
    """Say several types as alternatives, and null as `nullable`."""
    types = said.get("type")
    if isinstance(types, list) or types == "null":
        named = [types] if types == "null" else types
        others = [{"type": one} | ({"items": {}} if one == "array" else {}) for one in named if one != "null"]
        del said["type"]
        if len(others) == 1:
            said |= others[0] | said
        elif others:
            key = "allOf" if "anyOf" in said else "anyOf"
            said[key] = [*said.get("allOf", ()), {"anyOf": others}] if key == "allOf" else others
        has_null = "null" in named and None in said.get("enum", [None])  # else readers would add it
        if not others:
            said |= _NULL if has_null else {"type": "object"}
        elif has_null:
            (others[0] if len(others) > 1 else said)["nullable"] = True
    elif types == "array":
        said.setdefault("items", {})
