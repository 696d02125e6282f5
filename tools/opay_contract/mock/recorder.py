"""Writes exchanges as lines of the native recording format, ready for `check`."""

import base64
import json
from pathlib import Path
from typing import Any, Self

from opay_contract.errors import UsageError
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.model.exchange import Exchange, Headers


class Recorder:
    """Appends to a file with one write for each exchange, so that processes may share it."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise UsageError(f"cannot record to '{path}': {error.strerror}") from error

    def __enter__(self) -> Self:
        """Return the recorder; its file is closed at the end."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close the file."""
        self._file.close()

    def add(self, exchange: Exchange) -> None:
        """Write one exchange."""
        self._file.write(render_exchange(exchange))


def render_exchange(exchange: Exchange) -> bytes:
    """Return the line of an exchange."""
    request, response = exchange.request, exchange.response
    asked = {"method": _text(request.method), "url": _text(request.url), "headers": _headers(request.headers)}
    answered = {"status": b"%d" % response.status, "headers": _headers(response.headers)}
    if request.body is not None:
        asked |= _body(request.body)
    line = {"request": _object(asked), "response": _object(answered | _body(response.body))}
    return _object(line | {"recorded_at": _text(exchange.recorded_at)}) + b"\n"


def _object(members: dict[str, bytes]) -> bytes:
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), text) for name, text in members.items()) + b"}"


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def _headers(headers: Headers | None) -> bytes:
    fields: dict[str, str | list[str]] = {}
    for name, value in headers or ():
        before = fields.get(name)
        earlier = before if isinstance(before, list) else [] if before is None else [before]
        fields[name] = [*earlier, value] if earlier else value
    return _text(fields)


def _body(body: bytes) -> dict[str, bytes]:
    """Return the member for a body: its very text where that is plain JSON on one line, else as a string."""
    if _is_plain(body):
        return {"body": body}
    try:
        return {"body": _text(body.decode())}
    except UnicodeDecodeError:
        return {"body_base64": _text(base64.b64encode(body).decode())}


def _is_plain(body: bytes) -> bool:
    if not body.startswith((b"{", b"[")) or b"\n" in body or b"\r" in body:
        return False
    parsed = parse_json(body)
    return isinstance(parsed, Parsed) and not parsed.flaws
