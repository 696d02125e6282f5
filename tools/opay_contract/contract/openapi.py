"""What stands where in an OpenAPI document: its version, its objects, the schemas in it, and 3.0 as 3.1.

A document of OpenAPI 3.0 is converted when it is loaded, each statement at the place where it stands, so that
everything else knows one dialect of schemas: JSON Schema 2020-12, in which every reference is a JSON pointer.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from msgspec.structs import replace

from opay_contract.contract.addresses import (
    MISSING,
    Address,
    document_uri,
    iter_mappings,
    join,
    parse_pointer,
    refer,
    resolve,
    value_below,
)
from opay_contract.contract.documents import SCHEMA_FOLDER, Document
from opay_contract.contract.keywords import iter_schema, map_subschemas
from opay_contract.errors import ContractError
from opay_contract.jsontext import Tokens, pointer

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_VERSION = re.compile(r"3\.([01])(\.\d+)?(-.*)?")
_EACH = "*"

_DESCRIBED = {("schema",): "schema", ("content", _EACH): "media type", ("examples", _EACH): "example"}

PARTS: dict[str, dict[tuple[str, ...], str]] = {
    "document": {
        ("paths", _EACH): "path item",
        ("webhooks", _EACH): "path item",
        ("components", "schemas", _EACH): "schema",
        ("components", "responses", _EACH): "response",
        ("components", "parameters", _EACH): "parameter",
        ("components", "requestBodies", _EACH): "request body",
        ("components", "headers", _EACH): "header",
        ("components", "examples", _EACH): "example",
        ("components", "links", _EACH): "link",
        ("components", "securitySchemes", _EACH): "security scheme",
        ("components", "callbacks", _EACH): "callback",
        ("components", "pathItems", _EACH): "path item",
    },
    "path item": {
        ("parameters", _EACH): "parameter",
        **{(method,): "operation" for method in METHODS},
    },
    "operation": {
        ("parameters", _EACH): "parameter",
        ("requestBody",): "request body",
        ("responses", _EACH): "response",
        ("callbacks", _EACH): "callback",
        ("x-envelope", "schema"): "schema",
        ("x-envelope", "success"): "schema",
        ("x-envelope", "error"): "schema",
        ("x-forms", _EACH, "request"): "schema",
        ("x-forms", _EACH, "response"): "schema",
        ("x-forms", _EACH, "data"): "schema",
    },
    "callback": {(_EACH,): "path item"},
    "request body": {("content", _EACH): "media type"},
    "response": {
        ("headers", _EACH): "header",
        ("content", _EACH): "media type",
        ("links", _EACH): "link",
    },
    "parameter": _DESCRIBED,
    "header": _DESCRIBED,
    "media type": {
        ("schema",): "schema",
        ("examples", _EACH): "example",
        ("encoding", _EACH, "headers", _EACH): "header",
    },
    "example": {},
    "link": {},
    "security scheme": {},
    "schema": {},
}
"""The objects of OpenAPI that lead to schemas: which parts they have, and what each part is."""


def is_schema_file(name: str) -> bool:
    """Tell whether a document is a schema by its name alone: a JSON file in schemas/."""
    return name.startswith(f"{SCHEMA_FOLDER}/") and name.endswith(".json")


class OpenApiObject(NamedTuple):
    """An object of OpenAPI: where it stands, what it is, and what it says."""

    at: Address
    kind: str
    value: Any


def root_of(names: Iterable[str]) -> str:
    """Return the name of the document that a contract begins with, of the names in the order of reading."""
    return next(iter(names), "")


def read_version(document: Document) -> int:
    """Return the minor version of an OpenAPI 3 document; raises ContractError for all others."""
    root, name = document.value, document.name
    if not isinstance(root, dict):
        raise ContractError(f"{name}: no OpenAPI document: an object with `openapi`, `info` and `paths`")
    if "swagger" in root:
        raise ContractError(
            f"{name}: this is OpenAPI 2.0 (Swagger), which is not read; convert it to OpenAPI 3.1 first, as "
            "https://converter.swagger.io does"
        )
    stated = root.get("openapi")
    if stated is None:
        raise ContractError(f"{name}: no OpenAPI document: it has no `openapi` with its version")
    version = _VERSION.fullmatch(str(stated))
    if version is None:
        shown = stated if re.fullmatch(r"[0-9.]{1,12}", str(stated)) else "of such a version"
        raise ContractError(f"{name}: OpenAPI {shown} is not read; known are 3.0 and 3.1")
    return int(version[1])


def iter_objects(values: Mapping[str, Any]) -> Iterator[OpenApiObject]:
    """Yield every object from the first document on, each once, those that `$ref` leads to among them.

    A schema is yielded as a whole; what its own references lead to comes as a schema of its own.
    """
    root = root_of(values)
    waiting = [OpenApiObject(Address(root), "document", values.get(root))]
    seen: set[Address] = set()
    while waiting:
        found = waiting.pop()
        if found.at in seen:
            continue
        seen.add(found.at)
        if found.kind != "schema" and isinstance(found.value, dict) and "$ref" in found.value:
            at, value = resolve(values, found.at)
            if value is not MISSING:
                waiting.append(OpenApiObject(at, found.kind, value))
            continue
        yield found
        if found.kind == "schema":
            inside = _referred_schemas(found, values)
        else:
            inside = [
                part for steps, kind in PARTS[found.kind].items() for part in _parts(found, steps, kind)
            ]
        waiting.extend(reversed(inside))


def _parts(of: OpenApiObject, steps: tuple[str, ...], kind: str) -> list[OpenApiObject]:
    """Return the parts of an object at steps, where `*` is each member or item."""
    found = [(of.at, of.value)]
    for step in steps:
        if step == _EACH:
            found = [(at.child(key), child) for at, value in found for key, child in _children(value)]
        else:
            found = [
                (at.child(step), value[step])
                for at, value in found
                if isinstance(value, dict) and step in value
            ]
    return [OpenApiObject(at, kind, value) for at, value in found]


def _children(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _referred_schemas(schema: OpenApiObject, values: Mapping[str, Any]) -> list[OpenApiObject]:
    found = []
    for _, one in iter_schema(schema.value):
        target = refer(one["$ref"], schema.at.file) if "$ref" in one else ""
        if isinstance(target, Address):
            value = value_below(values.get(target.file, MISSING), target.tokens)
            if value is not MISSING:
                found.append(OpenApiObject(target, "schema", value))
    return found


class SchemaPlaces:
    """Where the schemas of a contract's documents stand, none inside another; and its other `objects`."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        """Find them: those that the first document leads to, and the files in schemas/."""
        values = {name: document.value for name, document in documents.items()}
        self._tops: dict[str, Any] = {}
        for name in documents:
            if is_schema_file(name):
                self._tops[name] = None
        self.objects: list[OpenApiObject] = []
        for found in iter_objects(values):
            if found.kind == "schema":
                self._insert(found.at)
            else:
                self.objects.append(found)

    def _insert(self, at: Address) -> None:
        """Note a place in a tree of steps, whose leaves are None."""
        if not at.tokens:
            self._tops[at.file] = None
            return
        inner = self._tops.setdefault(at.file, {})
        for token in at.tokens[:-1]:
            if inner is None:
                return
            inner = inner.setdefault(str(token), {})
        if inner is not None:
            inner[str(at.tokens[-1])] = None

    def iter_tops(self, file: str) -> Iterator[Tokens]:
        """Yield the steps to each schema of a file."""
        waiting: list[tuple[Tokens, Any]] = [((), self._tops.get(file, {}))]
        while waiting:
            tokens, tree = waiting.pop()
            if tree is None:
                yield tokens
            else:
                waiting += [((*tokens, token), inner) for token, inner in reversed(tree.items())]

    def map(self, file: str, value: Any, change: Callable[[Any], Any], *, is_whole: bool) -> Any:
        """Return a file's value with each schema changed; unless `is_whole`, nothing but the way to them."""
        return self._map(value, self._tops.get(file, {}), change, is_whole)

    def _map(self, value: Any, tree: Any, change: Callable[[Any], Any], is_whole: bool) -> Any:  # noqa: FBT001
        if tree is None:
            return change(value)
        if isinstance(value, dict):
            return {
                key: self._map(child, tree[key], change, is_whole) if key in tree else child
                for key, child in value.items()
                if is_whole or key in tree
            }
        if isinstance(value, list):
            return [
                self._map(child, tree[str(index)], change, is_whole)
                if str(index) in tree
                else (child if is_whole else None)
                for index, child in enumerate(value)
            ]
        return value


