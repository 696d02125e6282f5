"""A sound request of an operation, made by the contract alone: by its examples, or else from its schemas."""

from copy import deepcopy
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from opay_contract.contract.addresses import MISSING, resolve, split_uri, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Form, Operation, is_json
from opay_contract.contract.parameters import Parameter
from opay_contract.mock.records import RecordBook
from opay_contract.mock.samples import Sampler, request_examples, schema_examples
from opay_contract.mock.state import document_values, needs_body, put

PLACEHOLDER = "CREDENTIAL"
"""Stands in a request for a key or a password that the contract asks for and does not say."""


class SoundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request in parts, but for its signature and for who signs; a body of None is none.

    `asked` is the key of the record that it is about, None where it is about none.
    """

    operation: Operation
    form: Form | None
    target: str
    headers: tuple[str, ...]
    body: Any
    media_type: str
    asked: str | None


def shown_operation(contract: Contract, book: RecordBook) -> Operation:
    """Return the operation that shows an API: one that looks a record up, or else the first."""
    return next((one.operation for one in book.looking_up()), contract.operations[0])


def sound_request(contract: Contract, book: RecordBook, asked: str | None) -> SoundRequest:
    """Return a request that shows an API, about a record of a key, or else with a placeholder."""
    found = next(book.looking_up(), None)
    if found is None:
        operation = contract.operations[0]
        return make_request(contract, book, operation, next(iter(operation.forms), None))
    single = found.lookup.records.name.removesuffix("s")
    return make_request(contract, book, found.operation, found.form, asked or f"{single.upper()}_ID")


def make_request(
    contract: Contract, book: RecordBook, operation: Operation, form: Form | None, asked: str | None = None
) -> SoundRequest:
    """Return a sound request of an operation, about a record where it is about any."""
    lookup, values = book.lookup(operation, form), {}
    for one in operation.parameters:
        if one.is_required or (lookup and lookup.by.where == one.place and lookup.by.tokens[-1] == one.name):
            values[one.place, one.name] = _parameter_value(contract, one)
    types = operation.request_types or ({"application/json": None} if operation.is_signed else {})
    media_type = next(filter(is_json, types), next(iter(types), ""))
    body = _body(contract, operation, form, media_type) if media_type else None
    if lookup is not None and lookup.by.where == "body":
        if asked is not None and isinstance(body, dict):
            like = value_below(body, lookup.by.tokens)
            is_number = isinstance(like, int) and not isinstance(like, bool) and asked.isdecimal()
            put(body, lookup.by.tokens, int(asked) if is_number else asked)
        found = value_below(body, lookup.by.tokens)
        asked = None if found is MISSING else str(found)
    elif lookup is not None:
        wanted = lookup.by.where, str(lookup.by.tokens[0]).lower()
        for key in [one for one in values if (one[0], one[1].lower()) == wanted]:
            values[key] = asked = asked if asked is not None else values[key]
    else:
        asked = None
    if not operation.is_signed:
        for said in next(iter(operation.credentials), ()) if () not in operation.credentials else ():
            values[said.place, said.name] = f"{said.word} {PLACEHOLDER}".strip()
    scheme = contract.signature if operation.is_signed else None
    signing = {scheme.header, operation.identity_header(scheme)} if scheme else set[str | None]()
    headers = [
        f"{name}: {value}"
        for (place, name), value in values.items()
        if place == "header" and name not in signing
    ]
    cookies = [f"{name}={value}" for (where, name), value in values.items() if where == "cookie"]
    return SoundRequest(
        operation=operation,
        form=form,
        target=_target(operation, values),
        headers=(*headers, *([f"Cookie: {'; '.join(cookies)}"] if cookies else [])),
        body=body,
        media_type=media_type,
        asked=asked,
    )


def _target(operation: Operation, values: dict[tuple[str, str], str]) -> str:
    path = operation.path
    for (where, name), value in values.items():
        if where == "path":
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
    query = urlencode([(name, value) for (where, name), value in values.items() if where == "query"])
    return f"{path}?{query}" if query else path


def _parameter_value(contract: Contract, parameter: Parameter) -> str:
    """Return a value as text; a list is its first item."""
    _, stated = resolve(document_values(contract), split_uri(parameter.uri))
    named = stated.get("examples") if isinstance(stated, dict) else None
    first: Any = next(iter(named.values()), None) if isinstance(named, dict) else None
    given = first.get("value", MISSING) if isinstance(first, dict) else MISSING
    value = stated.get("example", given) if isinstance(stated, dict) else MISSING
    if value is MISSING and parameter.schema is not None:
        value = Sampler(contract.schemas).sample(parameter.schema, parameter.name)
    while isinstance(value, list | dict):
        inner = list(value.values()) if isinstance(value, dict) else value
        value = inner[0] if inner else MISSING
    if isinstance(value, bool):
        return str(value).lower()
    return "text" if value is MISSING or value is None else str(value)


def _body(contract: Contract, operation: Operation, form: Form | None, media_type: str) -> Any:
    schema = form.request if form is not None else operation.request_types.get(media_type)
    examples = [one.value for one in request_examples(contract, operation) if one.media_type == media_type]
    if form is not None:
        own = form.required
        others = [one.required for one in operation.forms if one is not form]
        candidates = [*schema_examples(contract, form.request), *examples]
        examples = [
            one
            for one in candidates
            if isinstance(one, dict)
            and own <= one.keys()
            and not any(o <= one.keys() for o in others if not o <= own)
        ]
    validator = contract.schemas.validator(schema) if schema else None
    for value in examples:
        if validator is None or not is_json(media_type) or validator.is_valid(value):
            return deepcopy(value)
    made = Sampler(contract.schemas).sample(schema, operation.id) if schema else MISSING
    if made is not MISSING:
        return made
    # Of a body that nobody described; where none is documented, an empty object is what is signed.
    return {} if operation.is_signed or needs_body(contract, operation) else None
