"""Joins the files of a contract into one OpenAPI document, in which no reference leads to another file.

What another file holds becomes a component, or stands where it is referred to if OpenAPI has no components of
its kind. The same contract gives the same value, in the order of the files.
"""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import msgspec
import yaml
from msgspec import field

from opay_contract.contract.addresses import MISSING, Address, refer, value_below
from opay_contract.contract.documents import ROOTS, Document, is_text
from opay_contract.contract.keywords import KEYWORDS as OF_SCHEMAS
from opay_contract.contract.keywords import NAMED, map_subschemas, said_in
from opay_contract.contract.openapi import PARTS, SchemaPlaces, is_schema_file, read_version, root_of
from opay_contract.errors import ContractError
from opay_contract.jsontext import pointer

MAX_VALUES = 2_000_000
"""Objects that a document without references may have: each reference repeats what it names."""

_SECTIONS = {
    "schema": "schemas",
    "response": "responses",
    "parameter": "parameters",
    "header": "headers",
    "request body": "requestBodies",
    "example": "examples",
    "link": "links",
    "callback": "callbacks",
    "security scheme": "securitySchemes",
}
"""Where the components of a kind stand."""

_ANY, _INLINE = "anything", "what an extension refers to"
_DATA = {"const", "default", "enum", "example", "examples", "value"}
_OF_FILES = {"$schema", "$id"}
_WITH_EXTENSIONS = ("paths", "responses")
"""Maps whose names never begin with `x-`."""

