"""Compares schemas by what they say of values, in whichever words and wherever they say it.

What describes a value is a set of schemas: those that are named, what they refer to, and what they have in
`allOf`. All that these say is put together (`_View`), and two such sets are compared. So it makes no
difference whether something is said here or behind a `$ref`, in one schema or in the parts of `allOf`, with
`const`, `enum` or a `oneOf` of constants, with `null` as a type or as an alternative. Each pair of sets is
compared once, however many places lead to it; where it is used is asked of those pairs that differ.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from fractions import Fraction
from functools import cached_property
from itertools import product, zip_longest
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import field

from opay_contract.contract.addresses import MISSING, Address, iter_reached, iter_targets, value_below
from opay_contract.contract.change_kinds import Way
from opay_contract.contract.keywords import KEYWORDS, OPENERS, About, iter_subschemas
from opay_contract.contract.loading import SENSITIVITIES
from opay_contract.diff.sources import Version
from opay_contract.jsontext import Tokens, pointer

U = TypeVar("U")

Addresses = tuple[Address, ...]
"""The schemas that describe a value together; none where anything may stand."""

ITEM = "*"
"""Stands for each item of a list, and each property without a name of its own, in a pointer."""

_TYPES = frozenset(("null", "boolean", "object", "array", "string", "integer", "fraction"))
_NUMBERS = frozenset(("integer", "fraction"))
_TYPE_OF = {type(None): "null", bool: "boolean", dict: "object", list: "array", str: "string", int: "integer"}
_LIMITS = {
    "minLength": {"string"}, "minItems": {"array"}, "minProperties": {"object"}, "minContains": {"array"},
    "minimum": _NUMBERS,
    "maxLength": {"string"}, "maxItems": {"array"}, "maxProperties": {"object"}, "maxContains": {"array"},
    "maximum": _NUMBERS,
}  # fmt: skip
"""Keywords that limit values, and of which types."""
_EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
_CONSTRAINTS = {
    "pattern": {"string"},
    "format": _TYPES,
    "contentEncoding": {"string"},
    "contentMediaType": {"string"},
    "multipleOf": _NUMBERS,
    "uniqueItems": {"array"},
    "x-unique-by": {"array"},
}
_LIMITING = frozenset((*_LIMITS, *_EXCLUSIVE.values(), *_CONSTRAINTS))
_OF_ALL = ("items", "unevaluatedItems", *OPENERS, "propertyNames", "contentSchema", "contains")
_SAYING_NOTHING = {
    **dict.fromkeys(("minLength", "minItems", "minProperties"), (0,)),
    "minContains": (1,),
    "required": ([],),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), (False,)),
    **dict.fromkeys(("items", "unevaluatedItems", *OPENERS, "propertyNames", "properties"), ({}, True)),
}
"""Keywords with values that say what holds anyway."""
_WORDS = frozenset(
    ("title", "description", "summary", "$comment", "externalDocs", "x-source", "x-sources", "tags")
)
_EXAMPLES = frozenset(("examples", "example"))
_ASIDE = _WORDS | _EXAMPLES | {"deprecated", "x-sunset", "default", "x-sensitivity"}
"""Keywords that do not decide which values fit."""
_NAMES = frozenset(("$id", "$schema", "$anchor", "$vocabulary", "$defs", "definitions"))
_DECIDING = {
    *KEYWORDS,
    *_LIMITING,
    *_NAMES,
    "contentSchema",
    *(
        "$ref",
        "type",
        "enum",
        "const",
        "required",
        "dependentRequired",
        "discriminator",
        "readOnly",
        "writeOnly",
    ),
}
_DEEP = {"properties", "items", "prefixItems", "if", "not", "additionalProperties"}
_LEAST_LIKENESS = 5
_SAME_TAG, _OTHER_TAG, _SAME_NAME, _SAME_TITLE, _SAME_CONTENT = 40, -100, 20, 10, 10


class Sense(Enum):
    """What becomes of a change inside another schema: it counts, the other way round, or nobody can tell."""

    PLAIN = "plain"
    NEGATED = "negated"
    ASKED = "asked"

    def inside(self, outer: "Sense") -> "Sense":
        """Return what becomes of it further out."""
        if Sense.ASKED in (self, outer):
            return Sense.ASKED
        return Sense.PLAIN if self is outer else Sense.NEGATED


class Pair(NamedTuple):
    """What describes a value in the old version and in the new."""

    old: Addresses
    new: Addresses


class Edge(NamedTuple):
    """That a pair leads to another: by which step of a value, in which sense, and if one way alone, which."""

    pair: Pair
    step: Tokens = ()
    sense: Sense = Sense.PLAIN
    only: Way | None = None


class Difference(msgspec.Struct, frozen=True):
    """One difference: where it stands in both versions, what was and is there in words.

    Where it stands in one version alone, `near` is where it would be in the other. `value` tells differences
    of a place apart. `step` leads to what is meant below the value; what is of one way alone is of `only`.
    """

    kind: str
    old: Address | None
    new: Address | None
    near: Address | None = None
    was: str = ""
    now: str = ""
    value: str = ""
    step: Tokens = ()
    only: Way | None = None


_Compared = Iterator[Difference | Edge]


class _Part(NamedTuple):
    at: Address
    value: dict[str, Any]
    lets_null: bool


class _Union(NamedTuple):
    """Several alternatives, one of which has to fit; `null` says where null is let in beside them."""

    at: Address
    branches: list[Address]
    null: Address | None


class _Stated(NamedTuple):
    at: Address
    value: Any


class _View(msgspec.Struct):
    """All that is said of a value; `lists` have allowed values as JSON, `kinds` types, with places."""

    parts: list[_Part] = field(default_factory=list)
    keywords: set[str] = field(default_factory=set)
    unions: list[_Union] = field(default_factory=list)
    lists: list[dict[str, Address]] = field(default_factory=list)
    kinds: list[tuple[frozenset[str], Address]] = field(default_factory=list)

    def stated(self, keyword: str) -> list[_Stated]:
        if keyword not in self.keywords:
            return []
        return [
            _Stated(one.at.child(keyword), one.value[keyword]) for one in self.parts if keyword in one.value
        ]

    def first(self, keyword: str) -> _Stated | None:
        return next(iter(self.stated(keyword)), None)

    def near(self, other: Address | None) -> Address | None:
        """Return the schema that is most likely to have what stands elsewhere in another version."""
        alike = [one.at for one in self.parts if other is not None and one.at.file == other.file]
        within = [at for at in alike if other is not None and at.holds(other)]
        first = alike or [one.at for one in self.parts]
        return max(within, key=lambda at: len(at.tokens), default=first[0] if first else None)

    def types(self) -> frozenset[str]:
        return _TYPES.intersection(*(kinds for kinds, _ in self.kinds))

    def values(self) -> dict[str, Address] | None:
        """Return the allowed values; None where they are not listed."""
        if not self.lists:
            return None
        first, *others = self.lists
        common = {text: at for text, at in first.items() if all(text in one for one in others)}
        types = self.types()
        return {
            text: at
            for text, at in common.items()
            if _TYPE_OF.get(type(json.loads(text)), "fraction") in types
        }

    def named(self, keyword: str) -> dict[str, Addresses]:
        """Return the schemas that a keyword has by name."""
        found: dict[str, Addresses] = {}
        for at, value in self.stated(keyword):
            for name in value if isinstance(value, dict) else ():
                found[name] = (*found.get(name, ()), at.child(name))
        return found

    def required(self) -> dict[str, Address]:
        return {
            name: at.child(index)
            for at, names in reversed(self.stated("required"))
            for index, name in enumerate(names if isinstance(names, list) else ())
            if isinstance(name, str)
        }

    def needs(self) -> dict[str, Address]:
        """Return which properties need which others."""
        return {
            f"{name} needs {other}": at.child(name)
            for at, value in self.stated("dependentRequired")
            if isinstance(value, dict)
            for name, others in value.items()
            for other in (others if isinstance(others, list) else ())
        }

    def closed(self) -> Address | None:
        """Return what says that there is room for no other property."""
        found = [at for keyword in OPENERS for at, value in self.stated(keyword) if value is False]
        return found[0] if found else None

    def decides(self) -> set[str]:
        """Return the keywords that say which values fit, and do so themselves."""
        return self.keywords - _ASIDE - _NAMES - {"$ref", "allOf", "anyOf", "oneOf"}

    def alone(self) -> _Union | None:
        """Return the alternatives, where they are all that is said."""
        is_bare = len(self.unions) == 1 and not self.lists and self.decides() <= {"discriminator"}
        return self.unions[0] if is_bare else None

    def is_empty(self) -> bool:
        """Tell whether any value fits."""
        return not (self.unions or self.lists or self.decides())

    def is_list(self) -> bool:
        """Tell whether nothing but a list of values is said."""
        return bool(self.lists) and not self.unions and self.decides() <= {"enum", "const", "type"}

    def is_of_types(self) -> bool:
        """Tell whether nothing but the type is said."""
        return bool(self.kinds) and not self.unions and not self.lists and self.decides() <= {"type"}

    def is_simple(self) -> bool:
        """Tell whether nothing but the type and limits of a value is said."""
        return not self.unions and not _DEEP & self.keywords

    def is_one_way(self) -> tuple[bool, bool]:
        """Tell whether a property is but read, and whether it is but written."""
        read, write = (self.first(keyword) for keyword in ("readOnly", "writeOnly"))
        return read is not None and read.value is True, write is not None and write.value is True


class _Reader:
    """Reads what the schemas of a version say of a value."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._values: dict[Address, Any] = {}
        self._views: dict[Addresses, _View] = {}
        self._features: dict[tuple[Addresses, int], frozenset[str]] = {}

    def value(self, at: Address) -> Any:
        if at not in self._values:
            self._values[at] = value_below(self._version.values.get(at.file, MISSING), at.tokens)
        return self._values[at]

    def view(self, schemas: Addresses) -> _View:
        """Return all that is said of a value by these schemas together."""
        if schemas not in self._views:
            self._views[schemas] = _View()  # what leads back to itself says nothing more
            self._views[schemas] = self._gather(schemas)
        return self._views[schemas]

    def target(self, at: Address, schema: dict[str, Any]) -> Address | None:
        """Return what a schema refers to itself."""
        return self._version.target(at, schema["$ref"]) if "$ref" in schema else None

    def targets(self, at: Address) -> list[Address]:
        """Return what is referred to in a schema, at any depth."""
        return [*iter_targets(self.value(at), at.file)]

    def _gather(self, schemas: Addresses) -> _View:
        view, seen = _View(), set()
        waiting = [(at, False) for at in schemas]
        while waiting:
            at, lets_null = waiting.pop(0)
            value = self.value(at)
            value = {"type": []} if value is False else value
            if at in seen or not isinstance(value, dict):
                continue
            seen.add(at)
            value = {key: one for key, one in value.items() if one not in _SAYING_NOTHING.get(key, ())}
            part = _Part(at, value, lets_null)
            view.parts.append(part)
            view.keywords.update(value)
            null = {"null"} if lets_null else set()
            if "type" in value:
                view.kinds.append((_types(value["type"]) | null, at.child("type")))
            if "enum" in value or "const" in value:
                view.lists.append(_listed(at, value) | dict.fromkeys(null, at))
            inner: list[tuple[Address, bool]] = []
            if target := self.target(at, value):
                inner.append((target, lets_null))
            inner += [
                (at.child("allOf", index), lets_null) for index in range(len(_list(value.get("allOf"))))
            ]
            for keyword in ("anyOf", "oneOf"):
                if isinstance(value.get(keyword), list):
                    inner += self._note_union(part, keyword, view)
            waiting = inner + waiting
        return view

    def _note_union(self, part: _Part, keyword: str, view: _View) -> list[tuple[Address, bool]]:
        """Note alternatives in their simplest form; return a schema that is the only one there is."""
        at = part.at.child(keyword)
        null, branches = (part.at if part.lets_null else None), dict[Address, _View]()
        for index in range(len(part.value[keyword])):
            branch = at.child(index)
            inner = self.view((branch,))
            nested = inner.alone()
            if nested and nested.at.tokens[-1] == keyword:  # which is one more list of alternatives
                null = nested.null or null
                branches |= {one: self.view((one,)) for one in nested.branches}
            elif inner.is_of_types() and inner.types() == {"null"}:
                null = branch
            else:
                branches[branch] = inner
        if len(branches) == 1:
            return [(next(iter(branches)), null is not None)]
        nulls = {"null": null} if null else {}
        if branches and all(one.is_list() for one in branches.values()):
            view.lists.append(
                {text: place for one in branches.values() for text, place in (one.values() or {}).items()}
                | nulls
            )
        elif branches and all(one.is_of_types() for one in branches.values()):
            view.kinds.append((frozenset().union(*(one.types() for one in branches.values()), nulls), at))
        else:
            view.unions.append(_Union(at, [*branches], null))
        return []

    def tags(self, at: Address) -> dict[str, str]:
        """Return the properties of an alternative that have one value, which tell it from others."""
        listed = {name: self.view(one).values() for name, one in self.view((at,)).named("properties").items()}
        return {name: next(iter(values)) for name, values in listed.items() if values and len(values) == 1}

    def features(self, schemas: Addresses, depth: int = 2) -> frozenset[str]:
        """Return what is said of a value as a set of words, by which two schemas are compared."""
        if (schemas, depth) not in self._features:
            self._features[schemas, depth] = self._find_features(self.view(schemas), depth)
        return self._features[schemas, depth]

    def _find_features(self, view: _View, depth: int) -> frozenset[str]:
        found = {f"type {one}" for one in view.types() if view.kinds}
        found |= {f"value {one}" for one in view.values() or ()}
        found |= {f"required {name}" for name in view.required()}
        for keyword in view.keywords & _LIMITING:
            found |= {f"{keyword} {plain_text(one.value)}" for one in view.stated(keyword)}
        inner = view.named("properties") | {ITEM: tuple(one.at for one in view.stated("items"))}
        for name, below in inner.items() if depth else ():
            if below:
                found |= {f"property {name}", *(f"{name}: {one}" for one in self.features(below, depth - 1))}
        return frozenset(found)

    def asked(self, at: Address) -> tuple[frozenset[str], str]:
        """Return what a condition asks, in words and as it is written."""
        value = self.value(at)
        if isinstance(value, dict):
            value = {key: one for key, one in value.items() if key not in _ASIDE | _NAMES}
        return self.features((at,)), plain_text(value)

    def name(self, at: Address) -> str:
        """Return what an alternative is called: its name among the components, or that of its file."""
        own = (one.at for one in self.view((at,)).parts if one.value.keys() - _ASIDE - {"$ref", "allOf"})
        at = next(own, at)
        last = str(at.tokens[-1]) if at.tokens else at.file.rpartition("/")[2].partition(".")[0]
        return "" if last.isdecimal() else last

    def describe(self, at: Address) -> str:
        """Return an alternative in few words."""
        view = self.view((at,))
        title = view.first("title")
        return str(title.value) if title else self.name(at) or _describe_types(view.types())


