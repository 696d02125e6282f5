"""What the contract documents for the exchanges of one operation, request form and outcome."""

from collections.abc import Iterator
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Branches, Field, every_branch, iter_fields, iter_places
from opay_contract.contract.operation import Envelope, Form, Operation
from opay_contract.model.finding import Outcome
from opay_contract.model.observation import Scope

REQUEST_BODY, RESPONSE_BODY = "/request/body", "/response/body"
"""Pointers of the bodies in an exchange, as the native recording format has it."""

_NO_CODE = "\x00"


def fields_of_scope(contract: Contract, scope: Scope) -> dict[str, Field]:
    """Return the documented members of both bodies by their pointers in the exchange."""
    found: dict[str, Field] = {}
    for body, schema, branches in _bodies(contract, scope):
        for field in iter_fields(contract.schemas, schema, branches):
            found.setdefault(body + field.pointer, field)
    return found


def schemas_of_scope(contract: Contract, scope: Scope) -> dict[str, tuple[str, ...]]:
    """Return the addresses of the schemas that describe each place of both bodies, whatever stands there."""
    found: dict[str, tuple[str, ...]] = {}
    for body, schema, branches in _bodies(contract, scope):
        for place, uris in iter_places(contract.schemas, schema, branches):
            found[body + place] = tuple(dict.fromkeys((*found.get(body + place, ()), *uris)))
    return found


def _bodies(contract: Contract, scope: Scope) -> Iterator[tuple[str, str, Branches]]:
    """Yield each body of a scope's exchanges: where it stands, its schema, and which branches can hold."""
    operation = find_operation(contract, scope[0])
    if operation is None:
        return
    form, outcome = find_form(operation, scope[1]), Outcome(scope[2])
    request = form.request if form else operation.request_schema
    if request:
        yield REQUEST_BODY, request, every_branch
    for response in _response_schemas(operation, form, outcome):
        yield RESPONSE_BODY, response, branches_of(contract, operation.envelope, outcome)


def find_operation(contract: Contract, operation: str) -> Operation | None:
    """Return the operation of an id."""
    return next((one for one in contract.operations if one.id == operation), None)


def find_form(operation: Operation, form: str) -> Form | None:
    """Return the request form of an id."""
    return next((one for one in operation.forms if one.id == form), None)


def _response_schemas(operation: Operation, form: Form | None, outcome: Outcome) -> list[str]:
    if operation.envelope is not None and outcome is Outcome.TRANSPORT:
        return []
    if form is not None:
        return [form.response]
    is_success = outcome is Outcome.SUCCESS
    return [
        schema
        for status, response in operation.responses.items()
        if operation.envelope is not None or status.startswith("2") is is_success
        for schema in response.media_types.values()
        if schema
    ]


def branches_of(contract: Contract, envelope: Envelope | None, outcome: Outcome) -> Branches:
    """Return which branches can hold in an answer of an outcome, as far as its business code decides it."""
    sample = _sample(envelope, outcome) if envelope else None

    def branches(uri: str, place: tuple[str, ...]) -> frozenset[str]:
        if sample is None or place or not _looks_at_code(contract.schemas.node(uri)["if"], envelope):
            return frozenset(("then", "else"))
        holds = contract.schemas.validator(f"{uri}/if").is_valid(sample)
        return frozenset(("then" if holds else "else",))

    return branches


def _sample(envelope: Envelope, outcome: Outcome) -> Any:
    """Return the least answer that has a business code of the outcome."""
    is_success = outcome is Outcome.SUCCESS and envelope.success
    value: Any = envelope.value_of(min(envelope.success)) if is_success and envelope else _NO_CODE
    for token in reversed(envelope.code):
        value = {token: value}
    return value


def _looks_at_code(condition: Any, envelope: Envelope | None) -> bool:
    """Return whether a condition is about the business code and nothing else."""
    if envelope is None or not isinstance(condition, dict):
        return False
    names = {*condition.get("properties", ()), *condition.get("required", ())}
    return names == {envelope.code[0]} and condition.keys() <= {"properties", "required"}
