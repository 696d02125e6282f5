"""Listens to a client of httpx: wraps the body of each answer, and records it when the client is through."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx

from opay_contract.model.exchange import as_headers
from opay_contract.record.files import Body, BodyBuffer, Captured, Omitted, capture
from opay_contract.record.recorder import Recorder


def hook_httpx(client: httpx.Client | httpx.AsyncClient, recorder: Recorder) -> Callable[[], None]:
    """Record what a client gets from now on; returns how to stop."""

    def hear(response: httpx.Response) -> None:
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Heard(response.stream, _Ear(response, recorder))

    async def hear_async(response: httpx.Response) -> None:
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _HeardAsync(response.stream, _Ear(response, recorder))

    hooks: list[Callable[..., Any]] = client.event_hooks["response"]
    hook = hear if isinstance(client, httpx.Client) else hear_async
    hooks.insert(0, hook)

    def stop() -> None:
        for listening in (hooks, client.event_hooks["response"]):
            if hook in listening:
                listening.remove(hook)

    return stop


class _Ear:
    """Hears the bytes of one answer, as they came over the wire, and records it once."""

    def __init__(self, response: httpx.Response, recorder: Recorder) -> None:
        self._response, self._recorder = response, recorder
        self.kept = BodyBuffer(recorder.body_limit)
        self._is_done = False

    def finish(self, *, is_whole: bool) -> None:
        """Record the answer; what comes after the first time is nothing new."""
        if self._is_done:
            return
        self._is_done = True
        response, body = self._response, self.kept.body() if is_whole else Omitted.NOT_READ
        try:
            self._recorder.add([_captured(response.request, response, body)])
        except Exception as error:  # noqa: BLE001  whatever it is, the client's call goes on
            self._recorder.miss("capture", f"an exchange is not recorded: {type(error).__name__}")


class _Heard(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, ear: _Ear) -> None:
        self._stream, self._ear = stream, ear

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._ear.kept.add(chunk)
                yield chunk
        except (
            httpx.ReadError,
            httpx.RemoteProtocolError,
        ):  # the answer broke off, and what came is the answer
            self._ear.finish(is_whole=True)
            raise
        self._ear.finish(is_whole=True)

    def close(self) -> None:
        self._stream.close()
        self._ear.finish(is_whole=False)


class _HeardAsync(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, ear: _Ear) -> None:
        self._stream, self._ear = stream, ear

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._ear.kept.add(chunk)
                yield chunk
        except (httpx.ReadError, httpx.RemoteProtocolError):  # as above
            self._ear.finish(is_whole=True)
            raise
        self._ear.finish(is_whole=True)

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._ear.finish(is_whole=False)


def _captured(request: httpx.Request, response: httpx.Response, body: Body) -> Captured:
    try:
        sent: Body | None = request.content or None
    except httpx.RequestNotRead:  # of a stream nothing is left
        sent = Omitted.NOT_READ
    return capture(
        method=request.method,
        url=str(request.url),
        asked=as_headers(request.headers.raw),
        sent=sent,
        status=response.status_code,
        answered=as_headers(response.headers.raw),
        body=body,
    )
