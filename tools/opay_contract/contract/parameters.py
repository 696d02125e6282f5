"""Reads what stands in a URL, a header or a cookie as the values that OpenAPI's styles make of it.

A text is no JSON: `5` is a number, a text, or the first item of a list, as the schema says. So a parameter is
read in each way that its schema has a type for, and the first reading that fits is what was meant.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec

from opay_contract.contract.addresses import below
from opay_contract.contract.keywords import said_in
from opay_contract.contract.schemas import SchemaSet
from opay_contract.jsontext import Parsed, parse_json

PLACES = QUERY, PATH, HEADER, COOKIE = ("query", "path", "header", "cookie")
"""Where parameters of a request stand; headers of an answer are of the place `header`, too."""

MAX_READ = 4096
"""Readings that are remembered."""

Pairs = tuple[tuple[str, str], ...]
"""Names and values as they stand there, the values not decoded."""

_USUAL_STYLES = {QUERY: "form", PATH: "simple", HEADER: "simple", COOKIE: "form"}
_STYLES = {
    QUERY: ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    PATH: ("simple", "label", "matrix"),
    HEADER: ("simple",),
    COOKIE: ("form",),
}
_SEPARATORS = {"spaceDelimited": " ", "pipeDelimited": "|"}
_BETWEEN = {
    "form": re.compile("(,|%2[Cc])"),
    "simple": re.compile("([,=] ?)"),
    "label": re.compile("([.,=])"),
    "matrix": re.compile("([;,=])"),
    "spaceDelimited": re.compile(r"(%20|\+| )"),
    "pipeDelimited": re.compile(r"(%7[Cc]|\|)"),
    "deepObject": re.compile("(,)"),
}
_IMPLIED = {"properties": "object", "items": "array", "minimum": "number", "maximum": "number"}
_TYPES_OF_VALUES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
_WORDS = {"true": True, "false": False}
_DEEP = re.compile(r"([^\[\]]+)\[([^\[\]]*)\](.*)", re.DOTALL)


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A documented parameter of a request, or header of an answer; `schema` is the address of its values'.

    `is_json` if the text is JSON, as where the parameter has `content`.
    """

    name: str
    place: str
    is_required: bool
    style: str
    explode: bool
    schema: str | None
    is_json: bool
    may_be_empty: bool
    uri: str


def build_parameter(stated: Mapping[str, Any], name: str, place: str, uri: str) -> Parameter:
    """Return a parameter as an object of OpenAPI says; a style that its place has not is the usual one."""
    style = stated.get("style")
    style = style if style in _STYLES[place] else _USUAL_STYLES[place]
    explode = stated.get("explode")
    content = stated.get("content")
    schema = below(uri, "schema") if isinstance(stated.get("schema"), dict) else None
    media_type = next(iter(content), None) if isinstance(content, dict) else None
    if schema is None and media_type is not None and "json" in media_type:
        inner = content[media_type] if isinstance(content, dict) else None
        has_schema = isinstance(inner, dict) and isinstance(inner.get("schema"), dict)
        schema = below(uri, "content", media_type, "schema") if has_schema else None
    return Parameter(
        name=name,
        place=place,
        is_required=stated.get("required") is True,
        style=style,
        explode=explode if isinstance(explode, bool) else style == "form",
        schema=schema,
        is_json=media_type is not None and "schema" not in stated,
        may_be_empty=stated.get("allowEmptyValue") is True,
        uri=uri,
    )


def split_query(query: str) -> Pairs:
    """Return the pairs of a query, names decoded."""
    parts = [one.partition("=") for one in query.split("&") if one]
    return tuple([(unquote_plus(name), value) for name, _, value in parts])


def split_cookies(header: str) -> Pairs:
    """Return the pairs of a Cookie header."""
    parts = [one.strip().partition("=") for one in header.split(";") if one.strip()]
    return tuple([(name, value) for name, _, value in parts])


