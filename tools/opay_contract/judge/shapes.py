"""The shape of a parsed JSON value: members and types without values, each shape as one object.

Values of equal shape differ in nothing but plain values, the order of members, and how many items of each
shape a list has, and in which order. So there are few shapes, and a dictionary of them is a quick memory.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import chain, islice
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from opay_contract.contract.addresses import below
from opay_contract.contract.contract import Contract
from opay_contract.contract.keywords import CHOICES, FOR_PEOPLE, OF_SHAPE, OPENERS, iter_schema
from opay_contract.contract.schemas import SchemaSet
from opay_contract.jsontext import Tokens, iter_nodes, steps_of

MAX_NAMES = 1 << 20
"""About how many characters of names are kept; shapes beyond are made anew for each value."""

EACH = -1
"""Stands in a path for every item of a list; any other number is one index."""

_OF_ANY_NAME = frozenset(("patternProperties", "minProperties", "maxProperties"))
_BY_NAME = FOR_PEOPLE | {"enum", "const"}
_LISTS = frozenset(("enum", "const"))
NOTHING: Mapping[Tokens, str | None] = MappingProxyType({})
_OF_EMPTY_LISTS = {"minItems": (0, 1), "maxItems": (0,)}

_CONTAINERS = frozenset((dict, list))
_OF_TAGS = (str, bool)
_MAX_TAGS = 64
"""How many values under one name are told apart."""

_MAX_OPEN = 4096
"""How many objects with members that no document names are remembered, and how many sums of such."""

_Others = tuple[bool, int]
"""Whether a fraction is among members that no document names, and how many levels are nested in them."""

_Members = tuple[Any, ...]
"""The names of an object's members, then their types."""

_Types = tuple[type, ...]
"""The types of an object's members, in their order."""


class Words(NamedTuple):
    """By which names members are `known`, and below which of these a member may matter whatever its name."""

    known: frozenset[str]
    of_any: frozenset[str]
    in_lower_case: frozenset[str]


Tags = Mapping[str, frozenset[str | bool]]
"""Under which names which values tell the schemas of a union apart; each has a shape of its own there."""

NO_TAGS: Tags = MappingProxyType({})


class Shape:
    """What values have in common: their type, the shapes of an object's members and those of a list's items.

    Members that no document of a contract names are not told apart: it `has_others` if there are such in it.
    `levels` of containers are nested in it; `quotes` is what the names of its members, and those that are
    texts, have in JSON. `is_known` if other values of this shape have the very same object; else no memory
    should hold it.
    """

    __slots__ = ("has_float", "has_others", "is_known", "items", "kind", "levels", "members", "quotes")

    def __init__(
        self,
        kind: type,
        members: dict[str, "Shape"],
        items: frozenset["Shape"],
        *,
        is_known: bool = True,
        others: "_Others | None" = None,
    ) -> None:
        self.kind = kind
        self.members = members
        self.items = items
        self.is_known = is_known
        inside = (*members.values(), *items)
        has_float, levels = others or (False, 0)
        self.has_others: bool = others is not None or any(part.has_others for part in inside)
        self.has_float: bool = has_float or kind is float or any(part.has_float for part in inside)
        self.levels: int = max([levels, *[part.levels for part in inside]]) + (kind in _CONTAINERS)
        self.quotes = _quotes(members.values(), [part.kind for part in members.values()])


class _Layout:
    """Names and types of an object with containers or tags, and its shapes by those of these `parts`.

    Of an object with members that no document names, it is the `plain` layout with what sums up the others.
    """

    __slots__ = ("is_known", "others", "parts", "plain", "quotes", "shapes", "types")

    def __init__(self, types: dict[str, type], parts: tuple[str, ...], *, is_known: bool) -> None:
        self.types = types
        self.is_known = is_known
        self.parts = parts
        self.quotes = _quotes(types, list(types.values()))
        self.shapes: dict[tuple[Any, ...], Shape] = {}
        self.plain = self
        self.others: _Others | None = None

    def with_others(self, others: "_Others", quotes: int, *, is_known: bool) -> "_Layout":
        """Return the layout of objects that have other members as well."""
        layout = _Layout(self.types, self.parts, is_known=is_known)
        layout.plain, layout.others, layout.quotes = self, others, self.quotes + quotes
        return layout


