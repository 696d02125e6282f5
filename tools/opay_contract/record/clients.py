"""Records what a session of requests or httpx sends and gets, without a proxy."""

import logging
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.record.captured import BODY_LIMIT
from opay_contract.record.recorder import Recorder
from opay_contract.record.rotation import RotatingFile
from opay_contract.redact.redactor import Redactor

_log = logging.getLogger("opay_contract.record")


class Capture:
    """A session that is recorded until `close`."""

    def __init__(self, recorder: Recorder, detach: Callable[[], None]) -> None:
        self._recorder, self._detach = recorder, detach
        self._is_open = True

    def __enter__(self) -> Self:
        """Return the capture; it is closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
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
        from opay_contract.record.requests_hook import hook_requests  # noqa: PLC0415  optional

        return hook_requests
    if (httpx := sys.modules.get("httpx")) and isinstance(session, httpx.Client | httpx.AsyncClient):
        from opay_contract.record.httpx_hooks import hook_httpx  # noqa: PLC0415  optional

        return hook_httpx
    raise UsageError(
        f"cannot record a {type(session).__name__}; expected a requests.Session, httpx.Client or AsyncClient"
    )
