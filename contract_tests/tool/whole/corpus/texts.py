"""Drifts of the answer's text: no JSON, cut, or JSON that readers disagree on."""

from collections.abc import Iterator
from typing import Any

from .drafts import Draft, body_bytes, raw, twice
from .drift import (
    ANSWERED,
    CARD,
    CUSTOMER,
    ERRORS,
    EXPIRY,
    OUTCOMES,
    SUCCESSES,
    TRANSPORT,
    Drift,
    Edit,
    Steps,
    answer,
    any_message,
    both,
    drift,
    holder,
    iter_members,
    key,
    put,
)
from .traffic import Flavour

_BOM = b"\xef\xbb\xbf"
_NO_JSON = (
    "oops",
    "<html>Hello</html>",
    "{'code':'00000'}",
    '{"code":"00000",}',
    '{"code":"00000"}}',
    "{code:1}",
)
_HALF = "\ud83d"
_LATIN1 = b"Jos\xe9"


def iter_text_drifts() -> Iterator[Drift]:
    """Yield them, those of one place for every place."""
    for flavour in ANSWERED:
        yield _lost(flavour, "body-empty", answer(""))
        yield _lost(flavour, "body-not-json", answer(*_NO_JSON))
        yield _lost(flavour, "body-truncated", _cut)
        yield drift("byte-order-mark", flavour, "", _mark)
        yield from _iter_invalid_utf8(flavour)
    for flavour, steps in (*iter_members(*CUSTOMER, *CARD, *EXPIRY), *((one, ("code",)) for one in ANSWERED)):
        yield drift("duplicate-key", flavour, steps, _twice(steps))
    yield from _iter_surrogates()
    yield from _iter_numbers()


def _lost(flavour: Flavour, rule: str, edit: Edit) -> Drift:
    return Drift(flavour=flavour, edit=edit, found=(key(rule, "", TRANSPORT),))


def _cut(draft: Draft) -> None:
    data = body_bytes(draft.answer).decode()
    draft.answer = data[: draft.draw.randrange(1, len(data))]


def _mark(draft: Draft) -> None:
    draft.answer = _BOM + body_bytes(draft.answer)


def _iter_invalid_utf8(flavour: Flavour) -> Iterator[Drift]:
    """A name or a message in Latin-1."""
    places: dict[Flavour, Steps] = {
        Flavour.BY_CUSTOMER: ("data", "customer", "customerName"),
        Flavour.BY_TOKEN: ("data", "customerInfo", "customerName"),
    }
    edit = both(any_message(flavour), put(places.get(flavour, ("message",)), "\0latin"))

    def write(draft: Draft) -> None:
        edit(draft)
        draft.answer = body_bytes(draft.answer).replace(rb"\u0000latin", _LATIN1)

    yield drift("invalid-utf8", flavour, "", write)


def _twice(steps: Steps) -> Edit:
    """Write a member twice, first with another value: readers that take the last see nothing."""

    def edit(draft: Draft) -> None:
        found, name = holder(draft, steps)
        value = found.pop(name, "02")
        first: dict[str, Any] = {twice(name): draft.draw.choice((value, "other", None, 7))}
        found.update(first | {name: value})

    return edit


def _iter_surrogates() -> Iterator[Drift]:
    texts = ("customerName", "customerEmail", "customerMobile", "brand", "expiryYear")
    for flavour, steps in iter_members(*texts):
        yield drift("lone-surrogate", flavour, steps, put(steps, _HALF, f"a{_HALF}b"))
    for flavour in (*SUCCESSES, *ERRORS):
        edit = both(any_message(flavour), put(("message",), _HALF))
        yield drift("lone-surrogate", flavour, ("message",), edit)


def _iter_numbers() -> Iterator[Drift]:
    """Numbers that not every reader has, in a member that the contract does not know, and in one it knows."""
    for rule, numbers in (
        ("non-finite-number", ("NaN", "Infinity", "-Infinity")),
        ("unsafe-number", ("9007199254740993", "-9007199254740993", "1e400")),
    ):
        for flavour, steps in (
            *((flavour, ("limit",)) for flavour in ANSWERED),
            (Flavour.BY_CUSTOMER, ("data", "cardTokens", "*", "limit")),
            (Flavour.BY_TOKEN, ("data", "customerInfo", "limit")),
        ):
            also = key("response-field-undocumented", steps, OUTCOMES[flavour])
            yield drift(rule, flavour, steps, put(steps, *map(raw, numbers)), also)
    for flavour, steps in iter_members("createTimestamp"):
        also = key("timestamp-not-seconds", steps, OUTCOMES[flavour])
        yield drift("unsafe-number", flavour, steps, put(steps, raw("9007199254740993"), raw("1e400")), also)
        yield drift("non-finite-number", flavour, steps, put(steps, raw("Infinity"), raw("-Infinity")), also)
        yield drift("non-finite-number", flavour, steps, put(steps, raw("NaN")))
