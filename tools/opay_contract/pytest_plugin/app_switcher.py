"""One server for a whole run, in which the mock of each test appears in turn."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from opay_contract.mock.serving import running

_NOBODY: ASGIApp = Response(status_code=503)


class AppSwitcher:
    """Passes each request on to the application that is there; between tests nobody is.

    Starting and stopping a server for each test would take 0.2 s; a new application takes a millisecond.
    """

    def __init__(self) -> None:
        self.base_url = ""
        self.app = _NOBODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.app(scope, receive, send)

    def clear(self) -> None:
        """Send the application away."""
        self.app = _NOBODY


@contextmanager
def open_stage() -> Iterator[AppSwitcher]:
    """Answer on the loopback, in a thread, for as long as the context lasts."""
    stage = AppSwitcher()
    with running(stage) as stage.base_url:
        yield stage
