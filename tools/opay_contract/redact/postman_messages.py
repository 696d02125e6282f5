"""Finds the messages in a Postman collection or a Newman report, which may be anywhere in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from opay_contract.formats.errors import EntryError
from opay_contract.formats.postman import saved_exchange
from opay_contract.formats.postman_messages import as_far_as_known, parse_request
from opay_contract.jsontext import Tokens
from opay_contract.model.exchange import Exchange, Place, Response, Unreadable
from opay_contract.redact.postman_urls import redact_url_parts, redact_written_url
from opay_contract.redact.redactor import Redacted, Redactor

_PLACE = Place(source=0, entry=1, file="-")
_REQUESTS = ("request", "originalRequest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request or an answer somewhere in a value; `url` is a request's new URL, as it is written."""

    side: str
    redacted: Redacted
    url: Any = None


def iter_messages(redactor: Redactor, tree: Any) -> Iterator[tuple[Tokens, Message]]:
    """Find requests by the member that they are, and saved answers beside them."""
    waiting: list[tuple[Tokens, Any]] = [((), tree)] if isinstance(tree, dict | list) else []
    while waiting:
        tokens, node = waiting.pop()
        children = node.items() if isinstance(node, dict) else enumerate(node)
        waiting += [((*tokens, key), child) for key, child in children if isinstance(child, dict | list)]
        if isinstance(node, dict):
            for name in _REQUESTS:
                if isinstance(node.get(name), dict | str):
                    yield from _iter_request(redactor, (*tokens, name), node[name])
            if isinstance(node.get("response"), list):
                yield from _iter_answers(redactor, tokens, node)


def _iter_request(redactor: Redactor, tokens: Tokens, written: Any) -> Iterator[tuple[Tokens, Message]]:
    try:
        full, known = parse_request(written), as_far_as_known(written)
    except EntryError:
        return
    request = structs.replace(known, headers=full.headers, body=full.body)
    exchange = Exchange(place=_PLACE, request=request, response=Response(status=200, body=b""))
    url = written.get("url") if isinstance(written, dict) else written
    new = redact_url_parts(redactor, url) if isinstance(url, dict) else url
    if isinstance(url, str):
        new = redact_written_url(redactor, url)
    yield tokens, Message(side="request", redacted=redactor.bodies(exchange), url=new)


def _iter_answers(redactor: Redactor, tokens: Tokens, item: Any) -> Iterator[tuple[Tokens, Message]]:
    for index, saved in enumerate(item["response"]):
        if not isinstance(saved, dict):
            continue
        written = saved.get("originalRequest") or item.get("request")
        try:
            exchange = saved_exchange(_PLACE, written, saved)
        except EntryError:
            continue
        if isinstance(exchange, Unreadable):
            continue
        yield (*tokens, "response", index), Message(side="response", redacted=redactor.bodies(exchange))
