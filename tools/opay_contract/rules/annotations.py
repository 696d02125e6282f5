"""Which statements of the contract speak about which place in a body.

The schema library reports every schema that it went through, also those whose verdict was no, so that the
branches of `if` and the members behind `$ref` are found without walking the schemas here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from opay_contract.contract.contract import Contract, at
from opay_contract.jsontext import Tokens, iter_nodes, value_at
from opay_contract.rules.describing import is_label
from opay_contract.rules.shapes import is_decided_by_shape, shape_of

_CLASS, _PUBLIC = "x-sensitivity", "public"
_OPENERS = ("additionalProperties", "unevaluatedProperties")
_INTO_MEMBERS = {"properties", "patternProperties", "prefixItems"}
_INTO_CHILDREN = {"items", "contains", "additionalProperties", "unevaluatedProperties", "unevaluatedItems"}
_INTO_ALTERNATIVES = {"allOf", "anyOf", "oneOf", "dependentSchemas"}
_IN_PLACE = {"$ref", "$dynamicRef", "then", "else"}
_BRANCHES = frozenset(("anyOf", "oneOf", "dependentSchemas"))
_MAX_MEMORY = 4096


@dataclass(frozen=True, slots=True)
class Annotations:
    """A value, the address of its schema, and for each place in it those of the schemas that describe it."""

    value: Any
    schema: str
    contract: Contract
    schemas: dict[Tokens, list[str]]
    _nodes: list[tuple[Tokens, Any, str, dict[str, Any]]] = field(default_factory=list, repr=False)

    def nodes(self) -> list[tuple[Tokens, Any, str, dict[str, Any]]]:
        """Return place, value, address and schema for every schema that describes a place."""
        if not self._nodes:
            node_at = self.contract.schemas.node
            self._nodes.extend(
                (tokens, value, uri, node)
                for tokens, value in iter_nodes(self.value)
                for uri in self.schemas.get(tokens, ())
                if isinstance(node := node_at(uri), dict)
            )
        return self._nodes

    def is_decided_by_shape(self, decided: frozenset[Tokens]) -> bool:
        """Return whether no values but those at the places `decided` have a say in what applies where."""
        return all(
            _BRANCHES.isdisjoint(node)
            and ("if" not in node or is_decided_by_shape(node["if"], tokens, decided))
            for tokens, _, _, node in self.nodes()
        )

    def public_value(self, tokens: Tokens, value: Any) -> str:
        """Return a value as text where the contract calls its place public and it looks like a label."""
        classes = {node[_CLASS] for at_, _, _, node in self.nodes() if at_ == tokens and _CLASS in node}
        text = str(value) if type(value) in (str, int) else ""
        return text if classes == {_PUBLIC} and is_label(text) else ""

    def errors(self) -> Iterator[Any]:
        """Yield the schema library's errors."""
        yield from self.contract.schemas.validator(self.schema).iter_errors(self.value)

    def undocumented(self) -> Iterator[tuple[Tokens, Any, str]]:
        """Yield place, value and the address of the object's schema for every member nobody described."""
        documented: dict[Tokens, set[str]] = {}
        describing: dict[Tokens, str] = {}
        opened: set[Tokens] = set()
        for tokens, value, uri, node in self.nodes():
            if not isinstance(value, dict):
                continue
            if "properties" in node or "patternProperties" in node:
                documented.setdefault(tokens, set()).update(_described_names(node, value))
                describing[tokens] = f"{uri}/properties" if "properties" in node else uri
            if any(keyword in node for keyword in _OPENERS):
                opened.add(tokens)
        for tokens, names in documented.items():
            if tokens not in opened:
                members = value_at(self.value, tokens)
                unknown = [name for name in members if name not in names]
                yield from (((*tokens, name), members[name], describing[tokens]) for name in unknown)


def _described_names(node: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
    yield from node.get("properties", ())
    for pattern in node.get("patternProperties", ()):
        yield from (name for name in value if re.search(pattern, name))


def annotate(
    contract: Contract, schema: str, value: Any, decided: frozenset[Tokens] = frozenset()
) -> Annotations:
    """Find what the schema at the address `schema` says about every place in `value`.

    Where its conditions look at nothing but shapes and the values at the places `decided`, what was found for
    one value holds for every other of the same shape, and is remembered.
    """
    memory = contract.schemas.memory
    key = (schema, shape_of(value), tuple(repr(at(value, tokens)) for tokens in sorted(decided)))
    if key in memory:
        return Annotations(value, schema, contract, memory[key])
    notes = Annotations(value, schema, contract, _evaluate(contract, schema, value))
    if len(memory) < _MAX_MEMORY and notes.is_decided_by_shape(decided):
        memory[key] = notes.schemas
    return notes


def _evaluate(contract: Contract, schema: str, value: Any) -> dict[Tokens, list[str]]:
    found: dict[Tokens, list[str]] = {}
    for detail in contract.schemas.validator(schema).evaluate(value).list()["details"]:
        depth = _depth_of_statement(detail["evaluationPath"])
        if depth is None or not detail["schemaLocation"]:
            continue
        tokens = _tokens(detail["instanceLocation"], value)
        if len(tokens) == depth:
            found.setdefault(tokens, []).append(detail["schemaLocation"])
    return found


@lru_cache(maxsize=4096)
def _depth_of_statement(evaluation_path: str) -> int | None:
    """Return how deep in the value the schema at the path applies; None for keywords and conditions.

    The library also reports `items` and its like for the list as a whole; that is not what they describe.
    """
    depth = 0
    steps = iter(evaluation_path.split("/")[1:])
    for step in steps:
        if step in _INTO_MEMBERS or step in _INTO_ALTERNATIVES:
            if next(steps, None) is None:
                return None
        elif step not in _INTO_CHILDREN and step not in _IN_PLACE:
            return None
        depth += step in _INTO_MEMBERS or step in _INTO_CHILDREN
    return depth


def _tokens(location: str, value: Any) -> Tokens:
    """Turn the pointer into tokens, telling an index from a member's name by what is there."""
    tokens: list[str | int] = []
    for step in location.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        token = int(name) if isinstance(value, list) else name
        value = value[token]
        tokens.append(token)
    return tuple(tokens)
