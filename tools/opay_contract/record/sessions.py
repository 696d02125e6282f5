"""Records what a session of requests or httpx sends and gets, without a proxy."""

import logging
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.model.exchange import as_headers
from opay_contract.record.files import BODY_LIMIT, Body, Captured, Omitted, RotatingFile, capture
from opay_contract.record.recorder import Recorder
from opay_contract.redact.redactor import Redactor

if TYPE_CHECKING:
    import requests

_log = logging.getLogger("opay_contract.record")


class Capture:
    """A session that is recorded until `close`."""

    def __init__(self, recorder: Recorder, detach: Callable[[], None]) -> None:
        self._recorder, self._detach = recorder, detach
        self._is_open = True

    def __enter__(self) -> Self:
        """Return the capture; it is closed at the end."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Stop recording."""
        self.close()

    @property
    def failures(self) -> int:
        """How many exchanges could not be recorded; the log says why."""
        return self._recorder.failures

    def close(self) -> None:
        """Leave the session alone and close the file."""
        if self._is_open:
            self._is_open = False
            self._detach()
            self._recorder.close()


def attach(  # noqa: PLR0913  each is a thing of its own, by name
    session: Any,
    path: str | Path,
    *,
    raw: bool = False,
    key: bytes | None = None,
    private_key: str | None = None,
    base_urls: Sequence[str] = (),
    contract: Contract | None = None,
    body_limit: int = BODY_LIMIT,
) -> Capture:
    """Record every exchange of a session of requests or httpx at the end of a file, redacted.

    `raw=True` writes card and customer data as they are. The same `key` gives the same value the same
    pseudonym in every file; without one a key is made and forgotten. `private_key` is the merchant's: with it
    a wrong signature stays a wrong one. `base_urls` are hosts that answer by the contract, such as a mock's.
    Once this has returned, no call fails because it could not be recorded.
    """
    hook = _hook_of(session)
    used = contract or load_contract(base_urls=tuple(base_urls))
    redactor = None if raw else Redactor(used, key or secrets.token_bytes(32), private_key)
    recorder = Recorder(RotatingFile(Path(path)), redactor, say=_log.warning, body_limit=body_limit)
    return Capture(recorder, hook(session, recorder))


@contextmanager
def capturing(path: str | Path, session: Any, **options: Any) -> Iterator[Capture]:
    """Record a session for as long as the context lasts; the options are those of `attach`."""
    with attach(session, path, **options) as capture:
        yield capture


def _hook_of(session: Any) -> Callable[[Any, Recorder], Callable[[], None]]:
    """Return how to listen to a session; the library that it comes from is imported already."""
    if (requests := sys.modules.get("requests")) and isinstance(session, requests.Session):
        return hook_requests
    if (httpx := sys.modules.get("httpx")) and isinstance(session, httpx.Client | httpx.AsyncClient):
        from opay_contract.record.httpx_hook import hook_httpx  # noqa: PLC0415  optional

        return hook_httpx
    raise UsageError(
        f"cannot record a {type(session).__name__}; expected a requests.Session, httpx.Client or AsyncClient"
    )


def hook_requests(session: "requests.Session", recorder: Recorder) -> Callable[[], None]:
    """Record what a session gets from now on; returns how to stop.

    The hook is given to each request, as a call's own `hooks` would take the place of the session's.
    """
    usual, own = session.send, vars(session).get("send")
    is_over = False

    def hear(response: "requests.Response", **options: Any) -> None:
        if is_over:
            return
        body: Body = Omitted.NOT_READ
        if not options.get("stream"):
            body = response.content  # may raise, as it would a moment later without us
        try:
            recorder.add([_captured(response, body)])
        except Exception as error:  # noqa: BLE001  whatever it is, the client's call goes on
            recorder.miss("capture", f"an exchange is not recorded: {type(error).__name__}")

    def send(request: "requests.PreparedRequest", **options: Any) -> "requests.Response":
        hooks: list[Any] = request.hooks.setdefault("response", [])
        if hear not in hooks and not is_over:
            hooks.insert(0, hear)
        return usual(request, **options)

    def stop() -> None:
        nonlocal is_over
        is_over = True
        if vars(session).get("send") is not send:  # somebody wrapped it again
            return
        if own is None:
            del vars(session)["send"]
        else:
            vars(session)["send"] = own

    vars(session)["send"] = send
    return stop


def _captured(response: "requests.Response", body: Body) -> Captured:
    request = response.request
    sent: Any = request.body
    if isinstance(sent, str):
        sent = sent.encode(errors="surrogatepass")
    is_stream = not isinstance(sent, bytes | bytearray | None)  # of which nothing is left
    return capture(
        method=request.method or "",
        url=request.url or "",
        asked=as_headers(request.headers.items()),
        sent=Omitted.NOT_READ if is_stream else bytes(sent or b"") or None,
        status=response.status_code,
        answered=as_headers(response.headers.items()),
        body=body,
    )
