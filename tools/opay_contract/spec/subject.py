"""The contract under proof: every document that can be read, what stands in it, and where references lead.

Statements are told from data and names: a mapping of a document is a statement if its keys are keywords. Data
(`example`, `enum`, `default` ...) are none, and where keys are names (`properties`, `responses` ...) a key
that looks like a keyword is none either.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from opay_contract.contract.addresses import MISSING, Address, below, refer, value_below
from opay_contract.contract.documents import Document, load_document, load_documents, locate_root
from opay_contract.contract.keywords import NAMED, About, iter_schema, iter_subschemas
from opay_contract.contract.openapi import METHODS, in_one_dialect, is_schema_file, read_version
from opay_contract.contract.schemas import MASK, SchemaSet, nearest_of
from opay_contract.errors import ContractError
from opay_contract.jsontext import NotJson, Tokens, parse_json, pointer

DOCUMENT = "document"
"""The id of the check that reading is."""

_DEPTH = 100
_LOCATED = re.compile(r":(\d+):(\d+): (.*)", re.DOTALL)
_UNEVALUATED = "unevaluatedProperties"
_MEMBERS = (_UNEVALUATED, "additionalProperties")
_LONGEST = 200
_NAMED = frozenset(
    {
        *NAMED, "callbacks", "content",
        "encoding", "examples", "headers", "links", "parameters", "pathItems", "paths", "requestBodies",
        "responses", "schemas", "securitySchemes", "variables", "webhooks", "x-sensitivity-classes",
        "x-sources",
    }
)  # fmt: skip
_DATA = frozenset({"const", "default", "enum", "example", "value"})
_LAST = "\U0010ffff"
"""Sorts behind every step of a pointer."""


class RawProblem(NamedTuple):
    """What a check finds: where, and what is wrong there in one sentence."""

    at: Address
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A problem with its place in the file, 1-based; problems sort by place."""

    file: str
    line: int
    column: int
    pointer: str
    check: str
    message: str


class SpecObject(NamedTuple):
    """A mapping whose keys are keywords, and where it stands."""

    at: Address
    value: dict[str, Any]


class Reference(NamedTuple):
    """A `$ref`, where it stands, what it says, and where it leads; None where that is nowhere."""

    at: Address
    text: Any
    target: Address | None

    @property
    def holder(self) -> Address:
        """The address of the mapping that refers."""
        return Address(self.at.file, self.at.tokens[:-1])


class Example(NamedTuple):
    """An example, where it stands, and the schema that it shows."""

    at: Address
    value: Any
    schema: Address