class Comparing(Generic[U]):
    """The comparison of schemas: what differs in each pair that was asked for, and which pairs lead to it."""

    def __init__(self, old: Version, new: Version) -> None:
        """Begin with nothing compared."""
        self._old, self._new, self._old_tops = _Reader(old), _Reader(new), old.tops
        self._leading: dict[Pair, list[tuple[Pair, Edge]]] = {}
        self._used: dict[Pair, list[U]] = {}
        self._uses: dict[Pair, list[tuple[U, str, Sense, Way | None]]] = {}
        self.differences: dict[Pair, list[Difference]] = {}

    def add(self, old: Address | None, new: Address | None, use: U) -> None:
        """Compare two schemas, and all that they lead to; `use` is where they are used."""
        pair = Pair((old,) if old else (), (new,) if new else ())
        self._used.setdefault(pair, []).append(use)
        waiting = [pair]
        while waiting:
            pair = waiting.pop()
            if pair in self.differences or (pair.old == pair.new and self._is_same(pair.old)):
                continue
            self.differences[pair] = []
            for found in self._lead_on(pair) or self._compare(pair):
                if isinstance(found, Difference):
                    self.differences[pair].append(found)
                else:
                    self._leading.setdefault(found.pair, []).append((pair, found))
                    waiting.append(found.pair)

    def uses(self, pair: Pair) -> Iterator[tuple[U, str, Sense, Way | None]]:
        """Yield the uses of a pair, with the pointer to it, the sense, and the only way, if any.

        Where one place alone leads to it, its uses are those of that place.
        """
        steps: Tokens = ()
        while pair not in self._used and len(self._leading[pair]) == 1:
            outer, edge = self._leading[pair][0]
            if edge.sense is not Sense.PLAIN or edge.only is not None:
                break
            pair, steps = outer, (*edge.step, *steps)
        if pair not in self._uses:
            self._uses[pair] = [*self._find_uses(pair)]
        inside = pointer(steps)
        yield from ((use, place + inside, sense, only) for use, place, sense, only in self._uses[pair])

    def _find_uses(self, pair: Pair) -> Iterator[tuple[U, str, Sense, Way | None]]:
        waiting: list[tuple[Pair, Tokens, Sense, Way | None]] = [(pair, (), Sense.PLAIN, None)]
        seen = set()
        for at, steps, sense, only in waiting:  # which grows
            if (at, sense, only) not in seen:
                seen.add((at, sense, only))
                yield from ((use, pointer(steps), sense, only) for use in self._used.get(at, ()))
                waiting += [
                    (outer, (*edge.step, *steps), sense.inside(edge.sense), only or edge.only)
                    for outer, edge in self._leading.get(at, ())
                    if only is None or edge.only in (None, only)
                ]

    def _is_same(self, schemas: Addresses) -> bool:
        """Tell whether schemas of one address say the same, word for word, as does what they refer to."""
        return all(self._says_same(at) and self._changed.isdisjoint(self._old.targets(at)) for at in schemas)

    def _says_same(self, at: Address) -> bool:
        """Tell whether both versions say the same there, word for word; `true` is not 1."""
        old, new = self._old.value(at), self._new.value(at)
        return old == new and repr(old) == repr(new)

    def _lead_on(self, pair: Pair) -> list[Edge]:
        """Return what a schema leads to that stands there word for word in both versions, as most do.

        None where it says something beside what it refers to, which has to be looked at together.
        """
        if pair.old != pair.new or len(pair.old) != 1:
            return []
        at, value = pair.old[0], self._old.value(pair.old[0])
        if not isinstance(value, dict) or not self._says_same(at):
            return []
        if {"$ref", "allOf"} & value.keys() and len(value.keys() - _ASIDE - _NAMES) > 1:
            return []
        found = []
        for child in iter_subschemas(value):
            if child.kind.about is About.NOTHING:
                continue
            below, only = (at.child(*child.tokens),), None
            step: Tokens = ()
            if child.kind.about in (About.PROPERTY, About.ITEM):
                step = (child.tokens[-1] if child.keyword in ("properties", "prefixItems") else ITEM,)
            if child.keyword == "properties":
                only = _only_way([self._old.view(below).is_one_way()])
            sense = {"not": Sense.NEGATED, "if": Sense.ASKED}.get(child.keyword, Sense.PLAIN)
            found.append(Edge(Pair(below, below), step, sense, only))
        target = self._old.target(at, value)
        return [*found, *([Edge(Pair((target,), (target,)))] if target else [])]

    @cached_property
    def _changed(self) -> set[Address]:
        """What does not say the same, word for word, or refers to something that does not."""
        referring: dict[Address, list[Address]] = {}
        places = [*iter_reached(self._old_tops, self._old.targets)]
        for at in places:
            for target in self._old.targets(at):
                referring.setdefault(target, []).append(at)
        changed = [at for at in places if not self._says_same(at)]
        return {*iter_reached(changed, lambda at: referring.get(at, ()))}

    def _compare(self, pair: Pair) -> _Compared:
        views = old, new = self._old.view(pair.old), self._new.view(pair.new)
        wrapped = self._wrapped(views)
        if wrapped is not None:
            yield from self._compare_alternatives(*wrapped)
            return
        if old.is_empty() is not new.is_empty() and not (old.is_simple() and new.is_simple()):
            sides = [None if view.is_empty() else view.parts[0].at for view in views]
            yield _differ("schema-added" if sides[1] else "schema-removed", views, *sides)
            return
        yield from _compare_types(views)
        yield from _compare_limits(views)
        yield from _compare_constraints(views)
        if "object" in old.types() | new.types():
            yield from self._compare_properties(views)
        yield from self._compare_inner(views)
        yield from self._compare_conditions(views)
        for was, now in zip_longest(old.unions, new.unions):
            if was and now:
                yield from self._compare_alternatives(was, now)
            else:
                kind = "alternatives-removed" if was else "alternatives-added"
                yield _differ(kind, views, was and was.at, now and now.at)
        yield from _compare_words(views)

    def _wrapped(self, views: "_Views") -> tuple[_Union, _Union] | None:
        """Return alternatives of one version, and the single schema of the other as one alternative."""
        old, new = views
        for one, other in ((old, new), (new, old)):
            union = other.alone()
            if union and not one.unions and not one.is_empty():
                single = _Union(one.parts[0].at, [one.parts[0].at], None)
                return (single, union) if one is old else (union, single)
        return None

    def _compare_properties(self, views: "_Views") -> _Compared:
        old, new = views
        before, after = old.named("properties"), new.named("properties")
        needed, needs = old.required(), new.required()
        for name in sorted({*before, *after, *needed, *needs}):
            was, now = before.get(name, ()), after.get(name, ())
            told = [reader.view(one) for reader, one in ((self._old, was), (self._new, now)) if one]
            one_way = [one.is_one_way() for one in told]
            only = _only_way(one_way)
            more: dict[str, Any] = {"step": (name,), "only": only}
            room = (old if now else new).closed()
            becomes = (name in needed) is not (name in needs)
            if was and now:
                yield Edge(Pair(was, now), (name,), only=only)
                yield from _compare_ways(one_way, was, now, more)
            elif was or now:
                verb = ("allowed" if now else "forbidden") if room else "added" if now else "removed"
                kind = f"property-{verb}" + "-required" * (becomes and not room)
                values = told[0].values()
                words = " or ".join(sorted(values)) if values else _describe_types(told[0].types())
                words_of = {"now" if now else "was": f"{_need(name in (needs if now else needed))}, {words}"}
                yield _differ(
                    kind, views, was[0] if was else None, now[0] if now else None, **words_of, **more
                )
                becomes = becomes and bool(room)
            if becomes:
                words_of = {"was": _need(name in needed), "now": _need(name in needs)}
                kind = f"property-became-{words_of['now']}"
                yield _differ(kind, views, needed.get(name), needs.get(name), value=name, **words_of, **more)

    def _compare_inner(self, views: "_Views") -> _Compared:
        """Compare what describes items and other properties: one schema or none, or one for each name."""
        closed, closes = (view.closed() for view in views)
        for keyword in _OF_ALL:
            was, now = (view.stated(keyword) for view in views)
            step = () if keyword in ("propertyNames", "contentSchema") else (ITEM,)
            if keyword == "contains" and bool(was) is not bool(now):
                kind = "constraint-added" if now else "constraint-removed"
                yield _differ(kind, views, was[0].at if was else None, now[0].at if now else None)
            elif (was or now) and not (keyword in OPENERS and (closed or closes)):
                yield Edge(Pair(tuple(one.at for one in was), tuple(one.at for one in now)), step)
        if bool(closed) is not bool(closes):
            yield _differ("object-closed" if closes else "object-opened", views, closed, closes)
        for keyword, step in (("patternProperties", (ITEM,)), ("dependentSchemas", ())):
            named = [view.named(keyword) for view in views]
            for name in sorted({*named[0], *named[1]}):
                yield Edge(Pair(*(one.get(name, ()) for one in named)), step)
        firsts = [view.first("prefixItems") for view in views]
        for index in range(max(len(_list(one.value)) if one else 0 for one in firsts)):
            sides = [
                (one.at.child(index),)
                if one and index < len(_list(one.value))
                else tuple(rest.at for rest in view.stated("items"))
                for one, view in zip(firsts, views, strict=True)
            ]
            yield Edge(Pair(*sides), (index,))
        needs = [view.needs() for view in views]
        for text in sorted(needs[0].keys() ^ needs[1].keys()):
            kind = "condition-removed" if text in needs[0] else "condition-added"
            yield _differ(kind, views, needs[0].get(text), needs[1].get(text), value=text)

    def _compare_conditions(self, views: "_Views") -> _Compared:
        """Compare `if` with `then` and `else`, and `not`; those that ask the same are one condition."""
        for keyword, branches in (("if", ("then", "else")), ("not", ())):
            if keyword not in views[0].keywords | views[1].keywords:
                continue
            readers = (self._old, self._new)
            conditions = []
            for view, reader in zip(views, readers, strict=True):
                asking = [one for one in view.parts if keyword in one.value]
                asking = [one for one in asking if not branches or {*branches} & one.value.keys()]
                conditions.append({one.at: reader.asked(one.at.child(keyword)) for one in asking})
            was, now = conditions
            pairs: list[tuple[Address | None, Address | None]] = []
            for at, asked in [*was.items()]:
                alike = [one for one in now if now[one] == asked or now[one][0] == asked[0] != frozenset()]
                if same := next(iter(alike), None):
                    pairs.append((at, same))
                    del was[at], now[same]
            for before, after in (*pairs, *zip_longest(was, now)):
                if before is None or after is None:
                    kind = "condition-removed" if before else "condition-added"
                    yield _differ(kind, views, *(at.child(keyword) if at else None for at in (before, after)))
                    continue
                sense = Sense.ASKED if branches else Sense.NEGATED
                yield Edge(Pair((before.child(keyword),), (after.child(keyword),)), sense=sense)
                for branch in branches:
                    sides = [
                        (at.child(branch),) if branch in reader.value(at) else ()
                        for reader, at in zip(readers, (before, after), strict=True)
                    ]
                    yield Edge(Pair(*sides))

    def _compare_alternatives(self, was: _Union, now: _Union) -> _Compared:
        keywords = [str(one.at.tokens[-1]) if len(one.branches) > 1 else "" for one in (was, now)]
        if all(keywords) and keywords[0] != keywords[1]:
            kind = "one-of-to-any-of" if keywords[0] == "oneOf" else "any-of-to-one-of"
            yield Difference(kind, old=was.at, new=now.at)
        matched = self._match(was.branches, now.branches)
        yield from (Edge(Pair((one,), (other,))) for one, other in matched.items())
        gone = {at: self._old.describe(at) for at in was.branches if at not in matched}
        come = {at: self._new.describe(at) for at in now.branches if at not in matched.values()}
        if was.null and not now.null:
            gone[was.null] = "null"
        if now.null and not was.null:
            come[now.null] = "null"
        for at, words in gone.items():
            yield Difference("alternative-removed", old=at, new=None, near=now.at, was=words, value=words)
        for at, words in come.items():
            yield Difference("alternative-added", old=None, new=at, near=was.at, now=words, value=words)

    def _match(self, was: Sequence[Address], now: Sequence[Address]) -> dict[Address, Address]:
        """Return which alternatives are the same: the most alike first, by tag, name and content."""
        found: dict[Address, Address] = {}
        rated = [(self._likeness(one, other), one, other) for one, other in product(was, now)]
        for rate, one, other in sorted(rated, key=lambda rated: -rated[0]):
            if rate >= _LEAST_LIKENESS and one not in found and other not in found.values():
                found[one] = other
        return found

    def _likeness(self, was: Address, now: Address) -> float:
        old, new = self._old, self._new
        tags, others = old.tags(was), new.tags(now)
        common = [tags[name] == others[name] for name in tags.keys() & others.keys()]
        titles = [reader.view((at,)).first("title") for reader, at in ((old, was), (new, now))]
        features, like = old.features((was,)), new.features((now,))
        both = len(features | like)
        return (
            (_SAME_TAG if all(common) else _OTHER_TAG) * bool(common)
            + _SAME_NAME * bool(old.name(was) and old.name(was) == new.name(now))
            + _SAME_TITLE * bool(titles[0] and titles[1] and titles[0].value == titles[1].value)
            + _SAME_CONTENT * (len(features & like) / both if both else 1)
        )


