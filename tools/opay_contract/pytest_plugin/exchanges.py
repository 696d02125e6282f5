"""Makes an exchange of whatever a test has in its hands: a client's response, or a dictionary."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from msgspec import structs

from opay_contract.contract.contract import Contract
from opay_contract.errors import UsageError
from opay_contract.formats.native import parse_line
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable

_PLACE = Place(source=0, entry=0, file="response")


def exchange_of(response: Any) -> Exchange:
    """Return the exchange of a response of requests or httpx, a dictionary in the native form, or a body.

    The two libraries' responses are told by their members, so that neither is imported and look-alikes pass.
    """
    if isinstance(response, Exchange):
        return response
    if isinstance(response, Mapping):
        return _exchange_of_mapping(response)
    if hasattr(response, "status_code") and hasattr(response, "headers"):
        return Exchange(place=_PLACE, request=_request(response), response=_response(response))
    raise UsageError(
        f"cannot check a {type(response).__name__}; expected a response of requests or httpx, or a dictionary"
    )


def with_known_host(exchange: Exchange, contract: Contract) -> Exchange:
    """Return an exchange without its host if that is none of the contract's: a mock's, or a proxy's."""
    url = exchange.request.url
    if url is None or contract.path(url) is not None:
        return exchange
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError("cannot check this response: its request's URL is none") from None
    path = urlunsplit(("", "", parts.path, parts.query, ""))
    return structs.replace(exchange, request=structs.replace(exchange.request, url=path))


def _exchange_of_mapping(value: Mapping[str, Any]) -> Exchange:
    try:
        line = json.dumps(dict(value)).encode()
    except (TypeError, ValueError, RecursionError):
        raise UsageError(
            'cannot check this dictionary: it holds what JSON does not have; bytes go into "body_base64"'
        ) from None
    item = parse_line(_PLACE, line)
    if isinstance(item, Unreadable):
        raise UsageError(f"cannot check this dictionary: {item.reason}")
    return item


def _response(response: Any) -> Response:
    return Response(
        status=response.status_code, headers=_headers(response.headers), body=bytes(response.content)
    )


def _request(response: Any) -> Request:
    try:
        request = response.request
    except RuntimeError:  # httpx, of a response that was made by hand
        request = None
    if request is None or request.url is None:
        return Request()
    return Request(
        method=request.method, url=str(request.url), headers=_headers(request.headers), body=_sent(request)
    )


def _headers(headers: Mapping[Any, Any] | None) -> Headers:
    return tuple((_text(name), _text(value)) for name, value in (headers or {}).items())


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _sent(request: Any) -> bytes | None:
    """Return the body that was sent, None where it was a stream, of which nothing is left."""
    try:
        body = request.body if hasattr(request, "body") else request.content
    except RuntimeError:  # httpx, of a stream
        return None
    if isinstance(body, str):
        return body.encode(errors="surrogatepass")
    return bytes(body) if isinstance(body, bytes | bytearray) else None
