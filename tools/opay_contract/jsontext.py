"""Reads JSON text strictly: the value, and everything about the text that readers of JSON disagree on.

RFC 8259 leaves open what a reader does with duplicate keys, huge numbers and lone surrogates, and forbids
a byte order mark and NaN; readers in the field accept all of them in different ways. Here each is a flaw
with its place, and the value is still there.
"""

import codecs
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

Tokens = tuple[str | int, ...]
"""The unescaped steps of a JSON pointer: member names and array indexes."""

SAFE_INTEGER = 2**53 - 1
"""The largest integer that every reader keeps (RFC 7493, section 2.2)."""

MAX_DEPTH = 200
"""How deep arrays and objects may be nested; the schema library stops at about 250."""

_MAX_INTEGER_DIGITS = 4000
DIGITS_AS_ZERO = bytes(ord("0") if byte in b"0123456789" else byte for byte in range(256))
_SEPARATORS, _LONG_ROW, _ZEROS = b" \t.-_/", b"0" * 13, re.compile(rb"0*+")
"""What may stand between the digits of a number, and a row of these as long as the shortest card number."""

_ROWS_AS_ZERO = DIGITS_AS_ZERO.translate(
    bytes(ord("0") if byte in _SEPARATORS else byte for byte in range(256))
)
"""Digits, and what may stand between them."""

_LONG_INTEGER = b"0" * len(str(SAFE_INTEGER))
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BROKEN_OFF_LITERAL = re.compile(r"-|t(ru?)?|f(a(ls?)?)?|n(ul?)?|N(aN?)?|-?I(n(f(i(n(it?)?)?)?)?)?")
_BROKEN_OFF_NUMBER = re.compile(r"[0-9](\.|[eE][-+]?)$")
_BROKEN_OFF_ESCAPE = re.compile(r"(\\|\\u[0-9A-Fa-f]{0,4})$")


class FlawKind(StrEnum):
    """What is odd about a text that could be read all the same."""

    BYTE_ORDER_MARK = "byte-order-mark"
    INVALID_UTF8 = "invalid-utf8"
    DUPLICATE_KEY = "duplicate-key"
    NON_FINITE_NUMBER = "non-finite-number"
    UNSAFE_NUMBER = "unsafe-number"
    LONE_SURROGATE = "lone-surrogate"


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """One oddity and where it is; the tokens are empty where the text as a whole is meant."""

    kind: FlawKind
    tokens: Tokens = ()


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """The value of a text, where the last of duplicate members holds, and its flaws in document order.

    `shadowed` has the duplicate members that do not hold, with their place. No card number stands in the
    text unless it `may_show_number`: for example, 13 digits in a row, or what may hide some.
    """

    value: Any
    flaws: tuple[Flaw, ...] = ()
    shadowed: tuple[tuple[Tokens, Any], ...] = ()
    may_show_number: bool = False


class NotJson(msgspec.Struct, frozen=True, kw_only=True):
    """Why a text has no value: where it stops being JSON (1-based), and whether it merely breaks off."""

    may_show_number: ClassVar[bool] = True
    line: int
    column: int
    truncated: bool = False
    too_deep: bool = False


def parse_json(data: bytes) -> Parsed | NotJson:
    """Read one JSON text; never raises, whatever the bytes.

    Most texts are read by a strict decoder, which refuses a byte order mark, what is no UTF-8, NaN, numbers
    beyond every double and lone surrogates. It takes long integers, and duplicate keys, which it drops, so
    that the value has fewer quotes than the text; what may have such, or more levels, is read again.
    """
    try:
        value = _decode(data)
    except (ValueError, RecursionError):
        return _parse_odd(data)
    is_long = any(True for _ in iter_long_rows(data))
    if (
        (is_long and may_be_unsafe(data))
        or (len(data) > MAX_DEPTH and data.count(b"[") + data.count(b"{") > MAX_DEPTH)
        or (data != (compact := _encode(value)) and count_quotes(data) != count_quotes(compact))
    ):
        return _parse_odd(data)
    return Parsed(value, (), (), is_long or b"\\" in data or not data.isascii())


