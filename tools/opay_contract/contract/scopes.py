"""What the contract documents for the exchanges of one operation, request form and outcome, and for all."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Field, iter_fields, iter_places
from opay_contract.contract.operation import Form, Operation
from opay_contract.model.exchange import AnswerShape
from opay_contract.model.finding import Outcome
from opay_contract.model.observation import Scope

REQUEST_BODY, RESPONSE_BODY = "/request/body", "/response/body"
"""Pointers of the bodies in an exchange, as the native recording format has it."""

_KEPT = 1024
"""So many answers about contracts are kept, as each report, fold and row asks anew."""


@lru_cache(maxsize=_KEPT)
def fields_of_scope(contract: Contract, scope: Scope) -> Mapping[str, Field]:
    """Return the documented members of both bodies by their pointers in the exchange."""
    found: dict[str, Field] = {}
    for body, schema in _bodies(contract, scope):
        for field in iter_fields(contract.schemas, schema):
            found.setdefault(body + field.pointer, field)
    return found


@lru_cache(maxsize=_KEPT)
def schemas_of_scope(contract: Contract, scope: Scope) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses of the schemas that describe each place of both bodies, whatever stands there."""
    found: dict[str, tuple[str, ...]] = {}
    for body, schema in _bodies(contract, scope):
        for place, uris in iter_places(contract.schemas, schema):
            found[body + place] = tuple(dict.fromkeys((*found.get(body + place, ()), *uris)))
    return found


def _bodies(contract: Contract, scope: Scope) -> Iterator[tuple[str, str]]:
    """Yield each body of a scope's exchanges: where it stands, and its schema."""
    operation = find_operation(contract, scope[0])
    if operation is None:
        return
    form, outcome = find_form(operation, scope[1]), Outcome(scope[2])
    request = form.request if form else operation.request_schema
    if request:
        yield REQUEST_BODY, request
    for response in _response_schemas(operation, form, outcome):
        yield RESPONSE_BODY, response


def find_operation(contract: Contract, operation: str) -> Operation | None:
    """Return the operation of an id."""
    return next((one for one in contract.operations if one.id == operation), None)


def find_form(operation: Operation, form: str) -> Form | None:
    """Return the request form of an id."""
    return next((one for one in operation.forms if one.id == form), None)


def _response_schemas(operation: Operation, form: Form | None, outcome: Outcome) -> list[str]:
    if operation.envelope is not None and outcome is Outcome.TRANSPORT:
        return []
    if (schema := operation.answer_schema(form, outcome)) is not None:
        return [schema]
    is_success = outcome is Outcome.SUCCESS
    return [
        schema
        for status, response in operation.responses.items()
        if operation.envelope is not None or status.startswith("2") is is_success
        for schema in response.media_types.values()
        if schema
    ]


@lru_cache(maxsize=_KEPT)
def answer_shape(contract: Contract) -> AnswerShape:
    """Return by what an answer of the contract is told: its envelope, else what its schemas require."""
    known = (names for operation in contract.operations for names in _root_members(contract, operation))
    return AnswerShape(tuple(dict.fromkeys(names for names in known if names)))


def _root_members(contract: Contract, operation: Operation) -> Iterator[frozenset[str]]:
    envelope = operation.envelope
    if envelope is not None:
        yield frozenset(
            str(tokens[0]) for tokens in (envelope.code, envelope.message, envelope.data) if tokens
        )
        return
    for response in operation.responses.values():
        for schema in filter(None, response.media_types.values()):
            fields = iter_fields(contract.schemas, schema, depth=1)
            names = [field.pointer for field in fields if field.required == "yes"]
            yield frozenset(name.removeprefix("/") for name in names if name.count("/") == 1)
