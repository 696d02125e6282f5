"""The reverse proxy: passes calls on to the API, byte for byte, and tells a listener of each."""

import asyncio
import json
import logging
import socket
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import msgspec
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opay_contract.errors import UsageError
from opay_contract.files import NO_SUCH_PROXY, find_certificates
from opay_contract.mock import serving
from opay_contract.model.exchange import as_headers
from opay_contract.record.files import Body, BodyBuffer, Captured, Omitted, capture
from opay_contract.record.recorder import METRICS_TYPE, Metrics

Field = tuple[bytes, bytes]
"""A header field as it is on the wire."""

METRICS_PATH = b"/__record__/metrics"
OWN_HEADER = b"X-Opay-Record"
"""Marks the answers that are the proxy's own, and says why."""

_TARGET = "opay_contract.target"
"""Where the server puts a request's target as it was sent, in the scope's `state`."""

_BAD_GATEWAY, _GATEWAY_TIMEOUT, _NOT_MODIFIED, _HIGHEST_STATUS = 502, 504, 304, 599
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_KEPT = frozenset({b"content-length", b"host"})
"""What a message is framed and routed by stays, even if the Connection field names it."""

_KEEP_ALIVE_SECONDS = 2
"""Shorter than any server's, so that a request does not meet a connection that is being closed."""


class Failure(StrEnum):
    """Why there is no answer, or none to its end."""

    UNREACHABLE = "upstream-unreachable"
    RESET = "upstream-reset"
    TIMEOUT = "upstream-timeout"
    REFUSED = "request-not-passable"


class Upstream:
    """A base URL and the connections to it."""

    def __init__(self, url: str, *, timeout: float, proxy: str | None = None) -> None:
        self._url = parse_upstream(url)
        self._seconds = timeout
        self._timeout = httpx.Timeout(timeout, pool=None).as_dict()
        limits = httpx.Limits(
            max_connections=None, max_keepalive_connections=100, keepalive_expiry=_KEEP_ALIVE_SECONDS
        )
        verify: ssl.SSLContext | bool = True
        if trusted := find_certificates():
            file, folder = (None, trusted) if Path(trusted).is_dir() else (trusted, None)
            verify = ssl.create_default_context(cafile=file, capath=folder)
        try:
            self._transport = httpx.AsyncHTTPTransport(limits=limits, proxy=proxy, verify=verify)
        except (httpx.InvalidURL, ValueError, ImportError):  # the last for a kind that needs another library
            raise UsageError(NO_SUCH_PROXY) from None

    @property
    def host(self) -> bytes:
        """What the Host field says."""
        return self._url.netloc

    def url_of(self, target: bytes) -> str:
        """Return the URL that a target has there."""
        root = f"{self._url.scheme}://{self._url.netloc.decode('ascii')}"
        return root + self._target(target).decode("latin-1")

    async def send(
        self, method: str, target: bytes, fields: Sequence[Field], body: AsyncIterator[bytes]
    ) -> httpx.Response:
        """Send a request; its answer's body is still to be read, from `stream`.

        From the request's end the answer's head has the timeout as a whole, whatever comes before it: an
        upstream may send any number of interim answers (100), or a head byte by byte.
        """
        async with asyncio.timeout(None) as deadline:

            def begin() -> None:
                deadline.reschedule(asyncio.get_running_loop().time() + self._seconds)

            request = httpx.Request(
                method,
                self._url,
                headers=list(fields),
                stream=_SentBody(body, begin),
                extensions={"timeout": self._timeout, "target": self._target(target)},
            )
            return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _target(self, target: bytes) -> bytes:
        return self._url.raw_path.rstrip(b"/") + target if target.startswith(b"/") else target


class _SentBody(httpx.AsyncByteStream):
    def __init__(self, body: AsyncIterator[bytes], on_end: Callable[[], None]) -> None:
        self._body, self._on_end = body, on_end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            yield chunk
        self._on_end()


