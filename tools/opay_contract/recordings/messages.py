"""Turns an entry's JSON text, and the parts of a message in a recorder's shape, into values of the model."""

import base64
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from opay_contract.jsontext import NotJson, parse_json
from opay_contract.model.exchange import Headers, header
from opay_contract.recordings.refusals import NO_RESPONSE, TOO_DEEP, TOO_LONG, EntryError

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LOWEST_STATUS, _HIGHEST_STATUS = 100, 599
_FINAL_STATUS, _EMPTY_STATUSES = 200, (204, 304)


_Shape = TypeVar("_Shape")


def parse_entry(data: bytes | None, line: int = 1) -> Any:
    """Return the value of an entry's text, which starts on `line`; None is a text that was too long."""
    if data is None:
        raise EntryError(TOO_LONG)
    parsed = parse_json(data)
    if not isinstance(parsed, NotJson):
        return parsed.value
    if parsed.too_deep:
        raise EntryError(TOO_DEEP)
    what = "breaks off" if parsed.truncated else "stops being JSON"
    raise EntryError(f"the entry {what} at line {line + parsed.line - 1}, column {parsed.column}")


def decode_entry(decoder: "msgspec.json.Decoder[_Shape]", data: bytes | None, line: int) -> _Shape:
    """Decode an entry's text; slowly where it has what few readers take, such as NaN or a lone surrogate."""
    try:
        return decoder.decode(data or b"")
    except (ValueError, RecursionError):
        value = parse_entry(data, line)
    try:
        return msgspec.convert(value, decoder.type)
    except msgspec.ValidationError:
        raise EntryError("the entry is not of the shape that its format has") from None


def parse_status(value: Any) -> int:
    """Return the status when it is one."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise EntryError("the status is not an integer")
    if value in (0, -1):
        raise EntryError(NO_RESPONSE)
    if not _LOWEST_STATUS <= value <= _HIGHEST_STATUS:
        raise EntryError(f"the status is not from {_LOWEST_STATUS} to {_HIGHEST_STATUS}")
    return value


def parse_headers(value: Any) -> Headers | None:
    """Return header fields given as a mapping, to a text or to several, or as pairs of texts."""
    if value is None:
        return None
    fields = value.items() if isinstance(value, dict) else value
    try:
        return tuple((name, text) for name, texts in fields for text in _texts(name, texts))
    except (TypeError, ValueError):
        raise EntryError("the headers are neither an object of texts nor a list of pairs") from None


def _texts(name: Any, value: Any) -> Iterable[str]:
    texts = value if isinstance(value, list) else ["" if value is None else value]
    if not all(isinstance(text, str) for text in (name, *texts)):
        raise TypeError
    return texts


def parse_base64(text: Any) -> bytes:
    """Return the bytes of base64 text, which may be broken into lines."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (AttributeError, TypeError, ValueError):
        raise EntryError("a body is marked as base64 and is not") from None


def encode_text(text: str) -> bytes:
    """Return the bytes of decoded text; a lone surrogate, which UTF-8 cannot hold, stays to be seen."""
    return text.encode("utf-8", "surrogatepass")


def parse_moment(value: Any) -> str | None:
    """Return a time as RFC 3339 text, given as that, as the date of HTTP or in seconds; else None."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return value
    try:
        moment = (
            datetime.fromtimestamp(value, UTC)
            if isinstance(value, int | float)
            else parsedate_to_datetime(value)
        )
    except (AttributeError, TypeError, ValueError, IndexError, OverflowError, OSError):
        return None
    text = moment.isoformat()
    return text if _MOMENT.fullmatch(text) else None


def empty_body(headers: Headers | None, advice: str) -> bytes:
    """Return the empty body of a response recorded without one, unless its headers announce one."""
    announced = header(headers, "content-length") or "0"
    if announced.strip() != "0" or header(headers, "transfer-encoding") is not None:
        raise EntryError(advice)
    return b""


def left_out_body(status: int, headers: Headers | None, advice: str) -> bytes:
    """Return the empty body of a response whose recorder leaves out bodies, where it surely had none."""
    length = (header(headers, "content-length") or "").strip()
    if length == "0" or status in _EMPTY_STATUSES or status < _FINAL_STATUS:
        return b""
    raise EntryError(advice)
