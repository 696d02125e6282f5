"""Compares schemas by what they say of values, in whichever words and wherever they say it.

Two sets of schemas that describe a value are compared by all that they say together (`diff/views`). Each pair
is compared once, however many places lead to it; where it is used is asked of those pairs that differ.
"""

from collections.abc import Iterator, Sequence
from enum import Enum
from functools import cached_property
from itertools import product, zip_longest
from typing import Any, Generic, NamedTuple, TypeVar

from opay_contract.contract.addresses import Address, iter_reached
from opay_contract.contract.change_kinds import Way
from opay_contract.contract.keywords import OPENERS, About, iter_subschemas
from opay_contract.diff.statements import (
    Difference,
    Views,
    compare_constraints,
    compare_limits,
    compare_types,
    compare_ways,
    compare_words,
    differ,
)
from opay_contract.diff.versions import Version
from opay_contract.diff.views import (
    ASIDE,
    ITEM,
    NAMES,
    Addresses,
    Alternatives,
    SchemaReader,
    as_list,
    describe_types,
)
from opay_contract.jsontext import Tokens, pointer

U = TypeVar("U")

_OF_ALL = ("items", "unevaluatedItems", *OPENERS, "propertyNames", "contentSchema", "contains")
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


_Compared = Iterator[Difference | Edge]


class Comparing(Generic[U]):
    """The comparison of schemas: what differs in each pair that was asked for, and which pairs lead to it."""

    def __init__(self, old: Version, new: Version) -> None:
        """Begin with nothing compared."""
        self._old, self._new, self._old_tops = SchemaReader(old), SchemaReader(new), old.tops
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
        if {"$ref", "allOf"} & value.keys() and len(value.keys() - ASIDE - NAMES) > 1:
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
            yield differ("schema-added" if sides[1] else "schema-removed", views, *sides)
            return
        yield from compare_types(views)
        yield from compare_limits(views)
        yield from compare_constraints(views)
        if "object" in old.types() | new.types():
            yield from self._compare_properties(views)
        yield from self._compare_inner(views)
        yield from self._compare_conditions(views)
        for was, now in zip_longest(old.unions, new.unions):
            if was and now:
                yield from self._compare_alternatives(was, now)
            else:
                kind = "alternatives-removed" if was else "alternatives-added"
                yield differ(kind, views, was and was.at, now and now.at)
        yield from compare_words(views)

    def _wrapped(self, views: Views) -> tuple[Alternatives, Alternatives] | None:
        """Return alternatives of one version, and the single schema of the other as one alternative."""
        old, new = views
        for one, other in ((old, new), (new, old)):
            union = other.alone()
            if union and not one.unions and not one.is_empty():
                single = Alternatives(one.parts[0].at, [one.parts[0].at], None)
                return (single, union) if one is old else (union, single)
        return None

    def _compare_properties(self, views: Views) -> _Compared:
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
                yield from compare_ways(one_way, was, now, more)
            elif was or now:
                verb = ("allowed" if now else "forbidden") if room else "added" if now else "removed"
                kind = f"property-{verb}" + "-required" * (becomes and not room)
                values = told[0].values()
                words = " or ".join(sorted(values)) if values else describe_types(told[0].types())
                words_of = {"now" if now else "was": f"{_need(name in (needs if now else needed))}, {words}"}
                yield differ(
                    kind, views, was[0] if was else None, now[0] if now else None, **words_of, **more
                )
                becomes = becomes and bool(room)
            if becomes:
                words_of = {"was": _need(name in needed), "now": _need(name in needs)}
                kind = f"property-became-{words_of['now']}"
                yield differ(kind, views, needed.get(name), needs.get(name), value=name, **words_of, **more)

    def _compare_inner(self, views: Views) -> _Compared:
        """Compare what describes items and other properties: one schema or none, or one for each name."""
        closed, closes = (view.closed() for view in views)
        for keyword in _OF_ALL:
            was, now = (view.stated(keyword) for view in views)
            step = () if keyword in ("propertyNames", "contentSchema") else (ITEM,)
            if keyword == "contains" and bool(was) is not bool(now):
                kind = "constraint-added" if now else "constraint-removed"
                yield differ(kind, views, was[0].at if was else None, now[0].at if now else None)
            elif (was or now) and not (keyword in OPENERS and (closed or closes)):
                yield Edge(Pair(tuple(one.at for one in was), tuple(one.at for one in now)), step)
        if bool(closed) is not bool(closes):
            yield differ("object-closed" if closes else "object-opened", views, closed, closes)
        for keyword, step in (("patternProperties", (ITEM,)), ("dependentSchemas", ())):
            named = [view.named(keyword) for view in views]
            for name in sorted({*named[0], *named[1]}):
                yield Edge(Pair(*(one.get(name, ()) for one in named)), step)
        firsts = [view.first("prefixItems") for view in views]
        for index in range(max(len(as_list(one.value)) if one else 0 for one in firsts)):
            sides = [
                (one.at.child(index),)
                if one and index < len(as_list(one.value))
                else tuple(rest.at for rest in view.stated("items"))
                for one, view in zip(firsts, views, strict=True)
            ]
            yield Edge(Pair(*sides), (index,))
        needs = [view.needs() for view in views]
        for text in sorted(needs[0].keys() ^ needs[1].keys()):
            kind = "condition-removed" if text in needs[0] else "condition-added"
            yield differ(kind, views, needs[0].get(text), needs[1].get(text), value=text)

    def _compare_conditions(self, views: Views) -> _Compared:
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
                    yield differ(kind, views, *(at.child(keyword) if at else None for at in (before, after)))
                    continue
                sense = Sense.ASKED if branches else Sense.NEGATED
                yield Edge(Pair((before.child(keyword),), (after.child(keyword),)), sense=sense)
                for branch in branches:
                    sides = [
                        (at.child(branch),) if branch in reader.value(at) else ()
                        for reader, at in zip(readers, (before, after), strict=True)
                    ]
                    yield Edge(Pair(*sides))

    def _compare_alternatives(self, was: Alternatives, now: Alternatives) -> _Compared:
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


def _only_way(one_way: list[tuple[bool, bool]]) -> Way | None:
    """Return which way alone a property is sent, that is but read, or but written, in each version."""
    if one_way and all(write for _, write in one_way):
        return Way.REQUEST
    return Way.RESPONSE if one_way and all(read for read, _ in one_way) else None


def _need(is_required: bool) -> str:  # noqa: FBT001
    return "required" if is_required else "optional"