class _Known:
    """What is known of objects with the same names in the same order: by their types, and what came last."""

    __slots__ = ("layout", "layouts", "types")

    def __init__(self) -> None:
        self.layouts: dict[_Types, Shape | _Layout] = {}
        self.types: _Types = ()
        self.layout: Shape | _Layout | None = None


class Shapes:
    """Knows the shapes of values that came by; a bounded number of them.

    Of members that none of the `words` calls, where there are some, a shape keeps nothing but whether there
    are such, a fraction among them, and how deep they are: it is the same whatever they are called.
    """

    def __init__(self, limit: int = MAX_NAMES, words: "Words | None" = None, tags: Tags = NO_TAGS) -> None:
        self.words = words
        self.tags = tags
        self._told = {
            name: {one: Shape(type(one), {}, frozenset()) for one in values} for name, values in tags.items()
        }
        self._by_any_name = Shapes(limit, tags=tags) if words is not None and words.of_any else self
        self._room = limit
        self._layouts: dict[_Members, _Layout] = {}
        self._open: dict[tuple[_Layout, _Others, int], _Layout] = {}
        self._open_objects = 0
        self._plain: dict[type, Shape] = {}
        self._objects: dict[tuple[str, ...], _Known] = {}
        self._lists: dict[frozenset[Shape], Shape] = {}

    def of(self, value: Any) -> Shape:
        """Return the shape of a value."""
        return self.measure([value])[0][0]

    def measure(self, values: list[Any], kind: type | None = None) -> tuple[list[Shape], int]:
        """Return the shape of each value, and how many quotes all of them have in JSON without escapes.

        All are of a `kind` where one is given.
        """
        if kind is None:
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
        by_kind = {kind: self.measure([one for one in values if type(one) is kind], kind) for kind in kinds}
        found = {kind: iter(shapes) for kind, (shapes, _) in by_kind.items()}
        return [next(found[type(one)]) for one in values], sum(quotes for _, quotes in by_kind.values())

    def _of_objects(self, values: list[dict[str, Any]]) -> tuple[list[Shape], int]:
        layouts = self._layouts_of(values)
        rows: dict[Any, list[int]] = defaultdict(list)
        if layouts and layouts.count(layouts[0]) == len(layouts):
            rows[layouts[0]] = []  # all of them
        else:
            for row, layout in enumerate(layouts):
                rows[layout].append(row)
        quotes = sum([layout.quotes * len(places or layouts) for layout, places in rows.items()])
        found = layouts
        for layout, places in rows.items():
            if type(layout) is not _Layout:
                continue
            having = [values[row] for row in places] if places else values
            parts: list[list[Shape]] = []
            for name in layout.parts:
                shapes, more = self._of_members(name, layout.types[name], [value[name] for value in having])
                parts.append(shapes)
                quotes += more
            each_part = list(zip(*parts, strict=True)) if parts else [()] * len(having)
            known: Any = layout.shapes.get
            shapes = list(map(known, each_part))
            if None in shapes:
                shapes = [
                    one or self._object(layout, key) for one, key in zip(shapes, each_part, strict=True)
                ]
            if not places:
                return shapes, quotes
            for row, shape in zip(places, shapes, strict=True):
                found[row] = shape
        return found, quotes

    def _layouts_of(self, values: list[dict[str, Any]]) -> list[Any]:
        """Return what is known of each object's names and types, which most often are as they were before."""
        known: list[Any] = list(map(self._objects.get, map(tuple, values)))
        types = tuple(map(type, chain.from_iterable(map(dict.values, values))))
        if None not in known and types == tuple(chain.from_iterable([one.types for one in known])):
            return [one.layout for one in known]
        layouts, end = [], 0
        for one, value in zip(known, values, strict=True):
            start, end = end, end + len(value)
            own = types[start:end]
            layout = None
            if one is not None:
                layout = one.layout if own == one.types else one.layouts.get(own)
            if layout is None:
                layout = self._layout(own, value)
            elif layout is not one.layout:
                one.types, one.layout = own, layout
            layouts.append(layout)
        return layouts

    def _of_members(self, name: str, kind: type, values: list[Any]) -> tuple[list[Shape], int]:
        """Measure what objects of one layout have under a name; quotes of tags are the layout's."""
        if kind in _OF_TAGS:
            told, plain = self._told[name], self.of(values[0])
            return [told.get(value, plain) for value in values], 0
        is_of_any = self.words is not None and name in self.words.of_any
        return (self._by_any_name if is_of_any else self).measure(values, kind)

    def _of_lists(self, values: list[list[Any]]) -> tuple[list[Shape], int]:
        shapes, quotes = self.measure(list(chain.from_iterable(values)))
        distinct = set(shapes)
        if len(distinct) <= 1:
            full, empty = self._of_items(frozenset(distinct)), self._of_items(frozenset())
            return [full if value else empty for value in values], quotes
        items = iter(shapes)
        return [self._of_items(frozenset(islice(items, size))) for size in map(len, values)], quotes

    def _of_items(self, items: frozenset[Shape]) -> Shape:
        return self._lists.get(items) or self._list(items)

    def _take_room(self, size: int) -> bool:
        self._room -= size + 1
        return self._room >= 0

    def _layout(self, own: _Types, value: dict[str, Any]) -> "Shape | _Layout":
        """Return what is known of an object's names and types, in whatever order they are."""
        words, size = self.words, sum(map(len, value))
        types = {name: type(value[name]) for name in sorted(value) if words is None or name in words.known}
        if len(types) == len(value):
            has_room = self._take_room(size)
            layout = self._layout_of(types, is_known=has_room)
            found = layout if layout.parts else self._object(layout, ())
            if has_room:
                self._keep(own, value, found)
            return found
        outside = [child for name, child in value.items() if name not in types]
        layout = self._open_layout(self._layout_of(types), outside)
        has_room = self._open_objects < _MAX_OPEN and size < _MAX_OPEN
        if has_room and _CONTAINERS.isdisjoint(map(type, outside)):
            self._keep(own, value, layout)
            self._open_objects += 1
        return layout

    def _keep(self, own: _Types, value: dict[str, Any], layout: "Shape | _Layout") -> None:
        known = self._objects.setdefault(tuple(value), _Known())
        known.layouts[own] = known.layout = layout
        known.types = own

    def _layout_of(self, types: dict[str, type], *, is_known: bool | None = None) -> _Layout:
        """Return the layout of members in the order of their names."""
        in_order = (*types, *types.values())
        layout = self._layouts.get(in_order)
        if layout is None:
            is_known = self._take_room(sum(map(len, types))) if is_known is None else is_known
            parts = [
                name
                for name, kind in types.items()
                if kind in _CONTAINERS or (name in self.tags and kind in _OF_TAGS)
            ]
            layout = _Layout(types, tuple(parts), is_known=is_known)
            if is_known:
                self._layouts[in_order] = layout
        return layout

    def _open_layout(self, plain: _Layout, outside: list[Any]) -> _Layout:
        """Return the layout of an object with other members; there is one for what sums these up."""
        others, quotes = _sum_up(outside)
        key = (plain, others, quotes + 2 * len(outside))
        layout = self._open.get(key)
        if layout is None:
            is_known = plain.is_known and len(self._open) < _MAX_OPEN
            layout = plain.with_others(others, quotes + 2 * len(outside), is_known=is_known)
            if is_known:
                self._open[key] = layout
        return layout

    def _object(self, layout: _Layout, parts: tuple[Shape, ...]) -> Shape:
        plain = layout.plain
        shape = plain.shapes.get((*parts, layout.others) if layout.others else parts)
        if shape is None:
            inner = dict(zip(plain.parts, parts, strict=True))
            members = {name: inner.get(name) or self.of(kind()) for name, kind in plain.types.items()}
            is_known = (
                plain.is_known and self._take_room(len(members)) and all(part.is_known for part in parts)
            )
            shape = Shape(dict, members, frozenset(), is_known=is_known, others=layout.others)
            if is_known and layout.others:
                plain.shapes[*parts, layout.others] = shape
        if layout.is_known and shape.is_known:
            layout.shapes[parts] = shape
        return shape

    def _list(self, items: frozenset[Shape]) -> Shape:
        is_known = self._take_room(len(items)) and all(item.is_known for item in items)
        shape = Shape(list, {}, items, is_known=is_known)
        if is_known:
            self._lists[items] = shape
        return shape