_Views = tuple[_View, _View]


def _differ(kind: str, views: _Views, old: Address | None, new: Address | None, **more: Any) -> Difference:
    """Return a difference between two views; where one has no such statement, it is near a like one."""
    if old is None and new is None:
        return Difference(kind, old=views[0].near(None), new=views[1].near(None), **more)
    near = views[0].near(new) if old is None else views[1].near(old) if new is None else None
    return Difference(kind, old=old, new=new, near=near, **more)


def _compare_types(views: _Views) -> Iterator[Difference]:
    was, now = (view.values() for view in views)
    if was is not None and now is not None:
        for text in sorted(was.keys() ^ now.keys()):
            kind, word = ("value-removed", "was") if text in was else ("value-added", "now")
            yield _differ(kind, views, was.get(text), now.get(text), value=text, **{word: text})
        return
    types, others = (view.types() for view in views)
    if types != others:
        kind = "type-narrowed" if others < types else "type-widened" if types < others else "type-changed"
        places = (view.kinds[0][1] if view.kinds else None for view in views)
        yield _differ(kind, views, *places, was=_describe_types(types), now=_describe_types(others))
    if was is not None or now is not None:
        kind = "values-limited" if was is None else "values-unlimited"
        words = ["any value" if one is None else ", ".join(sorted(one)) for one in (was, now)]
        places = (next(iter(one.values())) if one else None for one in (was, now))
        yield _differ(kind, views, *places, was=words[0], now=words[1])


