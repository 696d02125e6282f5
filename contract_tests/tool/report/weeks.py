"""Six weeks of synthetic traffic that changes on known days, for reports that show time.

    python contract_tests/tool/report/weeks.py > weeks.ndjson

People and cards are made up; the card numbers are test numbers.
"""

import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
FIRST = date(2026, 5, 4)
DAYS = 42
SILENT = frozenset((date(2026, 5, 25), date(2026, 5, 26)))
COUNTRY_SINCE = date(2026, 5, 18)
EXPIRY_OFTEN_SINCE = date(2026, 5, 28)
TIMESTAMP_TEXT_SINCE = date(2026, 6, 1)
MOBILE_UNTIL = date(2026, 6, 3)
OUTAGE = (date(2026, 5, 20), date(2026, 5, 21))
NAMES = ("Nora Testfield", "Omar Probe", "Salma Sample", "Youssef Fixture")

Body = dict[str, Any]


def iter_lines() -> Iterator[str]:
    """Yield native lines by day, then two without a time and three from before."""
    chance = random.Random(20260504)  # noqa: S311  the same lines every time
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        weekday = 12 if day.weekday() > 4 else 34
        for second in range(0 if day in SILENT else weekday + chance.randrange(12)):
            yield _line(chance, day, f"{day}T{8 + second % 12:02d}:{second:02d}:00Z")
    for moment in (None, None, "2026-04-01T10:00:00Z", "2026-04-02T10:00:00Z", "2026-04-03T10:00:00Z"):
        yield _line(chance, FIRST, moment)


def _line(chance: random.Random, day: date, moment: str | None) -> str:
    is_by_token = chance.random() < 0.2
    asked = (
        f"OPAY_TOKEN_{chance.getrandbits(128):032x}" if is_by_token else str(chance.randrange(10**8, 10**9))
    )
    status, body = _answer(chance, day, asked, is_by_token=is_by_token)
    headers = {
        "Authorization": f"Bearer {chance.getrandbits(512):0128x}",
        "MerchantId": "256612345678901",
        "Content-Type": "application/json",
    }
    request = {"opayToken": asked} if is_by_token else {"customerId": asked}
    answered = {"status": status, "headers": {"Content-Type": "application/json"}, "body": body}
    line = {
        "request": {"method": "POST", "url": URL, "headers": headers, "body": request},
        "response": answered,
    }
    return json.dumps(line | ({"recorded_at": moment} if moment else {}))


def _answer(chance: random.Random, day: date, asked: str, *, is_by_token: bool) -> tuple[int, Body]:
    luck = chance.random()
    if day in OUTAGE and luck < 0.4:
        return 502, {"error": "bad gateway"}
    if luck < 0.04 or (day in OUTAGE and luck < 0.6):
        return 200, {"code": "50003", "message": "Service temporarily unavailable", "data": None}
    if luck < 0.07:
        return 200, {"code": "02000", "message": "Authentication failed"}
    customer = _customer(chance, day, asked)
    if is_by_token:
        data = _card(chance, day) | {
            "opayToken": asked,
            "customerInfo": customer | {"customerId": "121111113"},
        }
    else:
        data = {"customer": customer, "cardTokens": [_card(chance, day) for _ in range(chance.randrange(4))]}
    if day > MOBILE_UNTIL and chance.random() < 0.1:
        data["risk"] = {"score": chance.randrange(100), "rules": [{"id": "velocity"}]}
    traced = {"traceId": f"{chance.getrandbits(64):016x}"} if chance.random() < 0.004 else {}
    return 200, {"code": "00000", "message": "SUCCESSFUL", "data": data} | traced


def _customer(chance: random.Random, day: date, asked: str) -> Body:
    name = chance.choice(NAMES)
    mobile = {} if day >= MOBILE_UNTIL else {"customerMobile": f"2012{chance.randrange(10**7):07d}"}
    email = f"{name.lower().replace(' ', '.')}@example.com"
    return {"customerId": asked, "customerName": name, "customerEmail": email} | mobile


def _card(chance: random.Random, day: date) -> Body:
    stamp = 1_700_000_000 + chance.randrange(10**7)
    is_text = day >= TIMESTAMP_TEXT_SINCE and chance.random() < 0.5
    card: Body = {
        "opayToken": f"OPAY_TOKEN_{chance.getrandbits(128):032x}",
        "brand": chance.choice(("VISA", "VISA", "MASTERCARD", "VERVE")),
        "createTimestamp": str(stamp) if is_text else stamp,
        "lastFourDigits": "1111",
        "firstSixDigits": "411111",
    }
    if chance.random() < 0.02:
        card["brand"] = None
    if date(2026, 5, 12) <= day <= COUNTRY_SINCE and chance.random() < 0.03:
        card["lastFourDigits"] = 1111
    if day >= COUNTRY_SINCE:
        card["issuerCountry"] = chance.choice(("EG", "NG"))
    if chance.random() < (0.8 if day >= EXPIRY_OFTEN_SINCE else 0.3):
        card |= {"expiryYear": "28", "expiryMonth": "04"}
    return card


if __name__ == "__main__":
    for line in iter_lines():
        print(line)  # noqa: T201  what it is for
