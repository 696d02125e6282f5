"""Drifts of the answer's shape: members missing, null, of another type, or more than documented."""

from collections.abc import Iterator
from typing import Any

from .drift import (
    ANSWERED,
    CARD,
    CUSTOMER,
    ERRORS,
    EXPIRY,
    SUCCESSES,
    TRANSPORT,
    Drift,
    Steps,
    answer,
    drift,
    drop,
    iter_members,
    key,
    put,
)
from .traffic import Flavour

_CONTAINERS: tuple[tuple[Flavour, Steps], ...] = (
    (Flavour.BY_CUSTOMER, ("data", "customer")),
    (Flavour.BY_CUSTOMER, ("data", "cardTokens")),
    (Flavour.BY_TOKEN, ("data", "customerInfo")),
)
_OBJECTS: tuple[tuple[Flavour, Steps], ...] = (
    *((flavour, ()) for flavour in ANSWERED),
    *((flavour, ("data",)) for flavour in SUCCESSES),
    (Flavour.BY_CUSTOMER, ("data", "customer")),
    (Flavour.BY_CUSTOMER, ("data", "cardTokens", "*")),
    (Flavour.BY_TOKEN, ("data", "customerInfo")),
)
_NEW_MEMBERS: dict[str, Any] = {
    "traceId": "5f2b9c1e77d04a3b",
    "issuer": {"country": "EG", "names": ["a", "b"]},
    "previous": None,
}
_MOBILE_AS_KEY, _MOBILE_DESCRIBED = "20120000001", "(string of 11 characters, digits)"
_NO_TEXT: tuple[Any, ...] = (7, 1.5, True, [], {}, ["VISA"], {"value": "VISA"})
_NO_TIME: tuple[Any, ...] = (1_700_000_000.5, True, [], {})
_NO_MONTH: tuple[Any, ...] = (2, True, [], {})
_NO_LIST: tuple[Any, ...] = ({}, "none", 0, False)
_NO_OBJECT: tuple[Any, ...] = ([], "none", 0, True)


def iter_shape_drifts() -> Iterator[Drift]:
    """Yield them for every place of both forms' answers."""
    messages = tuple((flavour, ("message",)) for flavour in ANSWERED)
    required = (*iter_members(*CUSTOMER, *CARD), *_CONTAINERS, *messages)
    for flavour, steps in required:
        yield drift("field-missing", flavour, steps, drop(steps))
    for flavour, steps in (*required, *iter_members(*EXPIRY)):
        yield drift("field-null", flavour, steps, put(steps, None))
        yield drift("type-mismatch", flavour, steps, put(steps, *_others(steps[-1])))
    for flavour, steps in _OBJECTS:
        for name, value in _NEW_MEMBERS.items():
            at = (*steps, name)
            yield drift("response-field-undocumented", flavour, at, put(at, value))
    yield from _iter_personal_keys()
    yield from _iter_without_code()
    yield from _iter_data()


def _others(name: str) -> tuple[Any, ...]:
    if name in ("customer", "customerInfo"):
        return _NO_OBJECT
    others = {"createTimestamp": _NO_TIME, "cardTokens": _NO_LIST, "expiryMonth": _NO_MONTH}
    return others.get(name, _NO_TEXT)


def _iter_personal_keys() -> Iterator[Drift]:
    """A key can hold a person's number; the finding's pointer then describes it."""
    for flavour, steps in ((Flavour.BY_CUSTOMER, ("data",)), (Flavour.BY_TOKEN, ("data", "customerInfo"))):
        edit = put((*steps, _MOBILE_AS_KEY), {"blocked": False})
        yield drift("response-field-undocumented", flavour, (*steps, _MOBILE_DESCRIBED), edit)


def _iter_without_code() -> Iterator[Drift]:
    """Without a code that can be read there is no business outcome."""
    for flavour in ANSWERED:
        for rule, at, edit in (
            ("field-missing", "/code", drop(("code",))),
            ("field-null", "/code", put(("code",), None)),
            ("type-mismatch", "/code", put(("code",), 0, 2000, ["00000"])),
            ("type-mismatch", "", answer([], [1], 7, [{"code": "00000"}])),
        ):
            yield Drift(flavour=flavour, edit=edit, found=(key(rule, at, TRANSPORT),))


def _iter_data() -> Iterator[Drift]:
    for flavour in SUCCESSES:
        yield drift("success-without-data", flavour, "/data", put(("data",), None))
        yield drift("success-without-data", flavour, "/data", drop(("data",)))
        yield drift("type-mismatch", flavour, "/data", put(("data",), [], "none", 0))
    for flavour in ERRORS:
        yield drift("error-with-data", flavour, "/data", put(("data",), {}, {"retryAfter": 30}))
        yield drift("error-with-data", flavour, "/data", put(("data",), [], "", 0))
