r"""Checks of the schemas and of references between documents.

A regular expression has to mean the same to Python (jsonschema) and to ECMA-262 (jsonschema-rs): only what
both read alike is allowed. `.`, `\d`, `\w`, `\s` and `\b` cover different characters; lookbehind, named
groups, back references, inline flags, possessive quantifiers and stray brackets are read differently or by
one of them only. At the end, Python's `$` lets one line feed follow: it is allowed as `$(?!\n)`, or as the
last of a pattern where `maxLength` is no more than the shortest text that it matches.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs

from opay_contract.contract.addresses import MISSING, Address, iter_reached
from opay_contract.contract.documents import ROOTS, SCHEMA_FOLDER
from opay_contract.contract.keywords import DIALECT
from opay_contract.contract.schemas import meta_validator
from opay_contract.spec.examples import iter_faults
from opay_contract.spec.subject import RawProblem, Statement, Subject, items, members

_HEAD = ("title", "description", "examples", "x-source")
_CONDITIONS = ("if", "not")
_SCALARS = frozenset({"string", "number", "integer"})
_OTHER_WAYS = ("$anchor", "$dynamicAnchor", "$dynamicRef")
_ESCAPE = r"\\[\^$\\.*+?()\[\]{}|/nrtfv]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}"
_CLASS = rf"\[\^?(?:{_ESCAPE}|\\-|(?!--|&&|~~|\|\|)[^\\\[\]])+\]"
_TOKEN = re.compile(
    rf"(?P<atom>{_ESCAPE}|{_CLASS}|[^\\.*+?()\[\]{{}}|^$])(?P<times>[*+?]|\{{[0-9]+(?:,[0-9]*)?\}})?\??(?![*+?])"
    r"|(?P<group>\((?:\?[:=!])?|\)(?:(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??(?![*+?]))?|\|)"
    r"|(?P<end>\$)(?P<exact>\(\?!\\n\))?"
    r"|\^"
)


def find_meta_schema_faults(subject: Subject) -> Iterator[RawProblem]:
    """Hold every schema, in a file of its own or not, against the meta-schema of JSON Schema 2020-12."""
    for at in subject.whole_schemas:
        yield from iter_faults(meta_validator(), subject.value(at), at)


def find_head_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each file in schemas/ says what it is, by which dialect, from which source, with examples."""
    for name in subject.schema_names if subject.names_sources else ():
        at, schema = Address(name), members(subject.documents[name].value)
        if schema.get("$schema") != DIALECT:
            yield RawProblem(
                at.child("$schema") if "$schema" in schema else at, f"`$schema` must be '{DIALECT}'"
            )
        if "$id" in schema and not urlsplit(str(schema["$id"])).scheme:
            yield RawProblem(
                at.child("$id"), "a relative `$id` leads elsewhere once files are joined; leave it out"
            )
        for keyword in _HEAD:
            if not schema.get(keyword):
                yield RawProblem(
                    at.child(keyword) if keyword in schema else at, f"the schema has no `{keyword}`"
                )


def find_property_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each property that says more than a reference does has a description and a source."""
    for at, schema in _iter_properties(subject):
        if schema.keys() - {"$ref"}:
            for keyword in ("description", "x-source"):
                if not schema.get(keyword):
                    yield RawProblem(at, f"the property '{at.tokens[-1]}' has no `{keyword}`")


def find_sensitivity_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each class of sensitivity is a known one, and each property that holds text or a number has one."""
    classes = members(subject.root.get("x-sensitivity-classes"))
    for at, schema in subject.schemas:
        if subject.root_name in subject.documents and schema.get("x-sensitivity", MISSING) not in [
            MISSING,
            *classes,
        ]:
            yield RawProblem(
                at.child("x-sensitivity"), f"no such class in `x-sensitivity-classes` of {subject.root_name}"
            )
    for at, _ in _iter_properties(subject):
        parts = [schema for _, schema in subject.schema_set.iter_in_place(at.uri)]
        if any(map(_is_scalar, parts)) and not any("x-sensitivity" in part for part in parts):
            yield RawProblem(
                at, f"the property '{at.tokens[-1]}' has no `x-sensitivity`, directly or by its $ref"
            )


def _iter_properties(subject: Subject) -> Iterator[Statement]:
    """Yield the properties that are described, other than in a condition."""
    for name in subject.schema_names if subject.names_sources else ():
        for at, schema in subject.inside(Address(name)):
            steps = zip(("", *at.tokens), at.tokens, strict=False)  # a property may be called `if`
            if not any(token in _CONDITIONS and before != "properties" for before, token in steps):
                for key, value in members(schema.get("properties")).items():
                    if isinstance(value, dict):
                        yield Statement(at.child("properties", key), value)


def _is_scalar(schema: dict[str, Any]) -> bool:
    named = schema.get("type", [])
    types = {str(name) for _, name in items(named)} if isinstance(named, list) else {str(named)}
    values = [schema.get("const"), *(value for _, value in items(schema.get("enum")))]
    return bool(types & _SCALARS) or any(isinstance(value, str | int | float) for value in values)


