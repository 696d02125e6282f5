"""The synthetic people, their cards and the calls that the corpus is made of."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

HOST = "sandbox-cashierapi.opaycheckout.com"
PATH = "/api/v1/international/token/query"
URL = f"https://{HOST}{PATH}"
MERCHANT = "256612345678901"
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"

VISA = {"brand": "VISA", "firstSixDigits": "411111", "lastFourDigits": "1111"}
VISA_DEBIT = {"brand": "VISA", "firstSixDigits": "400005", "lastFourDigits": "5556"}
MASTERCARD = {"brand": "MASTERCARD", "firstSixDigits": "555555", "lastFourDigits": "4444"}


@dataclass(frozen=True, slots=True)
class Card:
    """A saved test card; `expiry` is (year, month), None where the answer leaves it out."""

    digits: dict[str, str]
    created: int
    expiry: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A customer who does not exist."""

    name: str
    email: str
    mobile: str
    cards: tuple[Card, ...] = ()


_ONE = (Card(VISA, 1637822753),)
_TWO = (Card(VISA, 1709112044, ("29", "02")), Card(MASTERCARD, 1718023391, ("28", "11")))
_THREE = (Card(VISA, 1690210033, ("27", "07")), Card(MASTERCARD, 1731415926), Card(VISA_DEBIT, 1751328000))

PEOPLE = {
    "121111113": Person("Nora Testfield", "nora.testfield@example.com", "20120000001", _ONE),
    "121111114": Person("Karim Sample", "karim.sample@example.org", "20120000002", _TWO),
    "121111115": Person("سارة التجريبية", "sara@example.com", "20120000003", _THREE),
    "121111116": Person("测试·王小明", "xiaoming.wang@example.org", "20120000004", _TWO),
    "121111117": Person("أحمد النموذجي", "ahmed@example.org", "20120000005"),
    "shop/eg/42": Person("Zoë O'Placeholder", "zoe+cards@example.com", "20120000006", _ONE),
    "عميل-77": Person("مريم الاختبارية", "maryam@example.com", "20120000007", _TWO),
}
# Everybody that PEOPLE does not name.
ANYBODY = Person("Max Mustermann", "max.mustermann@example.com", "20120000099", _TWO)
UNAVAILABLE = "121111150"


@dataclass(frozen=True, slots=True)
class Call:
    """A request body, and the key that signs it."""

    body: dict[str, Any]
    key: str = KEY

    def headers(self) -> dict[str, str]:
        """Return the headers that the vendor's page asks for."""
        return {
            "Authorization": f"Bearer {sign(self.body, self.key)}",
            "MerchantId": MERCHANT,
            "Content-Type": "application/json",
        }


def sign(body: Any, key: str = KEY) -> str:
    """Return the HMAC-SHA512 of the body as compact JSON with sorted keys, in hexadecimal."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key.encode(), text.encode(), hashlib.sha512).hexdigest()


def token_of(customer_id: str, index: int) -> str:
    """Return the token of a customer's card, the same in every run."""
    return "OPAY_TOKEN_" + hashlib.sha256(f"{customer_id}#{index}".encode()).hexdigest()[:32]


def success(data: dict[str, Any]) -> dict[str, Any]:
    """Wrap data as the vendor does."""
    return {"code": "00000", "message": "SUCCESSFUL", "data": data}


def answer(body: Any) -> dict[str, Any]:
    """Answer a correctly signed query as the contract says."""
    match body:
        case {"customerId": str(), "opayToken": str()}:
            return {"code": "02001", "message": "request params not valid.", "data": None}
        case {"customerId": str(customer_id)} if customer_id == UNAVAILABLE:
            return {"code": "50003", "message": "service not available, please try again.", "data": None}
        case {"customerId": str(customer_id)}:
            return success(_customer_tokens(customer_id))
        case {"opayToken": str(token)}:
            return success(_token_info(token))
    return {"code": "02001", "message": "request params not valid.", "data": None}


def _customer_tokens(customer_id: str) -> dict[str, Any]:
    cards = PEOPLE.get(customer_id, ANYBODY).cards
    tokens = [_card_token(token_of(customer_id, index), card) for index, card in enumerate(cards)]
    return {"customer": _customer(customer_id), "cardTokens": tokens}


def _token_info(token: str) -> dict[str, Any]:
    for customer_id, person in PEOPLE.items():
        for index, card in enumerate(person.cards):
            if token == token_of(customer_id, index):
                return _card_token(token, card) | {"customerInfo": _customer(customer_id)}
    return _card_token(token, ANYBODY.cards[0]) | {"customerInfo": _customer("121111199")}


def _customer(customer_id: str) -> dict[str, str]:
    person = PEOPLE.get(customer_id, ANYBODY)
    return {
        "customerId": customer_id,
        "customerName": person.name,
        "customerEmail": person.email,
        "customerMobile": person.mobile,
    }


def _card_token(token: str, card: Card) -> dict[str, Any]:
    expiry = dict(zip(("expiryYear", "expiryMonth"), card.expiry, strict=True)) if card.expiry else {}
    return {"opayToken": token, "createTimestamp": card.created} | card.digits | expiry


TOKENS = (token_of("121111113", 0), token_of("121111114", 1), token_of("121111115", 2))

CLEAN_CALLS = (
    *(Call({"customerId": customer_id}) for customer_id in PEOPLE),
    *(Call({"opayToken": token}) for token in TOKENS),
    Call({"customerId": "121111113"}, key="OPAYPRV_TEST_SYNTHETIC_WRONG"),
    Call({}),
    Call({"customerId": UNAVAILABLE}),
)
