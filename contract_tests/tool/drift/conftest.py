"""Synthetic traffic over many days, and what a check of it says."""

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.formats.native import parse_line
from opay_contract.judge.subject import Settings
from opay_contract.model.observation import Window
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source

URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
STARTED_AT = 1_790_000_000.0
CUSTOMER = {
    "customerId": "121111113",
    "customerName": "Test Person",
    "customerEmail": "person@example.com",
    "customerMobile": "20120000001",
}
CARD = {
    "opayToken": "OPAY_TOKEN_0123456789abcdef0123456789abcdef",
    "brand": "VISA",
    "createTimestamp": 1_700_000_000,
    "lastFourDigits": "1111",
    "firstSixDigits": "411111",
}

Line = dict[str, Any]
Summarise = Callable[..., DriftSummary]


def by_customer(day: str | None, **card: Any) -> Line:
    """Return an exchange of a day; members of the card are changed, or left out where they are None."""
    made = {name: value for name, value in {**deepcopy(CARD), **card}.items() if value is not None}
    data = {"customer": dict(CUSTOMER), "cardTokens": [made]}
    return exchange(
        day, {"customerId": "121111113"}, {"code": "00000", "message": "SUCCESSFUL", "data": data}
    )


def by_token(day: str | None, **token: Any) -> Line:
    """Return an exchange of the other request form."""
    data = {**deepcopy(CARD), "customerInfo": dict(CUSTOMER), **token}
    query = {"opayToken": CARD["opayToken"]}
    return exchange(day, query, {"code": "00000", "message": "SUCCESSFUL", "data": data})


def refused(day: str | None, code: str = "02001", message: str = "request params not valid.") -> Line:
    """Return an exchange that ended in a business error."""
    return exchange(day, {"customerId": ""}, {"code": code, "message": message, "data": None})


def exchange(day: str | None, query: Any, answer: Any, status: int = 200) -> Line:
    """Return an exchange of a day, without a time where that is None."""
    headers = {
        "Authorization": "Bearer x",
        "MerchantId": "256612345678901",
        "Content-Type": "application/json",
    }
    return {
        "request": {"method": "POST", "url": URL, "headers": headers, "body": query},
        "response": {"status": status, "headers": {"Content-Type": "application/json"}, "body": answer},
        **({"recorded_at": f"{day}T10:00:00Z"} if day else {}),
    }


def encode(lines: Iterable[Line]) -> list[bytes]:
    """Return lines of the native format."""
    return [json.dumps(line, separators=(",", ":")).encode() for line in lines]


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Return OPay's contract."""
    return load_contract()


@pytest.fixture(scope="session")
def summarise(contract: Contract) -> Summarise:
    """Return a function from exchanges to the summary of a check of them."""

    def fold(lines: Iterable[Line], window: Window | None = None) -> DriftSummary:
        folded = Fold(contract, Settings(started_at=STARTED_AT, window=window))
        source = Source(ordinal=0, name="-", path=None)
        for number, line in enumerate(encode(lines), 1):
            folded.add(parse_line(source.place(number, number), line))
        return folded.summary()

    return fold
