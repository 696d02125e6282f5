"""Makes the mutants: contracts that say one thing less, or another thing.

A mutant is made from parsed documents, so that no test catches it by the wording of a file.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from opay_contract.contract.documents import load_documents
from opay_contract.contract.openapi import is_schema_file
from opay_contract.jsontext import Tokens, iter_nodes, pointer

MOCK = "schemas/mock.yaml"

CONSTRAINTS = ("$ref", "enum", "pattern", "minLength", "maxLength", "items", "allOf", "anyOf", "not")
EXTENSIONS = ("x-unit", "x-unique-by", "x-sensitivity")
OPERATION: Tokens = ("paths", "/api/v1/international/token/query", "post")
SCHEME: Tokens = ("components", "securitySchemes", "opaySignature", "x-signature")
PARAMETER: Tokens = ("components", "parameters", "MerchantId")

Change = Callable[[Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change to one file, named after what it takes away."""

    name: str
    file: str
    make: Callable[[], str]

    @property
    def text(self) -> str:
        """What becomes of the file."""
        return self.make()


def iter_mutants(root: Path) -> Iterator[Mutant]:
    """Yield every mutant of the contract under `root`."""
    for file, document in load_documents(root).items():
        if file == MOCK:
            continue  # what a mock does is no statement about the vendor
        changes = iter_schema_changes if is_schema_file(file) else iter_question_changes
        for name, change in (iter_openapi_changes if file == "openapi.yaml" else changes)(document.value):
            make = partial(changed, document.value, change)
            yield Mutant(name=f"{file}#{name}", file=file, make=make)


def changed(value: Any, change: Change) -> str:
    """Return the text of a document with a change; JSON is YAML as well."""
    value = deepcopy(value)
    change(value)
    return json.dumps(value, indent=1) + "\n"


def iter_schema_changes(schema: Any) -> Iterator[tuple[str, Change]]:
    for tokens, node in iter_nodes(schema):
        if isinstance(node, dict) and is_schema(tokens):
            for name, change in iter_node_changes(node):
                yield f"{pointer(tokens)} {name}", at(tokens, change)


def is_schema(tokens: Tokens) -> bool:
    """Return whether a schema stands at a place of a schema file."""
    before = (None, *tokens)
    named = len(tokens) > 1 and before[-2] == "properties"
    return not {"examples", "x-source"} & set(tokens) and (
        not tokens or named or tokens[-1] in {"items", "not"} or tokens[-2:-1] == ("allOf",)
    )


def iter_node_changes(node: dict[str, Any]) -> Iterator[tuple[str, Change]]:
    for index, entry in enumerate(node.get("required", ())):
        yield f"without required {entry}", within("required", drop(index))
    for index, entry in enumerate(node.get("enum", ())):
        yield f"without {entry} in enum", within("enum", drop(index))
    for index in range(len(node.get("anyOf", ()))):
        yield f"without {index} in anyOf", within("anyOf", drop(index))
    for name in node.get("properties", ()):
        yield f"without property {name}", within("properties", drop(name))
    for keyword in (*CONSTRAINTS, *EXTENSIONS, "type"):
        if keyword in node:
            yield f"without {keyword}", drop(keyword)
    yield from iter_type_changes(node)
    if "x-sensitivity" in node:
        other = "customer" if node["x-sensitivity"] == "public" else "public"
        yield f"{other} instead of {node['x-sensitivity']}", put("x-sensitivity", other)


def iter_type_changes(node: dict[str, Any]) -> Iterator[tuple[str, Change]]:
    given = node.get("type", [])
    types = [given] if isinstance(given, str) else given
    wider = [name for name in ("null", "boolean", "number", "string", "object") if name not in types]
    for name in wider if types else ():
        yield f"type or {name}", put("type", [*types, name])
    for index, name in enumerate(types if len(types) > 1 else ()):
        yield f"not of type {name}", within("type", drop(index))


