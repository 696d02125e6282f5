"""What the schemas of a version say of a value: all that those say together which describe it.

What describes a value is a set of schemas: those that are named, what they refer to, and what they have in
`allOf`. All that these say is put together here, so it makes no difference whether something is said at once
or behind a `$ref`, in one schema or in the parts of `allOf`, with `const`, `enum` or a `oneOf` of constants,
with `null` as a type or an alternative.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import field

from opay_contract.contract.addresses import MISSING, Address, iter_targets, value_below
from opay_contract.contract.keywords import KEYWORDS, OPENERS
from opay_contract.diff.versions import Version, plain_text

ITEM = "*"
"""Stands for each item of a list, and each property without a name of its own, in a pointer."""
Addresses = tuple[Address, ...]
"""The schemas that describe a value together; none where anything may stand."""
TYPES = frozenset(("null", "boolean", "object", "array", "string", "integer", "fraction"))
NUMBERS = frozenset(("integer", "fraction"))
_TYPE_OF = {type(None): "null", bool: "boolean", dict: "object", list: "array", str: "string", int: "integer"}
LIMITS = {
    "minLength": {"string"}, "minItems": {"array"}, "minProperties": {"object"}, "minContains": {"array"},
    "minimum": NUMBERS,
    "maxLength": {"string"}, "maxItems": {"array"}, "maxProperties": {"object"}, "maxContains": {"array"},
    "maximum": NUMBERS,
}  # fmt: skip
"""Keywords that limit values, and of which types."""
EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
CONSTRAINTS = {
    "pattern": {"string"},
    "format": TYPES,
    "contentEncoding": {"string"},
    "contentMediaType": {"string"},
    "multipleOf": NUMBERS,
    "uniqueItems": {"array"},
    "x-unique-by": {"array"},
}
LIMITING = frozenset((*LIMITS, *EXCLUSIVE.values(), *CONSTRAINTS))
_SAYING_NOTHING = {
    **dict.fromkeys(("minLength", "minItems", "minProperties"), (0,)),
    "minContains": (1,),
    "required": ([],),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), (False,)),
    **dict.fromkeys(("items", "unevaluatedItems", *OPENERS, "propertyNames", "properties"), ({}, True)),
}
"""Keywords with values that say what holds anyway."""
WORDS = frozenset(
    ("title", "description", "summary", "$comment", "externalDocs", "x-source", "x-sources", "tags")
)
EXAMPLES = frozenset(("examples", "example"))
ASIDE = WORDS | EXAMPLES | {"deprecated", "x-sunset", "default", "x-sensitivity"}
"""Keywords that do not decide which values fit."""
NAMES = frozenset(("$id", "$schema", "$anchor", "$vocabulary", "$defs", "definitions"))
DECIDING = {
    *KEYWORDS, *LIMITING, *NAMES, "$ref", "const", "contentSchema", "dependentRequired", "discriminator",
    "enum", "readOnly", "required", "type", "writeOnly",
}  # fmt: skip
"""Keywords that decide which values fit, or name a schema."""
_DEEP = {"properties", "items", "prefixItems", "if", "not", "additionalProperties"}


class SchemaPart(NamedTuple):
    """One of the schemas that describe a value, where it stands, and whether null is let in beside it."""

    at: Address
    value: dict[str, Any]
    lets_null: bool


class Alternatives(NamedTuple):
    """Several alternatives, one of which has to fit; `null` says where null is let in beside them."""

    at: Address
    branches: list[Address]
    null: Address | None


class Stated(NamedTuple):
    """What a keyword has, and where."""

    at: Address
    value: Any


class SchemaView(msgspec.Struct):
    """All that is said of a value; `lists` have allowed values as JSON, `kinds` types, with places."""

    parts: list[SchemaPart] = field(default_factory=list)
    keywords: set[str] = field(default_factory=set)
    unions: list[Alternatives] = field(default_factory=list)
    lists: list[dict[str, Address]] = field(default_factory=list)
    kinds: list[tuple[frozenset[str], Address]] = field(default_factory=list)

    def stated(self, keyword: str) -> list[Stated]:
        """Return what is said by a keyword."""
        if keyword not in self.keywords:
            return []
        return [
            Stated(one.at.child(keyword), one.value[keyword]) for one in self.parts if keyword in one.value
        ]

    def first(self, keyword: str) -> Stated | None:
        """Return what is said by a keyword first."""
        return next(iter(self.stated(keyword)), None)

    def near(self, other: Address | None) -> Address | None:
        """Return the schema that is most likely to have what stands elsewhere in another version."""
        alike = [one.at for one in self.parts if other is not None and one.at.file == other.file]
        within = [at for at in alike if other is not None and at.holds(other)]
        first = alike or [one.at for one in self.parts]
        return max(within, key=lambda at: len(at.tokens), default=first[0] if first else None)

    def types(self) -> frozenset[str]:
        """Return the types that values may have."""
        return TYPES.intersection(*(kinds for kinds, _ in self.kinds))

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
        """Return the properties that have to be there."""
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
        return self.keywords - ASIDE - NAMES - {"$ref", "allOf", "anyOf", "oneOf"}

    def alone(self) -> Alternatives | None:
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


class SchemaReader:
    """Reads what the schemas of a version say of a value."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._values: dict[Address, Any] = {}
        self._views: dict[Addresses, SchemaView] = {}
        self._features: dict[tuple[Addresses, int], frozenset[str]] = {}

    def value(self, at: Address) -> Any:
        """Return what stands at an address, MISSING where nothing does."""
        if at not in self._values:
            self._values[at] = value_below(self._version.values.get(at.file, MISSING), at.tokens)
        return self._values[at]

    def view(self, schemas: Addresses) -> SchemaView:
        """Return all that is said of a value by these schemas together."""
        if schemas not in self._views:
            self._views[schemas] = SchemaView()  # what leads back to itself says nothing more
            self._views[schemas] = self._gather(schemas)
        return self._views[schemas]

    def target(self, at: Address, schema: dict[str, Any]) -> Address | None:
        """Return what a schema refers to itself."""
        return self._version.target(at, schema["$ref"]) if "$ref" in schema else None

    def targets(self, at: Address) -> list[Address]:
        """Return what is referred to in a schema, at any depth."""
        return [*iter_targets(self.value(at), at.file)]

    def _gather(self, schemas: Addresses) -> SchemaView:
        view, seen = SchemaView(), set()
        waiting = [(at, False) for at in schemas]
        while waiting:
            at, lets_null = waiting.pop(0)
            value = self.value(at)
            value = {"type": []} if value is False else value
            if at in seen or not isinstance(value, dict):
                continue
            seen.add(at)
            value = {key: one for key, one in value.items() if one not in _SAYING_NOTHING.get(key, ())}
            part = SchemaPart(at, value, lets_null)
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
                (at.child("allOf", index), lets_null) for index in range(len(as_list(value.get("allOf"))))
            ]
            for keyword in ("anyOf", "oneOf"):
                if isinstance(value.get(keyword), list):
                    inner += self._note_union(part, keyword, view)
            waiting = inner + waiting
        return view

    def _note_union(self, part: SchemaPart, keyword: str, view: SchemaView) -> list[tuple[Address, bool]]:
        """Note alternatives in their simplest form; return a schema that is the only one there is."""
        at = part.at.child(keyword)
        null, branches = (part.at if part.lets_null else None), dict[Address, SchemaView]()
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
            view.unions.append(Alternatives(at, [*branches], null))
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

    def _find_features(self, view: SchemaView, depth: int) -> frozenset[str]:
        found = {f"type {one}" for one in view.types() if view.kinds}
        found |= {f"value {one}" for one in view.values() or ()}
        found |= {f"required {name}" for name in view.required()}
        for keyword in view.keywords & LIMITING:
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
            value = {key: one for key, one in value.items() if key not in ASIDE | NAMES}
        return self.features((at,)), plain_text(value)

    def name(self, at: Address) -> str:
        """Return what an alternative is called: its name among the components, or that of its file."""
        own = (one.at for one in self.view((at,)).parts if one.value.keys() - ASIDE - {"$ref", "allOf"})
        at = next(own, at)
        last = str(at.tokens[-1]) if at.tokens else at.file.rpartition("/")[2].partition(".")[0]
        return "" if last.isdecimal() else last

    def describe(self, at: Address) -> str:
        """Return an alternative in few words."""
        view = self.view((at,))
        title = view.first("title")
        return str(title.value) if title else self.name(at) or describe_types(view.types())


def describe_types(types: Iterable[str]) -> str:
    """Return types in few words."""
    found = {*types}
    if found == TYPES:
        return "anything"
    if found >= NUMBERS:
        found = found - NUMBERS | {"number"}
    return " or ".join(sorted(found, key=lambda one: (one == "null", one))) or "nothing"


def _types(stated: Any) -> frozenset[str]:
    names = stated if isinstance(stated, list) else [stated]
    return frozenset(one for name in names for one in (NUMBERS if name == "number" else (str(name),)))


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list) else []


def _listed(at: Address, schema: dict[str, Any]) -> dict[str, Address]:
    found = {
        plain_text(one): at.child("enum", index) for index, one in enumerate(as_list(schema.get("enum")))
    }
    if "const" not in schema:
        return found
    constant = plain_text(schema["const"])
    return {constant: at.child("const")} if constant in found or "enum" not in schema else {}
