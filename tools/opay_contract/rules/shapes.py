"""The shape of a parsed JSON value: members and types without values, each shape as one object.

Values of equal shape differ in nothing but plain values, the order of members, and how many items of each
shape a list has, and in which order. So there are few shapes, and a dictionary of them is a quick memory.
"""

from collections.abc import Iterator
from typing import Any

from opay_contract.jsontext import Tokens

MAX_NAMES = 1 << 22
"""About how many characters of names are kept; shapes beyond are made anew for each value."""

EACH = -1
"""Stands in a path for every item of a list; any other number is one index."""

_OF_SHAPES = {"type", "required", "propertyNames"}
_OF_EMPTY_LISTS = {"minItems": (0, 1), "maxItems": (0,)}

_LayoutKey = tuple[tuple[str, ...], tuple[type, ...]]


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
    """Names and plain types of an object in any order, and its shapes by those of its containers."""

    __slots__ = ("containers", "flat", "is_known", "shapes", "types")

    def __init__(self, types: dict[str, type], *, is_known: bool) -> None:
        self.types = types
        self.is_known = is_known
        self.containers = tuple(sorted(name for name, kind in types.items() if kind in (dict, list)))
        self.shapes: dict[tuple[Shape, ...], Shape] = {}
        self.flat: Shape | None = None


class Shapes:
    """Knows the shapes of values that came by; a bounded number of them."""

    def __init__(self, limit: int = MAX_NAMES) -> None:
        self._room = limit
        self._plain: dict[type, Shape] = {}
        self._layouts: dict[_LayoutKey, _Layout] = {}
        self._sorted: dict[tuple[tuple[str, type], ...], _Layout] = {}
        self._lists: dict[frozenset[Shape], Shape] = {}

    def of(self, value: Any) -> Shape:
        """Return the shape of a value."""
        kind = type(value)
        if kind is dict:
            key = (tuple(value), tuple(map(type, value.values())))
            layout = self._layouts.get(key) or self._layout(key)
            if layout.flat is not None:
                return layout.flat
            parts = tuple([self.of(value[name]) for name in layout.containers])
            return layout.shapes.get(parts) or self._object(layout, parts)
        if kind is list:
            items = frozenset(map(self.of, value))
            return self._lists.get(items) or self._list(items)
        return self._plain.get(kind) or self._plain.setdefault(kind, Shape(kind, {}, frozenset()))

    def _take_room(self, size: int) -> bool:
        self._room -= size + 1
        return self._room >= 0

    def _layout(self, key: _LayoutKey) -> _Layout:
        """Return what is known of an object's names and types, whatever their order."""
        in_order = tuple(sorted(zip(*key, strict=True), key=lambda member: member[0]))
        has_room = self._take_room(sum(map(len, key[0])))
        layout = self._sorted.get(in_order)
        if layout is None:
            layout = _Layout(dict(in_order), is_known=has_room)
            if not layout.containers:
                layout.flat = self._object(layout, ())
            if has_room:
                self._sorted[in_order] = layout
        if has_room:
            self._layouts[key] = layout
        return layout

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


def values_at(root: Any, path: Tokens) -> list[Any]:
    """Return every value at a path, in document order; where there is none, nothing."""
    found = [root]
    for step in path:
        if step == EACH:
            found = [item for one in found if type(one) is list for item in one]
        elif type(step) is int:
            found = [one[step] for one in found if type(one) is list and step < len(one)]
        else:
            found = [one[step] for one in found if type(one) is dict and step in one]
    return found


def is_decided_by_shape(schema: Any, place: Tokens, decided: frozenset[Tokens] = frozenset()) -> bool:
    """Return whether the verdict of a schema at a place depends on the shape, or on values `decided`."""
    if isinstance(schema, bool) or place in decided:
        return True
    return all(_is_keyword_decided(*keyword, place, decided) for keyword in schema.items())


def _is_keyword_decided(keyword: str, value: Any, place: Tokens, decided: frozenset[Tokens]) -> bool:
    if keyword == "not":
        return is_decided_by_shape(value, place, decided)
    if keyword == "properties":
        return all(is_decided_by_shape(child, (*place, name), decided) for name, child in value.items())
    return keyword in _OF_SHAPES or value in _OF_EMPTY_LISTS.get(keyword, ())


def iter_shapes(root: Shape, path: Tokens = ()) -> Iterator[tuple[Tokens, Shape]]:
    """Yield every shape in `root` with its path."""
    yield path, root
    for name, member in root.members.items():
        yield from iter_shapes(member, (*path, name))
    for item in root.items:
        yield from iter_shapes(item, (*path, EACH))
