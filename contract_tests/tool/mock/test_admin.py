"""The admin path changes customers for programs on this machine, and for nobody else."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from opay_contract.contract.contract import is_loopback
from opay_contract.mock.app import MockApp, build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store

HERE = ("127.0.0.1", 50000)
CARD = {
    "opayToken": "OPAY_TOKEN_new",
    "brand": "VISA",
    "createTimestamp": 1637822753,
    "lastFourDigits": "1111",
    "firstSixDigits": "411111",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body's value."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Asks a mock's own paths, in process."""

    app: MockApp
    drive: Callable[..., tuple[int, bytes]]
    peer: tuple[str, int] = HERE
    server: tuple[str, int] = HERE
    fields: dict[str, str] = field(default_factory=lambda: {"host": "127.0.0.1"})

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        """Send one request."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        full = f"/__mock__/{path}"
        return Answer(
            *self.drive(self.app, method, full, self.fields, content, peer=self.peer, server=self.server)
        )


@pytest.fixture
def build_client(contract: Any, store: Store, drive_app: Any) -> Callable[..., Client]:
    def build(*, admin: bool = True, **where: Any) -> Client:
        settings = MockSettings(choices=assumed_choices(contract), admin=admin)
        app = build_app(contract, settings, store, initial=RecordBook(contract).made_up(2, 1))
        return Client(app=app, drive=drive_app, **where)

    return build


@pytest.fixture
def client(build_client: Callable[..., Client]) -> Client:
    return build_client()


@pytest.mark.parametrize("customer_id", ["new", "shop/eg/42", "a b?c", "أمينة"])
def test_a_customer_is_added_listed_shown_and_removed(
    client: Client, store: Store, contract: Any, customer_id: str
) -> None:
    (made_up,) = RecordBook(contract).made_up(1, 9)
    data = RecordBook(contract).first.data(made_up)
    data["customer"]["customerId"] = customer_id
    path = "customers/" + quote(customer_id, safe="")
    assert client("POST", "customers", data).status == 201
    assert customer_id in client("GET", "customers").json()
    assert client("GET", path).json() == data
    assert client("DELETE", path).status == 204
    assert client("DELETE", path).status == client("GET", path).status == 404
    assert store.record("customers", customer_id) is None


def test_a_token_is_added_and_removed(client: Client, store: Store) -> None:
    assert client("POST", "customers/customer-1/tokens", CARD).status == 201
    assert store.record_of_item("customers", "OPAY_TOKEN_new") is not None
    assert client("DELETE", "tokens/OPAY_TOKEN_new").status == 204
    assert client("DELETE", "tokens/OPAY_TOKEN_new").status == 404
    assert client("POST", "customers/nobody/tokens", CARD).status == 404


@pytest.mark.parametrize(
    ("path", "body", "fault"),
    [
        ("customers", {"customer": {}}, "/cardTokens is missing"),
        ("customers", [], "the body is not object"),
        ("customers/customer-1/tokens", {**CARD, "brand": 1}, "/brand is not string"),
        ("customers/customer-1/tokens", None, "the body is not object"),
    ],
)
def test_what_breaks_the_schemas_is_refused(client: Client, path: str, body: Any, fault: str) -> None:
    answer = client("POST", path, body)
    assert answer.status == 400
    assert answer.json()["error"].startswith(fault)


def test_a_body_that_is_no_json_is_refused(client: Client) -> None:
    for content in (b"{", b"\xff", b'{"customer":{},"customer":{}}', b"[" * 100_000):
        assert client("POST", "customers", content).status == 400


def test_reset_brings_back_the_first_customers(client: Client, store: Store) -> None:
    assert client("POST", "reset").status == 204
    assert store.ids("customers") == ["customer-1", "customer-2"]


def test_without_admin_only_readiness_is_there(build_client: Callable[..., Client]) -> None:
    client = build_client(admin=False)
    assert client("GET", "ready").json() == {"ready": True}
    assert client("GET", "customers").status == client("POST", "reset").status == 404


@pytest.mark.parametrize(
    "where",
    [
        {"peer": ("192.0.2.1", 1)},
        {"server": ("192.0.2.1", 80)},
        {"fields": {"host": "evil.example"}},
        {"fields": {"host": "127.0.0.1", "origin": "http://evil.example"}},
        {"fields": {"host": "localhost", "origin": "null"}},
        {"fields": {}, "server": ("192.0.2.1", 80)},
    ],
)
def test_nobody_else_gets_in(
    build_client: Callable[..., Client], store: Store, where: dict[str, Any]
) -> None:
    before = store.ids("customers")
    client = build_client(**where)
    assert client("POST", "reset").status == 403
    assert client("GET", "customers").status == 403
    assert store.ids("customers") == before


def test_a_magic_id_does_not_lead_there(mock: Any) -> None:
    exchange = mock.ask(b'{"customerId":"scenario:/__mock__/reset"}')
    assert exchange.response.status == 400


def test_loopback_is_told_from_what_only_looks_like_it() -> None:
    assert all(
        map(
            is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "::ffff:127.0.0.1", "::1%lo")
        )
    )
    others = ("0.0.0.0", "::", "", None, "10.0.0.1", "localhost.evil.example", "127.0.0.1.evil.example")  # noqa: S104
    assert not any(map(is_loopback, others))
