"""An exchange while it is being written: clean at first, then changed, then a line of the native format."""

import base64
import hashlib
import hmac
import json
import random
import re
from dataclasses import dataclass
from typing import Any

KEY = "OPAYPRV_TEST_SYNTHETIC_0001"

_TWICE = "\0twice:"
_RAW = "\0raw:"
_TWICE_WRITTEN = re.compile(r'"\\u0000twice:')
_RAW_WRITTEN = re.compile(r'"\\u0000raw:([^"]*)"')
_SURROGATE = re.compile("[\ud800-\udfff]")
_EACH_NTH_AS_TEXT = 5


@dataclass(slots=True, kw_only=True)
class Draft:
    """An exchange of which everything can be changed.

    `asked` and `answer` are the bodies: a JSON value, or text or bytes that are sent as they are. `draw`
    decides what is left to chance, the same way each time.
    """

    number: int
    method: str
    url: str
    sent: dict[str, str]
    asked: Any
    status: int
    received: dict[str, str]
    answer: Any
    recorded_at: str
    draw: random.Random

    def sign(self, key: str = KEY) -> None:
        """Sign what is asked."""
        text = json.dumps(self.asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hmac.new(key.encode(), text.encode(), hashlib.sha512).hexdigest()
        self.sent["Authorization"] = f"Bearer {digest}"

    def ask(self, body: Any) -> None:
        """Ask for something else, rightly signed."""
        self.asked = body
        self.sign()


def twice(name: str) -> str:
    """Return a key that is written as `name`, so that an object can have that key twice."""
    return _TWICE + name


def raw(text: str) -> str:
    """Return a value that is written as `text` without quotes."""
    return _RAW + text


def body_bytes(body: Any) -> bytes:
    """Return a body as it goes over the wire."""
    if isinstance(body, bytes):
        return body
    text = body if isinstance(body, str) else _write(body)
    return text.encode()


def native_line(draft: Draft) -> str:
    """Return an exchange as a line of the native format, every fifth with the answer's body as text."""
    request = {"method": draft.method, "url": draft.url, "headers": draft.sent}
    if draft.asked is not None:
        request["body"] = draft.asked
    response = {"status": draft.status, "headers": draft.received, **_answer(draft)}
    time = {"recorded_at": draft.recorded_at} if draft.recorded_at else {}
    return _write({"request": request, "response": response, **time})


def _answer(draft: Draft) -> dict[str, Any]:
    body = draft.answer
    if not isinstance(body, str | bytes) and draft.number % _EACH_NTH_AS_TEXT:
        return {"body": body}
    data = body_bytes(body)
    try:
        return {"body": data.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(data).decode()}


def _write(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if _SURROGATE.search(text):
        text = json.dumps(value, separators=(",", ":"))
    if "\\u0000" not in text:
        return text
    return _RAW_WRITTEN.sub(r"\1", _TWICE_WRITTEN.sub('"', text))
