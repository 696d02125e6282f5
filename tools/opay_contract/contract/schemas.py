"""The schemas of a contract, ready to judge: one registry for all files, validators made once each.

Each schema stands in two forms. Open, as it was written: the vendor may add properties. Closed, with
documented properties only: strictness is a question to ask, not a property of the contract.
`unevaluatedProperties: false` goes where a schema starts to describe a value (a root, a property, an item),
so that it sees through `$ref`, `allOf` and `if`. Conditions (`if`, `not`) keep the open schemas: closing them
would change what they ask. An `if` is denied twice, which keeps its verdict and hides the properties that it
looks at: to be looked at is not to be documented.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache, cached_property, partial
from typing import Any
from urllib.parse import unquote, urldefrag

import jsonschema_rs
from msgspec.structs import replace

from opay_contract.contract.addresses import (
    CLOSED,
    MISSING,
    OPEN,
    Address,
    absolute,
    below,
    document_uri,
    iter_reached,
    refer,
    resolve,
    split_uri,
    value_below,
    with_fragment,
)
from opay_contract.contract.documents import Document
from opay_contract.contract.keywords import (
    DIALECT,
    FOR_PEOPLE,
    KEYWORDS,
    OPENERS,
    About,
    Holds,
    SchemaShape,
    iter_beside,
    iter_schema,
    map_subschemas,
)
from opay_contract.contract.openapi import SchemaPlaces, root_of
from opay_contract.errors import ContractError
from opay_contract.jsontext import Tokens, pointer
from opay_contract.model.finding import ContractPlace

Validator = jsonschema_rs.Draft202012Validator

Pick = Callable[[str, list[str]], str]
"""Which of some branches, by their addresses, is taken at an address; that of an `if` ends in `/if`."""

MASK = "(hidden)"
"""What the schema library writes for a value."""

_TAGS = ("const", "enum")
"""Keywords by which a schema of a union says which it is."""

_CHOICE = re.compile(r"/(?:anyOf|oneOf|then|else|dependentSchemas)/")
_OF_OPENAPI = frozenset(("discriminator", "xml", "externalDocs", "readOnly", "writeOnly"))
"""Keywords of OpenAPI that say nothing about whether a value fits."""


class SchemaSet:
    """Every document of the contract by name, and its schemas as resources of JSON Schema.

    `notes` says what in the schemas was not understood and is left out. What was asked for once is kept.
    """

    def __init__(self, documents: Mapping[str, Document]) -> None:
        """Put every schema into one registry, whole, before anything is judged."""
        self.notes: dict[Address, str] = {}
        self._values = {name: document.value for name, document in documents.items()}
        self.places = SchemaPlaces(documents)
        self._compiled: dict[str, Validator] = {}
        self._validators: dict[tuple[str, str | None], Validator] = {}
        self._closed_validators: dict[str, Validator] = {}
        self._item_validators: dict[tuple[tuple[str, ...], str | None], Validator] = {}
        self._registries: dict[str, jsonschema_rs.Registry] = {}
        self._nodes: dict[str, Any] = {}
        self._usable = self._usable_documents()
        self.documents = {
            name: replace(document, value=self._values[name]) for name, document in documents.items()
        }

    @property
    def root(self) -> Document:
        """The document that the contract begins with."""
        return self.documents[root_of(self.documents)]

    def validator(self, uri: str, unused: str | None = None) -> Validator:
        """Return the validator of the schema at `uri`; it never fetches and masks values in its messages.

        Of members that are `unused`, `readOnly` for requests and `writeOnly` for answers, none is required.
        """
        key = (uri, unused)
        if key not in self._validators:
            self._validators[key] = _compile({"$ref": uri}, self._registry_for(unused))
        return self._validators[key]

    def validator_of_items(self, uris: tuple[str, ...], unused: str | None = None) -> Validator:
        """Return the validator of lists whose items fit each of some schemas."""
        key = (uris, unused)
        if key not in self._item_validators:
            schema = {"items": {"allOf": [{"$ref": uri} for uri in uris]}}
            self._item_validators[key] = _compile(schema, self._registry_for(unused))
        return self._item_validators[key]

    def _registry_for(self, unused: str | None) -> jsonschema_rs.Registry:
        if unused is None:
            return self._registry
        if unused not in self._registries:
            self._registries[unused] = self._relaxed_registry(unused)
        return self._registries[unused]

    def closed_validator(self, uri: str) -> Validator:
        """Return the validator of the schema at `uri` without room for undocumented properties."""
        if uri not in self._closed_validators:
            self._closed_validators[uri] = _compile(self._closed_form(uri), self._registry_of_both)
        return self._closed_validators[uri]

    def validator_of_many(self, uris: Iterable[str], *, is_closed: bool = False) -> Validator:
        """Return the validator of lists whose items fit a schema each; what many refer to is read once."""
        if is_closed:
            return _compile({"prefixItems": [self._closed_form(uri) for uri in uris]}, self._registry_of_both)
        return self.compile({"prefixItems": [{"$ref": uri} for uri in uris]})

    def _closed_form(self, uri: str) -> dict[str, Any]:
        return {"$ref": uri.replace(OPEN, CLOSED, 1), **self._seal({"$ref": uri}, "")}

    def compile(self, schema: Any) -> Validator:
        """Return the validator of a schema that may refer to any document by its URI."""
        text = json.dumps(schema)
        if text not in self._compiled:
            self._compiled[text] = _compile(schema, self._registry)
        return self._compiled[text]

    def find(self, uri: str) -> Any:
        """Return the value at `uri`, or MISSING."""
        if uri not in self._nodes:
            name, tokens = split_uri(uri)
            self._nodes[uri] = value_below(self._values.get(name, MISSING), tokens)
        return self._nodes[uri]

    def node(self, uri: str) -> Any:
        """Return the value at `uri`; raises ContractError when nothing is there."""
        value = self.find(uri)
        if value is MISSING:
            at = split_uri(uri)
            raise ContractError(f"{at.file}: nothing stands at {pointer(at.tokens)!r}")
        return value

    def place(self, uri: str) -> ContractPlace:
        """Return where `uri` stands in the files; the nearest ancestor's line where it has none itself."""
        name = split_uri(uri).file
        fragment = unquote(urldefrag(uri).fragment)
        position = self.documents[name].position(fragment)
        return ContractPlace(file=name, line=position.line, column=position.column, pointer=fragment)

    def resolve(self, uri: str) -> tuple[Address, Any]:
        """Follow a chain of `$ref` from `uri` to what is said at its end: where that is, and the value."""
        return resolve(self._values, split_uri(uri))

    def iter_properties(self) -> Iterator[tuple[Address, dict[str, Any]]]:
        """Yield the address and the schema of every property that a schema describes."""
        for at, schema in self.iter_schemas():
            properties = schema.get("properties")
            for name, child in properties.items() if isinstance(properties, dict) else ():
                if isinstance(child, dict):
                    yield at.child("properties", name), child

    def iter_schemas(self) -> Iterator[tuple[Address, dict[str, Any]]]:
        """Yield every schema of every document with its address."""
        for name, value in self._values.items():
            for top in self.places.iter_tops(name):
                for tokens, schema in iter_schema(value_below(value, top), top):
                    yield Address(name, tokens), schema

    def iter_in_place(self, uri: str, pick: Pick | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the schemas that speak about the same value, in whatever case, each with its address.

        With a `pick` it decides of a union's schemas, and of `then` and `else`, which one holds.
        """
        for at in iter_reached([with_fragment(uri)], partial(self._beside, pick=pick)):
            if isinstance(value := self.find(at), dict):
                yield at, value

    def _beside(self, at: str, pick: Pick | None) -> list[str]:
        value = self.find(at)
        if not isinstance(value, dict):
            return []
        inside: dict[str, list[str]] = {}
        if isinstance(value.get("$ref"), str):
            inside["$ref"] = [with_fragment(absolute(value["$ref"], split_uri(at).file))]
        for child in iter_beside(value):
            inside.setdefault(child.keyword, []).append(below(at, *child.tokens))
        if pick is None:
            return [uri for uris in inside.values() for uri in uris][::-1]
        found = [*inside.get("$ref", ()), *inside.get("allOf", ())]
        found += [pick(at, inside[keyword]) for keyword in ("oneOf", "anyOf") if keyword in inside]
        if "if" in value:
            found.append(pick(below(at, "if"), [below(at, "then"), below(at, "else")]))
        return found[::-1]

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        return _registry_of(self._usable)

    @cached_property
    def _registry_of_both(self) -> jsonschema_rs.Registry:
        closed = [
            (
                CLOSED + document_uri(name).removeprefix(OPEN),
                self.places.map(name, value, partial(self._close_in_place, name=name), is_whole=False),
            )
            for name, value in self._usable.items()
        ]
        return _registry_of(self._usable, closed)

    def _relaxed_registry(self, unused: str) -> jsonschema_rs.Registry:
        """Return the registry in which no member that has the keyword `unused` is required."""
        found = [at for at, schema in self.iter_properties() if self._says(at, schema, unused)]
        usable = self._usable | {file: deepcopy(self._usable[file]) for file in {at.file for at in found}}
        for at in found:
            holder = value_below(usable[at.file], at.tokens[:-2])
            if isinstance(holder, dict) and at.tokens[-1] in holder.get("required", ()):
                holder["required"] = [name for name in holder["required"] if name != at.tokens[-1]]
        return _registry_of(usable) if found else self._registry

    def _says(self, at: Address, schema: dict[str, Any], keyword: str) -> bool:
        """Tell whether a schema, or one that holds wherever it does, has a keyword that is true."""
        if schema.get(keyword) is True:
            return True
        if "$ref" not in schema and "allOf" not in schema:
            return False
        parts = self.iter_in_place(at.uri)
        return any(node.get(keyword) is True for uri, node in parts if not _CHOICE.search(uri))

    def _usable_documents(self) -> dict[str, Any]:
        """Return what the schemas of each document assert, less what is not understood."""
        lost = {(at.file, text) for at, text in self._iter_lost_references()}
        usable = {}
        for name, value in list(self._values.items()):
            found = self.places.map(name, value, partial(_assertions, name=name, lost=lost), is_whole=False)
            for top in self.places.iter_tops(name):
                found = self._mend(found, Address(name, top))
            if isinstance(found, dict | bool):
                usable[name] = {"$schema": DIALECT, **found} if isinstance(found, dict) else found
        return usable

    def _iter_lost_references(self) -> Iterator[tuple[Address, Any]]:
        """Yield each `$ref` of a schema that leads nowhere, with what it says."""
        for at, schema in self.iter_schemas():
            if "$ref" not in schema:
                continue
            target = refer(schema["$ref"], at.file)
            if isinstance(target, Address):
                if value_below(self._values.get(target.file, MISSING), target.tokens) is not MISSING:
                    continue
                target = f"the reference '{schema['$ref']}' leads nowhere"
            self.notes[at.child("$ref")] = target
            yield at, str(schema["$ref"])

    def _mend(self, value: Any, top: Address) -> Any:
        """Take out of a schema what the meta-schema refuses."""
        meta = meta_validator()
        while (schema := value_below(value, top.tokens)) is not MISSING and not meta.is_valid(schema):
            before = value
            for error in meta.iter_errors(schema):
                inside = _holder_of_fault(tuple(error.instance_path))
                self.notes[top.child(*inside)] = "not what JSON Schema allows there"
                value = _without(value, (*top.tokens, *inside))
                self._values[top.file] = _without(self._values[top.file], (*top.tokens, *inside))
            if value == before:
                return _without(value, top.tokens)
        return value

    def _close_in_place(self, schema: Any, name: str) -> Any:
        """Close what is inside a schema, which itself may be one part of what describes a value."""
        if not isinstance(schema, dict):
            return schema
        return {keyword: self._close_keyword(keyword, value, name) for keyword, value in schema.items()}

    def _close(self, schema: Any, name: str) -> Any:
        if not isinstance(schema, dict):
            return schema
        return self._close_in_place(schema, name) | self._seal(schema, name)

    def _close_keyword(self, keyword: str, value: Any, name: str) -> Any:
        kind = KEYWORDS.get(keyword)
        if kind is None or kind.about is About.NAME:
            return value
        if keyword == "if":
            return {"not": {"not": _open_references(value, name)}}
        if kind.holds is Holds.AS_QUESTION:
            return _open_references(value, name)
        starts_value = kind.about is not About.VALUE
        close = self._close if starts_value else self._close_in_place
        return map_subschemas(keyword, value, partial(close, name=name))

    def _seal(self, schema: dict[str, Any], name: str) -> dict[str, bool]:
        """Close a value that has documented properties and does not say itself what becomes of others."""
        parts = list(self._in_place(schema, name, frozenset()))
        documented = any("properties" in part or "patternProperties" in part for part in parts)
        explicit = any(opener in part for part in parts for opener in OPENERS)
        return {"unevaluatedProperties": False} if documented and not explicit else {}

    def _in_place(self, schema: Any, name: str, seen: frozenset[str]) -> Iterator[dict[str, Any]]:
        """Yield every schema that applies to the same value as `schema` does."""
        if not isinstance(schema, dict):
            return
        yield schema
        reference = absolute(schema["$ref"], name) if "$ref" in schema else ""
        if reference and reference not in seen:
            target = split_uri(reference)
            value = value_below(self._usable.get(target.file, MISSING), target.tokens)
            yield from self._in_place(value, target.file, seen | {reference})
        for child in iter_beside(schema):
            yield from self._in_place(child.value, name, seen)


@cache
def meta_validator() -> Validator:
    """Return the validator of schemas themselves."""
    return Validator({"$ref": DIALECT}, offline=True, mask=MASK, validate_formats=True)


def nearest_of(branches: Sequence[list[Any]], at: Tokens) -> int:
    """Return which schema of a union a value at a place is nearest to, by the errors of each.

    It is of its type, has its constants, and fewest errors; of several the one whose errors are deepest.
    """

    def distance(branch: int) -> tuple[bool, int, int, int]:
        found = [(error.kind.name, tuple(error.instance_path)) for error in branches[branch]]
        inner = [name for name, place in found if len(place) == len(at) + 1 and isinstance(place[-1], str)]
        constants = sum(name in _TAGS for name in inner)
        return (
            ("type", at) in found,
            constants,
            len(found),
            -min((len(place) for _, place in found), default=0),
        )

    return min(range(len(branches)), key=distance)


def _registry_of(
    documents: Mapping[str, Any], more: Sequence[tuple[str, Any]] = ()
) -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry(
        [*((document_uri(name), value) for name, value in documents.items()), *more]
    )


def _compile(schema: Any, registry: jsonschema_rs.Registry) -> Validator:
    try:
        return Validator(schema, registry=registry, offline=True, mask=MASK, validate_formats=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise ContractError(f"a schema of the contract cannot be used: {error}") from error


def _assertions(schema: Any, name: str, lost: set[tuple[str, str]]) -> Any:
    """Return a schema as the schema library is to see it: nothing but what decides whether a value fits.

    What only people read would come back with every evaluation.
    """
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: map_subschemas(keyword, value, partial(_assertions, name=name, lost=lost))
        for keyword, value in schema.items()
        if keyword not in FOR_PEOPLE
        and keyword not in _OF_OPENAPI
        and not keyword.startswith("x-")
        and not (lost and keyword == "$ref" and (name, str(value)) in lost)
    }


def _open_references(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {
            key: absolute(child, name) if key == "$ref" else _open_references(child, name)
            for key, child in value.items()
        }
    return [_open_references(child, name) for child in value] if isinstance(value, list) else value


def _holder_of_fault(tokens: Tokens) -> Tokens:
    """Return what to take out for a fault at `tokens`: the keyword, or one schema in a list of them."""
    while tokens and isinstance(tokens[-1], int):
        kind = KEYWORDS.get(str(tokens[-2])) if len(tokens) > 1 else None
        if kind is not None and kind.shape is SchemaShape.LIST:
            break
        tokens = tokens[:-1]
    return tokens


def _without(value: Any, tokens: Tokens) -> Any:
    """Return a value without what stands at `tokens`; a schema that must be there allows everything then."""
    if not tokens:
        return {}
    token, *rest = tokens
    if isinstance(value, list):
        return [_without(child, tuple(rest)) if i == int(token) else child for i, child in enumerate(value)]
    if not isinstance(value, dict) or token not in value:
        return value
    kind = KEYWORDS.get(str(token))
    if (
        kind is not None
        and kind.shape is SchemaShape.NAMED
        and len(rest) == 1
        and rest[0] in value[str(token)]
    ):
        return {**value, str(token): {**value[str(token)], str(rest[0]): {}}}
    if rest:
        return {**value, str(token): _without(value[str(token)], tuple(rest))}
    return {name: child for name, child in value.items() if name != token}
