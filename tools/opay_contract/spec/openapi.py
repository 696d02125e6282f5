"""Checks of what OpenAPI and JSON Schema have: the documents by their meta-schemas, references, examples."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs

from opay_contract.contract.addresses import MISSING, Address, iter_reached
from opay_contract.contract.documents import ROOTS, SCHEMA_FOLDER
from opay_contract.contract.keywords import DIALECT
from opay_contract.contract.schemas import meta_validator
from opay_contract.errors import ContractError, UsageError
from opay_contract.spec.subject import (
    Example,
    LintSubject,
    RawProblem,
    SpecObject,
    build_validator,
    items,
    iter_faults,
    members,
)

_SOURCE = "x-source"
_VARIABLE = re.compile(r"\{([^{}]*)\}")


def load_meta_schema(version: int) -> Any:
    """Return the meta-schema of OpenAPI 3.0 or 3.1; raises UsageError without the extra `spec`."""
    try:
        from openapi_spec_validator.schemas import schema_v30, schema_v31  # noqa: PLC0415  an extra, and slow
    except ImportError as error:
        raise UsageError(
            "the OpenAPI meta-schema is not installed; pip install 'opay-contract[spec]' brings it"
        ) from error
    return dict(schema_v31 if version else schema_v30)


def find_openapi_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Hold the first document against the meta-schema of its version."""
    if subject.root_name in subject.documents:
        validator = build_validator(load_meta_schema(subject.version))
        yield from iter_faults(validator, subject.written, subject.at_root())


def find_operation_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each operation has a name of its own and says what it answers."""
    seen: set[str] = set()
    for at, operation in subject.operations:
        name = operation.get("operationId")
        if not isinstance(name, str):
            if subject.names_sources:
                yield RawProblem(at, "the operation has no operationId")
        elif name in seen:
            yield RawProblem(at.child("operationId"), f"another operation is called '{name}' too")
        else:
            seen.add(name)
        if subject.names_sources and not members(operation.get("responses")):
            yield RawProblem(at, "the operation documents no response")


def find_path_parameter_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each variable in a path has its parameter, each such parameter its variable, and none comes twice."""
    for at, _ in subject.operations:
        path, item = at.tokens[-2], Address(at.file, at.tokens[:-1])
        if at.tokens[:1] != ("paths",):
            continue  # a path item that `$ref` leads to does not say for which path it is
        parameters = [*_parameters(subject, item), *_parameters(subject, at)]
        described = [value.get("name") for _, value in parameters if value.get("in") == "path"]
        variables = set(_VARIABLE.findall(str(path)))
        for name in sorted(variables.difference(map(str, described))):
            yield RawProblem(item, f"the path's variable '{name}' has no parameter with `in: path`")
        for place, value in parameters:
            if value.get("in") == "path" and str(value.get("name")) not in variables:
                yield RawProblem(place, f"the path has no variable '{value.get('name')}'")
        seen: list[tuple[Any, Any]] = []
        for place, value in _parameters(subject, at):
            key = (value.get("in"), value.get("name"))
            if key in seen:
                yield RawProblem(place, f"the parameter '{value.get('name')}' comes twice")
            seen.append(key)


def find_server_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each server is reached by https and says which environment it is."""
    if not subject.names_sources:
        return
    at = subject.at_root("servers")
    if not subject.root.get("servers"):
        yield RawProblem(subject.at_root(), "no servers are named")
    for index, server in items(subject.root.get("servers")):
        if not str(members(server).get("url", "")).startswith("https://"):
            yield RawProblem(at.child(index, "url"), "a server is reached by https")
        if "x-environment" not in members(server):
            yield RawProblem(at.child(index), "the server has no `x-environment`")


def find_security_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each security requirement names a scheme that is there."""
    schemes = members(members(subject.root.get("components")).get("securitySchemes"))
    places = [SpecObject(subject.at_root(), subject.root), *subject.operations]
    for at, value in places:
        for index, requirement in items(value.get("security")):
            for name in members(requirement):
                if name not in schemes:
                    yield RawProblem(
                        at.child("security", index, name), f"no security scheme '{name}' in components"
                    )


def _parameters(subject: LintSubject, at: Address) -> list[SpecObject]:
    found = []
    for index, parameter in items(members(subject.value(at)).get("parameters")):
        target = subject.resolve(at.file, members(parameter).get("$ref"))
        value = subject.value(target) if target else parameter
        found.append(SpecObject(at.child("parameters", index), members(value)))
    return found


def find_unknown_sources(subject: LintSubject) -> Iterator[RawProblem]:
    """Each name in `x-source` stands in `x-sources`."""
    if subject.names_sources:
        known = members(subject.root.get("x-sources"))
        for at, name in _iter_named(subject):
            if name not in known:
                yield RawProblem(at, f"no source '{name}' in `x-sources` of {subject.root_name}")


def find_unused_sources(subject: LintSubject) -> Iterator[RawProblem]:
    """Each source in `x-sources` backs a statement; judged only when every file could be read."""
    if not subject.unread:
        used = {name for _, name in _iter_named(subject)}
        for name in members(subject.root.get("x-sources")):
            if name not in used:
                yield RawProblem(
                    subject.at_root("x-sources", name), f"no statement names the source '{name}'"
                )


