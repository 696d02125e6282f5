"""The keywords of JSON Schema 2020-12 that hold schemas: which, in what shape, and what they speak about.

Every walk over schemas asks this table, so that a keyword is known everywhere or nowhere.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from opay_contract.jsontext import Tokens

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class SchemaShape(Enum):
    """How a keyword holds schemas."""

    ONE = "one schema"
    LIST = "a list of them"
    NAMED = "an object of them"


class About(Enum):
    """What the schemas of a keyword speak about."""

    VALUE = "the value itself"
    PROPERTY = "a property of it"
    ITEM = "an item of it, or a property that nothing else describes"
    NAME = "the names of its properties"
    NOTHING = "nothing, until something refers to them"


class Holds(Enum):
    """When the schemas of a keyword hold."""

    ALWAYS = "always"
    IN_CASES = "in some cases"
    AS_QUESTION = "never: whether a value fits is asked, and it may not"


class Keyword(msgspec.Struct, frozen=True):
    """A keyword that holds schemas."""

    shape: SchemaShape
    about: About
    holds: Holds = Holds.ALWAYS


KEYWORDS: dict[str, Keyword] = {
    "allOf": Keyword(SchemaShape.LIST, About.VALUE),
    "anyOf": Keyword(SchemaShape.LIST, About.VALUE, Holds.IN_CASES),
    "oneOf": Keyword(SchemaShape.LIST, About.VALUE, Holds.IN_CASES),
    "if": Keyword(SchemaShape.ONE, About.VALUE, Holds.AS_QUESTION),
    "then": Keyword(SchemaShape.ONE, About.VALUE, Holds.IN_CASES),
    "else": Keyword(SchemaShape.ONE, About.VALUE, Holds.IN_CASES),
    "not": Keyword(SchemaShape.ONE, About.VALUE, Holds.AS_QUESTION),
    "dependentSchemas": Keyword(SchemaShape.NAMED, About.VALUE, Holds.IN_CASES),
    "properties": Keyword(SchemaShape.NAMED, About.PROPERTY),
    "patternProperties": Keyword(SchemaShape.NAMED, About.PROPERTY),
    "items": Keyword(SchemaShape.ONE, About.ITEM),
    "prefixItems": Keyword(SchemaShape.LIST, About.ITEM),
    "contains": Keyword(SchemaShape.ONE, About.ITEM),
    "additionalProperties": Keyword(SchemaShape.ONE, About.ITEM),
    "unevaluatedItems": Keyword(SchemaShape.ONE, About.ITEM),
    "unevaluatedProperties": Keyword(SchemaShape.ONE, About.ITEM),
    "propertyNames": Keyword(SchemaShape.ONE, About.NAME),
    "$defs": Keyword(SchemaShape.NAMED, About.NOTHING),
    "definitions": Keyword(SchemaShape.NAMED, About.NOTHING),
}

NAMED = frozenset(name for name, kind in KEYWORDS.items() if kind.shape is SchemaShape.NAMED)
"""Keywords that hold schemas by name."""

FOR_PEOPLE = frozenset(
    ("$schema", "$id", "$comment", "title", "description", "examples", "example", "default", "deprecated")
)
"""Keywords that say nothing about whether a value fits."""


def said_in(schema: Mapping[str, Any]) -> set[str]:
    """Return the keywords of a schema that may say whether a value fits; extensions say nothing of it."""
    return {one for one in schema if one not in FOR_PEOPLE and not one.startswith("x-")}


OPENERS = ("additionalProperties", "unevaluatedProperties")
"""Keywords that say what becomes of properties that nothing else describes."""


OF_SHAPE = frozenset(
    ("type", "required", "propertyNames", "dependentRequired", "minProperties", "maxProperties")
)
"""Keywords about which types and names say all; of a number with a fraction its value has a say, too."""

_OF_NUMBERS = ("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
OF_PLAIN_VALUES = frozenset(("pattern", "format", "minLength", "maxLength", *_OF_NUMBERS))
"""Keywords that say something about texts and numbers alone."""

OF_POSITIONS = frozenset(("prefixItems", "contains", "unevaluatedItems"))
"""Keywords that tell the items of a list apart by other than their shapes."""

CHOICES = frozenset(("anyOf", "oneOf"))
"""Keywords whose schemas describe a value only if it fits them."""


class Subschema(NamedTuple):
    """A schema inside another: by which keyword, at which steps below it, and what it says."""

    keyword: str
    tokens: Tokens
    value: Any

    @property
    def kind(self) -> Keyword:
        """What its keyword means."""
        return KEYWORDS[self.keyword]


def iter_subschemas(schema: dict[str, Any]) -> Iterator[Subschema]:
    """Yield the schemas directly inside a schema; what does not have its keyword's shape is passed over."""
    for keyword, value in schema.items():
        kind = KEYWORDS.get(keyword)
        if kind is None:
            continue
        if kind.shape is SchemaShape.ONE:
            yield Subschema(keyword, (keyword,), value)
        elif kind.shape is SchemaShape.NAMED and isinstance(value, dict):
            yield from (Subschema(keyword, (keyword, name), child) for name, child in value.items())
        elif kind.shape is SchemaShape.LIST and isinstance(value, list):
            yield from (Subschema(keyword, (keyword, index), child) for index, child in enumerate(value))


def iter_beside(schema: dict[str, Any]) -> Iterator[Subschema]:
    """Yield the schemas directly inside one that speak about the same value, those that only ask aside."""
    for child in iter_subschemas(schema):
        if child.kind.about is About.VALUE and child.kind.holds is not Holds.AS_QUESTION:
            yield child


def iter_schema(schema: Any, tokens: Tokens = ()) -> Iterator[tuple[Tokens, dict[str, Any]]]:
    """Yield a schema and every schema inside it, each with its steps; references are not followed."""
    waiting = [(tokens, schema)]
    while waiting:
        tokens, schema = waiting.pop()
        if isinstance(schema, dict):
            yield tokens, schema
            inside = [((*tokens, *child.tokens), child.value) for child in iter_subschemas(schema)]
            waiting.extend(reversed(inside))


def map_subschemas(keyword: str, value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a keyword's value with each schema in it changed; of other keywords the value as it is."""
    kind = KEYWORDS.get(keyword)
    if kind is None:
        return value
    if kind.shape is SchemaShape.ONE:
        return change(value)
    if kind.shape is SchemaShape.NAMED and isinstance(value, dict):
        return {name: change(child) for name, child in value.items()}
    if kind.shape is SchemaShape.LIST and isinstance(value, list):
        return [change(child) for child in value]
    return value
