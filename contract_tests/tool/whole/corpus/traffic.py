"""Clean traffic of synthetic people with test cards, both request forms and every outcome, over six weeks.

Beside OPay's operation stands the invented one of `contract_tests/tool/whole/contracts/ledger`, whose
contract has the keywords that OPay's lacks. An exchange depends on the seed and its number alone.
"""

import random
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from .drafts import Draft

START = datetime(2026, 5, 4, tzinfo=UTC)
PERIOD = timedelta(weeks=6)

HOST = "https://sandbox-cashierapi.opaycheckout.com"
PATH = "/api/v1/international/token/query"
LEDGER = "https://ledger.example/v2/accounts"


class Flavour(StrEnum):
    """What is asked, and what comes of it."""

    BY_CUSTOMER = "by customer, success"
    BY_TOKEN = "by token, success"  # noqa: S105  no password
    NO_CARDS = "by customer, no cards"
    CUSTOMER_ERROR = "by customer, business error"
    TOKEN_ERROR = "by token, business error"  # noqa: S105  no password
    CUSTOMER_REFUSED = "by customer, HTTP 403"
    TOKEN_REFUSED = "by token, HTTP 403"  # noqa: S105  no password
    BALANCE = "ledger, success"
    BALANCE_REFUSED = "ledger, HTTP 4XX"


_SHARES = {
    Flavour.BY_CUSTOMER: 48,
    Flavour.BY_TOKEN: 22,
    Flavour.NO_CARDS: 2,
    Flavour.CUSTOMER_ERROR: 9,
    Flavour.TOKEN_ERROR: 5,
    Flavour.CUSTOMER_REFUSED: 2,
    Flavour.TOKEN_REFUSED: 2,
    Flavour.BALANCE: 8,
    Flavour.BALANCE_REFUSED: 2,
}
_BY_SHARE = tuple(flavour for flavour, share in _SHARES.items() for _ in range(share))
_OF_TOKENS = (Flavour.BY_TOKEN, Flavour.TOKEN_ERROR, Flavour.TOKEN_REFUSED)
_OF_LEDGER = (Flavour.BALANCE, Flavour.BALANCE_REFUSED)
_ERRORS = (Flavour.CUSTOMER_ERROR, Flavour.TOKEN_ERROR)


GIVEN_NAMES = ("Nora", "Karim", "سارة", "小明", "Zoë", "Amadou", "Ольга", "Max")
FAMILY_NAMES = ("Testfield", "Sample", "التجريبية", "测试", "O'Placeholder", "Mustermann", "Образцова")
_DOMAINS = ("example.com", "example.org", "example.net")
_CARDS = (("VISA", "411111", "1111"), ("VISA", "400005", "5556"), ("MASTERCARD", "555555", "4444"))
_ERROR_ANSWERS = (
    ("02000", "Authentication failed"),
    ("02001", "request params not valid."),
    ("02001", "Request params not valid"),
    ("20000", "Duplicate merchant order number"),
    ("50003", "service not available, please try again."),
    ("05", "Do not honor"),
    ("90", " System failure. "),
)
_REFUSALS = ("", "<html><body>Forbidden</body></html>")


def recorded_at(number: int, total: int) -> str:
    """Return when the exchange of a number was recorded: the period is spread evenly over the numbers."""
    return (START + PERIOD * number / total).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def build_draft(seed: int, number: int, total: int, flavour: Flavour | None = None) -> Draft:
    """Return a clean exchange, of a drawn flavour unless one is given."""
    draw = random.Random(f"{seed} {number}")  # noqa: S311  the same exchanges every time
    flavour = flavour or draw.choice(_BY_SHARE)
    when = recorded_at(number, total)
    return (
        _ledger(draw, number, when, flavour) if flavour in _OF_LEDGER else _opay(draw, number, when, flavour)
    )