_NAMES = frozenset((*NAMED, "mapping", "scopes", "variables", "security"))


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A contract in one document, and notes on what it says otherwise than its files."""

    value: dict[str, Any]
    notes: tuple[str, ...]


def build_bundle(
    documents: Mapping[str, Document],
    *,
    is_dereferenced: bool = False,
    has_extensions: bool = True,
    is_3_0: bool = False,
) -> Bundle:
    """Return a contract in one document; an open reference is a ContractError."""
    bundler = _Bundler(documents, is_dereferenced=is_dereferenced, has_extensions=has_extensions)
    document = documents[root_of(documents)]
    root = document.value
    if is_dereferenced and "components" in root:  # what is left of them is made where it is referred to
        schemes = {key: one for key, one in root["components"].items() if key == "securitySchemes"}
        root = {**root, "components": schemes}
    value: dict[str, Any] = bundler.copy(root, Address(document.name), "document")
    bundler.add_components(value)
    notes = list(bundler.notes)
    if is_3_0 and read_version(document) == 1:
        value, losses = downgrade(value)
        notes += losses
    return Bundle(value=value, notes=tuple(notes))


class _Bundler(msgspec.Struct):
    documents: Mapping[str, Document]
    is_dereferenced: bool
    has_extensions: bool
    notes: dict[str, None] = field(default_factory=dict)
    names: dict[tuple[str, Address], str] = field(default_factory=dict)
    """The name of each component by its section and the place of what it holds."""
    made: dict[tuple[str, Address], Any] = field(default_factory=dict)
    trail: list[Address] = field(default_factory=list)
    """What is being copied in place of a reference, outer ones first."""
    size: int = 0

    def copy(self, value: Any, at: Address, kind: str) -> Any:
        self.size += 1
        if self.is_dereferenced and self.size > MAX_VALUES:
            raise ContractError(
                f"{at}: more than {MAX_VALUES:,} values without references; leave out --dereference"
            )
        if isinstance(value, list):
            return [self.copy(child, at.child(index), kind) for index, child in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "$ref" in value and isinstance(value["$ref"], str):
            return self._reference(value, at, kind)
        return self._members(value, at, kind)

    def _members(self, value: dict[str, Any], at: Address, kind: str) -> dict[str, Any]:
        left_out = _OF_FILES if kind == "schema" else ()
        return {
            key: self._member(key, child, at.child(key), kind)
            for key, child in value.items()
            if key not in left_out and (self.has_extensions or not key.startswith("x-"))
        }

    def _member(self, key: str, child: Any, at: Address, kind: str) -> Any:
        if kind == "schema":
            if key in OF_SCHEMAS:
                return self._named(child, at, "schema") if key in NAMED else self.copy(child, at, "schema")
            return child if not key.startswith("x-") else self.copy(child, at, _INLINE)
        parts = {steps[1:]: part for steps, part in PARTS.get(kind, {}).items() if steps[0] in (key, "*")}
        if parts:
            return self._parts(child, at, parts)
        if key in _DATA:
            return child
        if key.startswith("x-"):
            return self.copy(child, at, _INLINE)
        return self._named(child, at, _ANY) if key in _NAMES else self.copy(child, at, _ANY)

    def _parts(self, value: Any, at: Address, parts: dict[tuple[str, ...], str]) -> Any:
        """Copy what the table of OpenAPI's objects says of a member: itself, or what is at steps below it."""
        if () in parts:
            return self.copy(value, at, parts[()])
        if isinstance(value, list):
            return [
                self._parts(child, at.child(index), {steps[1:]: part for steps, part in parts.items()})
                for index, child in enumerate(value)
            ]
        if not isinstance(value, dict):
            return value
        names_are_free = ("*",) in parts and at.tokens[-1] not in _WITH_EXTENSIONS
        copied = {}
        for key, child in value.items():
            inner = {steps[1:]: part for steps, part in parts.items() if steps[0] in (key, "*")}
            if key.startswith("x-") and not names_are_free and (key,) not in {steps[:1] for steps in parts}:
                if self.has_extensions:
                    copied[key] = self.copy(child, at.child(key), _INLINE)
            else:
                copied[key] = (
                    self._parts(child, at.child(key), inner)
                    if inner
                    else self.copy(child, at.child(key), _ANY)
                )
        return copied

    def _named(self, value: Any, at: Address, kind: str) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: self.copy(child, at.child(name), kind) for name, child in value.items()}

    def _reference(self, value: dict[str, Any], at: Address, kind: str) -> Any:
        target = refer(value["$ref"], at.file)
        found = MISSING
        if isinstance(target, Address) and target.file in self.documents:
            found = value_below(self.documents[target.file].value, target.tokens)
        if isinstance(target, str) or found in (MISSING, None):
            if any(str(step).startswith("x-") for step in at.tokens):
                return value  # somebody else's extension refers to what only they know
            place = self.documents[at.file].position(pointer((*at.tokens, "$ref")))
            raise ContractError(
                f"{at.file}:{place.line}:{place.column}: the reference {value['$ref']!r} leads nowhere"
            )
        if kind in (_ANY, _INLINE) and is_schema_file(target.file):
            kind = "schema"
        beside = self._members({key: child for key, child in value.items() if key != "$ref"}, at, kind)
        is_local = target.file == root_of(self.documents) and target.tokens[:1] == ("components",)
        is_inlined = kind not in _SECTIONS and not (is_local and not self.is_dereferenced)
        if not (self.is_dereferenced or is_inlined):
            return {"$ref": self._name(target, kind), **beside}
        if target in self.trail:
            if is_inlined:
                raise ContractError(f"{at}: the reference {value['$ref']!r} leads back to itself")
            name = self._name(target, kind)
            self.notes[f"{name} leads back to itself; it stays a reference"] = None
            return {"$ref": name, **beside}
        self.trail.append(target)
        copied = self.copy(found, target, kind)
        self.trail.pop()
        if kind == "schema" and said_in(beside) and isinstance(copied, dict):
            return {**beside, "allOf": [copied, *beside.get("allOf", ())]}
        return {**copied, **beside} if isinstance(copied, dict) else copied

    def _name(self, target: Address, kind: str) -> str:
        """Return the reference to a component, which is made where there is none yet."""
        is_component = target.file == root_of(self.documents) and target.tokens[:2] == (
            "components",
            _SECTIONS.get(kind),
        )
        if target.file == root_of(self.documents) and not (self.is_dereferenced and is_component):
            return "#" + pointer(target.tokens)
        outside = 3 if is_component else 0 if kind == "schema" and is_schema_file(target.file) else None
        whole = Address(target.file, target.tokens[:outside])
        inside = target.tokens[len(whole.tokens) :]
        key = (_SECTIONS[kind], whole)
        if key not in self.names:
            taken = {name for (section, _), name in self.names.items() if section == key[0]}
            taken.update(
                ()
                if is_component
                else self.documents[root_of(self.documents)].value.get("components", {}).get(key[0], ())
            )
            self.names[key] = next(name for name in _candidates(self.documents, whole) if name not in taken)
            trail, self.trail = self.trail, [*self.trail, whole] if self.is_dereferenced else []
            self.made[key] = None
            self.made[key] = self.copy(
                value_below(self.documents[whole.file].value, whole.tokens), whole, kind
            )
            self.trail = trail
        return "#" + pointer(("components", key[0], self.names[key], *inside))

    def add_components(self, bundle: dict[str, Any]) -> None:
        """Put the components that were made behind those that were there."""
        components = bundle.pop("components", {})
        for section, at in sorted(self.made, key=lambda key: (key[1].file, tuple(map(str, key[1].tokens)))):
            made = {self.names[section, at]: self.made[section, at]}
            components[section] = {**components.get(section, {}), **made}
        if components:
            bundle["components"] = components


def _candidates(documents: Mapping[str, Document], at: Address) -> Iterator[str]:
    """Yield names for what stands at a place: its key, or its file's title, else the file's name."""
    value = value_below(documents[at.file].value, at.tokens)
    title = value.get("title") if isinstance(value, dict) and not at.tokens else None
    own = str(at.tokens[-1]) if at.tokens else at.file.rpartition("/")[2].partition(".")[0]
    words = re.findall(r"[A-Za-z0-9]+", title if isinstance(title, str) else "") or re.findall(
        r"[A-Za-z0-9]+", own
    )
    base = "".join(word[0].upper() + word[1:] for word in words) or "Component"
    yield base
    number = 2
    while True:
        yield f"{base}{number}"
        number += 1


