"""Sends requests on to the API, byte for byte, and says in one word why no answer came."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum

import httpx

from opay_contract.errors import UsageError
from opay_contract.record.capture import Field

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
        self._transport = httpx.AsyncHTTPTransport(limits=limits, proxy=proxy)

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
                stream=_Body(body, begin),
                extensions={"timeout": self._timeout, "target": self._target(target)},
            )
            return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _target(self, target: bytes) -> bytes:
        return self._url.raw_path.rstrip(b"/") + target if target.startswith(b"/") else target


class _Body(httpx.AsyncByteStream):
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
