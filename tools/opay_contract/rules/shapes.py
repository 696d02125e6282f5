"""The shape of a parsed JSON value: keys and types without values, cheap to make and to compare."""

from typing import Any

from opay_contract.jsontext import Tokens

_OF_SHAPES = {"type", "required", "maxItems", "minItems", "propertyNames"}

Shape = Any
"""A type for a plain value; for an object its keys and its values' shapes; for a list its items' shapes."""


def shape_of(value: Any) -> Shape:
    """Return the shape of a value; values of equal shape differ in nothing but plain values."""
    kind = type(value)
    if kind is dict:
        kinds: tuple[Shape, ...] = tuple(map(type, value.values()))
        if dict in kinds or list in kinds:
            kinds = tuple([shape_of(child) for child in value.values()])
        return (tuple(value), kinds)
    if kind is list:
        return (list, tuple([shape_of(item) for item in value]))
    return kind


def is_decided_by_shape(schema: Any, place: Tokens, decided: frozenset[Tokens]) -> bool:
    """Return whether the verdict of a schema at a place depends on keys and types alone."""
    if isinstance(schema, bool) or place in decided:
        return True
    return all(
        keyword in _OF_SHAPES
        or (keyword == "not" and is_decided_by_shape(value, place, decided))
        or (keyword == "properties" and _are_decided_by_shape(value, place, decided))
        for keyword, value in schema.items()
    )


def _are_decided_by_shape(members: dict[str, Any], place: Tokens, decided: frozenset[Tokens]) -> bool:
    return all(is_decided_by_shape(child, (*place, name), decided) for name, child in members.items())