class _Dumper(yaml.SafeDumper):
    """Writes YAML that 1.1 and 1.2 read alike, without anchors, long texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  PyYAML's signature
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002
        return super().increase_indent(flow, indentless=False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text and text == text.strip() + "\n" * text.endswith("\n") else None
    if style is None and not is_text(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def render_bundle(bundle: Bundle, *, is_json: bool) -> str:
    """Return a bundle as a text: JSON, or YAML."""
    if is_json:
        return json.dumps(bundle.value, indent=2, ensure_ascii=False) + "\n"
    return yaml.dump(bundle.value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


VERSION = "3.0.4"
_KEPT = frozenset(
    (
        *("title", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength"),
        *("minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties"),
        *("required", "enum", "type", "allOf", "oneOf", "anyOf", "not", "items", "properties", "format"),
        *("additionalProperties", "description", "default", "nullable", "discriminator", "readOnly"),
        *("writeOnly", "xml", "externalDocs", "example", "deprecated", "$ref"),
    )
)
"""What a schema of version 3.0 may say."""

_FOR_PEOPLE = frozenset(("$schema", "$id", "$comment", "$anchor", "examples"))
_NULL: dict[str, Any] = {"type": "object", "nullable": True, "enum": [None]}
"""What is null and nothing else; `nullable` wants a type beside it."""

_ONLY_3_1 = {(): ("webhooks", "jsonSchemaDialect"), ("info",): ("summary",), ("components",): ("pathItems",)}


def downgrade(root: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a document in version 3.0, and a sentence on each statement that it has no words for."""
    losses: dict[str, None] = {}
    value = deepcopy(root) | {"openapi": VERSION}
    name = ROOTS[0]
    for tokens in SchemaPlaces({name: Document(name=name, value=root, text="")}).iter_tops(name):
        holder, lost = value_below(value, tokens[:-1]), dict[str, None]()
        key = int(tokens[-1]) if isinstance(holder, list) else tokens[-1]
        holder[key] = _schema(holder[key], lost)
        losses |= dict.fromkeys(_loss(Address(name, tokens), keyword) for keyword in lost)
    for place, names in _ONLY_3_1.items():
        holder = value
        for step in place:
            holder[step] = dict(holder.get(step, {}))
            holder = holder[step]
        for name in names:
            if holder.pop(name, None) and name != "summary":
                losses[_loss(Address(ROOTS[0], place), name)] = None
    return {key: child for key, child in value.items() if child != {} or key == "paths"}, list(losses)


def _loss(at: Address, keyword: str) -> str:
    return f"#{str(at).partition('#')[2]}: `{keyword}` has no place in OpenAPI 3.0 and is left out"


def _schema(schema: Any, lost: dict[str, None]) -> Any:
    """Return a schema in the words of 3.0; `lost` gets the keywords that it has not."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    if not isinstance(schema, dict):
        return schema
    said = {
        keyword: map_subschemas(keyword, value, lambda inner: _schema(inner, lost))
        for keyword, value in schema.items()
    }
    if isinstance(schema.get("additionalProperties"), bool):
        said["additionalProperties"] = schema["additionalProperties"]
    _rename(said)
    _take_types_apart(said)
    lost.update(dict.fromkeys(key for key in said if not _is_known(key) and key not in _FOR_PEOPLE))
    said = {keyword: value for keyword, value in said.items() if _is_known(keyword)}
    beside = {keyword: value for keyword, value in said.items() if keyword != "$ref"}
    if "$ref" in said and beside:
        return {**beside, "allOf": [{"$ref": said["$ref"]}, *beside.get("allOf", ())]}
    return said


def _is_known(keyword: str) -> bool:
    return keyword in _KEPT or keyword.startswith("x-")


def _rename(said: dict[str, Any]) -> None:
    """Say by other keywords what 3.0 has other keywords for."""
    examples = said.get("examples")
    if isinstance(examples, list) and examples:
        said.setdefault("example", examples[0])
    if "const" in said:
        said["enum"] = [said.pop("const")]
    if said.get("contentEncoding") == "base64":
        said.setdefault("format", "byte")
        del said["contentEncoding"]
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(said.get(bound), int | float) and not isinstance(said[bound], bool):
            said[limit], said[bound] = said[bound], True


def _take_types_apart(said: dict[str, Any]) -> None:
    """Say several types as alternatives, and null as `nullable`."""
    types = said.get("type")
    if isinstance(types, list) or types == "null":
        named = [types] if types == "null" else types
        others = [{"type": one} | ({"items": {}} if one == "array" else {}) for one in named if one != "null"]
        del said["type"]
        if len(others) == 1:
            said |= others[0] | said
        elif others:
            key = "allOf" if "anyOf" in said else "anyOf"
            said[key] = [*said.get("allOf", ()), {"anyOf": others}] if key == "allOf" else others
        has_null = "null" in named and None in said.get("enum", [None])  # else readers would add it
        if not others:
            said |= _NULL if has_null else {"type": "object"}
        elif has_null:
            (others[0] if len(others) > 1 else said)["nullable"] = True
    elif types == "array":
        said.setdefault("items", {})