def iter_long_rows(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each 13 digits or more in a row in a text: the number of its line, and the digits.

    Blanks and signs may stand between them.
    """
    plain = text.translate(_ROWS_AS_ZERO)
    start, number, counted = plain.find(_LONG_ROW), 0, 0
    while start >= 0 and (run := _ZEROS.match(plain, start)):
        digits = text[start : run.end()].translate(None, _SEPARATORS)
        if len(digits) >= len(_LONG_ROW):
            number, counted = number + text.count(b"\n", counted, start), start
            yield number, digits
        start = plain.find(_LONG_ROW, run.end())


def may_be_unsafe(text: bytes) -> bool:
    """Tell whether a text may have an integer that not every reader keeps."""
    return _LONG_INTEGER in text.translate(DIGITS_AS_ZERO)


def count_quotes(text: bytes) -> int:
    """Return how many quotes begin or end a string in a JSON text."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')


def _parse_odd(data: bytes) -> Parsed | NotJson:
    flaws: list[Flaw] = []
    if data.startswith(codecs.BOM_UTF8):
        flaws.append(Flaw(kind=FlawKind.BYTE_ORDER_MARK))
        data = data[len(codecs.BOM_UTF8) :]
    try:
        text = data.decode()
    except UnicodeDecodeError:
        flaws.append(Flaw(kind=FlawKind.INVALID_UTF8))
        text = data.decode(errors="replace")
    try:
        reading = _OddReading()
        value = reading.decode(text)
    except json.JSONDecodeError as error:
        return NotJson(line=error.lineno, column=error.colno, truncated=_is_broken_off(text, error))
    except RecursionError:
        return NotJson(line=1, column=1, too_deep=True)
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _is_too_deep(value):
        return NotJson(line=1, column=1, too_deep=True)
    if reading.is_suspect or _LONE_SURROGATE.search(text) or "\\ud" in text or "\\uD" in text:
        value = reading.take_apart(value)
    return Parsed(value, (*flaws, *reading.flaws), tuple(reading.shadowed), may_show_number=True)


def pointer(tokens: Tokens) -> str:
    """Return the JSON pointer (RFC 6901) of `tokens`."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def steps_of(text: str) -> list[str]:
    """Return the unescaped steps of a JSON pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]


class _Object(dict[str, Any]):
    """An object with the members that came more than once, less the last of each."""

    __slots__ = ("shadowed",)
    shadowed: tuple[tuple[str, Any], ...]


class _Number(float):
    """A number that needs a word: not finite, or beyond every double."""

    __slots__ = ("kind",)
    kind: FlawKind


class _Integer(int):
    """An integer that not every reader keeps."""


_PLAIN = frozenset((int, float, bool, type(None)))


