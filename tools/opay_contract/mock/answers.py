"""Writes answers: a success around data or by an example, a refusal by the catalogue or by HTTP status."""

import zlib
from collections.abc import Iterator
from copy import deepcopy
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING, below
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import DocumentedResponse, Evidence, Form, Operation, is_json
from opay_contract.contract.schemas import SchemaSet
from opay_contract.drift.evidence import find_places
from opay_contract.jsontext import Tokens, value_at
from opay_contract.mock.records import RecordBook
from opay_contract.mock.samples import (
    BodyExample,
    Sampler,
    chosen_media_type,
    picked_by,
    response_examples,
    status_number,
    success_examples,
    success_schema,
    success_status,
)
from opay_contract.mock.statement import ANSWERING, Action, Choices, data_schema, put
from opay_contract.mock.store import StoredRecord


def _holders(value: Any, tokens: Tokens) -> Iterator[tuple[Any, str | int]]:
    """Yield container and step of each place that tokens, with `*` for each item, lead to, or would."""
    for place in find_places(value, tokens[:-1]):
        holder = value_at(value, place)
        if isinstance(holder, dict):
            yield holder, tokens[-1]
        elif isinstance(holder, list) and tokens[-1] == "*":
            yield from ((holder, index) for index in range(len(holder)))


class ReadingFitter:
    """Makes answers show the readings that are taken: what speaks for another is changed at its place."""

    def __init__(self, choices: Choices, schemas: SchemaSet) -> None:
        self._wanted: list[tuple[Evidence, Any, list[Any]]] = []
        for choice in choices:
            if choice.stated.decides != ANSWERING:
                continue
            readings = {reading.id: reading for reading in choice.question.readings}
            others = [
                one.schema["const"]
                for name, reading in readings.items()
                for one in reading.evidence
                if name != choice.taken and isinstance(one.schema, dict) and "const" in one.schema
            ]
            self._wanted += [
                (one, schemas.compile(one.schema), others)
                for one in readings[choice.taken].evidence
                if one.at[:1] == ("response",)
            ]

    def fit(self, outcome: str, status: int, value: Any) -> tuple[int, Any]:
        """Return the status and the value of an answer, changed in place where that is needed."""
        for wanted, validator, others in self._wanted:
            if wanted.outcome not in (None, outcome):
                continue
            if wanted.at == ("response", "status"):
                status = next(one for one in (status, 400, 200) if validator.is_valid(one))
            elif wanted.at[1:2] == ("body",):
                _fit_body(value, wanted, validator, others)
        return status, value


def _fit_body(body: Any, wanted: Evidence, validator: Any, others: list[Any]) -> None:
    tokens = wanted.at[2:]
    if not tokens:
        _fit_object(body, wanted.schema)
        return
    holder: Any
    for holder, step in list(_holders(body, tokens)):
        current = holder.get(step, MISSING) if isinstance(holder, dict) else holder[int(step)]
        if wanted.other is not None:
            if wanted.equal and current is not MISSING:  # the other place is a member of the same object
                holder[step] = holder.get(wanted.other[-1], holder[wanted.at[-1]])
            continue
        if current is not MISSING and validator.is_valid(current):
            continue
        changed = _changed(current, wanted.schema, others)
        if changed is not MISSING:
            holder[step] = changed


def _changed(current: Any, schema: Any, others: list[Any]) -> Any:
    """Return a value made to fit a schema, MISSING where it cannot be, or is to stay as it is."""
    if not isinstance(schema, dict):
        return MISSING
    kind = schema.get("type")
    if "const" in schema:
        return schema["const"] if current in others else MISSING
    if kind == "null":
        return None
    if isinstance(current, dict):
        _fit_object(current, schema)
        return MISSING
    if kind == "string" and isinstance(current, int) and not isinstance(current, bool):
        return str(current)
    if kind in ("number", "integer") and isinstance(current, str) and current.isascii() and current.isdigit():
        return int(current)
    return MISSING