def _sum_up(values: list[Any]) -> tuple[_Others, int]:
    """Return whether a fraction is among values, how deep they are nested, and how many quotes they have."""
    has_float, levels, quotes = False, 0, 0
    while values:
        kinds = list(map(type, values))
        has_float = has_float or float in kinds
        levels += not _CONTAINERS.isdisjoint(kinds)
        objects = [one for one in values if type(one) is dict]
        quotes += 2 * (kinds.count(str) + sum(map(len, objects)))
        inside = [*[one.values() for one in objects], *[one for one in values if type(one) is list]]
        values = [child for one in inside for child in one]
    return (has_float, levels), quotes


def _quotes(names: Collection[Any], kinds: list[type]) -> int:
    return 2 * (len(names) + kinds.count(str))


def iter_others(root: Any, words: Words) -> Iterator[tuple[Tokens, Any]]:
    """Yield with its place every value in members that no document of a contract names."""
    waiting: list[tuple[Tokens, Any]] = [((), root)]
    while waiting:
        tokens, value = waiting.pop()
        if type(value) is dict:
            for name, child in value.items():
                if name not in words.known:
                    yield from iter_nodes(child, (*tokens, name))
                elif type(child) in _CONTAINERS and name not in words.of_any:
                    waiting.append(((*tokens, name), child))
        elif type(value) is list:
            waiting += [((*tokens, at), one) for at, one in enumerate(value) if type(one) in _CONTAINERS]


