"""The shape of a parsed JSON value: members and types without values, each shape as one object.

Values of equal shape differ in nothing but plain values, the order of members, and how many items of each
shape a list has, and in which order. So there are few shapes, and a dictionary of them is a quick memory.
"""

from collections.abc import Collection
from operator import itemgetter
from typing import Any

from opay_contract.contract.keywords import OF_SHAPE
from opay_contract.jsontext import Tokens

MAX_NAMES = 1 << 20
"""About how many characters of names are kept; shapes beyond are made anew for each value."""

EACH = -1
"""Stands in a path for every item of a list; any other number is one index."""

_OF_EMPTY_LISTS = {"minItems": (0, 1), "maxItems": (0,)}

_CONTAINERS = (dict, list)
_Members = tuple[Any, ...]
"""The names of an object's members, then their types."""


class Shape:
    """What values have in common: their type, the shapes of an object's members and those of a list's items.

    `levels` of containers are nested in it; `quotes` is what the names of its members, and those that are
    texts, have in JSON. `is_known` if other values of this shape have the very same object; else no memory
    should hold it.
    """

    __slots__ = ("has_float", "is_known", "items", "kind", "levels", "members", "quotes")

    def __init__(
        self, kind: type, members: dict[str, "Shape"], items: frozenset["Shape"], *, is_known: bool = True
    ) -> None:
        self.kind = kind
        self.members = members
        self.items = items
        self.is_known = is_known
        inside = (*members.values(), *items)
        self.has_float: bool = kind is float or any(part.has_float for part in inside)
        self.levels: int = max([part.levels for part in inside], default=0) + (kind in _CONTAINERS)
        self.quotes = _quotes(members.values(), [part.kind for part in members.values()])


class _Layout:
    """Names and types of an object with containers, and its shapes by those of the containers."""

    __slots__ = ("containers", "is_known", "quotes", "shapes", "types")

    def __init__(self, types: dict[str, type], *, is_known: bool) -> None:
        self.types = types
        self.is_known = is_known
        self.containers = tuple(name for name, kind in types.items() if kind in _CONTAINERS)
        self.quotes = _quotes(types, list(types.values()))
        self.shapes: dict[tuple[Shape, ...], Shape] = {}


class Shapes:
    """Knows the shapes of values that came by; a bounded number of them."""

    def __init__(self, limit: int = MAX_NAMES) -> None:
        self._room = limit
        self._plain: dict[type, Shape] = {}
        self._objects: dict[_Members, Shape | _Layout] = {}
        self._lists: dict[frozenset[Shape], Shape] = {}

    def of(self, value: Any) -> Shape:
        """Return the shape of a value."""
        return self.measure([value])[0][0]

    def measure(self, values: list[Any]) -> tuple[list[Shape], int]:
        """Return the shape of each value, and how many quotes all of them have in JSON without escapes."""
        kinds = set(map(type, values))
        if len(kinds) > 1:
            return self._of_several(values, kinds)
        kind = kinds.pop() if kinds else dict
        if kind is dict:
            return self._of_objects(values)
        if kind is list:
            return self._of_lists(values)
        plain = self._plain.get(kind) or self._plain.setdefault(kind, Shape(kind, {}, frozenset()))
        return [plain] * len(values), 2 * len(values) if kind is str else 0

    def _of_several(self, values: list[Any], kinds: set[type]) -> tuple[list[Shape], int]:
        """Measure the values of each type apart."""
        by_kind = {kind: self.measure([one for one in values if type(one) is kind]) for kind in kinds}
        found = {kind: iter(shapes) for kind, (shapes, _) in by_kind.items()}
        return [next(found[type(one)]) for one in values], sum(quotes for _, quotes in by_kind.values())

    def _of_objects(self, values: list[dict[str, Any]]) -> tuple[list[Shape], int]:
        keys: list[_Members] = [(*value, *map(type, value.values())) for value in values]
        layouts: list[Any] = list(map(self._objects.get, keys))
        if None in layouts:
            layouts = [
                one or self._layout(key, value) for one, key, value in zip(layouts, keys, values, strict=True)
            ]
        distinct = set(layouts)
        quotes: int = sum([one.quotes for one in layouts])
        found = layouts
        for layout in [one for one in distinct if type(one) is _Layout]:
            having = values
            if len(distinct) > 1:
                having = [value for value, one in zip(values, layouts, strict=True) if one is layout]
            parts = [self.measure([value[name] for value in having]) for name in layout.containers]
            quotes += sum(more for _, more in parts)
            known = layout.shapes.get
            shapes = [
                known(key) or self._object(layout, key)
                for key in zip(*[shapes for shapes, _ in parts], strict=True)
            ]
            if having is values:
                return shapes, quotes
            each = iter(shapes)
            found = [
                next(each) if one is layout else shape for one, shape in zip(layouts, found, strict=True)
            ]
        return found, quotes

    def _of_lists(self, values: list[list[Any]]) -> tuple[list[Shape], int]:
        shapes, quotes = self.measure([item for value in values for item in value])
        distinct = set(shapes)
        if len(distinct) <= 1:
            full, empty = self._of_items(frozenset(distinct)), self._of_items(frozenset())
            return [full if value else empty for value in values], quotes
        found, end = [], 0
        for value in values:
            start, end = end, end + len(value)
            found.append(self._of_items(frozenset(shapes[start:end])))
        return found, quotes

    def _of_items(self, items: frozenset[Shape]) -> Shape:
        return self._lists.get(items) or self._list(items)

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


def _quotes(names: Collection[Any], kinds: list[type]) -> int:
    return 2 * (len(names) + kinds.count(str))


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
    return keyword in OF_SHAPE or value in _OF_EMPTY_LISTS.get(keyword, ())