def convert_documents(documents: Mapping[str, Document], places: SchemaPlaces) -> dict[str, Document]:
    """Return documents of OpenAPI 3.0 as 3.1 would have it; a file that names its dialect is as it is."""
    converted = {}
    for name, document in documents.items():
        names_dialect = isinstance(document.value, dict) and "$schema" in document.value
        value = document.value if names_dialect else places.map(name, document.value, _convert, is_whole=True)
        converted[name] = replace(document, value=value)
    root = converted[root_of(converted)]
    return converted | {root.name: replace(root, value=root.value | {"openapi": "3.1.0"})}


def _convert(schema: Any) -> Any:
    """Return a schema of OpenAPI 3.0 in JSON Schema 2020-12.

    What stands beside a `$ref` has no meaning there. `nullable` is taken at its word wherever it stands, also
    where no `type` is beside it, which version 3.0.3 passes over and its authors mean.
    """
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    converted = {
        keyword: map_subschemas(keyword, value, _convert)
        for keyword, value in schema.items()
        if keyword != "nullable"
    }
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(converted.get(bound), bool):
            is_exclusive = converted.pop(bound)
            if is_exclusive and limit in converted:
                converted[bound] = converted.pop(limit)
    if "example" in converted:
        converted.setdefault("examples", [converted.pop("example")])
    return _let_null(converted) if schema.get("nullable") is True else converted