def _compare_limits(views: _Views) -> Iterator[Difference]:
    """Compare the strictest limit of each kind: the greatest of the least, the least of the greatest."""
    types, said = views[0].types() | views[1].types(), views[0].keywords | views[1].keywords
    for keyword, about in _LIMITS.items():
        if not {keyword, _EXCLUSIVE.get(keyword)} & said:
            continue
        sign = -1 if keyword.startswith("min") else 1
        found = []
        for view in views:
            stated = [(one, 1) for one in view.stated(keyword)]
            stated += [(one, 0) for one in view.stated(_EXCLUSIVE.get(keyword, ""))]
            numbers = [(one, rank) for one, rank in stated if type(one.value) in (int, float)]
            ranks = [((Fraction(one.value) * sign, rank), one) for one, rank in numbers]
            found.append(min(ranks, key=lambda one: one[0], default=None))
        was, now = found
        if types & about and (was and was[0]) != (now and now[0]):
            is_tighter = now is not None and (was is None or now[0] < was[0])
            words = [f"{one[1].at.tokens[-1]} {one[1].value}" if one else f"no {keyword}" for one in found]
            kind = "limit-tightened" if is_tighter else "limit-loosened"
            places = [one and one[1].at for one in found]
            yield _differ(kind, views, *places, was=words[0], now=words[1], value=" -> ".join(words))