@lru_cache(maxsize=4)
def words_of(contract: Contract) -> Words | None:
    """Return what members are known by: every text of the documents, and every step of a pointer there.

    What a member is called that none of them names plays no part in what the contract says, nor how many of
    them there are, but where keywords say so. None where they may say so of the root of a body.
    """
    schemas, known = contract.schemas, set[str]()
    waiting: list[Any] = [document.value for document in schemas.documents.values()]
    has_any = False
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            known.update((value, *steps_of(value)))
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            has_any = has_any or _is_about_any_name(value)
            known.update(map(str, value))
            waiting.extend(value.values())
    in_lower_case = frozenset(map(str.lower, known))
    if not has_any:
        return Words(frozenset(known), frozenset(), in_lower_case)
    asked = [
        evidence.schema
        for one in contract.questions
        for reading in one.readings
        for evidence in reading.evidence
    ]
    if any(_is_about_any_name(schema) for one in asked for _, schema in iter_schema(one)):
        return None
    if any(_may_be_of_any_name(schemas, uri) for one in contract.operations for uri in one.body_schemas):
        return None
    mapped = {at.tokens[-1] for at, _ in schemas.iter_properties() if _may_be_of_any_name(schemas, at.uri)}
    return Words(frozenset(known), frozenset(map(str, mapped)), in_lower_case)


