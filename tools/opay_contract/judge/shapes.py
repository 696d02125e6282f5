"""The shape of a parsed JSON value: members and types without values, each shape as one object.

Values of equal shape differ in nothing but plain values, the order of members, and how many items of each
shape a list has, and in which order. So there are few shapes, and a dictionary of them is a quick memory.
"""

from operator import itemgetter
from typing import Any

from opay_contract.jsontext import Tokens

MAX_NAMES = 1 << 20
"""About how many characters of names are kept; shapes beyond are made anew for each value."""

EACH = -1
"""Stands in a path for every item of a list; any other number is one index."""

_OF_SHAPES = {"type", "required", "propertyNames"}
_OF_EMPTY_LISTS = {"minItems": (0, 1), "maxItems": (0,)}

_Members = tuple[Any, ...]
"""The names of an object's members, then their types."""


class Shape:
    """What values have in common: their type, the shapes of an object's members and those of a list's items.

    `is_known` if other values of this shape have the very same object; else no memory should hold it.
    """

    __slots__ = ("has_float", "is_known", "items", "kind", "members")

    def __init__(
        self, kind: type, members: dict[str, "Shape"], items: frozenset["Shape"], *, is_known: bool = True
    ) -> None:
        self.kind = kind
        self.members = members
        self.items = items
        self.is_known = is_known
        self.has_float: bool = kind is float or any(part.has_float for part in (*members.values(), *items))


class _Layout:
    """Names and types of an object with containers, and its shapes by those of the containers."""

    __slots__ = ("containers", "is_known", "shapes", "types")

    def __init__(self, types: dict[str, type], *, is_known: bool) -> None:
        self.types = types
        self.is_known = is_known
        self.containers = tuple(name for name, kind in types.items() if kind in (dict, list))
        self.shapes: dict[tuple[Shape, ...], Shape] = {}


class Shapes:
    """Knows the shapes of values that came by; a bounded number of them."""

    def __init__(self, limit: int = MAX_NAMES) -> None:
        self._room = limit
        self._plain: dict[type, Shape] = {}
        self._objects: dict[_Members, Shape | _Layout] = {}
        self._lists: dict[frozenset[Shape], Shape] = {}
        self._lists_of_objects: dict[frozenset[_Members], Shape] = {}

    def of(self, value: Any) -> Shape:
        """Return the shape of a value."""
        kind = type(value)
        if kind is dict:
            key = (*value, *map(type, value.values()))
            found = self._objects.get(key) or self._layout(key, value)
            if isinstance(found, Shape):
                return found
            parts = tuple(map(self.of, map(value.__getitem__, found.containers)))
            return found.shapes.get(parts) or self._object(found, parts)
        if kind is list:
            return self._of_list(value)
        return self._plain.get(kind) or self._plain.setdefault(kind, Shape(kind, {}, frozenset()))

    def _of_list(self, value: list[Any]) -> Shape:
        """Return the shape of a list; most often its items are objects with plain members."""
        keys: frozenset[_Members] = frozenset()
        try:
            keys = frozenset([(*item, *map(type, item.values())) for item in value])
        except (AttributeError, TypeError):  # not all of them are objects
            pass
        else:
            found = self._lists_of_objects.get(keys)
            if found is not None:
                return found
        items = frozenset(map(self.of, value))
        shape = self._lists.get(items) or self._list(items)
        are_plain = all(isinstance(self._objects.get(key), Shape) for key in keys)
        if keys and are_plain and shape.is_known and self._take_room(len(keys)):
            self._lists_of_objects[keys] = shape
        return shape

    def _take_room(self, size: int) -> bool:
        self._room -= size + 1
        return self._room >= 0

    def _layout(self, key: _Members, value: dict[str, Any]) -> "Shape | _Layout":
        """Return what is known of an object's names and types, in whatever order they are."""
        has_room = self._take_room(sum(map(len, value)))
        types = {name: type(value[name]) for name in sorted(value)}
        in_order = (*types, *types.values())
        found = self._objects.get(in_order)
        if found is None:
            layout = _Layout(types, is_known=has_room)
            found = layout if layout.containers else self._object(layout, ())
            if has_room:
                self._objects[in_order] = found
        if has_room:
            self._objects[key] = found
        return found

    def _object(self, layout: _Layout, parts: tuple[Shape, ...]) -> Shape:
        inner = dict(zip(layout.containers, parts, strict=True))
        members = {name: inner.get(name) or self.of(kind()) for name, kind in layout.types.items()}
        is_known = layout.is_known and self._take_room(len(members)) and all(part.is_known for part in parts)
        shape = Shape(dict, members, frozenset(), is_known=is_known)
        if is_known:
            layout.shapes[parts] = shape
        return shape

    def _list(self, items: frozenset[Shape]) -> Shape:
        is_known = self._take_room(len(items)) and all(item.is_known for item in items)
        shape = Shape(list, {}, items, is_known=is_known)
        if is_known:
            self._lists[items] = shape
        return shape


def fold(tokens: Tokens) -> Tokens:
    """Return a place with every index of a list as `EACH`."""
    return tuple([EACH if type(token) is int else token for token in tokens])


def has_place(shape: Shape, path: Tokens) -> bool:
    """Return whether values of a shape have a member at a path."""
    for step in path:
        if step not in shape.members:
            return False
        shape = shape.members[str(step)]
    return True


def values_at(root: Any, path: Tokens) -> list[Any]:
    """Return every value at a path of its shape, in document order.

    What an item of a list need not have, it may lack; anything before that is there.
    """
    for position, step in enumerate(path):
        if step == EACH:
            return column(root, path[position + 1 :])
        root = root[step]
    return [root]


def column(found: list[Any], path: Tokens) -> list[Any]:
    """Return every value at a path below some values, in order; those without one are left out."""
    for step in path:
        if step == EACH:
            found = [item for one in found if type(one) is list for item in one]
            continue
        try:
            found = list(map(itemgetter(step), found))
        except (KeyError, TypeError, IndexError):
            found = [one[step] for one in found if type(one) is dict and step in one]
    return found


def is_decided_by_shape(schema: Any, place: Tokens, decided: frozenset[Tokens] = frozenset()) -> bool:
    """Return whether the verdict of a schema at a place depends on the shape, or on values `decided`."""
    if isinstance(schema, bool) or place in decided:
        return True
    return all(_is_keyword_decided(keyword, value, place, decided) for keyword, value in schema.items())


def _is_keyword_decided(keyword: str, value: Any, place: Tokens, decided: frozenset[Tokens]) -> bool:
    if keyword == "not":
        return is_decided_by_shape(value, place, decided)
    if keyword == "properties":
        return all(is_decided_by_shape(child, (*place, name), decided) for name, child in value.items())
    return keyword in _OF_SHAPES or value in _OF_EMPTY_LISTS.get(keyword, ())
