"""Runs a mock on uvicorn: in the foreground until a signal, or beside a test in a thread."""

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from opay_contract.errors import UsageError

_BACKLOG = 2048
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


def serve(app: ASGIApp, bound: socket.socket, on_ready: Callable[[], None]) -> None:
    """Answer until SIGTERM or SIGINT, then finish what is in flight; returns when all of it is done."""
    run_until_stopped(MockServer(app, on_ready), bound)


@contextmanager
def running(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Answer in a thread for as long as the context lasts; its value is the base URL."""
    with run_in_thread(partial(MockServer, app), "mock", host, port) as url:
        yield url


def run_until_stopped(server: uvicorn.Server, bound: socket.socket) -> None:
    """Run a server until SIGTERM or SIGINT and until what is in flight is finished."""
    # uvicorn raises a signal again when it is done; heard by these handlers, that ends nothing.
    before = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[bound])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def run_in_thread(
    build: Callable[[Callable[[], None]], uvicorn.Server], what: str, host: str, port: int
) -> Iterator[str]:
    """Run the server that `build` makes, given what to call when it is ready; the value is its base URL."""
    bound = bind(host, port)
    ready = threading.Event()
    server = build(ready.set)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [bound]}, name=f"opay-contract-{what}", daemon=True
    )
    thread.start()
    try:
        if not ready.wait(_SECONDS_TO_FINISH):
            raise UsageError(f"the {what} did not start")
        yield url_of(bound)
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


class MockServer(uvicorn.Server):
    """A server without a log of its own, which says when it listens."""

    def __init__(self, app: ASGIApp, on_ready: Callable[[], None]) -> None:
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets=sockets)
        self._on_ready()


def _is_news(record: logging.LogRecord) -> bool:
    """Drop what uvicorn says about an answer that was cut on purpose."""
    return "without completing response" not in record.getMessage()
