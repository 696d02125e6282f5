"""Turns an entry's JSON text, and the parts of a message in a recorder's shape, into values of the model."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, ParamSpec, Protocol, TypeVar

import msgspec

from opay_contract.formats.errors import NO_RESPONSE, TOO_DEEP, TOO_LONG, EntryError
from opay_contract.jsontext import DIGITS_AS_ZERO, MAX_DEPTH, NotJson, parse_json
from opay_contract.model.exchange import (
    NO_ZONE,
    Exchange,
    Headers,
    Place,
    Request,
    Response,
    Unreadable,
    header,
)

_MOMENTS = frozenset(
    f"0000-00-00{mark}00:00:00{fraction}{zone}".encode()
    for mark in "Tt "
    for fraction in ("", *[f".{'0' * digits}" for digits in range(1, 10)])
    for zone in ("Z", "z", "+00:00", "-00:00")
)
"""The times of RFC 3339, each digit a 0."""

_ISO_8601 = re.compile(  # with or without the marks between, as recorders write it
    r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})[Tt ]([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r" ?([Zz]|[+-]([0-9]{2}):?([0-9]{2})?)?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTTP_DAY = re.compile(  # as servers write it (RFC 9110, section 5.6.7); other forms are read more slowly
    rf"[A-Z][a-z]{{2}}, ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([1-9][0-9]{{3}}) "
)
_DAYS_KNOWN = 64
_LONGEST_MOMENT = 64
LOWEST_STATUS, HIGHEST_STATUS = 100, 599
_MOST_REPAIRS = 21  # where all request headers of a HAR count as one
_FINAL_STATUS, _EMPTY_STATUSES = 200, (204, 304)

_FAULT = re.compile(r" - at `\$([^`]*)`$")
_FAULT_STEP = re.compile(r"\.([A-Za-z_$]\w*)|\[([0-9]+)\]")
_MISSING = re.compile(r"^Object missing required field `([^`]*)`")

Steps = tuple[str | int, ...]
"""The way to a member: names, and positions in lists."""

Repair = Callable[[Steps, Any], Any]
"""Returns what may stand in place of a member of another type, or raises an `EntryError`."""

_Shape = TypeVar("_Shape")


def parse_entry(data: bytes | None, line: int = 1) -> Any:
    """Return the value of an entry's text, which starts on `line`; None is a text that was too long."""
    if data is None:
        raise EntryError(TOO_LONG)
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        try:
            return msgspec.json.decode(data)
        except ValueError:  # the other reader takes more, or says where the fault is
            pass
    parsed = parse_json(data)
    if not isinstance(parsed, NotJson):
        return parsed.value
    if parsed.too_deep:
        raise EntryError(TOO_DEEP)
    what = "breaks off" if parsed.truncated else "stops being JSON"
    raise EntryError(f"the entry {what} at line {line + parsed.line - 1}, column {parsed.column}")


def decode_entry(
    decoder: "msgspec.json.Decoder[_Shape]", data: bytes | None, line: int, repair: "Repair | None" = None
) -> _Shape:
    """Decode an entry's text; slowly where it has what few readers take, such as NaN or a lone surrogate."""
    try:
        return decoder.decode(data or b"")
    except (ValueError, RecursionError):
        value = parse_entry(data, line)
    return convert_entry(decoder.type, value, repair)


def convert_entry(kind: type[_Shape], value: Any, repair: "Repair | None" = None) -> _Shape:
    """Return an entry's value as one of its shape.

    `repair` is asked for what may stand in place of a member that is of another type; it may refuse, too.
    """
    for _ in range(_MOST_REPAIRS if repair else 1):
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            steps = _steps_to_fault(error)
            holder = _holder_of(value, steps)
            if repair is None or holder is None:
                raise odd_member(steps) from None
            holder[steps[-1]] = repair(steps, holder.get(steps[-1]) if isinstance(holder, dict) else None)
    raise EntryError("too many members of the entry are of a wrong type")


def odd_member(steps: "Steps") -> EntryError:
    """Return the refusal of a member that is of another type than its format has."""
    if not steps:
        return EntryError("the entry is no object")
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return EntryError(f"the member '{path.removeprefix('.')}' is missing or of a wrong type")


def _steps_to_fault(error: msgspec.ValidationError) -> "Steps":
    """Return where the fault is; the names in the library's words are those of the format, never recorded."""
    words = str(error)
    found = _FAULT.search(words)
    steps: Steps = tuple(
        int(index) if index else name for name, index in _FAULT_STEP.findall(found[1] if found else "")
    )
    missing = _MISSING.search(words)
    return (*steps, missing[1]) if missing else steps


