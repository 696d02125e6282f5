"""A drift: the clean exchange that it is planted into, how it changes that, and what is to be found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from opay_contract.model.finding import Key, Outcome, key_of

from .drafts import Draft
from .traffic import Flavour

QUERY, BALANCE = "queryCardTokens", "getBalance"
SUCCESS, ERROR, TRANSPORT = Outcome.SUCCESS, Outcome.BUSINESS_ERROR, Outcome.TRANSPORT

SUCCESSES = (Flavour.BY_CUSTOMER, Flavour.BY_TOKEN)
ERRORS = (Flavour.CUSTOMER_ERROR, Flavour.TOKEN_ERROR)
REFUSALS = (Flavour.CUSTOMER_REFUSED, Flavour.TOKEN_REFUSED)
ANSWERED = SUCCESSES + ERRORS
OUTCOMES = (
    dict.fromkeys((*SUCCESSES, Flavour.BALANCE), SUCCESS)
    | dict.fromkeys(ERRORS, ERROR)
    | dict.fromkeys(REFUSALS, TRANSPORT)
)

CUSTOMER = ("customerId", "customerName", "customerEmail", "customerMobile")
CARD = ("opayToken", "brand", "createTimestamp", "lastFourDigits", "firstSixDigits")
EXPIRY = ("expiryYear", "expiryMonth")

_NO_MESSAGES = {SUCCESS: "00", ERROR: "05"}
"""A code of each outcome for which no message is documented, so that any will do."""

Steps = tuple[str, ...]
"""The way to a place in the answer's body; `*` is an item of a list, whichever is drawn."""

Edit = Callable[[Draft], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One kind of drift at one place. `found` is what a check is to find, the drift's own finding first."""

    flavour: Flavour
    edit: Edit
    found: tuple[Key, ...]

    @property
    def rule(self) -> str:
        """The rule whose kind of drift this is."""
        return self.found[0][0]


def iter_members(*names: str) -> Iterator[tuple[Flavour, Steps]]:
    """Yield the places of members of a customer or of a card, in both forms' answers."""
    for name in names:
        of_customer = name in CUSTOMER
        yield (
            Flavour.BY_CUSTOMER,
            ("data", "customer", name) if of_customer else ("data", "cardTokens", "*", name),
        )
        yield Flavour.BY_TOKEN, ("data", "customerInfo", name) if of_customer else ("data", name)


def drift(rule: str, flavour: Flavour, at: Steps | str, edit: Edit, *also: Key) -> Drift:
    """Return a drift of OPay's answer whose outcome stays that of its flavour."""
    return Drift(flavour=flavour, edit=edit, found=(key(rule, at, OUTCOMES[flavour]), *also))


def key(rule: str, at: Steps | str, outcome: Outcome, operation: str = QUERY, value: str = "") -> Key:
    """Return what names a finding; `at` is a way into the answer's body, or a pointer as it is written."""
    pointer = at if isinstance(at, str) else "".join(f"/{step}" for step in at)
    return key_of(rule, operation, outcome, pointer, value)


def holder(draft: Draft, steps: Steps) -> tuple[Any, Any]:
    """Return the object or list that a place is in, and the key or index it has there."""
    found, last = draft.answer, None
    for position, step in enumerate(steps):
        found = found if position == 0 else found[last]
        last = draft.draw.randrange(len(found)) if step == "*" else step
    return found, last


def put(steps: Steps, *values: Any) -> Edit:
    """Return an edit that puts one of some values at a place."""

    def edit(draft: Draft) -> None:
        found, last = holder(draft, steps)
        found[last] = draft.draw.choice(values)

    return edit


def answer(*bodies: Any) -> Edit:
    """Return an edit that answers with one of some bodies."""

    def edit(draft: Draft) -> None:
        draft.answer = draft.draw.choice(bodies)

    return edit


def drop(steps: Steps) -> Edit:
    """Return an edit that takes a member away."""

    def edit(draft: Draft) -> None:
        found, last = holder(draft, steps)
        found.pop(last, None)

    return edit


def any_message(flavour: Flavour) -> Edit:
    """Return an edit after which any message will do and the outcome is the same."""
    return put(("code",), _NO_MESSAGES[OUTCOMES[flavour]])


def both(*edits: Edit) -> Edit:
    """Return an edit that does several, one after the other."""

    def edit(draft: Draft) -> None:
        for one in edits:
            one(draft)

    return edit