def _compare_constraints(views: _Views) -> Iterator[Difference]:
    types = views[0].types() | views[1].types()
    said = views[0].keywords | views[1].keywords
    for keyword in [keyword for keyword, about in _CONSTRAINTS.items() if keyword in said and types & about]:
        was, now = ({plain_text(one.value): one for one in view.stated(keyword)} for view in views)
        for before, after in zip_longest(sorted(was.keys() - now.keys()), sorted(now.keys() - was.keys())):
            kind = "added" if before is None else "removed" if after is None else "changed"
            if kind == "changed" and keyword == "multipleOf":
                kind = _compare_multiples(was[before].value, now[after].value)
            words = [f"{keyword} {one}" if one else f"no {keyword}" for one in (before, after)]
            places = [was[before].at if before else None, now[after].at if after else None]
            yield _differ(
                f"constraint-{kind}", views, *places, was=words[0], now=words[1], value=" -> ".join(words)
            )
    stated = [view.first("discriminator") for view in views]
    before, after = (_describe_discriminator(one) for one in stated)
    if before != after:
        places = [one.at if one else None for one in stated]
        yield _differ("discriminator-changed", views, *places, was=before, now=after)


def _compare_multiples(before: Any, after: Any) -> str:
    was, now = (Fraction(str(one)) if type(one) in (int, float) else Fraction(0) for one in (before, after))
    if was and (now / was).denominator == 1:
        return "added"
    return "removed" if now and (was / now).denominator == 1 else "changed"