def _holder_of(value: Any, steps: "Steps") -> Any:
    for step in steps[:-1]:
        value = value[step]
    is_held = steps and isinstance(value, dict if isinstance(steps[-1], str) else list)
    return value if is_held else None


def parse_status(value: Any) -> int:
    """Return the status when it is one."""
    if type(value) is not int:
        raise EntryError("the status is not an integer")
    if LOWEST_STATUS <= value <= HIGHEST_STATUS:
        return value
    if value in (0, -1):
        raise EntryError(NO_RESPONSE)
    raise EntryError(f"the status is not from {LOWEST_STATUS} to {HIGHEST_STATUS}")


def parse_headers(value: Any) -> Headers | None:
    """Return header fields given as a mapping, to a text or to several, or as pairs of texts.

    Of a number the text is its digits, and of null it is empty.
    """
    if value is None:
        return None
    found: list[tuple[str, str]] = []
    try:
        for name, texts in value.items() if isinstance(value, dict) else value:
            for text in texts if type(texts) is list else (texts,):
                found.append((name, text if type(text) is str else _text(text)))  # noqa: PERF401
            if type(name) is not str:
                raise TypeError  # noqa: TRY301  as where there are no pairs
    except (TypeError, ValueError):
        raise EntryError("the headers are neither an object of texts nor a list of pairs") from None
    return tuple(found)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    return str(value)


def parse_base64(text: Any) -> bytes:
    """Return the bytes of base64 text, which may be broken into lines."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (AttributeError, TypeError, ValueError):
        raise EntryError("a body is marked as base64 and is not") from None


def encode_text(text: str) -> bytes:
    """Return the bytes of decoded text; a lone surrogate, which UTF-8 cannot hold, stays to be seen."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def parse_moment(value: Any) -> str | None:
    """Return a time as RFC 3339 text, given as ISO 8601 has it, as the date of HTTP or in seconds; else None.

    A time without a zone is taken as UTC, and has the offset of RFC 3339 that says so (`NO_ZONE`).
    """
    if isinstance(value, str):
        if _is_moment(value):
            return value
        day = _day_of(value[:-12]) if value.endswith(" GMT") else None
        if day is not None and _is_moment(written := f"{day}T{value[-12:-4]}+00:00"):
            try:
                datetime.fromisoformat(written)
            except ValueError:
                return None
            return written
        found = _ISO_8601.fullmatch(value.strip()[:_LONGEST_MOMENT])
        if found:
            return _rfc_3339(found)
    try:
        moment = (
            datetime.fromtimestamp(value, UTC)
            if isinstance(value, int | float)
            else parsedate_to_datetime(value)
        )
    except (AttributeError, TypeError, ValueError, IndexError, OverflowError, OSError):
        return None
    text = moment.isoformat() + ("" if moment.tzinfo else NO_ZONE)
    return text if _is_moment(text) else None


def _is_moment(text: str) -> bool:
    return text.encode(errors="replace").translate(DIGITS_AS_ZERO) in _MOMENTS


@lru_cache(_DAYS_KNOWN)
def _day_of(date: str) -> str | None:
    found = _HTTP_DAY.fullmatch(date)
    return f"{found[3]}-{_MONTHS.index(found[2]) + 1:02}-{found[1]}" if found else None


def _rfc_3339(found: "re.Match[str]") -> str:
    year, month, day, hour, minute, second, fraction, zone, hours, minutes = found.groups()
    end = NO_ZONE if zone is None else "Z" if zone in "Zz" else f"{zone[0]}{hours}:{minutes or '00'}"
    part = f".{fraction}" if fraction else ""
    return f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}{part}{end}"


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


class PlaceOf(Protocol):
    """Gives the place of an entry of a file."""

    def __call__(self, entry: int, line: int | None = None, start: tuple[int, int] | None = None, /) -> Place:
        """Return the place of an entry: its number from 1, its line, its `start`; entry 0 is the file."""


_P = ParamSpec("_P")
_T = TypeVar("_T")


def build_exchange(
    place: Place,
    request: Request,
    read_response: Callable[[_T], Response],
    recorded: _T,
    recorded_at: str | None = None,
) -> Exchange | Unreadable:
    """Return an exchange, with the response that is recorded so; without a time it has that of its `Date`.

    Of one whose answer cannot be read the request is kept: it tells whose the answer is.
    """
    try:
        response = read_response(recorded)
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason, request=request)
    moment = recorded_at or parse_moment(header(response.headers, "date"))
    return Exchange(place=place, request=request, response=response, recorded_at=moment)


def attempt(read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
    """Return a part of a request, or None where it cannot be read: what depends on it is then not judged."""
    try:
        return read(*args, **kwargs)
    except EntryError:
        return None
