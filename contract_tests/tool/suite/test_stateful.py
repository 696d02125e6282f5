"""Customers and cards come and go through the mock's admin path; queries always agree with a model."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from opay_contract.contract.loading import load_contract
from opay_contract.mock.records import RecordBook
from opay_contract.suite.api import Api

CUSTOMERS = ["a", "b", "shop/eg/42", "عميل-77", "a b?c#d", "100%25", "x" * 300]
TOKENS = [f"OPAY_TOKEN_{number:032x}" for number in range(6)]
SHARE = 20
"""A machine's run is worth that many other examples."""

CUSTOMER = RecordBook(load_contract()).first

customer_ids = st.sampled_from(CUSTOMERS)
tokens = st.sampled_from(TOKENS)
names = st.text(st.characters(exclude_categories=["Cs", "Nd"]), max_size=20)

Data = dict[str, Any]


@st.composite
def cards(draw: st.DrawFn, token: str) -> Data:
    card = next(iter(CUSTOMER.sample(token).items.values()))
    brand = draw(st.sampled_from(["VISA", "MASTERCARD", "MADA"]))
    return {**card, "opayToken": token, "brand": brand}


@st.composite
def sets_of_cards(draw: st.DrawFn) -> list[Data]:
    return [draw(cards(token)) for token in draw(st.lists(tokens, unique=True, max_size=3))]


@dataclass
class _Model:
    """What ought to be stored."""

    customers: dict[str, Data] = field(default_factory=dict)
    cards: dict[str, Data] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def put(self, customer: Data, given: list[Data]) -> None:
        self.remove(customer["customerId"])
        self.customers[customer["customerId"]] = customer
        for card in given:
            self.put_card(customer["customerId"], card)

    def put_card(self, customer_id: str, card: Data) -> bool:
        if customer_id in self.customers:
            self.cards[card["opayToken"]] = card
            self.owners[card["opayToken"]] = customer_id
        return customer_id in self.customers

    def remove(self, customer_id: str) -> bool:
        for token in self.tokens_of(customer_id):
            self.remove_card(token)
        return self.customers.pop(customer_id, None) is not None

    def remove_card(self, token: str) -> bool:
        self.owners.pop(token, None)
        return self.cards.pop(token, None) is not None

    def tokens_of(self, customer_id: str) -> set[str]:
        return {token for token, owner in self.owners.items() if owner == customer_id}


def shown(card: Data) -> Data:
    """Return a card as answers have it: the expiry is left out, as the vendor's example has it."""
    return {name: value for name, value in card.items() if not name.startswith("expiry")}


class _Machine(RuleBasedStateMachine):
    """Changes the mock and the model alike, and compares."""

    api: Api

    def __init__(self) -> None:
        super().__init__()
        self.model = _Model()
        for customer_id in self.admin("GET", "customers", 200):
            self.admin("DELETE", f"customers/{quote(customer_id, safe='')}", 204)

    def teardown(self) -> None:
        self.admin("POST", "reset", 204)

    def admin(self, method: str, path: str, status: int, body: Data | None = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        url = f"{self.api.judge.target.base_url}/__mock__/{path}"
        exchange = self.api.client.send(method, url, {}, sent)
        assert exchange.response.status == status
        return json.loads(exchange.response.body) if exchange.response.body else None

    @rule(customer_id=customer_ids, name=names, given=sets_of_cards())
    def put_customer(self, customer_id: str, name: str, given: list[Data]) -> None:
        customer = {**CUSTOMER.sample(customer_id).document["customer"], "customerName": name}
        self.admin("POST", "customers", 201, {"customer": customer, "cardTokens": given})
        self.model.put(customer, given)

    @rule(customer_id=customer_ids, card=tokens.flatmap(cards))
    def put_card(self, customer_id: str, card: Data) -> None:
        found = self.model.put_card(customer_id, card)
        self.admin("POST", f"customers/{quote(customer_id, safe='')}/tokens", 201 if found else 404, card)

    @rule(customer_id=customer_ids)
    def remove_customer(self, customer_id: str) -> None:
        found = self.model.remove(customer_id)
        self.admin("DELETE", f"customers/{quote(customer_id, safe='')}", 204 if found else 404)

    @rule(token=tokens)
    def remove_card(self, token: str) -> None:
        self.admin("DELETE", f"tokens/{token}", 204 if self.model.remove_card(token) else 404)

    @rule(customer_id=customer_ids)
    def ask_by_customer(self, customer_id: str) -> None:
        reply = self.api.ask("a customer or a token", {"customerId": customer_id})
        self.api.conforms(reply)
        if customer_id not in self.model.customers:
            self.api.refuses(reply, "what is not stored is refused")
            return
        data = reply.data
        assert data["customer"] == self.model.customers[customer_id]
        answered = {card["opayToken"]: card for card in data["cardTokens"]}
        assert len(answered) == len(data["cardTokens"])
        wanted = {token: shown(self.model.cards[token]) for token in self.model.tokens_of(customer_id)}
        assert answered == wanted

    @rule(token=tokens)
    def ask_by_token(self, token: str) -> None:
        reply = self.api.ask("a customer or a token", {"opayToken": token})
        self.api.conforms(reply)
        if token not in self.model.cards:
            self.api.refuses(reply, "what is not stored is refused")
            return
        owner = self.model.customers[self.model.owners[token]]
        assert reply.data == {**shown(self.model.cards[token]), "customerInfo": owner}

    @invariant()
    def the_same_customers_are_listed(self) -> None:
        assert self.admin("GET", "customers", 200) == sorted(self.model.customers)


def test_queries_agree_with_what_was_stored(api: Api) -> None:
    machine = type("Machine", (_Machine,), {"api": api})
    usual = settings()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(1, usual.max_examples // SHARE),
            stateful_step_count=30,
            suppress_health_check=[*usual.suppress_health_check, HealthCheck.data_too_large],
        ),
    )
