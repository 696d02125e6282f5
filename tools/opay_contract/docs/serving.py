"""Shows the page on this machine while the contract is edited."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opay_contract.docs.watching import LastGood
from opay_contract.errors import UsageError

HOST = "127.0.0.1"
SECONDS_BETWEEN_LOOKS = 0.3


@contextmanager
def serving(last_good: LastGood, port: int) -> Iterator[str]:
    """Answer in a thread for as long as the context lasts; its value is the page's URL."""
    try:
        server = _Server((HOST, port), _Handler)
    except OSError as error:
        raise UsageError(f"cannot listen on {HOST}, port {port}: {error.strerror}") from error
    port = server.server_address[1]
    server.last_good = last_good
    server.names = frozenset(f"{name}:{port}" for name in (HOST, "localhost"))
    thread = threading.Thread(target=server.serve_forever, name="opay-contract-docs", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def watch(last_good: LastGood, tell: Callable[[str], None], stop: threading.Event) -> None:
    """Look for edits until `stop` is set."""
    while True:
        news = last_good.look()
        if news is not None:
            tell(news)
        if stop.wait(SECONDS_BETWEEN_LOOKS):
            return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    last_good: LastGood
    names: frozenset[str]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that broke off: that is its business."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer the page, or its state."""
        if self.headers.get("Host") not in self.server.names:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)  # a page of another site that renamed itself
        elif self.path == "/":
            self._send("text/html; charset=utf-8", self.server.last_good.page())
        elif self.path == "/state":
            self._send("application/json", json.dumps(self.server.last_good.state()))
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the page asks twice a second."""

    def _send(self, media_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)
