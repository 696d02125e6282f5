"""Listens to a session of requests: its response hook sees the bytes that the client gets."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import requests

from opay_contract.model.exchange import Headers
from opay_contract.record.captured import Body, Omitted, RawCapture
from opay_contract.record.recorder import Recorder


def hook_requests(session: requests.Session, recorder: Recorder) -> Callable[[], None]:
    """Record what a session gets from now on; returns how to stop.

    The hook is given to each request, as a call's own `hooks` would take the place of the session's.
    """
    usual, own = session.send, vars(session).get("send")
    is_over = False

    def hear(response: requests.Response, **options: Any) -> None:
        if is_over:
            return
        body: Body = Omitted.NOT_READ
        if not options.get("stream"):
            body = response.content  # may raise, as it would a moment later without us
        try:
            recorder.add([_captured(response, body)])
        except Exception as error:  # noqa: BLE001  whatever it is, the client's call goes on
            recorder.miss("capture", f"an exchange is not recorded: {type(error).__name__}")

    def send(request: requests.PreparedRequest, **options: Any) -> requests.Response:
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


def _captured(response: requests.Response, body: Body) -> RawCapture:
    request = response.request
    return RawCapture(
        method=request.method or "",
        url=request.url or "",
        asked=_headers(request.headers),
        sent=_sent(request.body),
        status=response.status_code,
        answered=_headers(response.headers),
        body=body,
        recorded_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _headers(fields: Mapping[Any, Any]) -> Headers:
    return tuple((_text(name), _text(value)) for name, value in fields.items())


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _sent(body: Any) -> Body | None:
    """Return the body that was sent; of a stream nothing is left."""
    if isinstance(body, str):
        return body.encode(errors="surrogatepass")
    if isinstance(body, bytes | bytearray):
        return bytes(body) or None
    return None if body is None else Omitted.NOT_READ
