"""Looks for full card numbers everywhere in an exchange, also where the contract says nothing."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from opay_contract.contract.contract import Contract, Match
from opay_contract.jsontext import NotJson, Parsed, Tokens, iter_nodes
from opay_contract.model.exchange import Exchange, Headers
from opay_contract.rules.annotations import Annotations
from opay_contract.rules.card_numbers import iter_card_number_lengths
from opay_contract.rules.describing import describe_name, fold_pointer
from opay_contract.rules.subject import Hit
from opay_contract.rules.table import CARD_NUMBER_EXPOSED

NOT_SEARCHED = frozenset({"identifier", "credential"})
"""Classes of fields that may look like card numbers by their nature; where no schema is, a name tells."""

_VALUE = r"""["']?\s*[:=]\s*(?:"(?:[^"\\]|\\.)*"?|[^\s&;,}\]]*)"""
_LONGEST = 10**19


def check_exposure(
    contract: Contract,
    exchange: Exchange,
    match: Match,
    query: Annotations | None,
    answer: Annotations | None,
) -> Iterator[Hit]:
    """Find full card numbers in URL, headers and bodies.

    A place outside the answer's body is named by a word in front: `url`, `request-header:`,
    `response-header:`, `request:`.
    """
    request, response = exchange.request, exchange.response
    names = frozenset(name for name, stated in contract.sensitivity_by_name.items() if stated in NOT_SEARCHED)
    yield from _hits(_without(names, unquote_plus(request.url or "")), "url")
    yield from _check_headers(contract, request.headers, "request-header:")
    yield from _check_headers(contract, response.headers, "response-header:")
    yield from _check_body(match.request_body, request.body, _Search(names, query), "request:")
    yield from _check_body(match.response_body, response.body, _Search(names, answer), "")


class _Search:
    """Tells which places of a body are searched: by the schemas that describe them, or else by name."""

    def __init__(self, names: frozenset[str], described: Annotations | None) -> None:
        self.names = names
        self._searched: dict[Tokens, bool] = {}
        for tokens, _, _, node in described.nodes() if described else ():
            is_searched = node.get("x-sensitivity") not in NOT_SEARCHED
            self._searched[tokens] = is_searched and self._searched.get(tokens, True)

    def wants(self, tokens: Tokens) -> bool:
        if tokens in self._searched:
            return self._searched[tokens]
        return next((token for token in reversed(tokens) if isinstance(token, str)), None) not in self.names


def _check_headers(contract: Contract, headers: Headers | None, prefix: str) -> Iterator[Hit]:
    for name, value in headers or ():
        if name.lower() not in contract.unsearched_headers:
            yield from _hits(value, prefix + describe_name(name))


def _check_body(
    body: Parsed | NotJson | None, data: bytes | None, search: _Search, prefix: str
) -> Iterator[Hit]:
    if isinstance(body, NotJson):
        yield from _hits(_without(search.names, (data or b"").decode(errors="replace")), prefix)
    elif isinstance(body, Parsed):
        yield from _check_values(iter_nodes(body.value), search, prefix)
        for tokens, value in body.shadowed:
            yield from _check_values(iter_nodes(value, tokens), _Search(search.names, None), prefix)


def _without(names: frozenset[str], text: str) -> str:
    """Return a text without the values of some names: JSON that breaks off, a query string, a form."""
    return _named_values(names).sub("\n", text) if names else text


@lru_cache(maxsize=16)
def _named_values(names: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(names)))}){_VALUE}")


def _check_values(nodes: Iterator[tuple[Tokens, Any]], search: _Search, prefix: str) -> Iterator[Hit]:
    for tokens, value in nodes:
        if isinstance(value, dict):
            for name in value:
                yield from _hits(name, prefix, (*tokens, name))
        elif search.wants(tokens):
            yield from _hits(_text_of(value), prefix, tokens)


def _text_of(value: Any) -> str:
    """Return the digits of a number or the text of a string; a card number can be sent as either."""
    if isinstance(value, str):
        return value
    whole = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LONGEST
    return str(int(value)) if whole and value == int(value) else ""


def _hits(text: str, prefix: str, tokens: Tokens = ()) -> Iterator[Hit]:
    for length in iter_card_number_lengths(text):
        pointer = prefix + fold_pointer(tokens)
        yield Hit(CARD_NUMBER_EXPOSED, pointer, "no full card number", f"a card number of {length} digits")