def _opay(draw: random.Random, number: int, when: str, flavour: Flavour) -> Draft:
    customer_id = draw.choice((f"{121_111_113 + number}", f"shop/eg/{number}", f"عميل-{number}"))
    token = _token(draw)
    draft = Draft(
        number=number,
        method="POST",
        url=draw.choice((HOST, HOST.replace("sandbox-", ""))) + PATH,
        sent={"MerchantId": "256612345678901", "Content-Type": "application/json"},
        asked={"opayToken": token} if flavour in _OF_TOKENS else {"customerId": customer_id},
        status=200,
        received={"Content-Type": draw.choice(("application/json", "application/json;charset=UTF-8"))},
        answer=None,
        recorded_at=when,
        draw=draw,
    )
    draft.sign()
    if flavour in _ERRORS:
        draft.answer = _error(draw)
    elif flavour is Flavour.BY_TOKEN:
        draft.answer = _success(
            draw, _card(draw, token) | {"customerInfo": _customer(draw, customer_id, number)}
        )
    elif flavour in (Flavour.BY_CUSTOMER, Flavour.NO_CARDS):
        count = 0 if flavour is Flavour.NO_CARDS else draw.choice((1, 1, 2, 3))
        cards = [_card(draw, _token(draw)) for _ in range(count)]
        draft.answer = _success(draw, {"customer": _customer(draw, customer_id, number), "cardTokens": cards})
    else:
        draft.status, draft.received, draft.answer = (
            403,
            {"Content-Type": "text/html"},
            draw.choice(_REFUSALS),
        )
    return draft


def _ledger(draw: random.Random, number: int, when: str, flavour: Flavour) -> Draft:
    balance: Any = {"amount": draw.randrange(1999) / 2, "currency": draw.choice(("EGP", "NGN"))}
    optional = {
        "owner": f"p{number}@{draw.choice(_DOMAINS)}",
        "tags": draw.choice(([], ["a"], ["a", "b"])),
        "labels": {"any": "x"},
    }
    balance |= {name: value for name, value in optional.items() if draw.random() < 0.5}
    is_refused = flavour is Flavour.BALANCE_REFUSED
    return Draft(
        number=number,
        method="GET",
        url=f"{LEDGER}/{number}/balance",
        sent={"Accept": "application/json"},
        asked=None,
        status=draw.choice((401, 404)) if is_refused else 200,
        received={"Content-Type": "application/json"},
        answer={"reason": "unknown"} if is_refused else balance,
        recorded_at=when,
        draw=draw,
    )


def _token(draw: random.Random) -> str:
    return f"OPAY_TOKEN_{draw.getrandbits(128):032x}"


def _success(draw: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    return {"code": draw.choice(("00000", "00000", "00")), "message": "SUCCESSFUL", "data": data}


def _error(draw: random.Random) -> dict[str, Any]:
    code, message = draw.choice(_ERROR_ANSWERS)
    return {"code": code, "message": message} | draw.choice(({}, {"data": None}))


def _customer(draw: random.Random, customer_id: str, number: int) -> dict[str, str]:
    return {
        "customerId": customer_id,
        "customerName": f"{draw.choice(GIVEN_NAMES)} {draw.choice(FAMILY_NAMES)}",
        "customerEmail": f"person.{number}@{draw.choice(_DOMAINS)}",
        "customerMobile": f"2012{number:08d}",
    }


def _card(draw: random.Random, token: str) -> dict[str, Any]:
    brand, first, last = draw.choice(_CARDS)
    created = draw.randrange(1_600_000_000, 1_770_000_000)
    card = {
        "opayToken": token,
        "brand": brand,
        "createTimestamp": draw.choice((created, created, str(created))),
        "lastFourDigits": last,
        "firstSixDigits": first,
    }
    if draw.random() < 0.5:
        card |= {"expiryYear": f"{draw.randrange(26, 33)}", "expiryMonth": f"{draw.randrange(1, 13):02d}"}
    return card
