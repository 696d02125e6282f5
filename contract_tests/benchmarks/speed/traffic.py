"""The traffic that speed is measured on, as native lines: realistic, mixed, and all of one kind.

*Realistic* is what logs of an integration hold: names in other scripts and with quotes and slashes, from no
card to five, a third of the cards with an expiry date, some business errors, now and then another order of
members, spaces between them or escapes, response headers that differ in every line, no time, a signature that
is masked, and one exchange in a thousand that drifts.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from contract_tests.tool.whole.corpus.drafts import Draft, native_line
from contract_tests.tool.whole.corpus.drift import Drift
from contract_tests.tool.whole.corpus.planting import OF_SIGNATURES, PURE_DRIFTS, in_turn, plan
from contract_tests.tool.whole.corpus.traffic import HOST, PATH, Flavour

MASK = "Bearer [REDACTED]"
WAYS = 35
"""In how many ways the drifted exchanges drift."""

_UNSEEN = (OF_SIGNATURES, "timestamp-in-future")
"""What cannot be told without a signature and without a time."""

_START = datetime(2026, 5, 4, 8, tzinfo=UTC)
_CREATED = (1_600_000_000, 1_770_000_000)
_FLAVOURS = (Flavour.BY_CUSTOMER, Flavour.CUSTOMER_ERROR)
_GIVEN_NAMES = ("Nora", "Karim", "Max", "Amadou", "Sara", "Ahmed", "Mariam", "Peter")
_FAMILY_NAMES = ("Testfield", "Sample", "Mustermann", "Placeholder", "Example")
_OTHER_SCRIPTS = (
    "سارة التجريبية",
    "测试·王小明",
    "Ольга Образцова",
    "Zoë Müßig",
    "Νίκη Δοκιμή",
    "テスト 花子",
)
_ODD_NAMES = ('Nora "N." Testfield', "Sample/Karim", "O'Placeholder \\ Sons")
_BRANDS = (("VISA", "411111", "1111"), ("VISA", "400005", "5556"), ("MASTERCARD", "555555", "4444"))
_CARDS = (0, 0, *(1,) * 22, *(2,) * 10, *(3,) * 4, 4, 5)
_ERRORS = (
    ("02000", "Authentication failed"),
    ("02001", "request params not valid."),
    ("20000", "Duplicate merchant order number"),
    ("50003", "service not available, please try again."),
    ("05", "Do not honor"),
    ("90", "System failure."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How often something occurs, of a thousand."""

    errors: int = 50
    other_scripts: int = 50
    odd_names: int = 30
    other_order: int = 10
    spaces: int = 10
    escapes: int = 10
    drifted: int = 1


def iter_realistic(
    seed: int, count: int, shares: Shares | None = None, *, is_signed: bool = False
) -> Iterator[str]:
    """Yield lines; `is_signed` leaves the signatures, which are right, in place."""
    shares = shares or Shares()
    draw = random.Random(f"realistic {seed}")  # noqa: S311  the same lines every time
    drifts = _choose_drifts(random.Random(f"ways {seed}"))  # noqa: S311
    for number in range(count):
        if draw.randrange(1000) < shares.drifted:
            yield _drifted(draw, number, shares, draw.choice(drifts))
        else:
            yield _clean(draw, number, shares, is_signed=is_signed)


def iter_mixed(seed: int, count: int) -> Iterator[str]:
    """Yield lines of the corpus: two operations, every outcome, many spellings, none that drifts."""
    yield from map(native_line, plan(seed, count, 0).drafts())


def draw_uniform(count: int, drifted: int = 1) -> Iterator[Draft]:
    """Yield exchanges of one kind, as no log has them; in some of a thousand a card has no brand."""
    draw = random.Random(20211125)  # noqa: S311  the same exchanges every time
    for number in range(count):
        cards = [_uniform_card(draw, number) for _ in range(draw.choice((1, 1, 2)))]
        if draw.randrange(1000) < drifted:
            cards[0]["brand"] = None
        yield _uniform_draft(draw, number, cards)


def iter_uniform(count: int, drifted: int = 1) -> Iterator[str]:
    """Yield the lines of such exchanges."""
    yield from map(native_line, draw_uniform(count, drifted))


def _uniform_card(draw: random.Random, number: int) -> dict[str, Any]:
    return {
        "opayToken": f"OPAY_TOKEN_{draw.getrandbits(128):032x}",
        "brand": "VISA",
        "createTimestamp": 1_700_000_000 + number % 1000,
        "lastFourDigits": "1111",
        "firstSixDigits": "411111",
    }


def _uniform_draft(draw: random.Random, number: int, cards: list[dict[str, Any]]) -> Draft:
    customer = {
        "customerId": str(121_111_113 + number),
        "customerName": "Test Person",
        "customerEmail": f"p{number}@example.com",
        "customerMobile": f"2012{number:07d}",
    }
    draft = Draft(
        number=1,
        method="POST",
        url=HOST + PATH,
        sent={"MerchantId": "256612345678901", "Content-Type": "application/json"},
        asked={"customerId": customer["customerId"]},
        status=200,
        received={"Content-Type": "application/json"},
        answer={
            "code": "00000",
            "message": "SUCCESSFUL",
            "data": {"customer": customer, "cardTokens": cards},
        },
        recorded_at=f"2026-05-{1 + number % 28:02d}T10:00:00Z",
        draw=draw,
    )
    draft.sign()
    return draft