def find_reference_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each `$ref` is local and leads to something that is there, by file name and JSON pointer only."""
    for reference in subject.references:
        message = subject.describe_fault(reference.at.file, reference.text)
        if message:
            yield RawProblem(reference.at, message)
    for at, schema in subject.schemas:
        other_ways = [*_OTHER_WAYS, *(["$id"] if at.tokens else [])]
        for keyword in other_ways:
            if keyword in schema:
                yield RawProblem(
                    at.child(keyword), f"`{keyword}` is not used here: schemas are named by file and pointer"
                )


def find_cycles(subject: Subject) -> Iterator[RawProblem]:
    """No `$ref` leads back to itself for the same value, which no reader could follow to an end."""
    places = iter_reached((reference.holder for reference in subject.references), subject.beside)
    beside = {at: subject.beside(at) for at in places}
    circles = _circles(beside)
    for reference in subject.references:
        target = reference.target
        if target is not None and circles.get(reference.holder) == circles.get(target, MISSING):
            yield RawProblem(reference.at, "the reference leads back to itself")


def _circles(links: dict[Address, list[Address]]) -> dict[Address, int]:
    """Number the circles that links make: places of one number lead to each other (Tarjan's components)."""
    numbers: dict[Address, int] = {}
    lowest: dict[Address, int] = {}
    circles: dict[Address, int] = {}
    open_: list[Address] = []
    for start, first in links.items():
        path: list[tuple[Address, Iterator[Address]]] = []
        if start not in numbers:
            numbers[start] = lowest[start] = len(numbers)
            open_.append(start)
            path.append((start, iter(first)))
        while path:
            at, rest = path[-1]
            for other in rest:
                if other not in numbers:
                    numbers[other] = lowest[other] = len(numbers)
                    open_.append(other)
                    path.append((other, iter(links[other])))
                    break
                if other not in circles:
                    lowest[at] = min(lowest[at], numbers[other])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[at])
                while lowest[at] == numbers[at] and at not in circles:
                    circles[open_.pop()] = numbers[at]
    return circles


def find_orphans(subject: Subject) -> Iterator[RawProblem]:
    """Each file in schemas/ is reached by references from the root; judged if every file can be read."""
    if subject.unread:
        return
    links: dict[str, set[str]] = {}
    for reference in subject.references:
        if reference.target:
            links.setdefault(reference.at.file, set()).add(reference.target.file)
    reached = {*iter_reached([subject.root_name], lambda name: links.get(name, ()))}
    for name in subject.schema_names:
        if name not in reached:
            yield RawProblem(Address(name), f"nothing that {subject.root_name} refers to leads here")
    beside = (subject.directory / SCHEMA_FOLDER).rglob("*") if subject.root_name in ROOTS else ()
    for path in sorted(beside):
        name = path.relative_to(subject.directory).as_posix()
        if path.is_file() and path.suffix != ".json" and name not in subject.documents:
            yield RawProblem(Address(name), "only .json files are read from this folder")


def find_pattern_faults(subject: Subject) -> Iterator[RawProblem]:
    """Hold every `pattern` and every key of `patternProperties` against the common language."""
    for at, schema in subject.schemas if subject.names_sources else ():
        if isinstance(schema.get("pattern"), str):
            yield from _check(at.child("pattern"), schema["pattern"], schema.get("maxLength"))
        for pattern in members(schema.get("patternProperties")):
            yield from _check(at.child("patternProperties", pattern), pattern, None)


def _check(at: Address, pattern: str, limit: Any) -> Iterator[RawProblem]:
    message = describe_pattern(pattern, limit)
    if message:
        yield RawProblem(at, message)


def describe_pattern(pattern: str, limit: Any) -> str | None:
    """Say why a pattern is not read alike by both, given the `maxLength` beside it; None where it is."""
    position, shortest, flat = 0, 0, True
    loose_ends: list[int] = []
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        if token is None:
            return f"'{pattern[position:][:8]}' means different things in Python and ECMA-262, or nothing"
        shortest += _least(token["times"]) if token["atom"] else 0
        flat &= not token["group"]
        position = token.end()
        if token["end"] and not token["exact"]:
            loose_ends.append(position)
    try:
        re.compile(pattern)
    except re.error as error:
        return f"not a regular expression: {error.msg}"
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except jsonschema_rs.ValidationError:
        return "a regular expression that jsonschema-rs cannot read"
    is_last = loose_ends == [position]
    guarded = flat and is_last and isinstance(limit, int) and limit <= shortest
    return None if guarded or not loose_ends else "Python's '$' lets a line feed follow; write '$(?!\\n)'"


def _least(times: str | None) -> int:
    """Return how often an atom comes at least."""
    if times is None:
        return 1
    if times.startswith("{"):
        return int(times.strip("{}").split(",")[0])
    return 1 if times == "+" else 0
