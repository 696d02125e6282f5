"""Customers that a mock starts with: made up, read from a file, or the contract's examples.

Nobody real is among those made up: example.com addresses, numbers of a country code that is not assigned,
and the first six and last four digits of card numbers that the schemes publish for tests. The same number
makes the same customers on every machine.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from opay_contract.contract.addresses import absolute
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document, Position, load_document
from opay_contract.contract.loading import ROOT
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import Tokens, pointer
from opay_contract.judge.body import keyword_of, rule_of, tokens_of_error
from opay_contract.judge.describing import fold_pointer
from opay_contract.mock.answers import BY_CUSTOMER, BY_TOKEN, CARD_OWNER, CARDS, CUSTOMER
from opay_contract.mock.store import StoredCustomer

_NAMES = (
    "Amina Sample",
    "José Núñez-Ejemplo",
    "Chidi Ọ̀rọ̀",  # combining marks
    "أمينة مثال",
    "משה לדוגמה",
    "Зоя Примерова",
    "Ζωή Παράδειγμα",
    "山田 見本",
    "김견본",
    "आशा उदाहरण",
    'O\'Brien "Quote" \\ Slash/',
    "Zoë 🙂 Emoji",
)
_CARDS = (
    ("VISA", "411111", "1111"),
    ("VISA", "424242", "4242"),
    ("MASTERCARD", "555555", "4444"),
    ("MASTERCARD", "222300", "0003"),
    ("AMEX", "378282", "0005"),
    ("DISCOVER", "601111", "1117"),
    ("JCB", "353011", "0000"),
)
_NUMBERS_OF_CARDS = (0, 1, 1, 2, 3)
_FIRST_CREATED, _LAST_CREATED = 1_600_000_000, 1_700_000_000
_YEARS = range(27, 36)


def iter_customers(count: int, seed_number: int) -> Iterator[StoredCustomer]:
    """Yield `count` customers, named `customer-1` and so on."""
    random = Random(seed_number)  # noqa: S311  made-up data
    for number in range(1, count + 1):
        customer = _customer(f"customer-{number}", number, random)
        yield _stored(customer, [_card(random) for _ in range(random.choice(_NUMBERS_OF_CARDS))])


def sample_customer(customer_id: str) -> StoredCustomer:
    """Return a customer with two cards; the same for every id, but for the id."""
    random = Random(customer_id)  # noqa: S311  made-up data
    return _stored(_customer(customer_id, 0, random), [_card(random), _card(random)])


def _stored(customer: dict[str, Any], cards: list[dict[str, Any]]) -> StoredCustomer:
    return StoredCustomer(
        id=customer["customerId"], customer=customer, cards={card["opayToken"]: card for card in cards}
    )


def _customer(customer_id: str, number: int, random: Random) -> dict[str, Any]:
    return {
        "customerId": customer_id,
        "customerName": random.choice(_NAMES),
        "customerEmail": f"customer-{number}@example.com",
        "customerMobile": f"999{number:08}",
    }


def _card(random: Random) -> dict[str, Any]:
    brand, first, last = random.choice(_CARDS)
    return {
        "opayToken": f"OPAY_TOKEN_{random.getrandbits(128):032x}",
        "brand": brand,
        "expiryYear": f"{random.choice(_YEARS)}",
        "expiryMonth": f"{random.randint(1, 12):02}",
        "createTimestamp": random.randint(_FIRST_CREATED, _LAST_CREATED),
        "lastFourDigits": last,
        "firstSixDigits": first,
    }


class Seeds:
    """Turns the data of answers by customer, `{"customer": {}, "cardTokens": []}`, into stored customers."""

    def __init__(self, contract: Contract) -> None:
        self._operation = next(operation for operation in contract.operations if operation.forms)
        self._forms = {form.id: form for form in self._operation.forms}
        self._contract = contract
        address = _data_address(contract, self._operation, self._forms[BY_CUSTOMER])
        self._customer = contract.schemas.closed_validator(address)
        self._card = contract.schemas.closed_validator(f"{address}#/properties/{CARDS}/items")
        self._id = str(self._forms[BY_CUSTOMER].echoes[0].response[-1])
        self._token = str(self._forms[BY_TOKEN].echoes[0].response[-1])

    def load(self, path: Path) -> list[StoredCustomer]:
        """Read a JSON or YAML file that holds a list of customers; every fault names its line and column."""
        try:
            document = load_document(path, str(path))
        except ContractError as error:
            raise UsageError(str(error)) from error
        if not isinstance(document.value, list):
            raise UsageError(
                f"{path}:1:1: expected a list of customers, each as the data of an answer by customer"
            )
        for index, item in enumerate(document.value):
            for tokens, fault in self.faults(item):
                raise UsageError(_at(document, (index, *tokens), fault))
        self._refuse_repeated(document)
        return [self.stored(item) for item in document.value]

    def faults(self, data: Any) -> Iterator[tuple[Tokens, str]]:
        """Yield place and fault of whatever keeps data from being a customer."""
        return iter_faults(self._customer, data)

    def card_faults(self, card: Any) -> Iterator[tuple[Tokens, str]]:
        """Yield place and fault of whatever keeps a value from being a card."""
        return iter_faults(self._card, card)

    def stored(self, data: dict[str, Any]) -> StoredCustomer:
        """Return the customer that sound data hold."""
        customer = data[CUSTOMER]
        return StoredCustomer(
            id=customer[self._id], customer=customer, cards={self.token(card): card for card in data[CARDS]}
        )

    def data(self, stored: StoredCustomer) -> dict[str, Any]:
        """Return a customer as data again; `stored` turns it back."""
        return {CUSTOMER: stored.customer, CARDS: list(stored.cards.values())}

    def token(self, card: dict[str, Any]) -> str:
        """Return what identifies a card."""
        return str(card[self._token])

    def examples(self) -> list[StoredCustomer]:
        """Return the customers of the contract's examples, with what the examples by token add to them."""
        customers = {stored.id: stored for stored in map(self.stored, self._successes(BY_CUSTOMER))}
        for data in self._successes(BY_TOKEN):
            card = {name: value for name, value in data.items() if name != CARD_OWNER}
            stored = self.stored({CUSTOMER: data[CARD_OWNER], CARDS: [card]})
            before = customers.get(stored.id)
            cards = {**(before.cards if before else {}), **stored.cards}
            customers[stored.id] = StoredCustomer(id=stored.id, customer=stored.customer, cards=cards)
        return list(customers.values())

    def _successes(self, form_id: str) -> list[dict[str, Any]]:
        envelope, form = self._operation.envelope, self._forms[form_id]
        if envelope is None:
            return []
        (code,), (data,) = envelope.code, envelope.data
        examples = self._contract.schemas.node(form.response).get("examples", ())
        return [example[data] for example in examples if example[code] in envelope.success]

    def _refuse_repeated(self, document: Document) -> None:
        seen: set[tuple[str, str]] = set()
        for index, item in enumerate(document.value):
            identities: list[tuple[Tokens, str]] = [((index, CUSTOMER, self._id), item[CUSTOMER][self._id])]
            identities += [
                ((index, CARDS, i, self._token), self.token(card)) for i, card in enumerate(item[CARDS])
            ]
            for tokens, identity in identities:
                if (str(tokens[-1]), identity) in seen:
                    raise UsageError(
                        _at(document, tokens, "is there twice; it must identify one customer or card")
                    )
                seen.add((str(tokens[-1]), identity))