def _choose_drifts(draw: random.Random) -> list[Drift]:
    possible = [one for one in PURE_DRIFTS if one.flavour in _FLAVOURS and one.rule not in _UNSEEN]
    return in_turn(draw, possible)[:WAYS]


def _clean(draw: random.Random, number: int, shares: Shares, *, is_signed: bool) -> str:
    flavour = Flavour.CUSTOMER_ERROR if draw.randrange(1000) < shares.errors else Flavour.BY_CUSTOMER
    is_escaped = draw.randrange(1000) < shares.escapes
    name = draw.choice(_OTHER_SCRIPTS) if is_escaped else _name(draw, shares)
    draft = _draft(draw, number, flavour, name, draw.choice(_CARDS))
    if is_signed:
        draft.sign()
    separators = (", ", ": ") if draw.randrange(1000) < shares.spaces else (",", ":")
    answer = _shuffled(draw, shares, draft.answer)

    def write(value: Any, *, is_ascii: bool = False) -> str:
        return json.dumps(value, separators=separators, ensure_ascii=is_ascii)

    request = {"method": draft.method, "url": draft.url, "headers": draft.sent, "body": draft.asked}
    response = write({"status": draft.status, "headers": draft.received})[:-1]
    body = write(answer, is_ascii=is_escaped)
    return f'{{"request":{write(request)},"response":{response},"body":{body}}}}}'


def _drifted(draw: random.Random, number: int, shares: Shares, drift: Drift) -> str:
    draft = _draft(draw, number, drift.flavour, _name(draw, shares), max(draw.choice(_CARDS), 2))
    drift.edit(draft)
    if "Authorization" in draft.sent:
        draft.sent["Authorization"] = MASK
    return native_line(draft)


def _draft(draw: random.Random, number: int, flavour: Flavour, name: str, cards: int) -> Draft:
    ids = (f"{121_111_113 + number}",) * 8 + (f"shop/eg/{number}", f"u-{draw.getrandbits(64):016x}")
    customer_id = draw.choice(ids)
    when = _START + timedelta(seconds=number, milliseconds=draw.randrange(1000))
    if flavour is Flavour.CUSTOMER_ERROR:
        code, message = draw.choice(_ERRORS)
        answer: dict[str, Any] = {"code": code, "message": message} | draw.choice(({}, {"data": None}))
    else:
        tokens = [_card(draw) for _ in range(cards)]
        data = {"customer": _customer(draw, number, customer_id, name), "cardTokens": tokens}
        answer = {"code": "00000", "message": "SUCCESSFUL", "data": data}
    return Draft(
        number=1,
        method="POST",
        url=HOST + PATH,
        sent={
            "MerchantId": "256612345678901",
            "Content-Type": "application/json",
            "Authorization": MASK,
        },
        asked={"customerId": customer_id},
        status=200,
        received={
            "Content-Type": "application/json",
            "Date": format_datetime(when, usegmt=True),
            "X-Request-Id": f"{draw.getrandbits(64):016x}",
            "Server-Timing": f"app;dur={draw.randrange(5_000, 400_000) / 1000}",
        },
        answer=answer,
        recorded_at="",
        draw=draw,
    )


def _name(draw: random.Random, shares: Shares) -> str:
    drawn = draw.randrange(1000)
    if drawn < shares.other_scripts:
        return draw.choice(_OTHER_SCRIPTS)
    if drawn < shares.other_scripts + shares.odd_names:
        return draw.choice(_ODD_NAMES)
    return f"{draw.choice(_GIVEN_NAMES)} {draw.choice(_FAMILY_NAMES)}"


def _customer(draw: random.Random, number: int, customer_id: str, name: str) -> dict[str, str]:
    return {
        "customerId": customer_id,
        "customerName": name,
        "customerEmail": f"person.{number}@example.{draw.choice(('com', 'org', 'net'))}",
        "customerMobile": f"2012{draw.randrange(10**8):08d}",
    }


def _card(draw: random.Random) -> dict[str, Any]:
    brand, first, last = draw.choice(_BRANDS)
    card = {
        "opayToken": f"OPAY_TOKEN_{draw.getrandbits(128):032x}",
        "brand": brand,
        "createTimestamp": draw.randrange(*_CREATED),
        "lastFourDigits": last,
        "firstSixDigits": first,
    }
    if draw.randrange(3):
        return card
    return card | {"expiryYear": f"{draw.randrange(26, 33)}", "expiryMonth": f"{draw.randrange(1, 13):02d}"}


def _shuffled(draw: random.Random, shares: Shares, value: Any) -> Any:
    """Return a value in which some objects have another order."""
    if isinstance(value, list):
        return [_shuffled(draw, shares, item) for item in value]
    if not isinstance(value, dict):
        return value
    members = [(name, _shuffled(draw, shares, member)) for name, member in value.items()]
    if draw.randrange(1000) < shares.other_order:
        draw.shuffle(members)
    return dict(members)