def _iter_named(subject: LintSubject) -> Iterator[tuple[Address, str]]:
    """Yield each name of a source with its place, those on examples among them."""
    for at, value in subject.statements:
        for index, name in items(value.get(_SOURCE)):
            yield at.child(_SOURCE, index), str(name)


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


def find_schema_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Hold every schema, in a file of its own or not, against the meta-schema of JSON Schema 2020-12."""
    for at in subject.whole_schemas:
        yield from iter_faults(meta_validator(), subject.value(at), at)


def find_head_faults(subject: LintSubject) -> Iterator[RawProblem]:
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


def find_property_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each property that says more than a reference does has a description and a source."""
    for at, schema in _iter_properties(subject):
        if schema.keys() - {"$ref"}:
            for keyword in ("description", "x-source"):
                if not schema.get(keyword):
                    yield RawProblem(at, f"the property '{at.tokens[-1]}' has no `{keyword}`")


def find_sensitivity_faults(subject: LintSubject) -> Iterator[RawProblem]:
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


def _iter_properties(subject: LintSubject) -> Iterator[SpecObject]:
    """Yield the properties that are described, other than in a condition."""
    for name in subject.schema_names if subject.names_sources else ():
        for at, schema in subject.inside(Address(name)):
            steps = zip(("", *at.tokens), at.tokens, strict=False)  # a property may be called `if`
            if not any(token in _CONDITIONS and before != "properties" for before, token in steps):
                for key, value in members(schema.get("properties")).items():
                    if isinstance(value, dict):
                        yield SpecObject(at.child("properties", key), value)


def _is_scalar(schema: dict[str, Any]) -> bool:
    named = schema.get("type", [])
    types = {str(name) for _, name in items(named)} if isinstance(named, list) else {str(named)}
    values = [schema.get("const"), *(value for _, value in items(schema.get("enum")))]
    return bool(types & _SCALARS) or any(isinstance(value, str | int | float) for value in values)


def find_reference_faults(subject: LintSubject) -> Iterator[RawProblem]:
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


def find_cycles(subject: LintSubject) -> Iterator[RawProblem]:
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


def find_orphans(subject: LintSubject) -> Iterator[RawProblem]:
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


def find_pattern_faults(subject: LintSubject) -> Iterator[RawProblem]:
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
    r"""Say why a pattern is not read alike by both, given the `maxLength` beside it; None where it is.

    A regular expression has to mean the same to Python (jsonschema) and to ECMA-262 (jsonschema-rs):
    only what both read alike is allowed. `.`, `\d`, `\w`, `\s` and `\b` cover different characters;
    lookbehind, named groups, back references, inline flags, possessive quantifiers and stray brackets
    are read differently or by one of them only. At the end, Python's `$` lets one line feed follow: it
    is allowed as `$(?!\n)`, or as the last of a pattern where `maxLength` is no more than the shortest
    text that it matches.
    """
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
    if times is None:
        return 1
    if times.startswith("{"):
        return int(times.strip("{}").split(",")[0])
    return 1 if times == "+" else 0


def find_invalid_examples(subject: LintSubject) -> Iterator[RawProblem]:
    """Each example is valid by the schema that it stands beside."""
    yield from _iter_wrong(subject, _judgeable(subject), is_closed=False)


def find_undocumented_members(subject: LintSubject) -> Iterator[RawProblem]:
    """Each valid example has no member that its schema does not describe."""
    if subject.names_sources:
        judgeable = _judgeable(subject)
        wrong = {problem.at for problem in _iter_wrong(subject, judgeable, is_closed=False)}
        valid = [one for one in judgeable if not any(one.at.holds(at) for at in wrong)]
        yield from _iter_wrong(subject, valid, is_closed=True)


def find_unjudged_examples(subject: LintSubject) -> Iterator[RawProblem]:
    """Each example stands here and has a schema, so that it can be judged."""
    for at, value in subject.statements:
        if "externalValue" in value and at.file == subject.root_name and at.tokens[-2:-1] == ("examples",):
            yield RawProblem(
                at.child("externalValue"), "an example from elsewhere is not judged; write it as `value`"
            )


def find_nothing(subject: LintSubject) -> Iterator[RawProblem]:
    """Find a contract that has no schema or no example: nothing would be proven."""
    if not subject.unread:
        if not subject.whole_schemas:
            yield RawProblem(subject.at_root(), "no schema was found, so nothing is proven")
        if not subject.examples and (subject.names_sources or not subject.whole_schemas):
            yield RawProblem(subject.at_root(), "no example was found, so nothing is proven")


def _judgeable(subject: LintSubject) -> list[Example]:
    """Return the examples of sound schemas; the faults of the others are reported already."""
    return [example for example in subject.examples if subject.is_intact(example.schema)]


def _iter_wrong(subject: LintSubject, examples: list[Example], *, is_closed: bool) -> Iterator[RawProblem]:
    uris = [example.schema.uri for example in examples]
    if not uris:
        return
    try:
        validator = subject.schema_set.validator_of_many(uris, is_closed=is_closed)
    except ContractError as error:
        yield RawProblem(Address(next(iter(subject.documents))), " ".join(str(error).split()))
        return
    for found in iter_faults(validator, [example.value for example in examples], Address("")):
        number, *inside = found.at.tokens
        yield RawProblem(examples[int(number)].at.child(*inside), found.message)
