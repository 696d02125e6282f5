"""Reads typed netstrings, which mitmproxy's flow files are made of: `LENGTH:TEXT` and a byte for the type.

A value is cut out of a file, or out of another value, without a look at what is in it, so nothing recurses
into what was recorded.
"""

import re
from collections.abc import Iterator

from opay_contract.formats.errors import EntryError, StreamError
from opay_contract.formats.streams import CHUNK, MAX_ENTRY, Readable

ODD_FLOW = "the flow is not of a shape that mitmproxy writes"
STRAY = "the file stops being one of mitmproxy's"

_SIZE = rb"(0|[1-9][0-9]{0,11}):"
_LENGTH = re.compile(_SIZE)
_NAME = rb"([^:;,\x80-\xff]*+)[;,]"
_MEMBER = re.compile(_SIZE + _NAME + _SIZE)
_PAIR = re.compile(_SIZE + _SIZE + _NAME + _SIZE)
"""How a member of an object, and a list of two texts, begin, if the sizes are those of what follows."""

_LONGEST_LENGTH = 13
_LONGEST_NUMBER = 40

BYTES, TEXT, INTEGER, FLOAT, BOOLEAN, NULL, LIST, OBJECT = b",", b";", b"#", b"^", b"!", b"~", b"]", b"}"
"""The bytes that tell the type of a value."""

Value = tuple[bytes, bytes]
"""A value: the byte that tells its type, and its text, of which nothing is read yet."""

Members = dict[str, Value]

NOTHING: Value = (NULL, b"")


class TnetstringReader:
    """The values of a file, one after the other; the last one begins at the byte `start`."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._buffer = b""
        self._position = 0
        self._before = 0  # how many bytes of the stream are before the buffer
        self.start = 0

    def iter_values(self) -> Iterator[Value | None]:
        """Yield the file's values; None is one that is too long to be kept."""
        while (size := self._take_length()) is not None:
            data = self._take(size + 1)
            yield None if data is None else (data[-1:], data[:-1])

    def _take_length(self) -> int | None:
        while self._left() < _LONGEST_LENGTH and self._fill():
            pass
        length = _LENGTH.match(self._buffer, self._position)
        if length:
            self.start, self._position = self._before + self._position, length.end()
            return int(length[1])
        rest = self._buffer[self._position :]
        if not rest:
            return None
        is_cut = len(rest) < _LONGEST_LENGTH and rest.isdigit()
        raise StreamError("the file breaks off" if is_cut else STRAY)

    def _take(self, size: int) -> bytes | None:
        """Take `size` bytes; return them, or None when they are too many to be kept."""
        pieces: list[bytes] = []
        missing = size
        while missing > self._left():
            if size <= MAX_ENTRY:
                pieces.append(self._buffer[self._position :])
            missing -= self._left()
            self._position = len(self._buffer)
            if not self._fill():
                raise StreamError("the file breaks off")
        end = self._position + missing
        pieces.append(self._buffer[self._position : end])
        self._position = end
        return b"".join(pieces) if size <= MAX_ENTRY else None

    def _left(self) -> int:
        return len(self._buffer) - self._position

    def _fill(self) -> bool:
        chunk = self._stream.read(CHUNK)
        self._before += self._position
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)


def write(value: Value) -> bytes:
    """Return a value as it stands in a file."""
    kind, text = value
    return b"%d:%b%b" % (len(text), text, kind)


def read_text(value: Value) -> str:
    """Return a text, none of what is null; bytes that are no UTF-8, which headers may hold, are Latin-1."""
    kind, text = value
    if kind == NULL:
        return ""
    if kind not in (BYTES, TEXT):
        raise EntryError(ODD_FLOW)
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def read_number(value: Value) -> int | float | None:
    """Return a number, None for anything else."""
    kind, text = value
    if kind not in (INTEGER, FLOAT) or len(text) > _LONGEST_NUMBER:
        return None
    try:
        return int(text) if kind == INTEGER else float(text)
    except ValueError:
        return None


def read_members(value: Value) -> Members:
    """Return the members of an object; their names were bytes until 0.17 and are texts now."""
    kind, text = value
    if kind != OBJECT:
        raise EntryError(ODD_FLOW)
    members: Members = {}
    position = 0
    while found := _MEMBER.match(text, position):
        size, name, length = found.groups()
        if int(size) != len(name):
            break
        start = found.end()
        end = start + int(length)
        position = end + 1
        members[name.decode()] = text[end:position], text[start:end]
    if position == len(text):
        return members
    values = cut(text)
    if len(values) % 2:
        raise EntryError(ODD_FLOW)
    return dict(zip(map(read_text, values[::2]), values[1::2], strict=True))


def read_pairs(value: Value) -> list[tuple[str, str]]:
    """Return the pairs of texts in a list."""
    kind, text = value
    if kind != LIST:
        raise EntryError(ODD_FLOW)
    pairs: list[tuple[str, str]] = []
    position = 0
    while found := _PAIR.match(text, position):
        pair_size, size, name, length = found.groups()
        start = found.end()
        end = start + int(length)
        is_pair = text[end : end + 2] == b",]" and int(pair_size) == end + 1 - found.start(2)
        if not is_pair or int(size) != len(name):
            break
        position = end + 2
        pairs.append((name.decode(), read_text((BYTES, text[start:end]))))
    if position == len(text):
        return pairs
    lists = [cut(inner) if kind == LIST else [] for kind, inner in cut(text)]
    if any(len(pair) != 2 for pair in lists):  # noqa: PLR2004  a name and a value
        raise EntryError(ODD_FLOW)
    return [(read_text(name), read_text(item)) for name, item in lists]


def cut(text: bytes) -> list[Value]:
    """Return the values that stand one after the other in a text."""
    found: list[Value] = []
    position = 0
    while position < len(text):
        length = _LENGTH.match(text, position)
        if length is None:
            raise EntryError(ODD_FLOW)
        start = length.end()
        end = start + int(length[1])
        position = end + 1
        if end >= len(text):
            raise EntryError(ODD_FLOW)
        found.append((text[end:position], text[start:end]))
    return found
