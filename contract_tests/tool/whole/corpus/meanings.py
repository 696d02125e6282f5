"""Drifts of what values say: their form, their unit, what they repeat, and what the envelope means."""

from collections.abc import Iterator
from datetime import datetime

from .drafts import Draft
from .drift import (
    ERROR,
    ERRORS,
    SUCCESS,
    SUCCESSES,
    Drift,
    Edit,
    Steps,
    both,
    drift,
    holder,
    iter_members,
    key,
    put,
)
from .traffic import Flavour

_LENGTHS = {
    "lastFourDigits": ("11", "11111", "", "411111******1111"),
    "firstSixDigits": ("41111", "41111111", "", "411111 "),
}
_PATTERNS = {  # digits of other scripts are no digits here
    "lastFourDigits": ("11x1", "****", "\u0661" * 4, "\uff11" * 4),
    "firstSixDigits": ("41111x", "4111**", "٤11111", "41 111"),
}
_NOT_SECONDS = (
    1_700_000_000_000,
    1_700_000_000_000_000,
    "1700000000000",
    "2023-11-14T22:13:20Z",
    -5,
    "14/11/2023",
    "",
)
_NO_MONTHS = ("13", "00", "Feb", "1a", "012", " 2", "2.", "")
_DAY = 86_400


def iter_meaning_drifts() -> Iterator[Drift]:
    """Yield them for every place that has such a meaning."""
    for rule, values in (("length-out-of-range", _LENGTHS), ("pattern-mismatch", _PATTERNS)):
        for name, wrong in values.items():
            for flavour, steps in iter_members(name):
                yield drift(rule, flavour, steps, put(steps, *wrong))
    for flavour, steps in iter_members("createTimestamp"):
        yield drift("timestamp-not-seconds", flavour, steps, put(steps, *_NOT_SECONDS))
        yield drift("timestamp-in-future", flavour, steps, _in_future(steps))
    for flavour, steps in iter_members("expiryMonth"):
        yield drift("month-invalid", flavour, steps, put(steps, *_NO_MONTHS))
    yield from _iter_identities()
    yield from _iter_codes()


def _in_future(steps: Steps) -> Edit:
    def edit(draft: Draft) -> None:
        later = int(datetime.fromisoformat(draft.recorded_at).timestamp()) + draft.draw.choice((301, _DAY))
        found, last = holder(draft, steps)
        found[last] = draft.draw.choice((later, str(later)))

    return edit


def _iter_identities() -> Iterator[Drift]:
    customer_id, token = ("data", "customer", "customerId"), ("data", "opayToken")
    yield drift("answer-mismatched", Flavour.BY_CUSTOMER, customer_id, put(customer_id, "121111112", ""))
    yield drift("answer-mismatched", Flavour.BY_TOKEN, token, put(token, "OPAY_TOKEN_other", ""))
    yield drift("item-repeated", Flavour.BY_CUSTOMER, "/data/cardTokens/*", _repeat_a_card)


def _repeat_a_card(draft: Draft) -> None:
    cards = draft.answer["data"]["cardTokens"]
    cards.insert(draft.draw.randrange(len(cards) + 1), draft.draw.choice(cards) | {"brand": "MASTERCARD"})


def _iter_codes() -> Iterator[Drift]:
    named = key("code-undocumented", "/code", ERROR, value="02009")
    yield Drift(flavour=Flavour.CUSTOMER_ERROR, edit=put(("code",), "02009"), found=(named,))
    yield drift("code-undocumented", Flavour.TOKEN_ERROR, "/code", put(("code",), "000000", "", "E-17"))
    for flavour in ERRORS:
        edit = both(put(("code",), "02000", "90"), put(("message",), "wrong signature", "", "تعذر التحقق"))
        yield drift("message-undocumented", flavour, "/message", edit)
    for flavour in SUCCESSES:
        edit = both(put(("code",), "00000"), put(("message",), "OK", "SUCCESS", ""))
        yield drift("message-undocumented", flavour, "/message", edit)
        yield drift("success-code-on-http-error", flavour, "/code", _with_status(403))
        also = key("status-undocumented", "500", SUCCESS)
        yield drift("success-code-on-http-error", flavour, "/code", _with_status(500), also)


def _with_status(status: int) -> Edit:
    def edit(draft: Draft) -> None:
        draft.status = status

    return edit
