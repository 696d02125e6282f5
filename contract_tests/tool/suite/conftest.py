"""A server that is not ours, on the loopback: it knows one merchant, and counts what it is asked."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import Response

from opay_contract.contract.loading import load_contract
from opay_contract.mock.app import build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import running
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials

CREDENTIALS = {
    "OPAY_MERCHANT_ID": "299911112222333",
    "OPAY_PRIVATE_KEY": "OPAYPRV_TEST_ANOTHER",
    "OPAY_CUSTOMER_ID": "121111113",
}


class Staging:
    """Answers as a mock does, and refuses the first requests for haste."""

    def __init__(self, app: Any, refusals: int = 0) -> None:
        self.app, self.refusals, self.seen = app, refusals, 0
        self.url = ""
        self.lasts: int | None = None  # the requests that are answered; all of them unless told

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        self.seen += 1
        if self.seen <= self.refusals:
            await Response("", 429, {"Retry-After": "0"})(scope, receive, send)
            return
        if self.lasts is not None and self.seen > self.lasts:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"cut", "more_body": True})
            return
        await self.app(scope, receive, send)


@pytest.fixture
def staging() -> Iterator[Staging]:
    contract = load_contract()
    who = Credentials(
        merchant_id=CREDENTIALS["OPAY_MERCHANT_ID"], private_key=CREDENTIALS["OPAY_PRIVATE_KEY"]
    )
    made = MockSettings(choices=assumed_choices(contract), credentials=who)
    with Store() as store:
        store.add(RecordBook(contract).examples())
        server = Staging(build_app(contract, made, store))
        with running(server) as server.url:
            yield server