@lru_cache(maxsize=4)
def tags_of(contract: Contract) -> Tags:
    """Return the names under which schemas of a union list other texts, or truth values, than each other.

    What an answer's code or message is, is known without.
    """
    schemas, found = contract.schemas, dict[str, set[str | bool]]()
    for at, schema in schemas.iter_schemas():
        for keyword in CHOICES & schema.keys():
            listed: dict[str, list[frozenset[str | bool]]] = {}
            for number in range(len(schema[keyword])):
                for name, values in _tags_in(schemas, at.child(keyword, number).uri).items():
                    listed.setdefault(name, []).append(frozenset(values))
            for name, several in listed.items():
                if len(set(several)) > 1:
                    found.setdefault(name, set()).update(*several)
    decided = {place[-1] for one in contract.operations for place in one.decided}
    return {
        name: frozenset(values)
        for name, values in found.items()
        if name not in decided and len(values) <= _MAX_TAGS
    }


def _tags_in(schemas: SchemaSet, uri: str) -> dict[str, set[str | bool]]:
    found: dict[str, set[str | bool]] = {}
    for at, node in schemas.iter_in_place(uri):
        properties = node.get("properties")
        for name in properties if isinstance(properties, dict) else ():
            for _, inner in schemas.iter_in_place(below(at, "properties", name)):
                listed = [*inner.get("enum", ()), *([inner["const"]] if "const" in inner else ())]
                found.setdefault(name, set()).update(one for one in listed if type(one) in _OF_TAGS)
    return {name: values for name, values in found.items() if values}


def _may_be_of_any_name(schemas: SchemaSet, uri: str) -> bool:
    """Tell whether a schema, or that of items of a list, is about members whatever they are called."""
    waiting, seen = [uri], set[str]()
    while waiting:
        for at, node in schemas.iter_in_place(waiting.pop()):
            if at in seen:
                continue
            seen.add(at)
            questions = [inner for key in ("if", "not") for _, inner in iter_schema(node.get(key))]
            if any(map(_is_about_any_name, (node, *questions))):
                return True
            if "prefixItems" in node:
                return True
            waiting += [f"{at}/{key}" for key in ("items", "contains", "unevaluatedItems") if key in node]
    return False


def _is_about_any_name(node: dict[str, Any]) -> bool:
    names = node.get("propertyNames")
    return (
        not _OF_ANY_NAME.isdisjoint(node)
        or not (names is None or (isinstance(names, dict) and names.keys() <= _BY_NAME))
        or any(isinstance(node.get(key), dict) and not node[key].keys() <= FOR_PEOPLE for key in OPENERS)
    )


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


def is_decided_by_names(schema: Any) -> bool:
    """Return whether a value's type, and the names of its members, say whether it fits."""
    return isinstance(schema, bool) or all(
        keyword in OF_SHAPE
        or (keyword == "not" and is_decided_by_names(value))
        or (keyword == "properties" and all(isinstance(child, bool) for child in value.values()))
        for keyword, value in schema.items()
    )


def is_decided_by_shape(schema: Any, place: Tokens, decided: Mapping[Tokens, str | None] = NOTHING) -> bool:
    """Return whether the verdict of a schema at a place depends on the shape, or on values `decided`.

    Where such a value is none that a document has, all that is known is that it is none of them.
    """
    if isinstance(schema, bool) or decided.get(place) is not None:
        return True
    listed = _LISTS if place in decided else frozenset()
    return all(
        keyword in listed or _is_keyword_decided(keyword, value, place, decided)
        for keyword, value in schema.items()
    )


def _is_keyword_decided(
    keyword: str, value: Any, place: Tokens, decided: Mapping[Tokens, str | None]
) -> bool:
    if keyword == "not":
        return is_decided_by_shape(value, place, decided)
    if keyword == "properties":
        return all(is_decided_by_shape(child, (*place, name), decided) for name, child in value.items())
    return keyword in OF_SHAPE or value in _OF_EMPTY_LISTS.get(keyword, ())
