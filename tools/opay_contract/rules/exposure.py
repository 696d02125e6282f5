"""Looks for full card numbers everywhere in an exchange, also where the contract says nothing."""

from collections.abc import Iterator
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
"""Classes of fields that may look like card numbers by their nature."""

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
    yield from _hits(unquote_plus(request.url or ""), "url")
    yield from _check_headers(contract, request.headers, "request-header:")
    yield from _check_headers(contract, response.headers, "response-header:")
    yield from _check_body(match.request_body, request.body, query, "request:")
    yield from _check_body(match.response_body, response.body, answer, "")


def _check_headers(contract: Contract, headers: Headers | None, prefix: str) -> Iterator[Hit]:
    for name, value in headers or ():
        if name.lower() not in contract.unsearched_headers:
            yield from _hits(value, prefix + describe_name(name))


def _check_body(
    body: Parsed | NotJson | None, data: bytes | None, described: Annotations | None, prefix: str
) -> Iterator[Hit]:
    if isinstance(body, NotJson):
        yield from _hits((data or b"").decode(errors="replace"), prefix)
    elif isinstance(body, Parsed):
        yield from _check_values(iter_nodes(body.value), _unsearched(described), prefix)
        for tokens, value in body.shadowed:
            yield from _check_values(iter_nodes(value, tokens), frozenset(), prefix)


def _check_values(
    nodes: Iterator[tuple[Tokens, Any]], unsearched: frozenset[Tokens], prefix: str
) -> Iterator[Hit]:
    for tokens, value in nodes:
        if isinstance(value, dict):
            for name in value:
                yield from _hits(name, prefix, (*tokens, name))
        elif tokens not in unsearched:
            yield from _hits(_text_of(value), prefix, tokens)


def _text_of(value: Any) -> str:
    """Return the digits of a number or the text of a string; a card number can be sent as either."""
    if isinstance(value, str):
        return value
    whole = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LONGEST
    return str(int(value)) if whole and value == int(value) else ""


def _unsearched(described: Annotations | None) -> frozenset[Tokens]:
    """Return the places that the contract calls identifiers or credentials."""
    nodes = described.nodes() if described else ()
    return frozenset(tokens for tokens, _, _, node in nodes if node.get("x-sensitivity") in NOT_SEARCHED)


def _hits(text: str, prefix: str, tokens: Tokens = ()) -> Iterator[Hit]:
    for length in iter_card_number_lengths(text):
        pointer = prefix + fold_pointer(tokens)
        yield Hit(CARD_NUMBER_EXPOSED, pointer, "no full card number", f"a card number of {length} digits")
