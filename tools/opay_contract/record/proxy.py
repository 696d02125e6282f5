"""The reverse proxy as an ASGI application: passes calls on and tells a listener of each."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from starlette.types import Receive, Scope, Send

from opay_contract.record.capture import Body, BodyBuffer, Field, Omitted, RawCapture, as_headers
from opay_contract.record.metrics import CONTENT_TYPE, Metrics
from opay_contract.record.upstream import Failure, Upstream, failure_of

METRICS_PATH = b"/__record__/metrics"
OWN_HEADER = b"X-Opay-Record"
"""Marks the answers that are the proxy's own, and says why."""

TARGET = "opay_contract.target"
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


class _ClientGoneError(Exception):
    """The client went away before it had sent its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
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
        listener: Callable[[RawCapture], None],
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
            await _send_own(send, 200, CONTENT_TYPE, self._metrics.render().encode(), None)
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
        body = await self._stream(answer, receive, send)
        self._metrics.observe(time.perf_counter() - call.started)
        self._metrics.count("exchanges_total", status=str(answer.status_code))
        self._listener(self._captured(call, answer.status_code, fields, body[0]))
        if body[1]:  # else it stays unfinished, and the server closes the connection
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

    def _captured(self, call: _Call, status: int, answered: list[Field], body: Body) -> RawCapture:
        sent = call.sent.body()
        return RawCapture(
            method=call.method,
            url=self._upstream.url_of(call.target),
            asked=as_headers(call.fields),
            sent=sent or None,
            status=status,
            answered=as_headers(answered),
            body=body,
            recorded_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )


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
    sent: bytes | None = scope.get("state", {}).get(TARGET)
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
    at = next((at for at, (name, _) in enumerate(given) if name.lower() == b"host"), 0)
    name = given[at][0] if given and given[at][0].lower() == b"host" else b"host"
    rest = [(at, field) for at, field in enumerate(given) if field[0].lower() != b"host"]
    before = [field for place, field in rest if place < at]
    return [*before, (name, host), *(field for place, field in rest if place >= at)]


def without_length(fields: Iterable[Field]) -> list[Field]:
    """Return the fields of a message that is framed in another way."""
    return [(name, value) for name, value in fields if name.lower() != b"content-length"]
