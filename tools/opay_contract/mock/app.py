"""The mock as an ASGI application, for uvicorn and in process for tests, and its own paths.

Under /__mock__/ it says whether it is ready, and, where asked for, lets its records be changed. Changes are
for the machine that the mock runs on alone: the peer and the address must be loopback, and a browser's page,
which can reach loopback too, is turned away.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as OwnRequest
from starlette.responses import JSONResponse
from starlette.responses import Response as OwnResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from opay_contract.contract.contract import Contract, is_loopback
from opay_contract.jsontext import Parsed, Tokens, parse_json, pointer
from opay_contract.mock.answers import MockAnswer
from opay_contract.mock.records import RecordBook, RecordKind
from opay_contract.mock.request_handler import MockSettings, RequestHandler
from opay_contract.mock.store import Store, StoredRecord
from opay_contract.mock.validation import MAX_BODY, MockRequest
from opay_contract.model.exchange import Exchange, Request, Response, as_headers, exchange_of_now

OWN_PATHS = b"/__mock__/"
READY_PATH = "/__mock__/ready"

_MAX_OWN_BODY = 16 * 2**20
_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _CREATED, _NO_CONTENT = 400, 403, 404, 201, 204

Listener = Callable[[Exchange], None]
"""Hears of each exchange just before its answer is sent."""

_Handler = Callable[[OwnRequest], Awaitable[OwnResponse]]


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
        sent = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
        if self._listeners:
            self._tell(scope, request, answer, sent)
        start: Message = {"type": "http.response.start", "status": answer.status, "headers": answer.fields}
        await send(start)
        # An answer that is left unfinished makes the server close the connection.
        await send({"type": "http.response.body", "body": sent, "more_body": answer.cut})

    def _tell(self, scope: Scope, request: MockRequest, answer: MockAnswer, sent: bytes) -> None:
        self._heard += 1
        host, port = scope.get("server") or ("localhost", None)
        url = request.headers.get(b"host", f"{host}:{port}".encode()) + request.target
        url += b"?" + request.query if request.query else b""
        asked = Request(
            method=request.method,
            url=f"{scope['scheme']}://{url.decode('latin-1')}",
            headers=as_headers(scope["headers"]),
            body=request.body if len(request.body) <= MAX_BODY else None,
        )
        answered = Response(status=answer.status, headers=as_headers(answer.fields), body=sent)
        exchange = exchange_of_now(asked, answered, self._heard, "mock")
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

    async def ready(_request: OwnRequest) -> OwnResponse:
        return JSONResponse({"ready": True})

    routes: list[BaseRoute] = [Route(READY_PATH, ready)]
    if settings.admin:
        routes += _admin_routes(store, RecordBook(contract), tuple(initial))
    return MockApp(RequestHandler(contract, settings, store), routes, listeners)


async def _read(receive: Receive) -> bytes | None:
    """Return the body, None when the client went away; of a body that is too long, more than the limit."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        if len(body) <= MAX_BODY:  # the rest is read, so that the client gets to hear the answer, and dropped
            body += message.get("body", b"")
    return None if message["type"] == "http.disconnect" else body


def _path(scope: Scope) -> bytes:
    """Return the path as it was sent: an escaped letter makes it another path."""
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"]
    return path.encode() if raw is None else raw


def _admin_routes(store: Store, book: RecordBook, initial: tuple[StoredRecord, ...]) -> Iterator[BaseRoute]:
    async def reset(_request: OwnRequest) -> OwnResponse:
        store.reset(initial)
        return OwnResponse(status_code=_NO_CONTENT)

    yield _route("/__mock__/reset", reset, "POST")
    for kind in book.kinds.values():
        yield from _routes_of_kind(store, kind)


def _routes_of_kind(store: Store, kind: RecordKind) -> Iterator[BaseRoute]:
    """Yield the routes that list and change records of a kind and their items."""
    nobody = _refusal(_NOT_FOUND, f"there is no such {kind.single}")

    async def list_records(_request: OwnRequest) -> OwnResponse:
        return JSONResponse(store.ids(kind.name))

    async def show_record(request: OwnRequest) -> OwnResponse:
        stored = store.record(kind.name, request.path_params["id"])
        return nobody if stored is None else JSONResponse(kind.data(stored))

    async def add_record(request: OwnRequest) -> OwnResponse:
        data = await _json(request)
        if refused := _first(kind.faults(data)):
            return refused
        store.add([kind.stored(data)])
        return OwnResponse(status_code=_CREATED)

    async def add_item(request: OwnRequest) -> OwnResponse:
        item: Any = await _json(request)
        if refused := _first(kind.item_faults(item)):
            return refused
        found = store.add_item(kind.name, request.path_params["id"], kind.item_id(item), item)
        return OwnResponse(status_code=_CREATED) if found else nobody

    path = f"/__mock__/{kind.name}"
    if kind.stated.items is not None:
        items = kind.stated.items.name
        yield _route(f"{path}/{{id:path}}/{items}", add_item, "POST")
        yield _route(f"/__mock__/{items}/{{id:path}}", _removing(store.remove_item, kind), "DELETE")
    yield _route(path, list_records, "GET")
    yield _route(path, add_record, "POST")
    yield _route(f"{path}/{{id:path}}", show_record, "GET")
    yield _route(f"{path}/{{id:path}}", _removing(store.remove, kind), "DELETE")


def _removing(remove: Callable[[str, str], bool], kind: RecordKind) -> _Handler:
    async def handle(request: OwnRequest) -> OwnResponse:
        if remove(kind.name, request.path_params["id"]):
            return OwnResponse(status_code=_NO_CONTENT)
        return _refusal(_NOT_FOUND, "there is nothing of that id")

    return handle


def _route(path: str, handler: _Handler, method: str) -> Route:
    async def guarded(request: OwnRequest) -> OwnResponse:
        server = request.scope.get("server") or (None, None)
        peer, named = request.client.host if request.client else None, request.url.hostname
        own = (peer, server[0], named)  # the last is the Host header: a page under another name has that
        if not (all(map(is_loopback, own)) and "origin" not in request.headers):
            return _refusal(_FORBIDDEN, "the admin path is for programs on this machine")
        try:
            return await handler(request)
        except ClientDisconnect:  # nobody hears the answer
            return OwnResponse(status_code=_BAD_REQUEST)

    return Route(path, guarded, methods=[method])


async def _json(request: OwnRequest) -> Any:
    parsed = parse_json(await request.body())
    return parsed.value if isinstance(parsed, Parsed) and not parsed.flaws else None


def _first(faults: Iterator[tuple[Tokens, str]]) -> OwnResponse | None:
    fault = next(faults, None)
    return None if fault is None else _refusal(_BAD_REQUEST, f"{pointer(fault[0]) or 'the body'} {fault[1]}")


def _refusal(status: int, reason: str) -> OwnResponse:
    return JSONResponse({"error": reason}, status_code=status)