def _let_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Let a value be null too."""
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    parts = [schema[keyword] for keyword in ("allOf", "anyOf", "oneOf", "not") if keyword in schema]
    return {"anyOf": [schema, {"type": "null"}]} if parts else schema


def in_one_dialect(documents: dict[str, Document], version: int) -> dict[str, Document]:
    """Return documents as OpenAPI 3.1 has them, of its minor version, every reference a JSON pointer."""
    documents = localise(documents)
    return documents if version else convert_documents(documents, SchemaPlaces(documents))


def localise(documents: dict[str, Document]) -> dict[str, Document]:
    """Return documents in which references to an `$anchor` or an absolute `$id` are JSON pointers."""
    if not any(
        "$ref" in node and isinstance(refer(node["$ref"], name), str)
        for name, document in documents.items()
        for node in iter_mappings(document.value)
    ):
        return documents
    known: dict[str, Address] = {}
    for name, document in documents.items():
        _name_schemas(document.value, Address(name), document_uri(name), known)
    return {
        name: replace(document, value=_localised(document.value, name, document_uri(name), known))
        for name, document in documents.items()
    }


def _name_schemas(value: Any, at: Address, base: str, known: dict[str, Address]) -> None:
    """Note where the URIs lead that schemas give themselves; what a document said first holds."""
    base = _own_base(value, base)
    if isinstance(value, dict):
        if isinstance(value.get("$id"), str):
            known.setdefault(base, at)
        if isinstance(value.get("$anchor"), str):
            known.setdefault(f"{base}#{value['$anchor']}", at)
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inside:
        _name_schemas(child, at.child(key), base, known)


def _localised(value: Any, name: str, base: str, known: Mapping[str, Address]) -> Any:
    base = _own_base(value, base)
    if isinstance(value, list):
        return [_localised(child, name, base, known) for child in value]
    if not isinstance(value, dict):
        return value
    made = {key: _localised(child, name, base, known) for key, child in value.items()}
    if isinstance(value.get("$ref"), str) and isinstance(refer(value["$ref"], name), str):
        uri = join(base, value["$ref"])
        whole, _, fragment = uri.partition("#")
        inside = parse_pointer(unquote(fragment))
        found = known.get(uri)
        if found is None and inside is not None and whole in known:
            found = known[whole].child(*inside)
        if found is not None:
            file = "" if found.file == name else posixpath.relpath(found.file, posixpath.dirname(name))
            made["$ref"] = f"{quote(file)}#{quote(pointer(found.tokens), safe='/~')}"
    return made


def _own_base(value: Any, base: str) -> str:
    own = value.get("$id") if isinstance(value, dict) else None
    return join(base, own) if isinstance(own, str) else base
