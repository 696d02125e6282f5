"""The mock as an ASGI application: for uvicorn, and in process for tests."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from opay_contract.contract.contract import Contract
from opay_contract.mock.admin import admin_routes, ready_route
from opay_contract.mock.answers import MockAnswer
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings, RequestHandler
from opay_contract.mock.store import Store, StoredRecord
from opay_contract.mock.validation import MAX_BODY, MockRequest
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response

OWN_PATHS = b"/__mock__/"

_MAX_OWN_BODY = 16 * 2**20

Listener = Callable[[Exchange], None]
"""Hears of each exchange just before its answer is sent."""


class MockApp(Starlette):
    """Answers the contract's paths itself, for speed; its own go through routes and middleware."""

    def __init__(
        self, handler: RequestHandler, routes: list[BaseRoute], listeners: Iterable[Listener]
    ) -> None:
        super().__init__(routes=routes, max_body_size=_MAX_OWN_BODY)
        self.handler = handler
        self._listeners = tuple(listeners)
        self._heard = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or _path(scope).startswith(OWN_PATHS):
            await super().__call__(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        fields: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            fields.setdefault(name, value)
        request = MockRequest(
            method=scope["method"],
            target=_path(scope),
            query=scope["query_string"],
            headers=fields,
            body=body,
        )
        answer = self.handler.answer(request)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if self._listeners:
            self._tell(scope, fields, body, answer)
        await _send(answer, send)

    def _tell(self, scope: Scope, fields: dict[bytes, bytes], body: bytes, answer: MockAnswer) -> None:
        self._heard += 1
        exchange = Exchange(
            place=Place(source=0, entry=self._heard, file="mock"),
            request=Request(
                method=scope["method"],
                url=_url(scope, fields),
                headers=_headers(scope["headers"]),
                body=body if len(body) <= MAX_BODY else None,
            ),
            response=Response(status=answer.status, headers=_headers(answer.fields), body=_sent_body(answer)),
            recorded_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        for listener in self._listeners:
            listener(exchange)


def build_app(
    contract: Contract,
    settings: MockSettings,
    store: Store,
    *,
    initial: Iterable[StoredRecord] = (),
    listeners: Iterable[Listener] = (),
) -> MockApp:
    """Wire a mock around a store that holds its records; the admin's `reset` brings back `initial`."""
    admin = admin_routes(store, RecordBook(contract), initial) if settings.admin else []
    return MockApp(RequestHandler(contract, settings, store), [ready_route(), *admin], listeners)


async def _read(receive: Receive) -> bytes | None:
    """Return the body, None when the client went away; of a body that is too long, more than the limit."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        if len(body) <= MAX_BODY:  # the rest is read, so that the client gets to hear the answer, and dropped
            body += message.get("body", b"")
    return None if message["type"] == "http.disconnect" else body


async def _send(answer: MockAnswer, send: Send) -> None:
    start: Message = {"type": "http.response.start", "status": answer.status, "headers": answer.fields}
    await send(start)
    # An answer that is left unfinished makes the server close the connection.
    await send({"type": "http.response.body", "body": _sent_body(answer), "more_body": answer.cut})


def _sent_body(answer: MockAnswer) -> bytes:
    return answer.body[: len(answer.body) // 2] if answer.cut else answer.body


def _path(scope: Scope) -> bytes:
    """Return the path as it was sent: an escaped letter makes it another path."""
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"]
    return path.encode() if raw is None else raw


def _url(scope: Scope, fields: dict[bytes, bytes]) -> str:
    host, port = scope.get("server") or ("localhost", None)
    authority = fields.get(b"host", f"{host}:{port}".encode())
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    return f"{scope['scheme']}://{(authority + _path(scope) + query).decode('latin-1')}"


def _headers(fields: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)
