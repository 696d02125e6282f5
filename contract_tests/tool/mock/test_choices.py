"""The mock really does what each choice says, and its exchanges count as evidence for it."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.errors import UsageError
from opay_contract.judge.subject import Settings
from opay_contract.mock.statement import assumed_choices, render_choices
from opay_contract.mock.validation import Credentials
from opay_contract.model.exchange import Exchange
from opay_contract.signing.signer import sign

IMPLEMENTED = {one.question.id: list(one.stated.readings) for one in assumed_choices(load_contract())}
READINGS = [(question, reading) for question, readings in IMPLEMENTED.items() for reading in readings]


class Probe:
    """A mock, and what is asked of it."""

    def __init__(self, mock: Any, reading: str, with_cards: str, without_cards: str, token: str) -> None:
        self.mock, self.token = mock, token
        self.customer = json.dumps({"customerId": with_cards}).encode()
        self.without_cards = json.dumps({"customerId": without_cards}).encode()
        self.both = json.dumps({"customerId": with_cards, "opayToken": token}).encode()
        signed = sign(self.customer, Credentials().private_key, mock.contract.signature).header
        self.header = signed.replace(" ", "") if reading == "no-space" else signed

    def __call__(self, body: bytes, **fields: str | None) -> Exchange:
        """Send a signed query."""
        exchange: Exchange = self.mock.ask(body, **fields)
        return exchange


PROBES: dict[str, Callable[[Probe], Exchange]] = {
    "wrong-method": lambda ask: ask.mock.send("GET", {}, b""),
    "oversized-body": lambda ask: ask(b'{"customerId":"' + b"a" * 2**20 + b'"}'),
    "wrong-content-type": lambda ask: ask(ask.customer, content_type="text/plain"),
    "missing-merchant-id": lambda ask: ask(ask.customer, merchantid=None),
    "malformed-json": lambda ask: ask(b"{", authorization="Bearer 0"),
    "authentication-code": lambda ask: ask(ask.customer, authorization="Bearer 0"),
    "missing-parameter": lambda ask: ask(b"{}"),
    "both-keys": lambda ask: ask(ask.both),
    "undocumented-member": lambda ask: ask(b'{"customerId":"customer-1","limit":"1"}'),
    "unknown-customer": lambda ask: ask(b'{"customerId":"nobody"}'),
    "unknown-token": lambda ask: ask(b'{"opayToken":"none"}'),
    "customer-without-cards": lambda ask: ask(ask.without_cards),
    "error-data": lambda ask: ask(b'{"customerId":"nobody"}'),
    "error-status": lambda ask: ask(b'{"customerId":"nobody"}'),
    "authorization-form": lambda ask: ask(ask.customer, authorization=ask.header),
    "success-code": lambda ask: ask(ask.customer),
    "create-timestamp-type": lambda ask: ask(ask.customer),
    "expiry-presence": lambda ask: ask(ask.customer),
    "customer-name-content": lambda ask: ask(ask.customer),
}

EXPECTED: dict[tuple[str, str], Callable[[int, Any], bool]] = {
    ("wrong-method", "http-error"): lambda status, body: (status, body["code"]) == (405, "02001"),
    ("wrong-method", "business-error"): lambda status, body: (status, body["code"]) == (200, "02001"),
    ("oversized-body", "http-error"): lambda status, body: (status, body) == (413, None),
    ("oversized-body", "business-error"): lambda status, body: (status, body["code"]) == (200, "02001"),
    ("wrong-content-type", "http-error"): lambda status, body: (status, body) == (415, None),
    ("wrong-content-type", "business-error"): lambda status, body: (status, body["code"]) == (200, "02001"),
    ("wrong-content-type", "accepted"): lambda status, body: (status, body["code"]) == (200, "00000"),
    ("missing-merchant-id", "authentication-failed"): lambda status, body: (
        (status, body["code"]) == (200, "02000")
    ),
    ("missing-merchant-id", "merchant-is-null"): lambda status, body: (
        (status, body["code"]) == (200, "00003")
    ),
    ("malformed-json", "business-error"): lambda status, body: (status, body["code"]) == (200, "02001"),
    ("malformed-json", "http-error"): lambda status, body: (status, body) == (400, None),
    ("authentication-code", "02000"): lambda status, body: (status, body["code"]) == (200, "02000"),
    ("authentication-code", "other"): lambda status, body: (status, body) == (401, None),
    ("authorization-form", "one-space"): lambda _, body: body["code"] == "00000",
    ("authorization-form", "no-space"): lambda _, body: body["code"] == "00000",
    ("missing-parameter", "business-error"): lambda status, body: (status, body["code"]) == (200, "02001"),
    ("missing-parameter", "http-error"): lambda status, body: (status, body) == (400, None),
    ("both-keys", "token"): lambda _, body: "opayToken" in body["data"],
    ("both-keys", "customer"): lambda _, body: "cardTokens" in body["data"],
    ("both-keys", "business-error"): lambda _, body: body["code"] == "02001",
    ("undocumented-member", "business-error"): lambda _, body: body["code"] == "02001",
    ("undocumented-member", "ignored"): lambda _, body: body["code"] == "00000",
    ("unknown-customer", "business-error"): lambda _, body: body["code"] == "02001",
    ("unknown-customer", "empty-list"): lambda _, body: (
        body["data"]["customer"]["customerId"] == "nobody" and body["data"]["cardTokens"] == []
    ),
    ("unknown-customer", "no-data"): lambda _, body: (body["code"], body["data"]) == ("00000", None),
    ("unknown-token", "business-error"): lambda _, body: body["code"] == "02001",
    ("unknown-token", "no-data"): lambda _, body: (body["code"], body["data"]) == ("00000", None),
    ("customer-without-cards", "empty-list"): lambda _, body: body["data"]["cardTokens"] == [],
    ("customer-without-cards", "null-list"): lambda _, body: body["data"]["cardTokens"] is None,
    ("customer-without-cards", "no-data"): lambda _, body: (body["code"], body["data"]) == ("00000", None),
    ("customer-without-cards", "business-error"): lambda _, body: body["code"] == "02001",
    ("error-data", "null"): lambda _, body: body["data"] is None,
    ("error-data", "absent"): lambda _, body: "data" not in body,
    ("error-status", "always-200"): lambda status, body: (status, body["code"]) == (200, "02001"),
    ("error-status", "http-status"): lambda status, body: (status, body["code"]) == (400, "02001"),
    ("success-code", "00000"): lambda _, body: body["code"] == "00000",
    ("success-code", "00"): lambda _, body: body["code"] == "00",
    ("create-timestamp-type", "string"): lambda _, body: all(
        card["createTimestamp"].isdigit() for card in body["data"]["cardTokens"]
    ),
    ("create-timestamp-type", "number"): lambda _, body: all(
        isinstance(card["createTimestamp"], int) for card in body["data"]["cardTokens"]
    ),
    ("expiry-presence", "present"): lambda _, body: all(
        len(card["expiryYear"] + card["expiryMonth"]) == 4 for card in body["data"]["cardTokens"]
    ),
    ("expiry-presence", "absent"): lambda _, body: all(
        not {"expiryYear", "expiryMonth"} & card.keys() for card in body["data"]["cardTokens"]
    ),
    ("customer-name-content", "name"): lambda _, body: (
        body["data"]["customer"]["customerName"] != body["data"]["customer"]["customerMobile"]
    ),
    ("customer-name-content", "mobile-number"): lambda _, body: (
        body["data"]["customer"]["customerName"] == body["data"]["customer"]["customerMobile"]
    ),
}


NEVER_EVIDENCE = {"wrong-method"}
"""Evidence counts for known operations alone, and another method is none."""


@each(("question", "reading"), READINGS)
def test_the_mock_acts_on_the_reading_that_is_taken(  # noqa: PLR0913, PLR0917  fixtures
    question: str,
    reading: str,
    build_mock: Callable[..., Any],
    with_cards: str,
    without_cards: str,
    token: str,
) -> None:
    mock = build_mock(f"{question}={reading}")
    probe = Probe(mock, reading, with_cards, without_cards, token)
    exchange = PROBES[question](probe)
    body = json.loads(exchange.response.body) if exchange.response.body else None
    assert EXPECTED[question, reading](exchange.response.status, body)
    assert_evidence(mock, exchange, question, reading)


def assert_evidence(mock: Any, exchange: Exchange, question: str, reading: str) -> None:
    """Where the contract says what speaks for a reading, the exchange does, and for no other one."""
    asked = [
        entry for entry in mock.contract.questions if entry.id == question and question not in NEVER_EVIDENCE
    ]
    fold = Fold(replace(mock.contract, questions=tuple(asked)), Settings(started_at=time.time()))
    fold.add(exchange)
    shown = {entry.id for entry in asked[0].readings if entry.evidence} if asked else set()
    assert {name for _, name in fold.summary().readings} == shown & {reading}


def test_every_choice_is_in_the_list_with_the_assumed_reading_marked() -> None:
    contract = load_contract()
    lines = render_choices(assumed_choices(contract)).splitlines()
    assert [line.partition(":")[0] for line in lines if not line.startswith(" ")] == list(IMPLEMENTED)
    marked = [line.split()[1].rstrip(":") for line in lines if line.startswith("  *")]
    assumed = {
        question.id: reading.id
        for question in contract.questions
        for reading in question.readings
        if reading.assumed
    }
    assert marked == [assumed.get(question, "business-error") for question in IMPLEMENTED]


def test_the_readings_are_those_of_the_contract() -> None:
    readings = {
        question.id: {reading.id for reading in question.readings} for question in load_contract().questions
    }
    for question, implemented in IMPLEMENTED.items():
        assert set(implemented) == readings.get(question, set(implemented))


@each(
    ("pick", "message"),
    [
        ("wrong-metod=http-error", "unknown question 'wrong-metod'; did you mean 'wrong-method'"),
        (
            "wrong-method=http-eror",
            "unknown reading of the question 'wrong-method' 'http-eror'; did you mean",
        ),
        ("wrong-method", "has no '='; write it as QUESTION=READING"),
    ],
)
def test_an_unknown_choice_is_an_error(pick: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        assumed_choices(load_contract()).changed([pick])
