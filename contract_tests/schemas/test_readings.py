"""Every piece of evidence for a reading is shown by an exchange, and by nothing that comes close to it."""

from collections.abc import Callable
from typing import Any

import pytest

from opay_contract.contract.loading import load_contract

Compose = Callable[..., dict[str, Any]]

BY_CUSTOMER, BY_TOKEN, BOTH = {"customerId": "c"}, {"opayToken": "t"}, {"customerId": "c", "opayToken": "t"}
ERROR = {"code": "02001", "message": "request params not valid."}
TOKEN = "OPAY_TOKEN_" + "0" * 32
LONG_TOKEN = TOKEN + "\n"
"""Python's `$` would take this for a token of the documented form."""

DATED = {"expiryYear": "26", "expiryMonth": "02"}
NOBODY = {"MerchantId": None}
UNSPACED = {"Authorization": "Bearer" + "0" * 128}
SAME = {"customerName": "20120000001"}

CASES: dict[tuple[str, str, int], dict[str, Any]] = {
    ("create-timestamp-type", "string", 0): {"cards": {"createTimestamp": "1700000000"}},
    ("create-timestamp-type", "string", 1): {"token": {"createTimestamp": "1700000000"}},
    ("create-timestamp-type", "number", 0): {"cards": {}},
    ("create-timestamp-type", "number", 1): {"token": {}},
    ("expiry-presence", "present", 0): {"cards": DATED},
    ("expiry-presence", "present", 1): {"token": DATED},
    ("expiry-presence", "absent", 0): {"cards": {}},
    ("expiry-presence", "absent", 1): {"token": {}},
    ("success-code", "00000", 0): {"cards": {}},
    ("success-code", "00", 0): {"cards": {}, "code": "00"},
    ("customer-name-content", "name", 0): {"cards": {}},
    ("customer-name-content", "name", 1): {"token": {}},
    ("customer-name-content", "mobile-number", 0): {"cards": {}, "customer": SAME},
    ("customer-name-content", "mobile-number", 1): {"token": {}, "customer": SAME},
    ("duplicate-order-code", "answered", 0): {"answer": {"code": "20000", "message": "m"}},
    ("authentication-code", "02000", 0): {"answer": {"code": "02000", "message": "m"}},
    ("authentication-code", "other", 0): {"answer": {}, "status": 401},
    ("error-status", "always-200", 0): {"answer": ERROR},
    ("error-status", "http-status", 0): {"answer": ERROR, "status": 400},
    ("authorization-form", "one-space", 0): {"cards": {}},
    ("authorization-form", "no-space", 0): {"cards": {}, "headers": UNSPACED},
    ("opay-token-form", "as-the-example", 0): {"cards": {"opayToken": TOKEN}},
    ("opay-token-form", "as-the-example", 1): {"token": {"opayToken": TOKEN}},
    ("opay-token-form", "other", 0): {"cards": {"opayToken": LONG_TOKEN}},
    ("opay-token-form", "other", 1): {"token": {"opayToken": LONG_TOKEN}},
    ("customer-without-cards", "empty-list", 0): {"answer": {"code": "00", "data": {"cardTokens": []}}},
    ("customer-without-cards", "null-list", 0): {"answer": {"code": "00", "data": {"cardTokens": None}}},
    ("customer-without-cards", "no-data", 0): {"answer": {"code": "00", "data": None}},
    ("error-data", "null", 0): {"answer": {**ERROR, "data": None}},
    ("error-data", "absent", 0): {"answer": ERROR},
    ("both-keys", "token", 0): {"query": BOTH, "token": {}},
    ("both-keys", "customer", 0): {"query": BOTH, "cards": {}},
    ("both-keys", "business-error", 0): {"query": BOTH, "answer": ERROR},
    ("missing-parameter", "business-error", 0): {"query": {}, "answer": ERROR},
    ("missing-parameter", "http-error", 0): {"query": {}, "answer": {}, "status": 400},
    ("wrong-method", "http-error", 0): {"method": "GET", "answer": {}, "status": 405},
    ("wrong-method", "business-error", 0): {"method": "GET", "answer": ERROR},
    ("missing-merchant-id", "authentication-failed", 0): {"headers": NOBODY, "answer": {"code": "02000"}},
    ("missing-merchant-id", "merchant-is-null", 0): {"headers": NOBODY, "answer": {"code": "00003"}},
    ("undocumented-member", "business-error", 0): {"query": {"customerId": "c", "page": 1}, "answer": ERROR},
    ("undocumented-member", "ignored", 0): {"query": {"customerId": "c", "page": 1}, "cards": {}},
}
"""Exchanges by question, reading and number of the evidence; `cards` and `token` replace a card's members."""

