"""Asks two targets the same, and tells where their answers differ: in status, code, headers, or shape.

Values are not compared: two targets know other customers. Which requests are refused, and how, is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from opay_contract.jsontext import Parsed, parse_json
from opay_contract.suite.api import Api, Reply
from opay_contract.suite.breach import Breach
from opay_contract.suite.catalogue import FAMILIES
from opay_contract.suite.questions import NEEDS

_OF_THE_SERVER = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
)
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs between the answers of two targets, and in answer to which requests."""

    what: str
    first: str
    second: str
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How many requests both targets answered, and where they differ."""

    asked: int
    differences: tuple[Difference, ...]


def compare_targets(first: Api, second: Api) -> Parity:
    """Ask both targets every request of the suite that both know, one after the other."""
    found: dict[tuple[str, str, str], list[str]] = {}
    asked = 0
    for name, one, other in _replies(first, second):
        asked += 1
        for difference in _differences(one, other):
            found.setdefault(difference, []).append(name)
    rows = [
        Difference(what=what, first=one, second=other, asked=tuple(names))
        for (what, one, other), names in found.items()
    ]
    return Parity(asked=asked, differences=tuple(sorted(rows, key=lambda row: -len(row.asked))))


def render_parity(parity: Parity, first: str, second: str) -> str:
    """Return the differences as text, those of most requests first."""
    count = len(parity.differences)
    lines = [f"{first} against {second}: {parity.asked} requests, {count} difference{'s' * (count != 1)}"]
    for row in parity.differences:
        more = len(row.asked) - _MOST_NAMED
        named = "; ".join(row.asked[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
        lines += [f"  {row.what}: {row.first} against {row.second}", f"    asked {named}"]
    return "\n".join(lines)


def _replies(first: Api, second: Api) -> Iterator[tuple[str, Reply, Reply]]:
    """Send each request to both; a family that needs a card is left out where one target has none."""
    for family in FAMILIES:
        if set(getattr(family, NEEDS, ())) - (first.judge.questions.had & second.judge.questions.had):
            continue
        try:
            pairs = list(zip(family(first), family(second), strict=False))
        except Breach:
            continue
        for one, other in pairs:
            yield one.name, first.send(one), second.send(other)


def _differences(one: Reply, other: Reply) -> Iterator[tuple[str, str, str]]:
    if one.status != other.status:
        yield "HTTP status", str(one.status), str(other.status)
    if one.code != other.code:
        yield "code", one.code or "none", other.code or "none"
    for name in sorted(_headers(one) ^ _headers(other)):
        yield f"header {name}", _presence(name in _headers(one)), _presence(name in _headers(other))
    kinds, others = _shape(one), _shape(other)
    for place in sorted(kinds.keys() | others.keys()):
        if kinds.get(place) != others.get(place):
            yield place, kinds.get(place, "absent"), others.get(place, "absent")


def _presence(is_there: bool) -> str:  # noqa: FBT001  the only one
    return "there" if is_there else "absent"


def _headers(reply: Reply) -> set[str]:
    return {name.lower() for name, _ in reply.exchange.response.headers or ()} - _OF_THE_SERVER


def _shape(reply: Reply) -> dict[str, str]:
    """Return the types of what stands at each folded place of a body."""
    parsed = parse_json(reply.exchange.response.body) if reply.exchange.response.body else None
    if not isinstance(parsed, Parsed):
        return {"the body": "none" if parsed is None else "no JSON"}
    kinds: dict[str, set[str]] = {}
    _walk(parsed.value, "", kinds)
    return {place: " or ".join(sorted(found)) for place, found in kinds.items()}


def _walk(value: object, place: str, kinds: dict[str, set[str]]) -> None:
    kinds.setdefault(place or "the body", set()).add(_KINDS.get(type(value), "number"))
    if isinstance(value, dict):
        for name, child in value.items():
            _walk(child, f"{place}/{name}", kinds)
    elif isinstance(value, list):
        for child in value:
            _walk(child, f"{place}/*", kinds)


_KINDS = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