class ParameterReader:
    """Reads parameters by the schemas of a contract; what was asked of a schema once is kept."""

    def __init__(self, schemas: SchemaSet) -> None:
        """Take the schemas."""
        self._schemas = schemas
        self._types: dict[str, frozenset[str]] = {}
        self._parts: dict[tuple[str, str], str | None] = {}
        self._names: dict[str, tuple[frozenset[str], bool]] = {}
        self._takes_all: dict[str, bool] = {}
        self._errors: dict[tuple[str, str, Pairs], tuple[Any, list[Any]]] = {}

    def owns(self, parameter: Parameter, name: str) -> bool:
        """Tell whether a name in a query or a cookie belongs to a parameter."""
        if name == parameter.name:
            return True
        if parameter.style == "deepObject":
            return name.startswith(f"{parameter.name}[")
        if parameter.schema is None or parameter.is_json or not parameter.explode:
            return False
        names, is_open = self._members(parameter.schema)
        return "object" in self._types_of(parameter.schema) and (is_open or name in names)

    def takes_all(self, parameter: Parameter) -> bool:
        """Tell whether nothing is wrong with any text of a parameter."""
        if parameter.schema is None:
            return True
        if parameter.schema not in self._takes_all:
            node = self._schemas.node(parameter.schema)
            self._takes_all[parameter.schema] = node.get("type") == "string" and said_in(node) == {"type"}
        return self._takes_all[parameter.schema] and not parameter.is_json

    def is_given(self, parameter: Parameter, pairs: Pairs) -> bool:
        """Tell whether a parameter stands among the pairs of a query or a cookie."""
        return any(self.owns(parameter, name) for name, _ in pairs)

    def leaf(self, parameter: Parameter, name: str) -> str | None:
        """Return the address of the schema of what stands behind a name, or of one item in it."""
        if parameter.schema is None or parameter.is_json:
            return parameter.schema
        inner = _DEEP.fullmatch(name)
        types = self._types_of(parameter.schema)
        if "object" in types and (inner is not None or name != parameter.name):
            schema = self._part(parameter.schema, inner[2] if inner is not None else name)
        else:
            schema = parameter.schema if "object" not in types else None
        if schema is not None and "array" in self._types_of(schema):
            return self._part(schema, None)
        return schema

    def is_typed(self, uri: str, *types: str) -> bool:
        """Tell whether a schema speaks of one of some types."""
        return not self._types_of(uri).isdisjoint(types)

    def values(self, parameter: Parameter, given: Pairs) -> list[Any]:
        """Return what a parameter may mean, the likeliest first; nothing where nothing can be said."""
        decode = _DECODERS[parameter.place]
        own = [(name, value) for name, value in given if self.owns(parameter, name)]
        if not own or parameter.schema is None:
            return []
        if parameter.is_json:
            parsed = parse_json(decode(own[0][1]).encode(errors="replace"))
            return [parsed.value if isinstance(parsed, Parsed) else _NotJson()]
        texts = [value for name, value in own if name == parameter.name]
        if texts == [""] and parameter.may_be_empty:
            return []
        types = self._types_of(parameter.schema)
        found: list[Any] = []
        if "array" in types and texts:
            found += [self._list(parameter.schema, items) for items in _items(parameter, texts, decode)]
        if "object" in types:
            members = _members(parameter, own, decode)
            if members is not None:
                parts = {name: self._part(parameter.schema, name) for name in members}
                found.append({name: self._value(parts[name], text) for name, text in members.items()})
        if texts and types not in ({"array"}, {"object"}):
            found.append(self._value(parameter.schema, decode(_plain(parameter, texts[0]))))
        return found

    def errors(self, parameter: Parameter, given: Pairs) -> tuple[Any, list[Any]]:
        """Return what of a parameter's readings has the fewest errors of the schema library, and these.

        The error None stands for a text that should be JSON and is none.
        """
        key = (parameter.uri, parameter.name, given)
        if key not in self._errors:
            found = self._find_errors(parameter, given)
            if len(self._errors) >= MAX_READ:
                return found
            self._errors[key] = found
        return self._errors[key]

    def parts(self, parameter: Parameter, text: str) -> list[str]:
        """Return the items or members of a parameter's text, and what stands between them in turns."""
        if parameter.schema is None or not self.is_typed(parameter.schema, "array", "object"):
            return [text]
        return _BETWEEN[parameter.style].split(text)

    def verdict(self, parameter: Parameter, given: Pairs) -> list[str]:
        """Return how a parameter's value breaks its schema: which keywords, and where."""
        _, errors = self.errors(parameter, given)
        return sorted(f"{one and one.schema_path} {one and one.instance_path}" for one in errors)

    def _find_errors(self, parameter: Parameter, given: Pairs) -> tuple[Any, list[Any]]:
        best: tuple[Any, list[Any]] = (None, [])
        if parameter.schema is None:
            return best
        validator = self._schemas.validator(parameter.schema)
        for value in self.values(parameter, given):
            errors = list(validator.iter_errors(value)) if not isinstance(value, _NotJson) else [None]
            if not errors:
                return value, []
            if not best[1] or len(errors) < len(best[1]):
                best = value, errors
        return best

    def _types_of(self, uri: str) -> frozenset[str]:
        """Return the types that a schema speaks of, in whatever case."""
        if uri not in self._types:
            found: set[str] = set()
            for _, node in self._schemas.iter_in_place(uri):
                declared = [node["type"]] if isinstance(node.get("type"), str) else _list_of(node.get("type"))
                found.update(one for one in declared if isinstance(one, str))
                values = [*_list_of(node.get("enum")), *([node["const"]] if "const" in node else [])]
                if "type" not in node:
                    found.update(
                        _TYPES_OF_VALUES[type(one)] for one in values if type(one) in _TYPES_OF_VALUES
                    )
                    found.update(kind for keyword, kind in _IMPLIED.items() if keyword in node)
            self._types[uri] = frozenset(found)
        return self._types[uri]

    def _members(self, uri: str) -> tuple[frozenset[str], bool]:
        """Return the names of an object's members, and whether there may be others."""
        if uri not in self._names:
            nodes = [node for _, node in self._schemas.iter_in_place(uri)]
            names = frozenset(name for node in nodes for name in _named(node))
            is_closed = any(node.get("additionalProperties") is False for node in nodes) or bool(names)
            opened = any(node.get("additionalProperties") not in (None, False) for node in nodes)
            self._names[uri] = names, opened or not is_closed
        return self._names[uri]

    def _part(self, uri: str, name: str | None) -> str | None:
        """Return the address of the schema of a list's items, or of an object's member."""
        key = (uri, name or "")
        if key not in self._parts:
            self._parts[key] = next(self._iter_parts(uri, name), None)
        return self._parts[key]

    def _iter_parts(self, uri: str, name: str | None) -> Iterator[str]:
        for at, node in self._schemas.iter_in_place(uri):
            if name is None and isinstance(node.get("items"), dict):
                yield below(at, "items")
            elif name is not None and name in _named(node):
                yield below(at, "properties", name)
            elif name is not None and isinstance(node.get("additionalProperties"), dict):
                yield below(at, "additionalProperties")

    def _list(self, uri: str, items: list[str]) -> list[Any]:
        part = self._part(uri, None)
        return [self._value(part, one) for one in items]

    def _value(self, uri: str | None, text: str | list[str]) -> Any:
        """Return a text as its schema has it: of several types the first that fits, or else a text."""
        if uri is None:
            return text
        types = self._types_of(uri)
        if isinstance(text, list):
            return self._list(uri, text) if "array" in types else self._value(uri, text[0])
        readings = list(_readings(text, types))
        if len(readings) == 1:
            return readings[0]
        validator = self._schemas.validator(uri)
        return next((one for one in readings if validator.is_valid(one)), readings[0])


