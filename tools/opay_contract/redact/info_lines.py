"""Rewrites what curl says beside the messages: known words stay, with the hosts that are nobody's."""

import re
from collections.abc import Iterator

from opay_contract.redact.redactor import Redactor
from opay_contract.redact.texts import FREE_TEXT

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}|(?:[0-9]{1,3}\.){3}[0-9]{1,3}|localhost"
_ADDRESS = re.compile(rf"(https?://[^\s'\"]+)|(?<![\w.@-])((?:{_HOST})(?::[0-9]{{1,5}})?)(?![\w@-])")
_FIELD = re.compile(r"(.*\[)(:?[A-Za-z0-9_-]+): ([^\n]*)(\])")
_DATA = re.compile(r"[{}] \[([0-9]+) bytes data\]")
_MOST_DIGITS = 7

METERS = (
    b"  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n",
    b"                                 Dload  Upload   Total   Spent    Left  Speed\n",
    b"\r100     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0",
)
"""The progress meter, at the end of nothing."""


def redact_remark(redactor: Redactor, remark: str) -> str:
    """Return a line of curl's, or any other beside the messages, with what is known to be harmless."""
    data = _DATA.fullmatch(remark)
    if data:
        return remark if len(data[1]) <= _MOST_DIGITS else f"{remark[:3]}0 bytes data]"
    field = _FIELD.fullmatch(remark)  # a header field of HTTP/2
    if field:
        before, name, value, end = field.groups()
        name, value = redactor.fields.name(name), redactor.fields.value(name, value)
        return f"{redact_remark(redactor, before)}{name}: {value}{end}"
    return "".join(_iter_parts(redactor, remark))


def redact_meter(meter: bytes) -> bytes:
    """Return a meter that has moved nothing, with the line break of the one in its place."""
    if b"% Total" in meter:
        return METERS[0]
    if b"Dload" in meter:
        return METERS[1]
    return METERS[2] + (b"\n" if meter.endswith(b"\n") else b"")


def _iter_parts(redactor: Redactor, remark: str) -> Iterator[str]:
    end = 0
    for match in _ADDRESS.finditer(remark):
        yield _words(redactor, remark[end : match.start()])
        yield redactor.urls.redact(match[1]) if match[1] else redactor.urls.host(match[2])
        end = match.end()
    yield _words(redactor, remark[end:])


def _words(redactor: Redactor, text: str) -> str:
    """Return words with the spaces around them, which tell them from the host beside them."""
    words = text.strip()
    return text.replace(words, redactor.values.texts.redact(words, FREE_TEXT)) if words else text
