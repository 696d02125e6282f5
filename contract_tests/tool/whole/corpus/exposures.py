"""Full card numbers, of test cards, in every part of an exchange and in the spellings that occur."""

from collections.abc import Iterator

from .drafts import Draft
from .drift import (
    ANSWERED,
    OUTCOMES,
    REFUSALS,
    SUCCESSES,
    Drift,
    any_message,
    both,
    drift,
    iter_members,
    key,
    put,
)
from .traffic import Flavour

NUMBERS = ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "3530111333300000")

_RULE = "card-number-exposed"
_PLAIN, _DESCRIBED = NUMBERS[0], "(string of 16 characters, digits)"
_SPELLINGS = (
    *NUMBERS,
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "card 4111.1111.1111.1111, saved",
    "٤١١١١١١١١١١١١١١١",
    "４１１１１１１１１１１１１１１１",  # noqa: RUF001  the same
)


def iter_exposure_drifts() -> Iterator[Drift]:
    """Yield them for every place where a card number can stand."""
    texts = ("customerName", "customerEmail", "customerMobile", "brand", "expiryYear")
    for flavour, steps in iter_members(*texts):
        yield drift(_RULE, flavour, steps, put(steps, *_SPELLINGS))
    for flavour in ANSWERED:
        edit = both(any_message(flavour), put(("message",), *_SPELLINGS))
        yield drift(_RULE, flavour, ("message",), edit)
        for name, pointer in (("pan", "/pan"), (_PLAIN, f"/{_DESCRIBED}")):
            also = key("response-field-undocumented", pointer, OUTCOMES[flavour])
            value = _PLAIN if name == "pan" else True
            yield drift(_RULE, flavour, pointer, put((name,), value), also)
    for flavour in (*ANSWERED, *REFUSALS):
        yield from _iter_outside_of_answer(flavour)
    for flavour in REFUSALS:
        yield drift(_RULE, flavour, "", _print_on_page)


def _iter_outside_of_answer(flavour: Flavour) -> Iterator[Drift]:
    outcome, is_answered = OUTCOMES[flavour], flavour in SUCCESSES
    asked = key("parameter-undocumented", "query:card", outcome)
    yield drift(_RULE, flavour, "url", _put_into_url, *((asked,) if is_answered else ()))
    yield drift(_RULE, flavour, "request-header:X-Note", _put_into_request_header)
    yield drift(_RULE, flavour, "response-header:X-Debug", _put_into_response_header)
    also = key("request-field-undocumented", "/card", outcome)
    yield drift(_RULE, flavour, "request:/card", _ask_for_card, *((also,) if is_answered else ()))


def _put_into_url(draft: Draft) -> None:
    draft.url += f"?card={draft.draw.choice(NUMBERS)}"


def _put_into_request_header(draft: Draft) -> None:
    draft.sent["X-Note"] = draft.draw.choice(NUMBERS)


def _put_into_response_header(draft: Draft) -> None:
    draft.received["X-Debug"] = f"pan={draft.draw.choice(NUMBERS)}"


def _ask_for_card(draft: Draft) -> None:
    draft.ask(draft.asked | {"card": draft.draw.choice(NUMBERS)})


def _print_on_page(draft: Draft) -> None:
    draft.answer = f"<p>{draft.draw.choice(NUMBERS)}</p>"
