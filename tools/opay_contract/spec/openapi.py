"""Checks of openapi.yaml as OpenAPI: the meta-schema, and what it leaves to the reader."""

import re
from collections.abc import Iterator
from typing import Any

from opay_contract.contract.loading import ROOT
from opay_contract.errors import UsageError
from opay_contract.spec.judging import build_validator, iter_faults
from opay_contract.spec.linking import resolve
from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.statements import Statement, items, members
from opay_contract.spec.subject import Subject

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_VARIABLE = re.compile(r"\{([^{}]*)\}")


def load_meta_schema() -> Any:
    """Return the OpenAPI 3.1 meta-schema; raises UsageError where the extra `spec` is not installed."""
    try:
        from openapi_spec_validator.schemas import schema_v31  # noqa: PLC0415  an extra, and slow to import
    except ImportError as error:
        raise UsageError(
            "the OpenAPI meta-schema is not installed; pip install 'opay-contract[spec]' brings it"
        ) from error
    return dict(schema_v31)


def find_meta_schema_faults(subject: Subject) -> Iterator[RawProblem]:
    """Hold openapi.yaml against the OpenAPI 3.1 meta-schema."""
    if ROOT in subject.documents:
        yield from iter_faults(
            build_validator(load_meta_schema()), subject.documents[ROOT].value, Address(ROOT)
        )


def find_operation_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each operation has a name of its own and says what it answers."""
    seen: set[str] = set()
    for at, operation in iter_operations(subject):
        name = operation.get("operationId")
        if not isinstance(name, str):
            yield RawProblem(at, "the operation has no operationId")
        elif name in seen:
            yield RawProblem(at.child("operationId"), f"another operation is called '{name}' too")
        else:
            seen.add(name)
        if not members(operation.get("responses")):
            yield RawProblem(at, "the operation documents no response")


def find_path_parameter_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each variable in a path has its parameter, each such parameter its variable, and none comes twice."""
    for at, _ in iter_operations(subject):
        path, item = at.tokens[1], Address(ROOT, at.tokens[:2])
        parameters = [*_parameters(subject, item), *_parameters(subject, at)]
        described = [value.get("name") for _, value in parameters if value.get("in") == "path"]
        variables = set(_VARIABLE.findall(str(path)))
        for name in sorted(variables.difference(map(str, described))):
            yield RawProblem(item, f"the path's variable '{name}' has no parameter with `in: path`")
        for place, value in parameters:
            if value.get("in") == "path" and str(value.get("name")) not in variables:
                yield RawProblem(place, f"the path has no variable '{value.get('name')}'")
        yield from _repeated(_parameters(subject, at))


def find_server_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each server is reached by https and says which environment it is."""
    at = Address(ROOT, ("servers",))
    if ROOT in subject.documents and not subject.root.get("servers"):
        yield RawProblem(Address(ROOT), "no servers are named")
    for index, server in items(subject.root.get("servers")):
        if not str(members(server).get("url", "")).startswith("https://"):
            yield RawProblem(at.child(index, "url"), "a server is reached by https")
        if "x-environment" not in members(server):
            yield RawProblem(at.child(index), "the server has no `x-environment`")


def find_security_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each security requirement names a scheme that is there."""
    schemes = members(members(subject.root.get("components")).get("securitySchemes"))
    places = [Statement(Address(ROOT), subject.root), *iter_operations(subject)]
    for at, value in places:
        for index, requirement in items(value.get("security")):
            for name in members(requirement):
                if name not in schemes:
                    yield RawProblem(
                        at.child("security", index, name), f"no security scheme '{name}' in components"
                    )


def iter_operations(subject: Subject) -> Iterator[Statement]:
    """Yield every operation of openapi.yaml."""
    for path, item in members(subject.root.get("paths")).items():
        for method in _METHODS:
            if isinstance(members(item).get(method), dict):
                yield Statement(Address(ROOT, ("paths", path, method)), item[method])


def _parameters(subject: Subject, at: Address) -> list[Statement]:
    found = []
    for index, parameter in items(members(subject.value(at)).get("parameters")):
        target = resolve(subject, ROOT, members(parameter).get("$ref"))
        value = subject.value(target) if target else parameter
        found.append(Statement(at.child("parameters", index), members(value)))
    return found


def _repeated(parameters: list[Statement]) -> Iterator[RawProblem]:
    seen = []
    for at, value in parameters:
        key = (value.get("in"), value.get("name"))
        if key in seen:
            yield RawProblem(at, f"the parameter '{value.get('name')}' comes twice")
        seen.append(key)
