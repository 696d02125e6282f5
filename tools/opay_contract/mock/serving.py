"""Runs the mock, and the proxy, on uvicorn: until a signal, or beside a test in a thread."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from opay_contract.errors import UsageError

_BACKLOG = 2048
_TICK = 0.1
_SECONDS_TO_FINISH = 30
"""How long a stop waits for requests in flight."""


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens, so that its port is known and nobody else's."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}, port {port}: {error.strerror}") from error


def url_of(bound: socket.socket) -> str:
    """Return the base URL of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family is socket.AF_INET6 else f"http://{host}:{port}"


def serve(app: ASGIApp, bound: socket.socket, on_ready: Callable[[], None], **options: Any) -> None:
    """Answer until SIGTERM or SIGINT, then finish what is in flight; returns when all of it is done.

    The options are those of `QuietServer`.
    """
    server = QuietServer(app, on_ready, **options)
    # uvicorn raises a signal again when it is done; heard by these handlers, that ends nothing.
    before = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[bound])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def running(app: ASGIApp, bound: socket.socket | None = None, **options: Any) -> Iterator[str]:
    """Answer in a thread for as long as the context lasts, on the loopback; its value is the base URL."""
    bound = bound or bind("127.0.0.1", 0)
    ready = threading.Event()
    server = QuietServer(app, ready.set, **options)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [bound]}, name="opay-contract-server", daemon=True
    )
    thread.start()
    try:
        if not ready.wait(_SECONDS_TO_FINISH):
            raise UsageError("the mock did not start")
        yield url_of(bound)
    finally:
        server.end()
        thread.join()
        bound.close()


class QuietServer(uvicorn.Server):
    """A server without a log of its own, which says when it listens.

    `on_stop` lets go of what lives in the server's loop; `config` is uvicorn's.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_ready: Callable[[], None],
        on_stop: Callable[[], Awaitable[None]] | None = None,
        **config: Any,
    ) -> None:
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        usual = {
            "lifespan": "off",
            "log_config": None,
            "log_level": "error",
            "access_log": False,
            "server_header": False,
            "backlog": _BACKLOG,
            "timeout_graceful_shutdown": _SECONDS_TO_FINISH,
        }
        super().__init__(uvicorn.Config(app, **(usual | config)))
        self._on_ready, self._on_stop = on_ready, on_stop
        self._wake: Callable[[], object] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets=sockets)
        self._ended = asyncio.Event()
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, self._ended.set)
        self._on_ready()

    async def main_loop(self) -> None:
        """Look whether to end as often as uvicorn does, and at once when it is told."""
        for tick in count():
            if await self.on_tick(tick):
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _TICK)

    def end(self) -> None:
        """Stop as a signal would; any thread may say so."""
        self.should_exit = True
        self._wake()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish, then let go; without a connection at once, where uvicorn waits a tenth of a second."""
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets=sockets)
        for server in self.servers:
            server.close()
        for bound in sockets or []:
            bound.close()
        if self._on_stop is not None:
            await self._on_stop()


def _is_news(record: logging.LogRecord) -> bool:
    """Drop what uvicorn says about an answer that was cut on purpose."""
    return "without completing response" not in record.getMessage()
