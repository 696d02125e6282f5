"""Which statements of the contract speak about which place in a body.

The schema library reports every schema that it went through, also those whose verdict was no, so that the
branches of `if` and the members behind `$ref` are found without walking the schemas here.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from opay_contract.contract.contract import Contract
from opay_contract.contract.keywords import KEYWORDS, OPENERS, About, Holds, SchemaShape
from opay_contract.jsontext import Tokens, iter_nodes, value_at

_IN_PLACE = ("$ref", "$dynamicRef")


class Annotations(msgspec.Struct, frozen=True):
    """A value, the address of its schema, and for each place in it those of the schemas that describe it.

    `unused` is the keyword of members that such a value need not have, as `SchemaSet.validator` takes it.
    """

    value: Any
    schema: str
    contract: Contract
    schemas: dict[Tokens, list[str]]
    unused: str | None = None
    _nodes: list[tuple[Tokens, Any, str, dict[str, Any]]] = msgspec.field(default_factory=list)

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

    def closed(self) -> Iterator[tuple[Tokens, set[str], str]]:
        """Yield place, described names and the schema's address for objects with no others described."""
        documented: dict[Tokens, set[str]] = {}
        describing: dict[Tokens, str] = {}
        opened: set[Tokens] = set()
        for tokens, value, uri, node in self.nodes():
            if not isinstance(value, dict):
                continue
            if "properties" in node or "patternProperties" in node:
                documented.setdefault(tokens, set()).update(_described_names(node, value))
                describing.setdefault(tokens, f"{uri}/properties" if "properties" in node else uri)
            if any(keyword in node for keyword in OPENERS):
                opened.add(tokens)
        for tokens, names in documented.items():
            if tokens not in opened:
                yield tokens, names, describing[tokens]

    def undocumented(self) -> Iterator[tuple[Tokens, Any, str]]:
        """Yield place, value and the address of the object's schema for every member nobody described."""
        for tokens, names, uri in self.closed():
            members = value_at(self.value, tokens)
            yield from (((*tokens, name), members[name], uri) for name in members if name not in names)


def _described_names(node: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
    yield from node.get("properties", ())
    for pattern in node.get("patternProperties", ()):
        yield from (name for name in value if re.search(pattern, name))


def annotate(contract: Contract, schema: str, value: Any, unused: str | None = None) -> Annotations:
    """Find what the schema at the address `schema` says about every place in `value`."""
    found: dict[Tokens, list[str]] = {}
    places: dict[str, Tokens] = {}
    for detail in contract.schemas.validator(schema, unused).evaluate(value).list()["details"]:
        depth = _depth_of_statement(detail["evaluationPath"])
        if depth is None or not detail["schemaLocation"]:
            continue
        location = detail["instanceLocation"]
        tokens = places.get(location)
        if tokens is None:
            tokens = places[location] = _tokens(location, value)
        if len(tokens) == depth:
            found.setdefault(tokens, []).append(detail["schemaLocation"])
    return Annotations(value, schema, contract, found, unused)


@lru_cache(maxsize=4096)
def _depth_of_statement(evaluation_path: str) -> int | None:
    """Return how deep in the value the schema at the path applies; None for keywords and conditions.

    The library also reports `items` and its like for the list as a whole; that is not what they describe.
    """
    depth = 0
    steps = iter(evaluation_path.split("/")[1:])
    for step in steps:
        kind = KEYWORDS.get(step)
        if kind is None or kind.holds is Holds.AS_QUESTION or kind.about in (About.NAME, About.NOTHING):
            if step in _IN_PLACE:
                continue
            return None
        if kind.shape is not SchemaShape.ONE and next(steps, None) is None:
            return None
        depth += kind.about is not About.VALUE
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
