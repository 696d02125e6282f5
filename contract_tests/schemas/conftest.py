"""Exchanges made up from their parts, and what the contract makes of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.model.summary import DriftSummary
from opay_contract.signing.signer import sign

KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
STARTED_AT = 1_790_000_000.0
UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Bench:
    """The contract, asked about one exchange at a time; every part of a good one can be replaced."""

    contract: Contract

    def exchange(  # noqa: PLR0913  an exchange's parts
        self,
        *,
        query: Any = None,
        answer: Any = UNSET,
        status: int = 200,
        method: str = "POST",
        url: str = URL,
        headers: dict[str, str | None] | None = None,
        content_type: str = "application/json",
    ) -> Exchange:
        """Return an exchange with a signed query by customer; `headers` replaces fields or drops them."""
        asked = {"customerId": "customer-1"} if query is None else query
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        assert self.contract.signature is not None
        fields = {
            "Authorization": sign(body, KEY, self.contract.signature).header,
            "MerchantId": "256612345678901",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        return Exchange(
            place=Place(source=0, entry=1, file="-"),
            request=Request(
                method=method,
                url=url,
                headers=tuple((name, value) for name, value in fields.items() if value is not None),
                body=body,
            ),
            response=Response(
                status=status,
                headers=(("Content-Type", content_type),),
                body=b"" if answer is UNSET else json.dumps(answer).encode(),
            ),
            recorded_at="2026-05-01T10:00:00Z",
        )

    def summary(self, **parts: Any) -> DriftSummary:
        """Return what one exchange shows."""
        fold = Fold(self.contract, Settings(started_at=STARTED_AT, private_key=KEY))
        fold.add(self.exchange(**parts))
        return fold.summary()

    def rules(self, **parts: Any) -> list[str]:
        """Return the ids of the rules that find something in one exchange, each as often as it does."""
        exchange = self.exchange(**parts)
        match = self.contract.match(exchange)
        assert match.route.in_scope
        settings = Settings(started_at=STARTED_AT, private_key=KEY)
        return sorted(one.rule.id for one in check_exchange(self.contract, exchange, match, settings))

    def readings(self, **parts: Any) -> dict[tuple[str, str], int]:
        """Return the readings of open questions that one exchange speaks for."""
        return self.summary(**parts).readings


@pytest.fixture(scope="session")
def bench() -> Bench:
    return Bench(load_contract())


@pytest.fixture(scope="session")
def customer() -> dict[str, Any]:
    return {
        "customerId": "customer-1",
        "customerName": "Test Person",
        "customerEmail": "person@example.com",
        "customerMobile": "20120000001",
    }


@pytest.fixture(scope="session")
def card() -> dict[str, Any]:
    return {
        "opayToken": "OPAY_TOKEN_0123456789abcdef0123456789abcdef",
        "brand": "VISA",
        "createTimestamp": 1_700_000_000,
        "lastFourDigits": "1111",
        "firstSixDigits": "411111",
    }


@pytest.fixture(scope="session")
def success(customer: dict[str, Any], card: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Return a function that composes an answer to a query by customer, with members of its card replaced."""

    def compose(code: str = "00000", **members: Any) -> dict[str, Any]:
        data = {"customer": customer, "cardTokens": [card | members]}
        return {"code": code, "message": "SUCCESSFUL", "data": data}

    return compose


@pytest.fixture(scope="session")
def one_token(customer: dict[str, Any], card: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Return a function that composes an answer to a query by token."""

    def compose(**members: Any) -> dict[str, Any]:
        return {
            "code": "00000",
            "message": "SUCCESSFUL",
            "data": {**card, "customerInfo": customer, **members},
        }

    return compose
