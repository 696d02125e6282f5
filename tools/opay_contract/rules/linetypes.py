"""Builds, from one conforming line and what the contract says about each place in it, a type for its like.

msgspec decodes a line into such a type about as fast as a line can be read at all, and refuses whatever has
another member, another JSON type or, where it matters, another value. The type is built from the schemas that
the schema library went through for the sample, so branches of `if` and references need not be followed here;
a schema that says more than a type and its columns can is left to the caller (`Unsupported`).
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Literal

import msgspec

from opay_contract.jsontext import Tokens, value_at
from opay_contract.rules.annotations import Annotations
from opay_contract.rules.columns import EACH, Column

_TYPES: dict[str, Any] = {"string": str, "integer": int, "number": int | float, "boolean": bool, "null": None}
_EXACT: dict[str, type] = {"string": str, "integer": int, "boolean": bool}
_IN_PLACE = {"$ref", "allOf", "if", "then", "else"}
_OF_OBJECTS = {"type", "properties", "required"} | _IN_PLACE
_OF_LISTS = {"type", "items"} | _IN_PLACE
_OF_PLAIN_VALUES = {"type"} | _IN_PLACE
_FOR_PEOPLE = {"$schema", "$id", "$comment", "title", "description", "examples", "default", "deprecated"}


class Unsupported(Exception):  # noqa: N818  names what is refused, as `Unreadable` does
    """A schema says more than a type can."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A place with a plain value: its folded pointer, its column, and the schemas that describe it.

    `is_fixed` if the type allows only the sample's value, `is_constrained` if a schema says more than a type.
    """

    tokens: Tokens
    column: Column
    schemas: tuple[str, ...]
    nodes: tuple[dict[str, Any], ...]
    kinds: frozenset[str]
    is_fixed: bool
    is_constrained: bool


@dataclass(frozen=True, slots=True)
class Items:
    """A list: its folded pointer, its column, and the schemas that describe it."""

    tokens: Tokens
    column: Column
    nodes: tuple[dict[str, Any], ...]


class BodyType:
    """The type of one body, with its leaves, its lists, and the places that vary from line to line."""

    def __init__(self, notes: Annotations, fixed: frozenset[Tokens], column: Column) -> None:
        """Build from a sample; `fixed` places keep its value, `column` is that of the body as a whole."""
        self._notes = notes
        self._fixed = fixed
        self.leaves: list[Leaf] = []
        self.lists: list[Items] = []
        self.variable: list[Column] = []
        self.type = self._build((), [()], column)

    def column(self, tokens: Tokens) -> Column | None:
        """Return the column of a plain place, None where the type has none."""
        return next((leaf.column for leaf in self.leaves if leaf.tokens == tokens), None)

    def _build(self, folded: Tokens, places: list[Tokens], column: Column, *, optional: bool = False) -> Any:
        values = [value_at(self._notes.value, place) for place in places]
        schemas = tuple(dict.fromkeys(uri for place in places for uri in self._notes.schemas.get(place, ())))
        nodes = tuple(node for uri in schemas if isinstance(node := self._node(uri), dict))
        if optional and isinstance(values[0], dict | list):
            raise Unsupported
        if all(isinstance(value, dict) for value in values):
            return self._struct(folded, places, column, nodes)
        if all(isinstance(value, list) for value in values):
            return self._list(folded, places, column, nodes)
        if any(isinstance(value, dict | list) for value in values):
            raise Unsupported
        stated = [_names(node["type"]) for node in nodes if "type" in node]
        kinds = frozenset(set.intersection(*stated)) if stated else frozenset()
        fixed = folded in self._fixed and isinstance(values[0], str)
        if len(kinds) == 1 and not optional:
            column = Column(column.steps, _EXACT.get(next(iter(kinds))))
        leaf = Leaf(folded, column, schemas, nodes, kinds, fixed, _says_more(nodes))
        self.leaves.append(leaf)
        return Literal[values[0]] if fixed else self._plain(leaf)

    def _struct(
        self, folded: Tokens, places: list[Tokens], column: Column, nodes: tuple[dict[str, Any], ...]
    ) -> Any:
        _require(nodes, _OF_OBJECTS, self._fixed, folded)
        required = {name for node in nodes for name in node.get("required", ())}
        fields: list[Any] = []
        renamed: dict[str, str] = {}
        for name in dict.fromkeys(name for node in nodes for name in node.get("properties", ())):
            children = [(*place, name) for place in places if name in value_at(self._notes.value, place)]
            if not children:
                continue
            attribute = f"m{len(renamed)}"
            renamed[attribute] = name
            inner = column.below(attribute)
            kind = self._build((*folded, name), children, inner, optional=name not in required)
            if name in required:
                fields.append((attribute, kind))
            else:
                fields.append((attribute, kind | msgspec.UnsetType, msgspec.UNSET))
                self.variable.append(inner)
        fields.sort(key=len)
        return msgspec.defstruct("Members", fields, rename=renamed, forbid_unknown_fields=True, gc=False)

    def _list(
        self, folded: Tokens, places: list[Tokens], column: Column, nodes: tuple[dict[str, Any], ...]
    ) -> Any:
        _require(nodes, _OF_LISTS, self._fixed, folded)
        children = [(*place, i) for place in places for i in range(len(value_at(self._notes.value, place)))]
        if not children or EACH in folded:
            raise Unsupported
        self.lists.append(Items(folded, Column(column.steps, list), nodes))
        item = self._build((*folded, EACH), children, column.below(EACH))
        return list[item]  # type: ignore[valid-type]

    def _plain(self, leaf: Leaf) -> Any:
        if not leaf.kinds or not leaf.kinds <= _TYPES.keys():
            raise Unsupported
        if len(leaf.kinds) > 1:
            self.variable.append(leaf.column)
        return reduce(or_, (_TYPES[name] for name in sorted(leaf.kinds)))

    def _node(self, uri: str) -> Any:
        return self._notes.contract.schemas.node(uri)


def _names(stated: str | list[str]) -> set[str]:
    return {stated} if isinstance(stated, str) else set(stated)


def _says_more(nodes: tuple[dict[str, Any], ...]) -> bool:
    return any(_assertions(node) - _OF_PLAIN_VALUES for node in nodes)


def _require(
    nodes: tuple[dict[str, Any], ...], keywords: set[str], fixed: frozenset[Tokens], place: Tokens
) -> None:
    """Refuse schemas with other keywords, and conditions on anything but the values that the type fixes."""
    for node in nodes:
        if _assertions(node) - keywords or (
            "if" in node and not _is_fixed_condition(node["if"], fixed, place)
        ):
            raise Unsupported


def _is_fixed_condition(condition: Any, fixed: frozenset[Tokens], place: Tokens) -> bool:
    if not isinstance(condition, dict) or condition.keys() - {"properties", "required"}:
        return False
    names = {*condition.get("properties", ()), *condition.get("required", ())}
    return all((*place, name) in fixed for name in names)


def _assertions(node: dict[str, Any]) -> set[str]:
    return {keyword for keyword in node if keyword not in _FOR_PEOPLE and not keyword.startswith("x-")}