def iter_openapi_changes(spec: Any) -> Iterator[tuple[str, Change]]:
    operation = value_at(spec, OPERATION)
    yield from each(spec, ("servers",), "server")
    yield "without security", at(OPERATION, drop("security"))
    yield "body not required", at((*OPERATION, "requestBody"), put("required", value=False))
    yield "header MerchantId not required", at(PARAMETER, put("required", value=False))
    yield "without parameter MerchantId", at(OPERATION, drop("parameters"))
    yield "MerchantId not sensitive", at((*PARAMETER, "schema"), put("x-sensitivity", "public"))
    for status in operation["responses"]:
        yield f"without status {status}", at((*OPERATION, "responses"), drop(status))
    yield "answers without schema", at((*OPERATION, "responses", "200"), drop("content"))
    yield "without x-envelope", at(OPERATION, drop("x-envelope"))
    for part in ("code", "message", "data"):
        yield f"envelope's {part} elsewhere", at((*OPERATION, "x-envelope"), put(part, "/other"))
    yield from each(spec, (*OPERATION, "x-business-codes"), "business code")
    for index, entry in enumerate(operation["x-business-codes"]):
        if entry["messages"]:
            yield (
                f"code {entry['code']} without messages",
                at((*OPERATION, "x-business-codes", index), put("messages", [])),
            )
    yield from iter_form_changes(spec)
    yield from iter_signature_changes(value_at(spec, SCHEME))


def iter_form_changes(spec: Any) -> Iterator[tuple[str, Change]]:
    yield from each(spec, (*OPERATION, "x-forms"), "form")
    for index, form in enumerate(value_at(spec, (*OPERATION, "x-forms"))):
        for echo in range(len(form["echoes"])):
            yield (
                f"form {form['id']} without echo {echo}",
                at((*OPERATION, "x-forms", index, "echoes"), drop(echo)),
            )
    yield "forms in the other order", at((*OPERATION, "x-forms"), lambda forms: forms.reverse())


def iter_signature_changes(scheme: Any) -> Iterator[tuple[str, Change]]:
    yield "without x-signature", at(SCHEME[:-1], drop("x-signature"))
    for name, value in (("header", "X-Signature"), ("prefix", "Bearer")):
        yield f"signature's {name} another", at(SCHEME, put(name, value))
    canonical = scheme["canonical-json"]
    for name in ("sort-keys", "escape-slashes"):
        yield f"signature's {name} turned", at((*SCHEME, "canonical-json"), put(name, not canonical[name]))
    for name in ("item-separator", "key-separator"):
        yield (
            f"signature's {name} with a space",
            at((*SCHEME, "canonical-json"), put(name, canonical[name] + " ")),
        )
    for index, name in enumerate(canonical["non-ascii"]):
        yield f"signature not over {name} text", at((*SCHEME, "canonical-json", "non-ascii"), drop(index))


def iter_question_changes(questions: Any) -> Iterator[tuple[str, Change]]:
    yield from each(questions, (), "question")
    for number, question in enumerate(questions):
        place: Tokens = (number, "readings")
        yield from each(questions, place, f"reading {question['id']}")
        for index, reading in enumerate(question["readings"]):
            said = f"{question['id']} {reading['id']}"
            for evidence in range(len(reading.get("evidence", ()))):
                yield f"{said} without evidence {evidence}", at((*place, index, "evidence"), drop(evidence))
            for evidence, entry in enumerate(reading.get("evidence", ())):
                for keyword in {"when", "outcome", "equals", "differs-from"} & entry.keys():
                    where = (*place, index, "evidence", evidence)
                    yield f"{said} evidence {evidence} without {keyword}", at(where, drop(keyword))
            if not reading.get("assumed"):
                yield f"{said} assumed", at(place, assume(index))


def each(spec: Any, tokens: Tokens, what: str) -> Iterator[tuple[str, Change]]:
    """Yield the removal of each item of a list."""
    for index, item in enumerate(value_at(spec, tokens)):
        name = item.get("id") or item.get("code") or item.get("url")
        yield f"without {what} {name}", at(tokens, drop(index))


def drop(key: str | int) -> Change:
    def change(parent: Any) -> None:
        del parent[key]

    return change


def put(key: str, value: Any) -> Change:
    def change(parent: Any) -> None:
        parent[key] = value

    return change


def within(keyword: str, inner: Change) -> Change:
    """Change what stands at a keyword, and take the keyword away when nothing is left."""

    def change(node: Any) -> None:
        inner(node[keyword])
        if not node[keyword]:
            del node[keyword]

    return change


def assume(index: int) -> Change:
    def change(readings: Any) -> None:
        for reading in readings:
            reading.pop("assumed", None)
        readings[index]["assumed"] = True

    return change


def at(tokens: Tokens, inner: Change) -> Change:
    """Apply a change at a place of a document."""

    def change(document: Any) -> None:
        inner(value_at(document, tokens))

    return change


def value_at(value: Any, tokens: Tokens) -> Any:
    for token in tokens:
        value = value[token]
    return value
