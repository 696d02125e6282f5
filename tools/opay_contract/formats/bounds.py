"""Says which bodies are too much work to judge: by counts that are the same on every machine.

What is done for a value grows with the length of its place, so both are bounded: how many values a body has,
and how many steps lead to all of them.
"""

import codecs
import re

from opay_contract.jsontext import MAX_DEPTH
from opay_contract.model.exchange import Exchange

MAX_VALUES = 200_000
"""Of how many values a body, or an entry of a cassette, may be; real ones have some hundred."""

MAX_STEPS = 2_000_000
"""How many steps may lead to the values of a body in all."""

TOO_MANY_VALUES = f"a body has more than {MAX_VALUES:,} values"
TOO_MANY_STEPS = f"the values of a body are nested so deep that more than {MAX_STEPS:,} steps lead to them"

ALWAYS_FINE = MAX_STEPS // MAX_DEPTH
"""Bodies of so many bytes are never too much."""

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
_OPENING, _CLOSING = (b"[", b"{"), (b"]", b"}")


def excess_of(exchange: Exchange) -> str | None:
    """Return why an exchange's bodies are too much to judge; None for those that are not."""
    return excess(exchange.request.body or b"") or excess(exchange.response.body)


def may_exceed(text: bytes) -> bool:
    """Tell quickly whether a text with JSON in it may be too much."""
    if len(text) <= ALWAYS_FINE:
        return False
    opened = text.count(b"[") + text.count(b"{")
    values = opened + text.count(b",") + 1
    return values > MAX_VALUES or values * min(opened, MAX_DEPTH) > MAX_STEPS


def excess(body: bytes) -> str | None:
    """Return why a body is too much to judge; what is no JSON, or too deep for a reader, never is."""
    if not may_exceed(body) or not body.removeprefix(codecs.BOM_UTF8).lstrip().startswith(_OPENING):
        return None
    values = steps = depth = 0
    for match in _TOKEN.finditer(body):
        token = match[0]
        if token in _OPENING:
            depth += 1
        elif token in _CLOSING:
            depth -= 1
        if token in _OPENING or token == b",":
            values, steps = values + 1, steps + depth
        if depth > MAX_DEPTH:
            return None
        if values > MAX_VALUES:
            return TOO_MANY_VALUES
        if steps > MAX_STEPS:
            return TOO_MANY_STEPS
    return None


def stand_in(reason: str) -> bytes:
    """Return a body that is too much for the same reason, and says nothing."""
    if reason == TOO_MANY_VALUES:
        return b"[" + b"0," * MAX_VALUES + b"0]"
    return b"[" * MAX_DEPTH + b"0," * ALWAYS_FINE + b"0" + b"]" * MAX_DEPTH
