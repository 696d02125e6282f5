"""Makes up customers with cards from a seed number: the same number, the same customers, on every machine.

Nobody real is among them: example.com addresses, numbers of a country code that is not assigned, and the
first six and last four digits of card numbers that the schemes publish for tests.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

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