def _describe_discriminator(stated: _Stated | None) -> str:
    value = stated.value if stated and isinstance(stated.value, dict) else {}
    mapping = value.get("mapping")
    return " ".join(
        [str(value.get("propertyName", "none")), *sorted(mapping if isinstance(mapping, dict) else ())]
    )


def _only_way(one_way: list[tuple[bool, bool]]) -> Way | None:
    """Return which way alone a property is sent, that is but read, or but written, in each version."""
    if one_way and all(write for _, write in one_way):
        return Way.REQUEST
    return Way.RESPONSE if one_way and all(read for read, _ in one_way) else None


def _compare_ways(
    one_way: list[tuple[bool, bool]], was: Addresses, now: Addresses, more: dict[str, Any]
) -> Iterator[Difference]:
    """Note a property that is but read, or but written, in one version alone."""
    names = (("writable", "read-only"), ("readable", "write-only"))
    for before, after, kinds in zip(*one_way, names, strict=True):
        if before is not after:
            yield Difference(f"property-became-{kinds[after]}", was[0], now[0], step=more["step"])


def _compare_words(views: _Views) -> Iterator[Difference]:
    """Compare what does not decide whether a value fits; of what is said twice the outermost counts."""
    for keyword in sorted(
        {keyword for view in views for one in view.parts for keyword in one.value} - _DECIDING
    ):
        stated = [view.first(keyword) for view in views]
        values = [one.value if one else None for one in stated]
        told = [one.value if one and (one.value or keyword == "default") else None for one in stated]
        if plain_text(told[0]) != plain_text(told[1]):
            is_said = keyword not in _WORDS | _EXAMPLES
            words = [plain_text(one) if is_said else "" for one in values]
            kind, places = kind_of_words(keyword, *values), [one and one.at for one in stated]
            yield _differ(kind, views, *places, was=words[0], now=words[1], value=keyword)