def _data_address(contract: Contract, operation: Operation, form: Form) -> str:
    forms = contract.schemas.node(f"{operation.uri}/x-forms")
    return next(absolute(node["data"]["$ref"], ROOT) for node in forms if node["id"] == form.id)


def iter_faults(validator: Any, value: Any) -> Iterator[tuple[Tokens, str]]:
    """Yield place and fault of whatever keeps a value from being what a schema describes."""
    for error in validator.iter_errors(value):
        keyword = keyword_of(error)
        if keyword == "unevaluatedProperties":
            yield (*error.instance_path, error.kind.unexpected[0]), "is no member that the contract knows"
        else:
            _, expected = rule_of(keyword, error.kind.value, error.instance)
            fault = "is missing" if keyword == "required" else f"is not {expected}"
            yield tokens_of_error(error, keyword), fault


def _at(document: Document, tokens: Tokens, fault: str) -> str:
    place = _position(document, tokens)
    return (
        f"{document.name}:{place.line}:{place.column}: {fold_pointer(tokens[1:]) or 'the customer'} {fault}"
    )


def _position(document: Document, tokens: Tokens) -> Position:
    """Return where a value stands; where its nearest container does when it is missing."""
    while pointer(tokens) not in document.positions:
        tokens = tokens[:-1]
    return document.positions[pointer(tokens)]
