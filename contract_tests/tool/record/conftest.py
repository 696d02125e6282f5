"""An upstream that does as it is told with every byte, and a proxy in front of it."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from opay_contract.contract.loading import load_contract
from opay_contract.mock.serving import running
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.record.files import BODY_LIMIT, RotatingFile
from opay_contract.record.proxy import SERVER, RecordingProxy, Upstream
from opay_contract.record.recorder import Recorder
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.redact.redactor import Redactor

PATIENCE = 60
Respond = Callable[[socket.socket, bytes], None]


def answer(body: bytes = b"{}", *fields: bytes, status: bytes = b"200 OK") -> Respond:
    """Return what sends an answer with a length."""
    head = b"\r\n".join([b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body)])
    return lambda connection, _: connection.sendall(head + b"\r\n\r\n" + body)


def read_message(connection: socket.socket) -> bytes:
    """Return a request or an answer as it came: to its length, its last chunk, or the end."""
    data = b""
    while not is_whole(data):
        piece = connection.recv(1 << 16)
        if not piece:
            return data
        data += piece
    return data


def is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    fields = head.lower()
    if not end:
        return False
    if b"\r\ntransfer-encoding: chunked" in fields:
        return body.endswith(b"0\r\n\r\n")
    if b"\r\ncontent-length:" in fields:
        return len(body) >= int(fields.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0])
    return not head.startswith(b"HTTP/")


@pytest.fixture(scope="session", autouse=True)
def one_tls_context() -> Iterator[None]:
    """Let the certificates of this machine be read once: each client of httpx would, and none is needed."""
    with mock.patch.object(ssl, "create_default_context", cache(ssl.create_default_context)):
        yield


@dataclass
class RawUpstream:
    """A server on a socket; `heard` has every request as it came, `respond` is what it does next."""

    respond: Respond = field(default_factory=answer)
    heard: list[bytes] = field(default_factory=list)
    url: str = ""

    def serve(self, listening: socket.socket) -> None:
        """Answer until the socket is shut down."""
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            try:
                while request := read_message(connection):
                    self.heard.append(request)
                    self.respond(connection, request)
            except OSError:
                return


@contextmanager
def raw_upstream() -> Iterator[RawUpstream]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        upstream = RawUpstream(url=f"http://127.0.0.1:{listening.getsockname()[1]}")
        serving = threading.Thread(target=upstream.serve, args=(listening,), daemon=True)
        serving.start()
        try:
            yield upstream
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()  # else it may yet accept what comes to the next socket of the same number


@dataclass
class Proxied:
    """A proxy in this process, and what it recorded and said."""

    url: str
    path: Path
    recorder: Recorder
    said: list[str]

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    def send(self, data: bytes) -> bytes:
        """Send bytes and return the answer's."""
        with socket.create_connection(self.address, PATIENCE) as client:
            client.sendall(data)
            return read_message(client)

    def exchanges(self, count: int) -> list[Exchange | Unreadable]:
        """Return what was recorded, as soon as there is so much of it."""
        poll(lambda: self.recorder.metrics.total("recorded_total") >= count)
        return read_recording(self.path)


def read_recording(path: Path) -> list[Exchange | Unreadable]:
    return list(iter_exchanges(Source(ordinal=0, name=str(path), path=path)))


def poll(look: Callable[[], Any], is_there: Callable[[Any], bool] = bool) -> Any:
    """Look until it is there."""
    end = time.monotonic() + PATIENCE
    while not is_there(found := look()):
        assert time.monotonic() < end, found
        threading.Event().wait(0.005)
    return found


@contextmanager
def proxying(url: str, path: Path, *, raw: bool = True, **options: Any) -> Iterator[Proxied]:
    """Run a proxy; it records raw where a test compares bytes."""
    said: list[str] = []
    limit = options.get("body_limit", BODY_LIMIT)
    redactor = None if raw else Redactor(load_contract(base_urls=(url,)), b"a key for tests of the capture")
    recorder = Recorder(RotatingFile(path), redactor, say=said.append, body_limit=limit)
    with ExitStack() as stack:
        stack.callback(recorder.close)
        backlog = stack.enter_context(recorder.backlog(options.get("max_bytes", 64 << 20)))
        app = RecordingProxy(
            Upstream(url, timeout=options.get("timeout", PATIENCE)),
            backlog.add,
            recorder.metrics,
            body_limit=limit,
            serves_metrics=options.get("metrics", False),
        )
        proxy_url = stack.enter_context(running(app, on_stop=app.aclose, **SERVER))
        yield Proxied(url=proxy_url, path=path, recorder=recorder, said=said)


@pytest.fixture
def upstream() -> Iterator[RawUpstream]:
    with raw_upstream() as server:
        yield server


@pytest.fixture
def proxy(upstream: RawUpstream, tmp_path: Path) -> Iterator[Proxied]:
    with proxying(upstream.url, tmp_path / "calls.ndjson") as proxied:
        yield proxied


@pytest.fixture(scope="session")
def start_proxy() -> Callable[..., Any]:
    return proxying


@pytest.fixture(scope="session")
def start_upstream() -> Callable[..., Any]:
    return raw_upstream


@pytest.fixture(scope="session")
def answering() -> Callable[..., Respond]:
    return answer


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., Any]:
    return poll


@pytest.fixture(scope="session")
def recorded() -> Callable[[Path], list[Exchange | Unreadable]]:
    return read_recording
