"""Looks for full card numbers everywhere in an exchange, also where the contract says nothing."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.operation import Operation
from opay_contract.jsontext import NotJson, Parsed, Tokens, iter_nodes, last_name
from opay_contract.judge.body_plan import BodyPlan
from opay_contract.judge.card_numbers import LEAST_DIGITS, iter_card_number_lengths, may_have_card_number
from opay_contract.judge.describing import describe_name, fold_pointer
from opay_contract.judge.shapes import Shape, fold
from opay_contract.judge.subject import Bodies, RawFinding
from opay_contract.judge.table import CARD_NUMBER_EXPOSED
from opay_contract.model.exchange import Exchange

_VALUE = r"""["']?\s*[:=]\s*(?:"(?:[^"\\]|\\.)*"?|[^\s&;,}\]]*)"""
_LEAST, _LONGEST = 10**12, 10**19
_NO_DIGITS = bytes(set(range(256)).difference(b"0123456789"))
_Read = Parsed | NotJson | None
_Hits = Iterator[RawFinding]
_encode = msgspec.json.Encoder().encode


class CardSearch:
    """Finds full card numbers in URL, headers and bodies.

    A place outside the answer's body is named by a word in front: `url`, `request-header:`,
    `response-header:`, `request:`. Unless it is thorough, texts without 13 digits in a row are passed over.
    """

    def __init__(self, contract: Contract, *, is_thorough: bool) -> None:
        """Take a contract, which says where identifiers and credentials stand."""
        self._names = contract.names_not_searched
        self._unsearched_headers = contract.unsearched_headers
        self.is_thorough = is_thorough

    def in_url(self, url: str | None, operation: Operation | None) -> list[RawFinding]:
        """Search a URL."""
        return [_hit(length, "url") for length in _lengths_in_url(self._names(operation), url or "")]

    def in_headers(self, exchange: Exchange) -> Iterator[RawFinding]:
        """Search the headers, but for those that hold identifiers or credentials."""
        request, response = exchange.request, exchange.response
        for headers, prefix in ((request.headers, "request-header:"), (response.headers, "response-header:")):
            for name, value in headers or ():
                if name.lower() not in self._unsearched_headers:
                    yield from _hits(value, prefix + describe_name(name))

    def in_query(
        self,
        exchange: Exchange,
        read: _Read,
        operation: Operation | None,
        plan: BodyPlan | None = None,
        shape: Shape | None = None,
    ) -> _Hits:
        """Search the request's body."""
        return self._in_body(
            exchange.request.body, read, shape, plan, names=self._names(operation), prefix="request:"
        )

    def in_answer(
        self,
        exchange: Exchange,
        read: _Read,
        operation: Operation | None,
        plan: BodyPlan | None = None,
        shape: Shape | None = None,
    ) -> _Hits:
        """Search the response's body."""
        return self._in_body(exchange.response.body, read, shape, plan, names=self._names(operation))

    def _in_body(  # noqa: PLR0913  a body with all that is known of it
        self,
        data: bytes | None,
        read: _Read,
        shape: Shape | None,
        plan: BodyPlan | None,
        *,
        names: frozenset[str],
        prefix: str = "",
    ) -> _Hits:
        if not data or not (self.is_thorough or _may_be_in_body(data, read, shape)):
            return
        if isinstance(read, NotJson):
            yield from _hits(without_values(names, data.decode(errors="replace")), prefix)
        elif read is not None:
            search = _Search(names, plan)
            yield from _check_values(iter_nodes(read.value), search, prefix)
            for tokens, value in read.shadowed:
                yield from _check_values(iter_nodes(value, tokens), _Search(names, None), prefix)


def shows_card_number(contract: Contract, exchange: Exchange, match: Match) -> bool:
    """Tell whether an exchange of whatever API holds a full card number."""
    cards = CardSearch(contract, is_thorough=True)
    found = chain(
        cards.in_url(exchange.request.url, None),
        cards.in_headers(exchange),
        cards.in_query(exchange, match.request_body, None),
        cards.in_answer(exchange, match.response_body, None),
    )
    return any(True for _ in found)


@lru_cache(maxsize=4096)
def _lengths_in_url(names: frozenset[str], url: str) -> tuple[int, ...]:
    return tuple(iter_card_number_lengths(without_values(names, unquote_plus(url))))


def _may_be_in_body(data: bytes, read: _Read, shape: Shape | None) -> bool:
    r"""Tell whether a search of the values is worth it: by the text, where it hides no digits of them.

    Numbers with an exponent hide some, and so do escapes. Written anew, a text has no escapes but of quotes,
    backslashes and control characters; \u and \t of those may stand beside digits.
    """
    if isinstance(read, NotJson):
        return may_have_card_number(data)
    if type(read) is not Parsed or shape is None or shape.has_float or read.shadowed:
        return True
    if not read.may_show_number:
        return False
    if b"\\" in data:
        data = _encode(read.value)
        if b"\\u" in data or b"\\t" in data:
            return True
    return may_have_card_number(data)


def has_great_fraction(bodies: Bodies) -> bool:
    """Tell whether a number that was written with a fraction or an exponent may be a card number."""
    if bodies.has_others:
        return bodies.has_float
    return bodies.has_float and any(
        abs(value) >= _LEAST
        for column in bodies.table.columns
        if any(shape.kind is float for shape in column.shapes)
        for value in column.values
        if type(value) is float
    )


class _Search:
    """Tells which places of a body are searched: by the schemas that describe them, or else by name."""

    def __init__(self, names: frozenset[str], plan: BodyPlan | None) -> None:
        self.names = names
        self._searched: dict[Tokens, bool] = plan.searched if plan else {}

    def wants(self, tokens: Tokens) -> bool:
        """Return whether a place is searched; a plan has places as they are, or with indexes folded."""
        for place in (tokens, fold(tokens)):
            if place in self._searched:
                return self._searched[place]
        return last_name(tokens) not in self.names


def without_values(names: frozenset[str], text: str) -> str:
    """Return a text without the values of some names: JSON that breaks off, a query string, a form."""
    return _named_values(names).sub("\n", text) if names else text


@lru_cache(maxsize=256)
def _named_values(names: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(names)))}){_VALUE}")


def _check_values(nodes: Iterator[tuple[Tokens, Any]], search: _Search, prefix: str) -> Iterator[RawFinding]:
    for tokens, value in nodes:
        if type(value) is dict:
            for name in value:
                if not _is_too_short(name):
                    yield from _hits(name, prefix, (*tokens, name))
        elif not _is_too_short(text := _text_of(value)) and search.wants(tokens):
            yield from _hits(text, prefix, tokens)


def _is_too_short(text: str) -> bool:
    """Tell that a text has too few digits; a character of another script may stand for several."""
    return text.isascii() and (
        len(text) < LEAST_DIGITS or len(text.encode().translate(None, _NO_DIGITS)) < LEAST_DIGITS
    )


def _text_of(value: Any) -> str:
    """Return the digits of a number or the text of a string; a card number can be sent as either."""
    if isinstance(value, str):
        return value
    whole = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LONGEST
    return str(int(value)) if whole and value == int(value) else ""


def _hits(text: str, prefix: str, tokens: Tokens = ()) -> Iterator[RawFinding]:
    for length in iter_card_number_lengths(text):
        yield _hit(length, prefix + fold_pointer(tokens))


def _hit(length: int, pointer: str) -> RawFinding:
    return RawFinding(
        CARD_NUMBER_EXPOSED, pointer, "no full card number", f"a card number of {length} digits"
    )
