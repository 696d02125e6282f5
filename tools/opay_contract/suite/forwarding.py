"""Passes on what schemathesis sends through a careful client, which paces, counts and records it."""

from collections.abc import Awaitable, Callable
from typing import Any

from opay_contract.suite.client import Client

_OF_THE_CONNECTION = {
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
}
_DECODED = _OF_THE_CONNECTION | {"content-encoding"}

_Message = dict[str, Any]


class Forwarder:
    """An ASGI application that asks another server, and answers as that does."""

    def __init__(self, client: Client, base_url: str) -> None:
        self._client, self._base_url = client, base_url

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answer one request; what the client raises comes out in schemathesis."""
        if scope["type"] != "http":
            return
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        path = scope.get("raw_path") or scope["path"].encode()
        exchange = self._client.send(
            scope["method"],
            self._base_url + (path + query).decode("latin-1"),
            {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in scope["headers"]
                if name.decode("latin-1").lower() not in _OF_THE_CONNECTION
            },
            await _body(receive),
        )
        response = exchange.response
        fields = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers or ()
            if name.lower() not in _DECODED
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": fields})
        await send({"type": "http.response.body", "body": response.body})


async def _body(receive: Callable[[], Awaitable[_Message]]) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)