CLOSE: dict[str, list[dict[str, Any]]] = {
    "create-timestamp-type": [{"cards": {"createTimestamp": None}}],
    "expiry-presence": [{"cards": {"expiryYear": "26"}}],
    "success-code": [{"answer": ERROR}],
    "customer-name-content": [{"answer": {"code": "00", "data": {"customer": {"customerMobile": "1"}}}}],
    "duplicate-order-code": [{"answer": ERROR}],
    "authentication-code": [{"answer": ERROR}],
    "error-status": [{"cards": {}}, {"answer": {}, "status": 502}],
    "authorization-form": [{"answer": ERROR}, {"answer": ERROR, "headers": UNSPACED}],
    "opay-token-form": [{"cards": {"opayToken": 7}}],
    "customer-without-cards": [{"cards": {}}, {"answer": {**ERROR, "data": None}}],
    "error-data": [
        {"answer": {**ERROR, "data": {}}},
        {"answer": {"code": "00"}},
        {"answer": {"code": "00", "data": None}},
    ],
    "both-keys": [{"cards": {}}],
    "missing-parameter": [{"answer": ERROR}, {"query": {}, "cards": {}}],
    "wrong-method": [{"answer": ERROR}],
    "missing-merchant-id": [{"answer": {"code": "02000"}}],
    "undocumented-member": [{"answer": ERROR}],
}
"""Exchanges by question that come close and speak for no reading."""

ASSUMED = {
    "create-timestamp-type": "number",
    "expiry-presence": "absent",
    "success-code": "00000",
    "customer-name-content": "name",
    "duplicate-order-code": "copied",
    "authentication-code": "02000",
    "error-status": "always-200",
    "authorization-form": "one-space",
    "opay-token-form": "as-the-example",
    "customer-without-cards": "empty-list",
    "error-data": "absent",
    "both-keys": "business-error",
    "missing-parameter": "business-error",
    "malformed-json": "business-error",
    "wrong-method": "http-error",
    "wrong-content-type": "business-error",
    "missing-merchant-id": "authentication-failed",
    "oversized-body": "business-error",
    "undocumented-member": "business-error",
    "unknown-customer": "business-error",
    "unknown-token": "business-error",
    "non-ascii-signature": "raw",
    "signed-key-order": "alphabetical",
    "signed-special-values": "as-compact-json",
}
"""What the mock does where nobody knows; clients are tested against it, so a change here is a decision."""

WITHOUT_EVIDENCE = {
    "duplicate-order-code": {"copied"},
    "customer-without-cards": {"business-error"},
    "malformed-json": {"business-error", "http-error"},
    "wrong-content-type": {"http-error", "business-error", "accepted"},
    "oversized-body": {"business-error", "http-error"},
    "unknown-customer": {"business-error", "empty-list", "no-data"},
    "unknown-token": {"business-error", "no-data"},
    "non-ascii-signature": {"raw", "escaped"},
    "signed-key-order": {"alphabetical", "server-order"},
    "signed-special-values": {"as-compact-json", "otherwise"},
}
"""Readings that no recording can show."""

QUESTIONS = {question.id: question for question in load_contract().questions}


@pytest.fixture(scope="session")
def read(
    bench: Any, success: Compose, one_token: Compose, customer: dict[str, Any]
) -> Callable[..., set[str]]:
    """Return a function from a case to the readings of one question that it speaks for."""

    def read_case(question: str, case: dict[str, Any]) -> set[str]:
        parts = {key: case[key] for key in ("query", "status", "headers", "method") if key in case}
        person = customer | case.get("customer", {})
        answer = case.get("answer")
        if "cards" in case:
            answer = success(case.get("code", "00000"), **case["cards"])
            answer["data"] = answer["data"] | {"customer": person}
        elif "token" in case:
            answer = one_token(**case["token"], customerInfo=person)
            parts.setdefault("query", BY_TOKEN)
        readings = bench.readings(answer=answer, **parts)
        return {reading for asked, reading in readings if asked == question}

    return read_case


def marked(case: tuple[str, str, int]) -> Any:
    return pytest.param(case, id=f"{case[0]}-{case[1]}-{case[2]}")


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_evidence_speaks_for_its_reading_and_no_other(
    read: Callable[..., set[str]], case: tuple[str, str, int]
) -> None:
    assert read(case[0], CASES[case]) == {case[1]}


@pytest.mark.parametrize("question", CLOSE)
def test_what_comes_close_speaks_for_no_reading(read: Callable[..., set[str]], question: str) -> None:
    for case in CLOSE[question]:
        assert read(question, case) == set(), case


def test_every_piece_of_evidence_has_a_case() -> None:
    evidence = {
        (question.id, reading.id, number)
        for question in QUESTIONS.values()
        for reading in question.readings
        for number in range(len(reading.evidence))
    }
    assert evidence == CASES.keys()
    assert {question for question, _, _ in evidence} == CLOSE.keys()


def test_readings_that_recordings_cannot_show_are_counted_out() -> None:
    silent = {
        question.id: {reading.id for reading in question.readings if not reading.evidence}
        for question in QUESTIONS.values()
    }
    assert {question: readings for question, readings in silent.items() if readings} == WITHOUT_EVIDENCE


def test_the_assumed_readings_are_those_that_were_decided() -> None:
    assumed = {
        question.id: [reading.id for reading in question.readings if reading.assumed]
        for question in QUESTIONS.values()
    }
    assert assumed == {question: [reading] for question, reading in ASSUMED.items()}
