"""How a stored customer becomes an answer, and a code becomes an error: the envelope, filled.

What the contract does not say stands here and nowhere else: where in an answer customer and cards are.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from opay_contract.contract.addresses import split_uri
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import ContractError
from opay_contract.jsontext import Tokens
from opay_contract.mock.choices import Choices
from opay_contract.mock.store import StoredCustomer

AUTHENTICATION_FAILED, INVALID_PARAMETERS = "authentication-failed", "parameters-not-valid"
MERCHANT_MISSING = "merchant-missing"
"""What the codes mean that the mock refuses with; the contract says which these are."""

BY_CUSTOMER, BY_TOKEN = "by-customer", "by-token"
"""The ids of the two request forms."""

CUSTOMER, CARDS, CARD_OWNER = "customer", "cardTokens", "customerInfo"

ABSENT = object()
"""Data that are not there, unlike data that are null."""

_MEANINGS = (AUTHENTICATION_FAILED, INVALID_PARAMETERS, MERCHANT_MISSING)
_ERROR_STATUS = 400
_encode = msgspec.json.Encoder().encode

Fields = tuple[tuple[bytes, bytes], ...]

REASON_HEADER = b"x-mock-reason"
"""The field of an answer that says, without a value of the request, why it is not the usual success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MockAnswer:
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

    def __init__(self, operation: Operation, choices: Choices) -> None:
        if operation.envelope is None:
            raise ContractError(f"openapi.yaml: {operation.id}: the mock needs x-envelope")
        self._envelope = operation.envelope
        self._codes = {meaning: self._envelope.code_of(meaning) for meaning in _MEANINGS}
        self._choices = choices
        self._status = next(int(status) for status in operation.responses if status.startswith("2"))
        self._media_type = next(iter(operation.responses[str(self._status)].media_types)).encode()
        self._error_status = self._status if choices["error-status"] == "always-200" else _ERROR_STATUS
        self._adapt_card = _card_adapter(choices)
        self._adapt_customer = _customer_adapter(choices)

    def error(self, code: str) -> MockAnswer:
        """Return a business error of the catalogue."""
        if code == self.code_of(AUTHENTICATION_FAILED) and self._choices["authentication-code"] == "other":
            return MockAnswer(status=401)
        return self.json(self.error_value(code), self._error_status)

    def code_of(self, meaning: str) -> str:
        """Return the code that means something."""
        return self._codes[meaning]

    def refusal(self, meaning: str) -> MockAnswer:
        """Return the business error that means something."""
        return self.error(self.code_of(meaning))

    def elsewhere(self, status: int, served: str, fields: Fields = ()) -> MockAnswer:
        """Return the HTTP error for what is not served, with an envelope that says what is."""
        code = self.code_of(INVALID_PARAMETERS)
        told = self.json(self.envelope(code, f"the mock serves {served}", ABSENT), status)
        return replace(told, fields=(*told.fields, *fields))

    def error_value(self, code: str) -> dict[str, Any]:
        """Return the envelope of a business error."""
        return self.envelope(
            code, self.message(code), None if self._choices["error-data"] == "null" else ABSENT
        )

    def success_value(self, data: Any) -> dict[str, Any]:
        """Return the envelope of a success."""
        code = self._choices["success-code"]
        return self.envelope(code, self.message(code), data)

    def envelope(self, code: str, message: str, data: Any) -> dict[str, Any]:
        """Return an envelope with any code, message and data, be they `ABSENT`."""
        value: dict[str, Any] = {}
        _put(value, self._envelope.code, code)
        _put(value, self._envelope.message, message)
        if data is not ABSENT:
            _put(value, self._envelope.data, data)
        return value

    def message(self, code: str) -> str:
        """Return a known message of a code; one without says itself, a success what other successes say."""
        known = self._envelope.codes.get(code)
        if known is not None and known.messages:
            return known.messages[0]
        alike = self._envelope.success if code in self._envelope.success else ()
        messages = (text for other in sorted(alike) for text in self._envelope.codes[other].messages)
        return next(messages, code)

    def json(self, value: Any, status: int | None = None) -> MockAnswer:
        """Return a JSON answer with the documented status and media type."""
        return self.text(_encode(value), status)

    def text(self, body: bytes, status: int | None = None, media_type: bytes | None = None) -> MockAnswer:
        """Return an answer with a body that is ready."""
        fields = ((b"content-type", media_type or self._media_type), (b"content-length", b"%d" % len(body)))
        return MockAnswer(status=status or self._status, fields=fields, body=body)

    def found(self, form: Form, stored: StoredCustomer) -> MockAnswer:
        """Return the answer for what was found."""
        if form.id == BY_CUSTOMER and not stored.cards:
            return self._without_cards(stored)
        return self.json(self.success_value(self.data(form, stored)))

    def data(self, form: Form, stored: StoredCustomer) -> dict[str, Any]:
        """Return the data of a success in the shape that the form asks for."""
        customer = self._adapt_customer(stored.customer)
        cards = [self._adapt_card(card) for card in stored.cards.values()]
        return (
            {CUSTOMER: customer, CARDS: cards}
            if form.id == BY_CUSTOMER
            else {**cards[0], CARD_OWNER: customer}
        )

    def unknown(self, form: Form, blank: StoredCustomer) -> MockAnswer:
        """Return the answer for what is not stored; `blank` is a customer of the id that was asked for."""
        reading = self._choices["unknown-customer" if form.id == BY_CUSTOMER else "unknown-token"]
        if reading == "business-error":
            return self.refusal(INVALID_PARAMETERS)
        return self.json(self.success_value(self.data(form, blank) if reading == "empty-list" else None))

    def _without_cards(self, stored: StoredCustomer) -> MockAnswer:
        reading = self._choices["customer-without-cards"]
        if reading == "business-error":
            return self.refusal(INVALID_PARAMETERS)
        if reading == "no-data":
            return self.json(self.success_value(None))
        cards: list[Any] | None = [] if reading == "empty-list" else None
        return self.json(self.success_value({CUSTOMER: self._adapt_customer(stored.customer), CARDS: cards}))