def kind_of_words(keyword: str, was: Any, now: Any) -> str:
    """Return the kind of a change of a keyword that does not decide what fits, as far as is known."""
    if keyword == "x-sensitivity":
        ranks = [
            SENSITIVITIES.index(one) if one in SENSITIVITIES else len(SENSITIVITIES) for one in (was, now)
        ]
        return "sensitivity-raised" if ranks[1] < ranks[0] else "sensitivity-lowered"
    if keyword == "deprecated":
        return "deprecated" if now is True else "reactivated"
    kinds = {
        "default": "default-changed",
        "x-sunset": "deprecated",
        **dict.fromkeys(_WORDS, "words-changed"),
        **dict.fromkeys(_EXAMPLES, "examples-changed"),
    }
    return kinds.get(keyword, "extension-changed" if keyword.startswith("x-") else "keyword-changed")


def plain_text(value: Any) -> str:
    """Return a value as JSON in one form: the order of members and 1.0 for 1 make no difference."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _describe_types(types: Iterable[str]) -> str:
    found = {*types}
    if found == _TYPES:
        return "anything"
    if found >= _NUMBERS:
        found = found - _NUMBERS | {"number"}
    return " or ".join(sorted(found, key=lambda one: (one == "null", one))) or "nothing"


def _types(stated: Any) -> frozenset[str]:
    names = stated if isinstance(stated, list) else [stated]
    return frozenset(one for name in names for one in (_NUMBERS if name == "number" else (str(name),)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _listed(at: Address, schema: dict[str, Any]) -> dict[str, Address]:
    """Return the values that `enum` and `const` allow, as JSON, with their places."""
    found = {plain_text(one): at.child("enum", index) for index, one in enumerate(_list(schema.get("enum")))}
    if "const" not in schema:
        return found
    constant = plain_text(schema["const"])
    return {constant: at.child("const")} if constant in found or "enum" not in schema else {}


def _need(is_required: bool) -> str:  # noqa: FBT001
    return "required" if is_required else "optional"