def parse_upstream(url: str) -> httpx.URL:
    """Return the URL of an upstream, which has a host and perhaps a path, and no more."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise UsageError("--upstream is not a URL") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UsageError("--upstream is no http or https URL with a host")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise UsageError("--upstream has more than a host and a path")
    return parsed


def failure_of(error: httpx.TransportError) -> Failure:
    """Return what an error of the transport means to the client."""
    if isinstance(error, httpx.TimeoutException):
        return Failure.TIMEOUT
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return Failure.REFUSED
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return Failure.UNREACHABLE
    return Failure.RESET


class _ClientGoneError(Exception):
    """The client went away before it had sent its request."""


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call under way: the request as it is sent on, and what is kept of its body."""

    method: str
    target: bytes
    fields: list[Field]
    is_chunked: bool
    sent: BodyBuffer
    started: float


class RecordingProxy:
    """Passes every call on to the upstream, but for its own path where `serves_metrics` is set."""

    def __init__(
        self,
        upstream: Upstream,
        listener: Callable[[Captured], None],
        metrics: Metrics,
        *,
        body_limit: int,
        serves_metrics: bool,
    ) -> None:
        self._upstream, self._listener, self._metrics = upstream, listener, metrics
        self._body_limit, self._serves_metrics = body_limit, serves_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        target = _target(scope)
        if self._serves_metrics and target.partition(b"?")[0] == METRICS_PATH:
            await _send_own(send, 200, METRICS_TYPE, self._metrics.render().encode(), None)
            return
        call = _Call(
            method=scope["method"],
            target=target,
            fields=with_host(end_to_end(scope["headers"]), self._upstream.host),
            is_chunked=is_chunked(scope["headers"]),
            sent=BodyBuffer(self._body_limit),
            started=time.perf_counter(),
        )
        await self._pass_on(call, receive, send)

    async def aclose(self) -> None:
        """Close the connections to the upstream."""
        await self._upstream.aclose()

    async def _pass_on(self, call: _Call, receive: Receive, send: Send) -> None:
        fields = call.fields
        if call.is_chunked:
            fields = [*without_length(fields), (b"Transfer-Encoding", b"chunked")]
        try:
            async with aclosing(_iter_body(receive, call.sent)) as body:
                answer = await self._upstream.send(call.method, call.target, fields, body)
        except _ClientGoneError:
            self._metrics.count("clients_gone_total")
        except httpx.TransportError as error:
            await self._send_failure(send, failure_of(error))
        except TimeoutError:
            await self._send_failure(send, Failure.TIMEOUT)
        else:
            try:
                await self._answer(call, answer, receive, send)
            finally:
                await answer.aclose()

    async def _answer(self, call: _Call, answer: httpx.Response, receive: Receive, send: Send) -> None:
        if answer.status_code > _HIGHEST_STATUS:
            await self._send_failure(send, Failure.RESET)
            return
        fields = end_to_end(answer.headers.raw)
        is_unframed = answer.status_code == _NOT_MODIFIED or is_chunked(answer.headers.raw)
        start = without_length(fields) if is_unframed else fields
        await send({"type": "http.response.start", "status": answer.status_code, "headers": start})
        body, is_whole = await self._stream(answer, receive, send)
        self._metrics.observe(time.perf_counter() - call.started)
        self._metrics.count("exchanges_total", status=str(answer.status_code))
        captured = capture(
            method=call.method,
            url=self._upstream.url_of(call.target),
            asked=as_headers(call.fields),
            sent=call.sent.body() or None,
            status=answer.status_code,
            answered=as_headers(fields),
            body=body,
        )
        self._listener(captured)
        if is_whole:  # else it stays unfinished, and the server closes the connection
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(self, answer: httpx.Response, receive: Receive, send: Send) -> tuple[Body, bool]:
        """Pass a body on; returns what is kept of it, and whether it came to its end.

        When the client has gone away the rest is read all the same, for the recording, up to its limit.
        """
        kept = BodyBuffer(self._body_limit)
        gone = asyncio.ensure_future(_gone(receive))
        try:
            async for chunk in answer.aiter_raw():
                kept.add(chunk)
                if kept.is_over and gone.done():
                    return Omitted.TOO_LONG, False
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except httpx.TransportError as error:
            failure = failure_of(error)
            self._metrics.count("upstream_failures_total", kind=failure)
            return (Omitted.NOT_READ if failure is Failure.TIMEOUT else kept.body()), False
        finally:
            gone.cancel()
        return kept.body(), True

    async def _send_failure(self, send: Send, failure: Failure) -> None:
        self._metrics.count("upstream_failures_total", kind=failure)
        status = _GATEWAY_TIMEOUT if failure is Failure.TIMEOUT else _BAD_GATEWAY
        body = json.dumps({"from": "opay-contract record", "failure": failure}).encode()
        await _send_own(send, status, "application/json", body, failure)


