"""Where requests lead; it is worked out for the first of URLs that differ in nothing but fitting values."""

import re
from typing import Any

import msgspec

from opay_contract.contract.contract import Contract, Route
from opay_contract.contract.parameters import Pairs, split_query
from opay_contract.judge.card_numbers import may_have_card_number
from opay_contract.judge.exposure import CardSearch
from opay_contract.judge.parameters import NO_FACTS, read_url, values_fit
from opay_contract.judge.routes import describe_elsewhere
from opay_contract.judge.subject import UrlFacts
from opay_contract.model.exchange import Exchange, Request
from opay_contract.model.summary import Elsewhere

MAX_URL = 4000
"""Characters of a method and a URL that are remembered."""

_MAX_HEADS = 16
_PLAIN_URL = re.compile(r"[!$&'(),\-./0-9:;=?@A-Z_a-z~*]+")
"""A URL without escapes, and without what is no part of a path or a query."""


class Lead(msgspec.Struct, frozen=True, gc=False):
    """Where a request leads; `key` is the same for those that lead there, None where it is not remembered.

    It is a text, which knows its hash. A request that is out of scope went `elsewhere`.
    """

    route: Route
    url: UrlFacts = NO_FACTS
    key: str | None = None
    elsewhere: Elsewhere | None = None


Led = tuple[Exchange, Lead]
"""An exchange, and where its request leads."""


class Leads:
    """Finds where requests lead; those that are `known` are so by method and URL."""

    def __init__(self, contract: Contract, cards: CardSearch, room: int) -> None:
        """Begin without having seen a request; so many of each are remembered."""
        self._contract = contract
        self._cards = cards
        self._room = room
        self.known: dict[tuple[str | None, str | None], Lead] = {}
        self._alike: dict[tuple[Any, ...], Lead] = {}
        self._heads: dict[str, None] = {}

    def find(self, request: Request) -> Lead:
        """Find where a request leads."""
        method, url = request.method or "", request.url or ""
        if len(method) + len(url) > MAX_URL or method.upper() == "OPTIONS":  # a preflight is told by a header
            return self._lead(request)
        common, path, query = self._take_apart(method, url)
        lead = self._alike.get(common) if common is not None else None
        if lead is None or not self._fits(lead, path, query):
            is_new, lead = lead is None, self._lead(request)
            if common is None:
                if lead.elsewhere is None:
                    self._learn_head(url)
            elif is_new and len(self._alike) < self._room and self._fits(lead, path, query):
                self._alike[common] = lead
        if len(self.known) < self._room:
            self.known[request.method, request.url] = lead
        return lead

    def _fits(self, lead: Lead, path: str, query: Pairs) -> bool:
        operation = lead.route.operation
        return operation is not None and values_fit(self._contract, operation, path, query)

    def _take_apart(self, method: str, url: str) -> tuple[tuple[Any, ...] | None, str, Pairs]:
        """Return what a URL has in common with those that lead where it does if all values fit, and these.

        There is nothing in common where that is not sure.
        """
        head = next((head for head in self._heads if url.startswith(head)), None)
        if head is None or not _PLAIN_URL.fullmatch(url) or may_have_card_number(url.encode()):
            return None, "", ()
        path, _, rest = url[len(head) :].partition("?")
        query = split_query(rest)
        leads_to = tuple([one.id for one in self._contract.operations if one.path_pattern.fullmatch(path)])
        return (method, head, leads_to, tuple([(name, bool(value)) for name, value in query])), path, query

    def _learn_head(self, url: str) -> None:
        head = self._contract.head(url)
        if head is not None and len(self._heads) < _MAX_HEADS and _PLAIN_URL.fullmatch(url):
            self._heads[head] = None

    def _lead(self, request: Request) -> Lead:
        route = self._contract.route(request)
        if route.outside is not None:
            return Lead(route, elsewhere=describe_elsewhere(self._contract, request.url or "", route))
        facts = read_url(self._contract, route, request)
        if not route.path_known or self._cards.in_url(request.url, route.operation):
            return Lead(route, facts)
        key = (
            route.operation.id if route.operation else tuple([one.id for one in route.others]),
            route.documented,
            request.method,
            request.url is None,
            (sorted(facts.keys), bool(facts.faults)) if facts is not NO_FACTS else None,
        )
        return Lead(route, facts, repr(key))
