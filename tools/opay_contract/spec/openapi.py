"""Checks of the first document as OpenAPI: the meta-schema, what it leaves to the reader, and sources."""

import re
from collections.abc import Iterator
from typing import Any

from opay_contract.contract.addresses import Address
from opay_contract.errors import UsageError
from opay_contract.spec.examples import build_validator, iter_faults
from opay_contract.spec.subject import RawProblem, Statement, Subject, items, members

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


def find_meta_schema_faults(subject: Subject) -> Iterator[RawProblem]:
    """Hold the first document against the meta-schema of its version."""
    if subject.root_name in subject.documents:
        validator = build_validator(load_meta_schema(subject.version))
        yield from iter_faults(validator, subject.written, subject.at_root())


def find_operation_faults(subject: Subject) -> Iterator[RawProblem]:
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


def find_path_parameter_faults(subject: Subject) -> Iterator[RawProblem]:
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


def find_server_faults(subject: Subject) -> Iterator[RawProblem]:
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


def find_security_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each security requirement names a scheme that is there."""
    schemes = members(members(subject.root.get("components")).get("securitySchemes"))
    places = [Statement(subject.at_root(), subject.root), *subject.operations]
    for at, value in places:
        for index, requirement in items(value.get("security")):
            for name in members(requirement):
                if name not in schemes:
                    yield RawProblem(
                        at.child("security", index, name), f"no security scheme '{name}' in components"
                    )


def _parameters(subject: Subject, at: Address) -> list[Statement]:
    found = []
    for index, parameter in items(members(subject.value(at)).get("parameters")):
        target = subject.resolve(at.file, members(parameter).get("$ref"))
        value = subject.value(target) if target else parameter
        found.append(Statement(at.child("parameters", index), members(value)))
    return found


def find_unknown_sources(subject: Subject) -> Iterator[RawProblem]:
    """Each name in `x-source` stands in `x-sources`."""
    if subject.names_sources:
        known = members(subject.root.get("x-sources"))
        for at, name in _iter_named(subject):
            if name not in known:
                yield RawProblem(at, f"no source '{name}' in `x-sources` of {subject.root_name}")


def find_unused_sources(subject: Subject) -> Iterator[RawProblem]:
    """Each source in `x-sources` backs a statement; judged only when every file could be read."""
    if not subject.unread:
        used = {name for _, name in _iter_named(subject)}
        for name in members(subject.root.get("x-sources")):
            if name not in used:
                yield RawProblem(
                    subject.at_root("x-sources", name), f"no statement names the source '{name}'"
                )


def _iter_named(subject: Subject) -> Iterator[tuple[Address, str]]:
    """Yield each name of a source with its place, those on examples among them."""
    for at, value in subject.statements:
        for index, name in items(value.get(_SOURCE)):
            yield at.child(_SOURCE, index), str(name)