async def _iter_body(receive: Receive, kept: BodyBuffer) -> AsyncGenerator[bytes, None]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGoneError
        chunk, more = message.get("body", b""), message.get("more_body", False)
        if chunk:
            kept.add(chunk)
            yield chunk


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_own(send: Send, status: int, media_type: str, body: bytes, mark: str | None) -> None:
    fields = [(b"Content-Type", media_type.encode()), (b"Content-Length", b"%d" % len(body))]
    fields += [(OWN_HEADER, mark.encode())] if mark else []
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def _target(scope: Scope) -> bytes:
    """Return the target as it was sent, or as the server kept it."""
    sent: bytes | None = scope.get("state", {}).get(_TARGET)
    if sent is not None and sent.startswith(b"/"):
        return sent
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


def end_to_end(fields: Iterable[Field]) -> list[Field]:
    """Return the fields that are meant for the other end, in their order, repeated ones repeated."""
    given = list(fields)
    named = {
        token.strip().lower()
        for name, value in given
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    dropped = _HOP_BY_HOP | (named - _KEPT)
    return [(name, value) for name, value in given if name.lower() not in dropped]


def is_chunked(fields: Iterable[Field]) -> bool:
    """Return whether the length of a message's body is not known beforehand."""
    return any(name.lower() == b"transfer-encoding" for name, _ in fields)


def with_host(fields: Iterable[Field], host: bytes) -> list[Field]:
    """Return the fields with one Host, where it stood."""
    given = list(fields)
    places = [at for at, (name, _) in enumerate(given) if name.lower() == b"host"]
    at, name = (places[0], given[places[0]][0]) if places else (0, b"host")
    others = [field for field in given if field[0].lower() != b"host"]
    return [*others[:at], (name, host), *others[at:]]


def without_length(fields: Iterable[Field]) -> list[Field]:
    """Return the fields of a message that is framed in another way."""
    return [(name, value) for name, value in fields if name.lower() != b"content-length"]


class _ExactProtocol(HttpToolsProtocol):
    """Keeps what uvicorn changes of a request: the names of its fields, and the target's every byte."""

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self.headers[-1] = (name, self.headers[-1][1])

    def on_headers_complete(self) -> None:
        self.scope["state"][_TARGET] = self.url
        super().on_headers_complete()


SERVER: dict[str, Any] = {
    "loop": "asyncio",  # uvloop reads 8 MB ahead of a client that is slower than the upstream
    "http": _ExactProtocol,
    "ws": "none",
    "log_level": "critical",
    "date_header": False,
    "proxy_headers": False,
}
"""How uvicorn serves the proxy, beside what it does for the mock."""


def serve(app: RecordingProxy, bound: socket.socket, on_ready: Callable[[], None]) -> None:
    """Answer until SIGTERM or SIGINT, then finish what is in flight; returns when all of it is done.

    Nothing is logged meanwhile, whatever levels are set: libraries log header fields, URLs and tracebacks.
    """
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        serving.serve(app, bound, on_ready, on_stop=app.aclose, **SERVER)
    finally:
        logging.disable(before)
