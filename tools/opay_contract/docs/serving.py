"""Shows the page on this machine while the contract is edited: the last good one stays."""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opay_contract.contract.documents import ROOTS, SCHEMA_FOLDER, locate_root
from opay_contract.docs.outputs import PAGE, render_waiting
from opay_contract.errors import OpayContractError, UsageError

HOST = "127.0.0.1"
SECONDS_BETWEEN_LOOKS = 0.3

Build = Callable[[], Mapping[str, str]]
"""Makes the files of the reference; raises OpayContractError when the contract cannot be used."""

_Stamp = tuple[tuple[str, int, int], ...]


class LastGood:
    """The last page that could be made, and what is wrong with the contract since then."""

    def __init__(self, build: Build, contract: Path, others: tuple[Path, ...] = ()) -> None:
        self._build = build
        self._contract = contract
        self._others = others
        self._stamp: _Stamp | None = None
        self._lock = threading.Lock()
        self._page, self._version, self._problem = render_waiting(), 0, ""

    def look(self) -> str | None:
        """Make the page again if a file changed; returns what to tell, None where nothing changed."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            page = self._build()[PAGE]
        except OpayContractError as error:
            with self._lock:
                self._problem = str(error)
            return f"error: {error}"
        with self._lock:
            self._page, self._version, self._problem = page, self._version + 1, ""
        return "The page is up to date."

    def page(self) -> str:
        """Return the last good page."""
        with self._lock:
            return self._page

    def state(self) -> dict[str, object]:
        """Return which page this is, and what is wrong with the contract now, if anything."""
        with self._lock:
            return {"version": self._version, "problem": self._problem}

    def _read_stamp(self) -> _Stamp:
        try:
            folder, root = locate_root(self._contract)
        except UsageError:  # gone for a moment, as editors do when they save
            folder, root = self._contract, ROOTS[0]
        schemas = sorted((folder / SCHEMA_FOLDER).glob("**/*.*"))
        return tuple(_stamp_of(path) for path in (folder / root, *schemas, *self._others))


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
    thread = threading.Thread(
        target=partial(server.serve_forever, poll_interval=0.05), name="opay-contract-docs", daemon=True
    )
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


def _stamp_of(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:  # gone for a moment, as editors do when they save
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size