def data_of(value: dict[str, Any], form: Form) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the customer and the cards inside the data of a success, to be changed in place."""
    return (value[CUSTOMER], value[CARDS]) if form.id == BY_CUSTOMER else (value[CARD_OWNER], [value])


def members_about(choices: Choices, question: str) -> tuple[str, ...]:
    """Return the names of the members that a question is about."""
    abouts = next(choice.question.about for choice in choices if choice.question.id == question)
    return tuple(str(split_uri(about).tokens[-1]) for about in abouts)


def _put(value: dict[str, Any], tokens: Tokens, child: Any) -> None:
    for token in tokens[:-1]:
        value = value.setdefault(str(token), {})
    value[str(tokens[-1])] = child


def _card_adapter(choices: Choices) -> Callable[[dict[str, Any]], dict[str, Any]]:
    (created,) = members_about(choices, "create-timestamp-type")
    kind = str if choices["create-timestamp-type"] == "string" else _number
    hidden = members_about(choices, "expiry-presence") if choices["expiry-presence"] == "absent" else ()

    def adapt(card: dict[str, Any]) -> dict[str, Any]:
        adapted = {name: value for name, value in card.items() if name not in hidden}
        adapted[created] = kind(card[created])
        return adapted

    return adapt


def _number(created: Any) -> Any:
    """Return a text of digits as the number that it is; what a seed file has instead stays."""
    return int(created) if isinstance(created, str) and created.isascii() and created.isdigit() else created


def _customer_adapter(choices: Choices) -> Callable[[dict[str, Any]], dict[str, Any]]:
    if choices["customer-name-content"] == "name":
        return lambda customer: customer
    (name,) = members_about(choices, "customer-name-content")
    question = next(one.question for one in choices if one.question.id == "customer-name-content")
    reading = next(one for one in question.readings if one.id == "mobile-number")
    mobile = next(str(one.other[-1]) for one in reading.evidence if one.other)
    return lambda customer: {**customer, name: customer[mobile]}
