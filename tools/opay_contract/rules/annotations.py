"""Which statements of the contract speak about which place in a body.

The schema library reports every schema that it went through, also those whose verdict was no, so that the
branches of `if` and the members behind `$ref` are found without walking the schemas here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.jsontext import Tokens, iter_nodes

_CONDITIONS = {"if", "not"}
_OF_SCHEMAS = {
    "properties",
    "patternProperties",
    "dependentSchemas",
    "allOf",
    "anyOf",
    "oneOf",
    "prefixItems",
}
_A_SCHEMA = {"$ref", "$dynamicRef", "then", "else", "items", "contains", "propertyNames"} | {
    "additionalProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
}
_MATCHING_MEMBERS = ("patternProperties", "additionalProperties", "unevaluatedProperties")


@dataclass(frozen=True, slots=True)
class Annotations:
    """A value, the address of its schema, and for each place in it those of the schemas that describe it."""

    value: Any
    schema: str
    contract: Contract
    schemas: dict[Tokens, list[str]]

    def nodes(self) -> Iterator[tuple[Tokens, Any, str, dict[str, Any]]]:
        """Yield place, value, address and schema for every schema that describes a place."""
        for tokens, value in iter_nodes(self.value):
            for uri in self.schemas.get(tokens, ()):
                node = self.contract.schemas.node(uri)
                if isinstance(node, dict):
                    yield tokens, value, uri, node

    def errors(self) -> Iterator[Any]:
        """Yield the schema library's errors."""
        yield from self.contract.schemas.validator(self.schema).iter_errors(self.value)

    def undocumented(self) -> Iterator[tuple[Tokens, Any, str]]:
        """Yield place, value and the address of the object's schema for every member nobody described."""
        documented: dict[Tokens, set[str]] = {}
        describing: dict[Tokens, str] = {}
        opened: set[Tokens] = set()
        for tokens, value, uri, node in self.nodes():
            if isinstance(value, dict) and "properties" in node:
                documented.setdefault(tokens, set()).update(node["properties"])
                describing[tokens] = f"{uri}/properties"
            if isinstance(value, dict) and any(keyword in node for keyword in _MATCHING_MEMBERS):
                opened.add(tokens)
        for tokens, names in documented.items():
            if tokens not in opened:
                members = _value_at(self.value, tokens)
                unknown = [name for name in members if name not in names]
                yield from (((*tokens, name), members[name], describing[tokens]) for name in unknown)


def annotate(contract: Contract, schema: str, value: Any) -> Annotations:
    """Find what the schema at the address `schema` says about every place in `value`."""
    found: dict[Tokens, list[str]] = {}
    for detail in contract.schemas.validator(schema).evaluate(value).list()["details"]:
        uri = detail["schemaLocation"]
        if uri and _is_statement(detail["evaluationPath"]):
            found.setdefault(_tokens(detail["instanceLocation"], value), []).append(uri)
    return Annotations(value, schema, contract, found)


def _is_statement(evaluation_path: str) -> bool:
    """Return whether the path leads to a schema, and not to a keyword of one or into a condition."""
    steps = iter(evaluation_path.split("/")[1:])
    for step in steps:
        if step in _CONDITIONS:
            return False
        if step in _OF_SCHEMAS:
            if next(steps, None) is None:
                return False
        elif step not in _A_SCHEMA:
            return False
    return True


def _tokens(location: str, value: Any) -> Tokens:
    """Turn the pointer into tokens, telling an index from a member's name by what is there."""
    tokens: list[str | int] = []
    for step in location.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        token = int(name) if isinstance(value, list) else name
        value = value[token]
        tokens.append(token)
    return tuple(tokens)


def _value_at(value: Any, tokens: Tokens) -> Any:
    for token in tokens:
        value = value[token]
    return value