class _NotJson:
    """Stands for a text that should be JSON."""


def _readings(text: str, types: frozenset[str]) -> Iterator[Any]:
    """Yield what a text may say in some types; the text itself where it says nothing in them."""
    found = False
    if not types.isdisjoint(("integer", "number")) and _NUMBER.fullmatch(text):
        yield int(text) if text.lstrip("+-").isdigit() else float(text)
        found = True
    if "boolean" in types and text in _WORDS:
        yield _WORDS[text]
        found = True
    if "null" in types and text in ("", "null"):
        yield None
        found = True
    if "string" in types or not found:
        yield text


def _items(parameter: Parameter, texts: list[str], decode: Callable[[str], str]) -> Iterator[list[str]]:
    """Yield the items of a list: as separators stand there, then as they are hidden by an encoding."""
    if parameter.style in ("form", "deepObject") and parameter.explode:
        yield [decode(text) for text in texts]
        return
    if parameter.style in _SEPARATORS:
        yield [item for text in texts for item in decode(text).split(_SEPARATORS[parameter.style])]
        return
    parts = [part for text in texts for part in _parts(parameter, text)]
    yield [decode(part).strip() for part in parts]
    if len(parts) == 1 and "," in decode(parts[0]):
        yield decode(parts[0]).split(",")


def _parts(parameter: Parameter, text: str) -> list[str]:
    """Return the parts of a list or an object that stand in one text."""
    if parameter.style == "label":
        return text.removeprefix(".").split("." if parameter.explode else ",")
    if parameter.style == "matrix":
        parts = text.removeprefix(";").split(";" if parameter.explode else ",")
        return [part.removeprefix(f"{parameter.name}=") for part in parts]
    return text.split(",") if text else []


def _plain(parameter: Parameter, text: str) -> str:
    """Return a single value without what its style puts in front."""
    if parameter.style == "label":
        return text.removeprefix(".")
    return text.removeprefix(f";{parameter.name}=") if parameter.style == "matrix" else text


def _members(
    parameter: Parameter, own: list[tuple[str, str]], decode: Callable[[str], str]
) -> dict[str, Any] | None:
    """Return the members of an object as texts; None where what is deeper inside cannot be told."""
    if parameter.style == "deepObject":
        found: dict[str, Any] = {}
        for name, value in own:
            inner = _DEEP.fullmatch(name)
            if inner is None or inner[3] not in ("", "[]") or not inner[2]:
                return None
            if inner[2] in found or inner[3]:
                found.setdefault(inner[2], [])
                before = found[inner[2]] if isinstance(found[inner[2]], list) else [found[inner[2]]]
                found[inner[2]] = [*before, decode(value)]
            else:
                found[inner[2]] = decode(value)
        return found
    if parameter.place in (QUERY, COOKIE) and parameter.explode:
        return {name: decode(value) for name, value in own}
    parts = _parts(parameter, own[0][1])
    if parameter.explode:
        pairs = [part.partition("=") for part in parts]
        return {decode(name).strip(): decode(value) for name, _, value in pairs}
    if len(parts) % 2:
        return None
    return {decode(name).strip(): decode(value) for name, value in zip(parts[::2], parts[1::2], strict=True)}


_DECODERS: dict[str, Callable[[str], str]] = {
    QUERY: unquote_plus,
    PATH: unquote,
    HEADER: str,
    COOKIE: unquote,
}


def _list_of(value: Any) -> list[Any]:
    """Return a list, or nothing in place of what should be one: a keyword of a wrong form says nothing."""
    return value if isinstance(value, list) else []


def _named(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}
