"""The examples that a contract gives of an operation's answers, and which of them are successes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opay_contract.contract.addresses import (
    MISSING,
    Address,
    absolute,
    below,
    resolve,
    split_uri,
    value_below,
    with_fragment,
)
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import DocumentedResponse, Operation, is_json

_HTTP_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An example of a body by its name, which is empty where it has none."""

    name: str
    media_type: str
    value: Any


def success_status(operation: Operation) -> str:
    """Return the key of the response that a success has: the lowest of 200 to 299, else `default`, or any."""
    keys = sorted(operation.responses)
    best = next((key for key in keys if key.startswith("2")), None)
    return best or ("default" if "default" in keys else next(iter(keys), "200"))


def status_number(key: str) -> int:
    """Return an HTTP status of a response's key: `2XX` is 200, and so is `default`."""
    return int(key.upper().replace("X", "0")) if key != "default" else _HTTP_SUCCESS.start


def chosen_media_type(response: DocumentedResponse | None) -> str | None:
    """Return the media type that is answered unless another is asked for: JSON, else the first."""
    types = list(response.media_types) if response is not None else []
    return next(filter(is_json, types), types[0] if types else None)


def response_examples(contract: Contract, operation: Operation, key: str) -> list[Example]:
    """Return the examples of a response: those beside its media types, then those of its schemas."""
    response = operation.responses.get(key)
    found: list[Example] = []
    for media_type, schema in response.media_types.items() if response else ():
        place = below(response.uri, "content", media_type) if response else ""
        found += _given(contract, place, media_type)
        found += [
            Example(name="", media_type=media_type, value=value)
            for value in schema_examples(contract, schema)
        ]
    return found


def request_examples(contract: Contract, operation: Operation) -> list[Example]:
    """Return the examples of an operation's request body, in the same order."""
    found: list[Example] = []
    at, body = _resolved(contract, f"{operation.uri}/requestBody")
    for media_type, schema in operation.request_types.items() if body is not MISSING else ():
        found += _given(contract, at.child("content", media_type).uri, media_type)
        found += [
            Example(name="", media_type=media_type, value=value)
            for value in schema_examples(contract, schema)
        ]
    return found


def schema_examples(contract: Contract, schema: str | None) -> list[Any]:
    """Return the examples that a schema gives of itself, else those of what it is a reference to."""
    seen: set[str] = set()
    while schema is not None and schema not in seen:
        seen.add(schema)
        node = contract.schemas.find(with_fragment(schema))
        if not isinstance(node, dict):
            break
        if "examples" in node or "example" in node:
            found = node.get("examples", [node.get("example")])
            return list(found) if isinstance(found, list) else []
        named = node.get("$ref")
        schema = absolute(named, split_uri(schema).file) if isinstance(named, str) else None
    return []


def success_examples(contract: Contract, operation: Operation, form_id: str | None) -> Iterator[Any]:
    """Yield the examples of successes of an operation, or of one of its forms, each sound by its schema."""
    form = next((one for one in operation.forms if one.id == form_id), None)
    key = success_status(operation)
    examples = [one.value for one in response_examples(contract, operation, key) if is_json(one.media_type)]
    if form is not None:
        examples = [*schema_examples(contract, form.response), *examples]
    schema = form.response if form is not None else success_schema(operation)
    validator = contract.schemas.validator(schema) if schema else None
    told: list[Any] = []
    for value in examples:
        if value in told or not _is_success(operation, value):
            continue
        if validator is None or validator.is_valid(value):
            told.append(value)
            yield value


def success_schema(operation: Operation) -> str | None:
    """Return the address of the schema of a success's body, where there is one."""
    response = operation.responses.get(success_status(operation))
    chosen = chosen_media_type(response)
    return response.media_types[chosen] if response is not None and chosen is not None else None


def _is_success(operation: Operation, value: Any) -> bool:
    envelope = operation.envelope
    return envelope is None or value_below(value, envelope.code) in envelope.success


def _given(contract: Contract, place: str, media_type: str) -> Iterator[Example]:
    _, node = _resolved(contract, place)
    if not isinstance(node, dict):
        return
    named = node.get("examples")
    for name in named if isinstance(named, dict) else ():
        _, example = _resolved(contract, below(place, "examples", name))
        if isinstance(example, dict) and "value" in example:
            yield Example(name=name, media_type=media_type, value=example["value"])
    if "example" in node:
        yield Example(name="", media_type=media_type, value=node["example"])


def _resolved(contract: Contract, uri: str) -> tuple[Address, Any]:
    values = {name: document.value for name, document in contract.schemas.documents.items()}
    return resolve(values, split_uri(uri))
