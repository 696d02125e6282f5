"""Drifts of the invented API, whose contract has the keywords that OPay's has no use for."""

from collections.abc import Iterator
from typing import Any

from opay_contract.model.finding import Outcome

from .drafts import Draft
from .drift import BALANCE, SUCCESS, TRANSPORT, Drift, Edit, Steps, drop, key, put
from .traffic import Flavour

_OTHERS: dict[str, tuple[Any, ...]] = {
    "amount": ("7", True, [], {}),
    "owner": (7, True, [], {}),
    "tags": ("a", {}, False),
    "labels": ("any", [], 0),
}


def iter_ledger_drifts() -> Iterator[Drift]:
    """Yield them for every member of a balance."""
    yield _drift("value-out-of-range", ("amount",), put(("amount",), -1, -0.3, 1000, 1000.5, 0.3, 1e300))
    yield _drift("value-undocumented", ("currency",), put(("currency",), "USD", "egp", "", 818))
    yield _drift("format-mismatch", ("owner",), put(("owner",), "nobody", "", "@", "a b@example.com"))
    yield _drift("length-out-of-range", ("owner",), put(("owner",), f"{'a' * 40}@example.com"))
    yield _drift("length-out-of-range", ("tags",), put(("tags",), ["a", "b", "c"]))
    yield _drift("constraint-violated", ("tags",), put(("tags",), ["a", "a"], [1, 1.0], [{}, {}]))
    for name in ("amount", "currency"):
        yield _drift("field-missing", (name,), drop((name,)))
    for name in ("amount", "owner", "tags", "labels"):
        yield _drift("field-null", (name,), put((name,), None))
        yield _drift("type-mismatch", (name,), put((name,), *_OTHERS[name]))
    yield _drift("type-mismatch", ("labels", "any"), put(("labels",), {"any": 7}))
    yield _drift("response-field-undocumented", ("limit",), put(("limit",), 7))
    yield _drift("status-undocumented", "502", _with_status(502), TRANSPORT)


def _drift(rule: str, at: Steps | str, edit: Edit, outcome: Outcome = SUCCESS) -> Drift:
    return Drift(flavour=Flavour.BALANCE, edit=edit, found=(key(rule, at, outcome, BALANCE),))


def _with_status(status: int) -> Edit:
    def edit(draft: Draft) -> None:
        draft.status = status

    return edit
