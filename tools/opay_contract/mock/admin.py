"""The paths under /__mock__/: whether the mock is ready, and, where asked for, changes to its records.

Changes are for the machine that the mock runs on alone: the peer and the address must be loopback, and a
browser's page, which can reach loopback too, is turned away.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from opay_contract.jsontext import Parsed, Tokens, parse_json, pointer
from opay_contract.mock.records import RecordBook, RecordKind
from opay_contract.mock.store import Store, StoredRecord

READY_PATH = "/__mock__/ready"

_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND, _CREATED, _NO_CONTENT = 400, 403, 404, 201, 204

_Handler = Callable[[Request], Awaitable[Response]]


def ready_route() -> Route:
    """Return the route that says that the mock answers."""

    async def ready(_request: Request) -> Response:
        return JSONResponse({"ready": True})

    return Route(READY_PATH, ready)


def admin_routes(store: Store, book: RecordBook, initial: Iterable[StoredRecord]) -> list[BaseRoute]:
    """Return the routes that list and change records and items; `reset` brings back `initial`."""
    admin = _Admin(store, tuple(initial))
    routes: list[BaseRoute] = [_route("/__mock__/reset", admin.reset, "POST")]
    for name, kind in book.kinds.items():
        path = f"/__mock__/{name}"
        if kind.stated.items is not None:
            items = kind.stated.items.name
            routes += [
                _route(f"{path}/{{id:path}}/{items}", partial(admin.add_item, kind), "POST"),
                _route(f"/__mock__/{items}/{{id:path}}", partial(admin.remove_item, kind), "DELETE"),
            ]
        routes += [
            _route(path, partial(admin.list_records, kind), "GET"),
            _route(path, partial(admin.add_record, kind), "POST"),
            _route(f"{path}/{{id:path}}", partial(admin.show_record, kind), "GET"),
            _route(f"{path}/{{id:path}}", partial(admin.remove_record, kind), "DELETE"),
        ]
    return routes


class _Admin:
    def __init__(self, store: Store, initial: tuple[StoredRecord, ...]) -> None:
        self._store, self._initial = store, initial

    async def list_records(self, kind: RecordKind, _request: Request) -> Response:
        return JSONResponse(self._store.ids(kind.name))

    async def show_record(self, kind: RecordKind, request: Request) -> Response:
        stored = self._store.record(kind.name, request.path_params["id"])
        if stored is None:
            return _refusal(_NOT_FOUND, f"there is no such {kind.single}")
        return JSONResponse(kind.data(stored))

    async def add_record(self, kind: RecordKind, request: Request) -> Response:
        data = await _json(request)
        if refused := _first(kind.faults(data)):
            return refused
        self._store.add([kind.stored(data)])
        return Response(status_code=_CREATED)

    async def remove_record(self, kind: RecordKind, request: Request) -> Response:
        return _removed(found=self._store.remove(kind.name, request.path_params["id"]))

    async def add_item(self, kind: RecordKind, request: Request) -> Response:
        item: Any = await _json(request)
        if refused := _first(kind.item_faults(item)):
            return refused
        found = self._store.add_item(kind.name, request.path_params["id"], kind.item_id(item), item)
        return (
            Response(status_code=_CREATED)
            if found
            else _refusal(_NOT_FOUND, f"there is no such {kind.single}")
        )

    async def remove_item(self, kind: RecordKind, request: Request) -> Response:
        return _removed(found=self._store.remove_item(kind.name, request.path_params["id"]))

    async def reset(self, _request: Request) -> Response:
        self._store.reset(self._initial)
        return Response(status_code=_NO_CONTENT)


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine, seen from itself; a name other than localhost is not."""
    if host is None or host.lower() == "localhost":
        return host is not None
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _route(path: str, handler: _Handler, method: str) -> Route:
    async def guarded(request: Request) -> Response:
        if not _is_from_here(request):
            return _refusal(_FORBIDDEN, "the admin path is for programs on this machine")
        try:
            return await handler(request)
        except ClientDisconnect:  # nobody hears the answer
            return Response(status_code=_BAD_REQUEST)

    return Route(path, guarded, methods=[method])


def _is_from_here(request: Request) -> bool:
    peer = request.client.host if request.client else None
    server = request.scope.get("server") or (None, None)
    own = (
        peer,
        server[0],
        request.url.hostname,
    )  # the last is the Host header: a page under another name has that
    return all(map(is_loopback, own)) and "origin" not in request.headers


async def _json(request: Request) -> Any:
    parsed = parse_json(await request.body())
    return parsed.value if isinstance(parsed, Parsed) and not parsed.flaws else None


def _first(faults: Iterator[tuple[Tokens, str]]) -> Response | None:
    fault = next(faults, None)
    return None if fault is None else _refusal(_BAD_REQUEST, f"{pointer(fault[0]) or 'the body'} {fault[1]}")


def _removed(*, found: bool) -> Response:
    return Response(status_code=_NO_CONTENT) if found else _refusal(_NOT_FOUND, "there is nothing of that id")


def _refusal(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status_code=status)