class LintSubject(msgspec.Struct, eq=False, dict=True):
    """The documents by name, as 3.1 has them; what the first says word for word, and its minor version.

    `unread` are the names of files that could not be read. `faults` are those that keep a schema from being
    used; they are known once the checks of structure ran.
    """

    directory: Path
    root_name: str
    documents: dict[str, Document]
    written: Any
    version: int
    unread: frozenset[str]
    faults: tuple[RawProblem, ...] = ()

    @cached_property
    def root(self) -> dict[str, Any]:
        """What the first document says, empty where it could not be read."""
        return members(self.documents[self.root_name].value) if self.root_name in self.documents else {}

    def at_root(self, *tokens: str | int) -> Address:
        """Return the address of what stands at steps in the first document."""
        return Address(self.root_name, tokens)

    @property
    def names_sources(self) -> bool:
        """Whether the contract is one that says where each statement is from, as those of this tool do.

        What is a matter of such a contract's own rules is not asked of anybody else's.
        """
        return "x-sources" in self.root

    @cached_property
    def schema_set(self) -> SchemaSet:
        """The schemas, less what keeps them from being used, ready for examples."""
        return SchemaSet(self.documents)

    @property
    def schema_names(self) -> list[str]:
        """The names of the readable files in schemas/."""
        return list(filter(is_schema_file, self.documents))

    @cached_property
    def statements(self) -> tuple[SpecObject, ...]:
        """Every statement of every document, outer ones first."""
        return tuple(
            found
            for name, document in self.documents.items()
            for found in _iter_statements(Address(name), document.value)
        )

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Every reference of every document."""
        return tuple(
            Reference(at.child("$ref"), value["$ref"], self.resolve(at.file, value["$ref"]))
            for at, value in self.statements
            if "$ref" in value
        )

    @cached_property
    def operations(self) -> tuple[SpecObject, ...]:
        """Every operation of the first document, wherever its path is described."""
        found = []
        for path, item in members(self.root.get("paths")).items():
            at = self.at_root("paths", path)
            target = self.resolve(self.root_name, members(item)["$ref"]) if "$ref" in members(item) else at
            holder = members(self.value(target)) if target else {}
            found += [
                SpecObject((target or at).child(method), holder[method])
                for method in METHODS
                if isinstance(holder.get(method), dict)
            ]
        return tuple(found)

    @cached_property
    def whole_schemas(self) -> tuple[Address, ...]:
        """The schemas that are in no other: files in schemas/, and those that the first document has."""
        names = [Address(name) for name in self.schema_names]
        components = members(members(self.root.get("components")).get("schemas"))
        inline = [
            at.child(key)
            for at, value in self.statements
            if not is_schema_file(at.file)
            for key in ("schema", "when")
            if key in value
        ]
        return (*names, *(self.at_root("components", "schemas", name) for name in components), *inline)

    @cached_property
    def schemas(self) -> tuple[SpecObject, ...]:
        """Every schema of the contract at any depth."""
        return tuple(found for at in self.whole_schemas for found in self.inside(at))

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """The examples of schemas, media types, parameters and headers."""
        of_schemas = [
            Example(at.child("examples", i), value, at)
            for at, schema in self.schemas
            for i, value in items(schema.get("examples"))
        ]
        described = [
            one for one in self.statements if one.at.file == self.root_name and "schema" in one.value
        ]
        return (*of_schemas, *(example for one in described for example in self._shown(*one)))

    def _shown(self, at: Address, described: dict[str, Any]) -> Iterator[Example]:
        schema = at.child("schema")
        if "example" in described:
            yield Example(at.child("example"), described["example"], schema)
        for name, example in members(described.get("examples")).items():
            place: Address | None = at.child("examples", name)
            if "$ref" in members(example):
                place = self.resolve(at.file, example["$ref"])
            shown = members(self.value(place)) if place else {}
            if place and "value" in shown:
                yield Example(place.child("value"), shown["value"], schema)

    def inside(self, at: Address) -> Iterator[SpecObject]:
        """Yield a schema and every schema inside it, without following references."""
        for tokens, schema in iter_schema(self.value(at), at.tokens):
            yield SpecObject(Address(at.file, tokens), schema)

    def value(self, at: Address) -> Any:
        """Return what stands at an address, or MISSING."""
        return value_below(self.documents[at.file].value, at.tokens) if at.file in self.documents else MISSING

    def resolve(self, file: str, text: Any) -> Address | None:
        """Return where a reference in `file` leads, None where that is nowhere."""
        target = refer(text, file)
        return None if isinstance(target, str) or self.value(target) is MISSING else target

    def describe_fault(self, file: str, text: Any) -> str | None:
        """Say what is wrong with a reference that stands in `file`; None where it leads to something."""
        target = refer(text, file)
        if isinstance(target, str):
            return target
        if target.file not in self.documents:
            return None if target.file in self.unread else f"no file '{target.file}' in the contract"
        is_there = self.value(target) is not MISSING
        return None if is_there else f"nothing stands at '#{pointer(target.tokens)}' in {target.file}"

    def is_intact(self, at: Address) -> bool:
        """Tell whether a schema can be used: no fault in it or in what it refers to."""
        found, waiting = set(), [at]
        while waiting:
            at = waiting.pop()
            if at in found:
                continue
            found.add(at)
            if at in self._intact:
                if not self._intact[at]:
                    return False
                continue
            if self._faults_below.below(at):
                self._intact[at] = False
                return False
            waiting += self._targets_below.below(at)
        self._intact.update(dict.fromkeys(found, True))
        return True

    @cached_property
    def _intact(self) -> dict[Address, bool]:
        return {}

    @cached_property
    def _faults_below(self) -> "_ByPlace":
        lost = [(one.at, None) for one in self.references if one.target is None]
        return _ByPlace([*((fault.at, None) for fault in self.faults), *lost])

    @cached_property
    def _targets_below(self) -> "_ByPlace":
        return _ByPlace([(one.at, one.target) for one in self.references if one.target is not None])

    def beside(self, at: Address) -> list[Address]:
        """Return the schemas directly in one, or referred to, that apply to the same value."""
        schema = members(self.value(at))
        inside = [child for child in iter_subschemas(schema) if child.kind.about is About.VALUE]
        target = self.resolve(at.file, schema["$ref"]) if "$ref" in schema else None
        return [*(at.child(*child.tokens) for child in inside), *([target] if target else [])]

    def is_described(self, schemas: Iterable[Address], tokens: Tokens) -> bool:
        """Tell whether the schemas describe a member at `tokens`, where `*` is each item of a list."""
        found = [at.uri for at in schemas]
        for step in tokens:
            parts = [part for uri in found for part in self.schema_set.iter_in_place(uri)]
            named = [uri for uri, schema in parts if step in members(schema.get("properties"))]
            items_of = [uri for uri, schema in parts if step == "*" and "items" in schema]
            found = [below(uri, "properties", step) for uri in named] + [
                below(uri, "items") for uri in items_of
            ]
        return bool(found)


class _ByPlace:
    """Things by their address, so that those below another address are found without looking at all."""

    def __init__(self, entries: Iterable[tuple[Address, Any]]) -> None:
        self._files: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
        for at, value in entries:
            self._files.setdefault(at.file, []).append((_key(at), value))
        for found in self._files.values():
            found.sort(key=lambda one: one[0])

    def below(self, at: Address) -> list[Any]:
        found, key = self._files.get(at.file, []), _key(at)
        start = bisect_left(found, key, key=lambda one: one[0])
        end = bisect_left(found, (*key, _LAST), key=lambda one: one[0])
        return [value for _, value in found[start:end]]


def _key(at: Address) -> tuple[str, ...]:
    return tuple(map(str, at.tokens))


def read_subject(contract: Path) -> tuple[LintSubject, list[Problem]]:
    """Read every document; one that cannot be read is a problem, and the others are read all the same."""
    problems: list[Problem] = []

    def load(path: Path, name: str) -> Document | None:
        try:
            return _load(path, name)
        except ContractError as error:
            problems.append(_unreadable(name, str(error)))
            return None

    directory, root = locate_root(contract)
    documents = load_documents(contract, load)
    written, version = documents[root].value if root in documents else MISSING, 1
    try:
        version = read_version(documents[root]) if root in documents else 1
    except ContractError as error:
        if isinstance(written, dict):
            problems.append(_unreadable(root, str(error)))
    documents = in_one_dialect(documents, version)
    unread = frozenset(problem.file for problem in problems if problem.file not in documents)
    return LintSubject(directory, root, documents, written, version, unread), problems


def members(value: Any) -> dict[str, Any]:
    """Return a mapping's members, none for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield a list's items with their index, none for anything else."""
    yield from enumerate(value) if isinstance(value, list) else ()


def _iter_statements(at: Address, value: Any) -> Iterator[SpecObject]:
    waiting = [(at, value, False)]
    while waiting:
        at, value, named = waiting.pop()
        inside: list[tuple[Address, Any, bool]] = []
        if isinstance(value, dict):
            if not named:
                yield SpecObject(at, value)
            inside = [
                (at.child(key), child, not named and key in _NAMED)
                for key, child in value.items()
                if isinstance(child, dict | list)
                and (named or not (key in _DATA or (key == "examples" and isinstance(child, list))))
            ]
        elif isinstance(value, list):
            inside = [(at.child(i), child, False) for i, child in enumerate(value)]
        waiting.extend(reversed(inside))


def _load(path: Path, name: str) -> Document:
    document = load_document(path, name)
    if _depth(document.value) > _DEPTH:
        raise ContractError(f"{name}:1:1: nested too deeply")
    if path.suffix == ".json":
        _require_json(path.read_bytes(), document)
    return document


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 0)]
    while waiting:
        value, depth = waiting.pop()
        deepest = max(deepest, depth)
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(child, depth + 1) for child in children]
    return deepest


def _require_json(data: bytes, document: Document) -> None:
    """Refuse what YAML reads and JSON does not."""
    parsed = parse_json(data)
    if isinstance(parsed, NotJson):
        raise ContractError(f"{document.name}:{parsed.line}:{parsed.column}: not JSON from here on")
    for flaw in parsed.flaws:
        place = document.positions[pointer(flaw.tokens)]
        raise ContractError(
            f"{document.name}:{place.line}:{place.column}: {flaw.kind}: readers of JSON disagree on it"
        )


def _unreadable(name: str, text: str) -> Problem:
    located = _LOCATED.fullmatch(text.removeprefix(name))
    line, column, message = located.groups() if located else (1, 1, text.removeprefix(f"{name}: "))
    return Problem(
        file=name,
        line=int(line),
        column=int(column),
        pointer="",
        check=DOCUMENT,
        message=" ".join(message.split()),
    )


_Validator = jsonschema_rs.Draft4Validator | jsonschema_rs.Draft202012Validator


def build_validator(schema: Any) -> _Validator:
    """Return the validator of a published schema, by the dialect that it names; it never fetches anything."""
    is_old = "draft-04" in str(schema.get("$schema"))
    kind = jsonschema_rs.Draft4Validator if is_old else jsonschema_rs.Draft202012Validator
    return kind(schema, offline=True, mask=MASK)


def iter_faults(validator: _Validator, value: Any, at: Address) -> Iterator[RawProblem]:
    """Yield what is wrong with the value that stands at `at`, each at the place it is about."""
    errors = list(validator.iter_errors(value))
    causes = {tuple(error.instance_path) for error in errors if error.kind.name != _UNEVALUATED}
    for error in _iter_nearest(errors):
        follows = error.kind.name == _UNEVALUATED and tuple(error.instance_path) in causes
        if not follows:
            stray = getattr(error.kind, "unexpected", []) if error.kind.name in _MEMBERS else []
            text = error.message.replace(MASK, "the value").replace('"', "'")
            said = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
            yield RawProblem(at.child(*error.instance_path, *stray[:1]), said)


def _iter_nearest(errors: Iterable[Any]) -> Iterator[Any]:
    """Yield errors, those of the nearest schema of a union in place of the union's."""
    for error in errors:
        branches = [branch for branch in getattr(error.kind, "context", ()) if branch]
        if branches:
            yield from _iter_nearest(branches[nearest_of(branches, tuple(error.instance_path))])
        else:
            yield error
