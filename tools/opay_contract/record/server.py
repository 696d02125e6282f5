"""Runs the proxy on uvicorn, with requests' targets and names of fields as they were sent."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opay_contract.mock.serving import run_in_thread, run_until_stopped
from opay_contract.record.proxy import TARGET, RecordingProxy

_BACKLOG = 2048
_SECONDS_TO_FINISH = 30


def serve(app: RecordingProxy, bound: socket.socket, on_ready: Callable[[], None]) -> None:
    """Answer until SIGTERM or SIGINT, then finish what is in flight; returns when all of it is done.

    Nothing is logged meanwhile, whatever levels are set: libraries log header fields, URLs and tracebacks.
    """
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        run_until_stopped(_Server(app, on_ready), bound)
    finally:
        logging.disable(before)


@contextmanager
def running(app: RecordingProxy, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Answer in a thread for as long as the context lasts; its value is the base URL."""
    with run_in_thread(partial(_Server, app), "proxy", host, port) as url:
        yield url


class _ExactProtocol(HttpToolsProtocol):
    """Keeps what uvicorn changes of a request: the names of its fields, and the target's every byte."""

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self.headers[-1] = (name, self.headers[-1][1])

    def on_headers_complete(self) -> None:
        self.scope["state"][TARGET] = self.url
        super().on_headers_complete()


class _Server(uvicorn.Server):
    def __init__(self, app: RecordingProxy, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",  # uvloop reads 8 MB ahead of a client that is slower than the upstream
                http=_ExactProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            )
        )
        self._proxy, self._on_ready = app, on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets=sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish, then close the connections to the upstream, in the loop that they live in."""
        await super().shutdown(sockets=sockets)
        await self._proxy.aclose()
