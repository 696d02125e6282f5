"""Traffic over many days into which drift is put, and a copy of the contract to change."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.drift.fold import Fold
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.model.summary import DriftSummary
from opay_contract.suggest.suggesting import suggest_changes
from opay_contract.suggest.suggestion import Proposal, Thresholds, read_draft

REPOSITORY = Path(__file__).parents[3]
LEDGER = REPOSITORY / "contract_tests" / "tool" / "whole" / "contracts" / "ledger"
URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
DAYS, PER_DAY = 4, 7

Call = dict[str, Any]
"""One exchange as the native format has it, its bodies as values."""

Change = Callable[[Call], None]

CUSTOMER = {
    "customerId": "customer-1",
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


def by_customer() -> Call:
    data = {"customer": dict(CUSTOMER), "cardTokens": [dict(CARD)]}
    return _call({"customerId": "customer-1"}, {"code": "00000", "message": "SUCCESSFUL", "data": data})


def by_token() -> Call:
    data = {**CARD, "customerInfo": dict(CUSTOMER)}
    query = {"opayToken": CARD["opayToken"]}
    return _call(query, {"code": "00000", "message": "SUCCESSFUL", "data": data})


def refused() -> Call:
    return _call({"customerId": "customer-1"}, {"code": "02000", "message": "Authentication failed"})


def balance() -> Call:
    call = _call(None, {"amount": 12.5, "currency": "EGP", "owner": "person@example.com"})
    call["request"] = {"method": "GET", "url": "https://ledger.example/v2/accounts/7/balance"}
    return call


def _call(query: Any, answer: Any) -> Call:
    headers = {
        "Authorization": "Bearer 0",
        "MerchantId": "256612345678901",
        "Content-Type": "application/json",
    }
    return {
        "request": {"method": "POST", "url": URL, "headers": headers, "body": query},
        "response": {"status": 200, "headers": {"Content-Type": "application/json"}, "body": answer},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Exchanges over some days, in which `change` befalls one call of every `one_in`, from a day on."""

    makers: tuple[Callable[[], Call], ...] = (by_customer, by_token, refused)
    change: Change = lambda _call: None
    one_in: int = 1
    from_day: int = 1
    days: int = DAYS
    per_day: int = PER_DAY
    is_dated: bool = True

    def calls(self) -> Iterator[Call]:
        """Return the exchanges in order."""
        number = 0
        for day in range(1, self.days + 1):
            for hour in range(self.per_day):
                for maker in self.makers:
                    call = copy.deepcopy(maker())
                    if self.is_dated:
                        call["recorded_at"] = f"2026-05-{day:02}T{hour % 24:02}:00:00Z"
                    number += 1
                    if day >= self.from_day and number % self.one_in == 0:
                        self.change(call)
                    yield call

    def lines(self) -> str:
        """Return the traffic in the native format."""
        return "".join(f"{json.dumps(call)}\n" for call in self.calls())

    def summary(self, contract: Contract) -> DriftSummary:
        """Return what checking the traffic gives."""
        fold = Fold(contract, Settings(started_at=1_790_000_000.0))
        for number, call in enumerate(self.calls(), start=1):
            fold.add(_exchange(number, call))
        return fold.summary()


def _exchange(number: int, call: Call) -> Exchange:
    request, response = call["request"], call["response"]
    return Exchange(
        place=Place(source=0, entry=number, file="-", line=number),
        request=Request(
            method=request["method"],
            url=request["url"],
            headers=tuple(request.get("headers", {}).items()),
            body=json.dumps(request["body"]).encode() if request.get("body") is not None else b"",
        ),
        response=Response(
            status=response["status"],
            headers=tuple(response["headers"].items()),
            body=response["body"]
            if isinstance(response["body"], bytes)
            else json.dumps(response["body"]).encode(),
        ),
        recorded_at=call.get("recorded_at"),
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """A contract in a folder, asked for suggestions and changed by them."""

    folder: Path

    def propose(
        self, traffic: Traffic, *, narrow: bool = False, limits: Thresholds | None = None
    ) -> Proposal:
        """Return what traffic suggests."""
        draft = read_draft(self.folder)
        contract = draft.contract()
        return suggest_changes(
            traffic.summary(contract), contract, draft, limits or Thresholds(), is_narrowing=narrow
        )

    def write(self, proposal: Proposal) -> None:
        """Change the contract as a proposal says."""
        for revision in proposal.revisions:
            (self.folder / revision.name).write_bytes(revision.after.encode())

    def findings(self, traffic: Traffic) -> set[str]:
        """Return the fingerprints of what traffic breaks by now."""
        summary = traffic.summary(read_draft(self.folder).contract())
        return {folded.fingerprint for folded in summary.findings.values()}


def copy_contract(folder: Path) -> Bench:
    """Put a copy of OPay's contract into a folder."""
    shutil.copy(REPOSITORY / "openapi.yaml", folder)
    shutil.copytree(REPOSITORY / "schemas", folder / "schemas")
    return Bench(folder)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A copy of OPay's contract."""
    return copy_contract(tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Bench:
    """A copy of the invented contract."""
    shutil.copytree(LEDGER, tmp_path / "ledger")
    return Bench(tmp_path / "ledger")