def _fit_object(value: Any, schema: Any) -> None:
    """Drop the members that a schema says are not there."""
    if isinstance(value, dict) and isinstance(schema, dict):
        for name, inner in schema.get("properties", {}).items():
            if inner is False:
                value.pop(name, None)


AUTHENTICATION_FAILED, INVALID_PARAMETERS, NOT_FOUND = (
    "authentication-failed",
    "parameters-not-valid",
    "not-found",
)
"""What the codes mean that the mock refuses with; the contract says which these are."""

ABSENT = object()
"""Data that are not there, unlike data that are null."""

_STATUSES = {AUTHENTICATION_FAILED: (401, 403), NOT_FOUND: (404,), "already-exists": (409,)}
_BAD_REQUESTS = (400, 422)
_PROBLEM = b"application/problem+json"
_encode = msgspec.json.Encoder().encode

Fields = tuple[tuple[bytes, bytes], ...]

REASON_HEADER = b"x-mock-reason"
"""The field of an answer that says, without a value of the request, why it is not the usual success."""


class MockAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer; it comes after `delay` seconds, and with `cut` breaks off in the middle of its body."""

    status: int
    fields: Fields = ()
    body: bytes = b""
    delay: float = 0.0
    cut: bool = False

    def because(self, reason: str) -> "MockAnswer":
        """Return the answer with its reason in a field, which log and tests read."""
        told = [value for name, value in self.fields if name == REASON_HEADER]
        others = (field for field in self.fields if field[0] != REASON_HEADER)
        field = (REASON_HEADER, b"; ".join([*told, reason.encode("latin-1", "replace")]))
        return replace(self, fields=(*others, field))


class Writer:
    """Writes the answers of one operation as the choices say."""

    def __init__(self, contract: Contract, operation: Operation, choices: Choices, book: RecordBook) -> None:
        self.contract, self.operation, self._choices, self.book = contract, operation, choices, book
        self.envelope = operation.envelope
        successes = self.envelope.success if self.envelope else frozenset[str]()
        known = [code for code in (self.envelope.codes if self.envelope else ()) if code in successes]
        self._success_code = next(iter([*known, *sorted(successes)]), "")
        self._sampler = Sampler(contract.schemas)
        self._fitter = ReadingFitter(choices, contract.schemas)
        self.success_key = success_status(operation)
        self._status = status_number(self.success_key)
        response = operation.responses.get(self.success_key)
        chosen = chosen_media_type(response)
        self._media_type = (chosen or "application/json").encode()
        self.has_body = chosen is not None
        self._fields = {key: self._documented_fields(one) for key, one in operation.responses.items()}

    def data_schema(self, form: Form | None) -> str | None:
        """Return the address of the schema of a success's data; without an envelope, of the body."""
        if self.envelope is None:
            return success_schema(self.operation) if is_json(self._media_type.decode()) else None
        if (stated := data_schema(self.contract, self.operation, form)) is not None:
            return stated
        schemas, uri = self.contract.schemas, success_schema(self.operation)
        example = next(success_examples(self.contract, self.operation, form), None)
        for token in self.envelope.data if uri is not None else ():
            nodes = list(schemas.iter_in_place(uri or "", picked_by(schemas, example)))
            uri = next(
                (below(at, "properties", token) for at, n in nodes if token in n.get("properties", {})), None
            )
            example = example.get(token) if isinstance(example, dict) else None
        return uri

    def refusal(self, meaning: str) -> MockAnswer:
        """Return the error that means something: by the catalogue of codes, or by an HTTP status."""
        action = self._choices.action(meaning) if meaning == AUTHENTICATION_FAILED else Action(means=meaning)
        if action.status is not None:
            return MockAnswer(status=action.status)
        code = self.code_of(action.means or meaning)
        if code is not None:
            return self.error(code)
        statuses = _STATUSES.get(meaning, _BAD_REQUESTS)
        wanted = next((one for one in statuses if str(one) in self.operation.responses), statuses[0])
        return self.documented(str(wanted), wanted)

    def code_of(self, meaning: str) -> str | None:
        """Return the code that means something, or else that the request is not valid; None without any."""
        codes = self.envelope.codes.values() if self.envelope else ()
        for sought in (meaning, INVALID_PARAMETERS):
            if found := next((one.code for one in codes if one.means == sought), None):
                return found
        return None

    def error(self, code: str) -> MockAnswer:
        """Return a business error of the catalogue."""
        status, value = self._fitter.fit(
            "business-error", self._status, self.enveloped(code, self.message(code), ABSENT)
        )
        return self.json(value, status)

    def act(self, action: Action) -> MockAnswer | None:
        """Return the answer that an action is, None where it lets the request through."""
        if action.accepted or action.form is not None:
            return None
        if action.status is not None:
            if self.envelope is None and str(action.status) in self.operation.responses:
                return self.documented(str(action.status), action.status)
            return MockAnswer(status=action.status, fields=((b"content-length", b"0"),))
        return self.refusal(action.means or INVALID_PARAMETERS)

    @property
    def served(self) -> str:
        """Method and path."""
        return f"{self.operation.method} {self.operation.path}"

    @property
    def is_json(self) -> bool:
        """Whether a success has a body, and it is JSON."""
        return self.has_body and is_json(self._media_type.decode())

    def means(self, meaning: str) -> bool:
        """Tell whether the contract has an answer that means something."""
        if self.envelope is not None:
            return any(one.means == meaning for one in self.envelope.codes.values())
        return any(str(status) in self.operation.responses for status in _STATUSES.get(meaning, ()))

    def elsewhere(self, status: int, served: str, fields: Fields = ()) -> MockAnswer:
        """Return the HTTP error for what is not served, with a body that says what is."""
        code, said = self.code_of(INVALID_PARAMETERS), f"the mock serves {served}"
        if code is None:
            return problem(status, said, fields)
        told = self.json(self.enveloped(code, said, ABSENT), status)
        return replace(told, fields=(*told.fields, *fields))

    def success(self, data: Any) -> MockAnswer:
        """Return the success with these data."""
        return self.json(self.success_value(data))

    def success_value(self, data: Any) -> Any:
        """Return the body of a success with these data, as the readings taken have it."""
        value = data
        if self.envelope is not None:
            value = self.enveloped(self._success_code, self.message(self._success_code), data)
        return self._fitter.fit("success", self._status, value)[1]

    def made_value(self, form: Form | None, seed: bytes) -> Any:
        """Return the body of a success that no record is asked for: an example, else made from the schema."""
        for value in success_examples(self.contract, self.operation, form):
            return self._fitter.fit("success", self._status, deepcopy(value))[1]
        uri = self.data_schema(form)
        if uri is None:
            return MISSING if self.envelope is None else self.success_value(None)
        data = self._sampler.sample(uri, zlib.crc32(seed))
        return MISSING if data is MISSING else self.success_value(data)

    def enveloped(self, code: str, message: str, data: Any) -> Any:
        """Return an envelope with any code, message and data, be they `ABSENT`."""
        value: dict[str, Any] = {}
        if self.envelope is not None:
            put(value, self.envelope.code, self.envelope.value_of(code))
            put(value, self.envelope.message, message)
            if data is not ABSENT:
                put(value, self.envelope.data, data)
        return value

    def message(self, code: str) -> str:
        """Return a known message of a code; one without says itself, a success what other successes say."""
        if self.envelope is None:
            return code
        known = self.envelope.codes.get(code)
        if known is not None and known.messages:
            return known.messages[0]
        alike = self.envelope.success if code in self.envelope.success else ()
        codes = (self.envelope.codes.get(other) for other in sorted(alike))
        return next((text for one in codes if one for text in one.messages), code)

    def documented(self, key: str, status: int, name: str | None = None) -> MockAnswer:
        """Return a documented answer: an example, that of a name if asked for, else made from its schema."""
        response = self.operation.responses.get(key) or self.operation.response(status)
        if response is None:
            return problem(status, HTTPStatus(status).phrase if status in set(HTTPStatus) else "")
        own = next((key for key, one in self.operation.responses.items() if one is response), key)
        media_type = chosen_media_type(response)
        for example in response_examples(self.contract, self.operation, own):
            if example.name == name if name is not None else example.media_type == media_type:
                return self.by_example(example, status, own)
        schema = response.media_types.get(media_type) if media_type is not None else None
        value = MISSING if schema is None else self._sampler.sample(schema, status)
        if media_type is None or value is MISSING:
            return MockAnswer(status=status, fields=(*self._fields[own], (b"content-length", b"0")))
        return self.by_example(BodyExample(name="", media_type=media_type, value=value), status, own)

    def example_names(self, key: str) -> list[str]:
        """Return the names of the examples of a response."""
        found = (one.name for one in response_examples(self.contract, self.operation, key))
        return [name for name in found if name]

    def by_example(self, example: BodyExample, status: int, key: str) -> MockAnswer:
        """Return an example as an answer."""
        as_text = isinstance(example.value, str) and not is_json(example.media_type)
        body = example.value.encode() if as_text else _encode(example.value)
        told = self.text(body, status, example.media_type.encode())
        return replace(told, fields=(*told.fields, *self._fields.get(key, ())))

    def json(self, value: Any, status: int | None = None) -> MockAnswer:
        """Return a JSON answer with the documented status and media type."""
        told = self.text(_encode(value), status)
        extra = self._fields.get(self.success_key, ()) if status in (None, self._status) else ()
        return replace(told, fields=(*told.fields, *extra)) if extra else told

    def text(self, body: bytes, status: int | None = None, media_type: bytes | None = None) -> MockAnswer:
        """Return an answer with a body that is ready."""
        fields = ((b"content-type", media_type or self._media_type), (b"content-length", b"%d" % len(body)))
        return MockAnswer(status=status or self._status, fields=fields, body=body)

    def whole(self, value: Any) -> MockAnswer:
        """Return a success of a body that was made, or of none."""
        if value is MISSING:
            return self.documented(self.success_key, self._status)
        return self.json(value)

    def without_items(self, data: Any, stored: StoredRecord) -> MockAnswer:
        """Return the answer about a record without items; `data` is as it would be."""
        kind = self.book.kinds[stored.kind].stated
        answers = self._choices.action("empty-record").answers
        if answers == "no-data":
            return self.success(None)
        if answers == "null-items" and kind.items:
            data = put(data, kind.items.at, None)
        return self.success(data) if answers else self.refusal(INVALID_PARAMETERS)

    def _documented_fields(self, response: DocumentedResponse) -> Fields:
        """Return the header fields that a response is documented to have, as far as they are required."""
        found = []
        for one in response.headers:
            stated = self.contract.schemas.find(one.uri)
            value = stated.get("example", MISSING) if isinstance(stated, dict) else MISSING
            if value is MISSING and one.schema is not None:
                value = self._sampler.sample(one.schema, one.name)
            if one.is_required and isinstance(value, str | int | float) and f"{value}".isascii():
                found.append((one.name.lower().encode(), f"{value}".encode()))
        return tuple(found)


def problem(status: int, said: str, fields: Fields = ()) -> MockAnswer:
    """Return an HTTP error for people, where the contract documents none (RFC 9457)."""
    body = _encode({"title": said, "status": status})
    own = ((b"content-type", _PROBLEM), (b"content-length", b"%d" % len(body)))
    return MockAnswer(status=status, fields=(*own, *fields), body=body)
