"""The shape of a parsed JSON value: keys and types without values, cheap to make and to compare."""

from typing import Any

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