class _OddReading:
    """One pass over a text that marks what is odd; only a text with a flaw is walked to find its place."""

    def __init__(self) -> None:
        self.is_suspect = False
        self.flaws: list[Flaw] = []
        self.shadowed: list[tuple[Tokens, Any]] = []

    def decode(self, text: str) -> Any:
        decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._float,
            parse_constant=lambda text: self._odd(float(text), FlawKind.NON_FINITE_NUMBER),
        )
        return decoder.decode(text)

    def take_apart(self, root: Any) -> Any:
        """Return a value without its marks, and note its flaws and what it shadows.

        Lone surrogates become U+FFFD, so that any library can take it.
        """
        value = self._plain(root, ())
        for number, (tokens, child) in enumerate(self.shadowed):  # grows: what is shadowed may shadow, too
            self.shadowed[number] = (tokens, self._plain(child, tokens))
        return value

    def _plain(self, value: Any, tokens: Tokens) -> Any:
        kind = type(value)
        if kind is str:
            return self._text(value, tokens)
        if kind is dict or kind is _Object:
            if kind is _Object:
                self.shadowed += [((*tokens, key), child) for key, child in value.shadowed]
                self._note(FlawKind.DUPLICATE_KEY, *[(*tokens, key) for key in dict(value.shadowed)])
            keys = [key if key.isascii() else self._text(key, (*tokens, key)) for key in value]
            children = [
                child if type(child) in _PLAIN else self._plain(child, (*tokens, key))
                for key, child in value.items()
            ]
            return dict(zip(keys, children, strict=True))
        if kind is list:
            return [self._plain(child, (*tokens, index)) for index, child in enumerate(value)]
        if kind is _Integer:
            self._note(FlawKind.UNSAFE_NUMBER, tokens)
            return int(value)
        if kind is _Number:
            self._note(value.kind, tokens)
            return _finite(float(value))
        return value

    def _text(self, text: str, tokens: Tokens) -> str:
        if text.isascii() or not _LONE_SURROGATE.search(text):
            return text
        self._note(FlawKind.LONE_SURROGATE, tokens)
        return _LONE_SURROGATE.sub("\ufffd", text)

    def _note(self, kind: FlawKind, *places: Tokens) -> None:
        self.flaws += [Flaw(kind=kind, tokens=tokens) for tokens in places]

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        self.is_suspect = True
        marked = _Object(value)
        last = {key: position for position, (key, _) in enumerate(pairs)}
        marked.shadowed = tuple(pair for position, pair in enumerate(pairs) if last[pair[0]] != position)
        return marked

    def _integer(self, text: str) -> int | _Number:
        if len(text) > _MAX_INTEGER_DIGITS:
            return self._odd(float(text), FlawKind.UNSAFE_NUMBER)
        number = int(text)
        if abs(number) <= SAFE_INTEGER:
            return number
        self.is_suspect = True
        return _Integer(number)

    def _float(self, text: str) -> float:
        number = float(text)
        return number if abs(number) < float("inf") else self._odd(number, FlawKind.UNSAFE_NUMBER)

    def _odd(self, number: float, kind: FlawKind) -> _Number:
        self.is_suspect = True
        marked = _Number(number)
        marked.kind = kind
        return marked


def _children(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def value_at(value: Any, tokens: Tokens) -> Any:
    """Return what stands at a place that is known to be there."""
    for token in tokens:
        value = value[token]
    return value


def last_name(tokens: Tokens) -> str | None:
    """Return the name of the last member on the way to a place, None where there are items alone."""
    return next((token for token in reversed(tokens) if isinstance(token, str)), None)


def iter_nodes(root: Any, tokens: Tokens = ()) -> Iterator[tuple[Tokens, Any]]:
    """Yield every value in `root` with its place, in document order, however deep it is nested."""
    stack = [(tokens, root)]
    while stack:
        tokens, value = stack.pop()
        yield tokens, value
        stack.extend(reversed([((*tokens, key), child) for key, child in _children(value)]))


def _is_too_deep(root: Any) -> bool:
    level = [root]
    for _ in range(MAX_DEPTH + 1):
        hidden = [child for value in level if isinstance(value, _Object) for _, child in value.shadowed]
        level = [*hidden, *[child for value in level for _, child in _children(value)]]
    return bool(level)


def _finite(number: float) -> float | int:
    """Keep the type when a number cannot be kept: the largest double stands for what is beyond it."""
    if number != number:  # noqa: PLR0124  NaN is the one number unequal to itself
        return 0.0
    limited = max(min(number, 1.7976931348623157e308), -1.7976931348623157e308)
    return int(limited) if limited.is_integer() and abs(limited) < 2.0**63 else limited


def _is_broken_off(text: str, error: json.JSONDecodeError) -> bool:
    if error.msg.startswith(("Unterminated string", "Extra data")):
        return error.msg.startswith("Unterminated")
    rest = text[error.pos :].rstrip()
    if not rest or _BROKEN_OFF_LITERAL.fullmatch(rest) is not None:
        return True
    ends_in_escape = "escape" in error.msg and _BROKEN_OFF_ESCAPE.search(text) is not None
    return ends_in_escape or _BROKEN_OFF_NUMBER.search(text) is not None
