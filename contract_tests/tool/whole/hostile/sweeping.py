"""Changes one thing in a recording by its structure: every change at every place, spread over the seeds."""

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from typing import Any

from contract_tests.tool.whole.hostile.mutating import ODD, RECORDINGS
from contract_tests.tool.whole.leaks.canaries import CANARIES, NAMES
from contract_tests.tool.whole.leaks.planting import Place, iter_children, iter_places, load, plant

_STRIDE = 1_000_003
"""A prime, so that all changes come once, and those of a few seeds are far apart."""

_Change = Callable[[Any, Place], Any]

_LONG, _MANY, _DEEP = 60_000, 4_000, 1_500

VALUES: list[Any] = [
    *(one for one in ODD if one not in (*CANARIES.values(), *NAMES.values())),
    CANARIES["everything"],
    CANARIES["authorization"],
    NAMES["elsewhere"],
    False,
    -0.0,
    200.0,
    2**53,
    -(2**63),
    2**64,
    "200",
    "0x1F",
    "2026-02-30T25:61:61Z",
    "2026-05-01T10:00:01,5+0530",
    "Fri, 01 May 2026 10:00:01 GMT",
    "gzip",
    "chunked",
    "application/json; charset=utf-16",
    "H4sIAAAAAAAA",
    "\u202e\x00\x1b]8;;x\x07",
]
"""A value of each type and form."""

LARGE: list[Any] = [
    "a" * _LONG,
    "1" * _LONG,
    "\\" * _LONG,
    '"[{' * (_LONG // 3),
    "* > < " * (_LONG // 6),
    "[" * _DEEP + "]" * _DEEP,
    list(range(_MANY)),
    {f"name{number}": number for number in range(_MANY)},
    [{"a": {"b": None}}] * _MANY,
]
"""Values that take time: one place in four gets them."""

FIELDS = (
    *(
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "Referer",
        "Location",
        "Link",
        "Forwarded",
    ),
    *(
        "Content-Encoding",
        "Content-Length",
        "Transfer-Encoding",
        "Date",
        "ETag",
        "MerchantId",
        "X-Request-Id",
    ),
)
_MEMBERS = (
    "status",
    "body",
    "headers",
    "customerId",
    "createTimestamp",
    "url",
    "",
    "a.b",
    "4111111111111111",
)


def value_at(value: Any, place: Place) -> Any:
    """Return what stands at a place, texts that hold JSON or base64 looked into."""
    for step in place:
        value = dict(iter_children(value))[step]
    return value


def _put(new: Any, value: Any, place: Place) -> Any:
    return plant(value, place, new)


def _rename(name: str, value: Any, place: Place) -> Any:
    return plant(value, place, name, as_key=True)


def _form_of_fields(value: Any) -> Callable[[str, str], Any] | None:
    """Return how one more header field is written beside others, None where a value holds none."""
    match value:
        case [{"name": str()} | {"key": str()} as first, *_] if len(first) > 1:
            names = list(first)[:2]
            return lambda name, text: [*value, dict(zip(names, (name, text), strict=True))]
        case [[str(), str()], *_]:
            return lambda name, text: [*value, [name, text]]
        case {**some} if some and all(isinstance(one, str) for one in some.values()):
            return lambda name, text: {**some, name: text}
        case {**some} if some and all(isinstance(one, list) for one in some.values()):
            return lambda name, text: {**some, name: [text]}
    return None


def _add_field(name: str, text: str, value: Any, place: Place) -> Any:
    form = _form_of_fields(value_at(value, place))
    return plant(value, place, form(name, text)) if form is not None else value


def _move(how: Callable[[list[Any], int], list[Any]], value: Any, place: Place) -> Any:
    """Give the members or items beside the one at the place another order or number."""
    *above, step = place
    holder = value_at(value, tuple(above))
    parts = list(holder.items()) if isinstance(holder, dict) else list(holder)
    if isinstance(holder, str):
        raise TypeError
    at = list(holder).index(step) if isinstance(holder, dict) else int(step)
    moved: Any = how(parts, at)
    moved = dict(moved) if isinstance(holder, dict) else moved
    return plant(value, tuple(above), moved) if above else moved


_MOVES: tuple[Callable[[list[Any], int], list[Any]], ...] = (
    lambda parts, at: parts[:at] + parts[at + 1 :],
    lambda parts, at: parts[: at + 1],
    lambda parts, at: [parts[at], *parts[:at], *parts[at + 1 :]],
    lambda parts, at: [*parts[: at + 1], *parts[at:]],
    lambda parts, _: parts * 3,
    lambda parts, _: parts[::-1],
)
_CHANGES: list[_Change] = [
    *(partial(_put, one) for one in VALUES),
    *(partial(_rename, one) for one in (*_MEMBERS, *FIELDS, NAMES["id"], NAMES["hyphened"])),
    *(partial(_move, one) for one in _MOVES),
]
_MORE_FIELDS: list[_Change] = [
    partial(_add_field, name, text)
    for name in FIELDS
    for text in ("", "0", NAMES["elsewhere"], str(CANARIES["everything"]))
]


@cache
def list_changes(name: str) -> list[tuple[_Change, Place]]:
    """Return what can be changed in the data of a recording, and where."""
    value = load(name)
    places = list(iter_places(value))
    fields = [place for place in places if _form_of_fields(value_at(value, place))]
    large = [partial(_put, one) for one in LARGE]
    return [*product(_CHANGES, places), *product(large, places[::4]), *product(_MORE_FIELDS, fields)]


def sweep(name: str, seed: int) -> bytes:
    """Return a recording of a format with one change; those that cannot be written leave it as it is."""
    data_name, _, write = RECORDINGS[name]
    value, changes = load(data_name), list_changes(data_name)
    change, place = changes[seed * _STRIDE % len(changes)]
    try:
        return write(change(value, place))
    except (AttributeError, TypeError, ValueError, LookupError, RecursionError):
        return write(value)
