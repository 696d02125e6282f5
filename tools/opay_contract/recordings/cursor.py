"""Walks JSON text of any size and any depth chunk by chunk, and cuts values out of it as raw bytes.

It knows strings and brackets only, so whatever is odd inside one value stays inside it: the value is
handed on as it is, and the values after it still come. Nothing here recurses into what was recorded.
"""

import codecs
import io
import json
import re
from collections.abc import Generator, Iterator, Mapping

from opay_contract.recordings.refusals import StreamError
from opay_contract.recordings.streams import CHUNK, MAX_ENTRY, Readable

Path = Mapping[str, "Path"]
"""The member names, step by step, that lead to the values that are looked for; an empty step is the last."""

_QUOTE = ord('"')
_BACKSLASH = ord("\\")
_OPENING = frozenset(b"{[")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_SCALAR = re.compile(rb'[^\s,:"{}\[\]]*+')
_STRING = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'  # unrolled: three times as fast as an alternation
_REST_OF_STRING = re.compile(_STRING, re.DOTALL)


def _balanced(levels: int) -> bytes:
    """Return a pattern of text in which brackets are closed, `levels` deep: it skips most in one match."""
    other = rb'[^"{}\[\]]*+'
    strings = rb'%b(?:"%b"%b)*+' % (other, _STRING, other)
    pattern = strings
    for _ in range(levels):
        pattern = rb"%b(?:[{\[]%b[}\]]%b)*+" % (strings, pattern, strings)
    return pattern


_BALANCED = re.compile(_balanced(4), re.DOTALL)


class JsonCursor:
    """A position in JSON text; `line` is the 1-based line that it stands on."""

    def __init__(self, stream: Readable) -> None:
        """Stand before the first value of `stream`, behind a byte order mark."""
        self._stream = stream
        self._buffer = b""
        self._position = 0
        self.line = 1
        while len(self._buffer) < len(codecs.BOM_UTF8) and self._fill():
            pass
        self._buffer = self._buffer.removeprefix(codecs.BOM_UTF8)

    def peek(self) -> bytes:
        """Skip white space; return the byte that follows, or nothing at the end."""
        while True:
            self._move(_match_end(_SPACE, self._buffer, self._position))
            if self._position < len(self._buffer) or not self._fill():
                return self._buffer[self._position : self._position + 1]

    def iter_members(self) -> Iterator[str]:
        """Yield the name of each member of an object; the caller takes the value before the next."""
        self._take(b"{")
        if self.peek() == b"}":
            self._take(b"}")
            return
        while True:
            name = self._take_name()
            self._take(b":")
            yield name
            if self._take(b",", b"}") == b"}":
                return

    def iter_items(self) -> Iterator[None]:
        """Stop before each item of an array; the caller takes the item before the next."""
        self._take(b"[")
        if self.peek() == b"]":
            self._take(b"]")
            return
        while True:
            yield
            if self._take(b",", b"]") == b"]":
                return

    def take_value(self, limit: int = MAX_ENTRY) -> bytes | None:
        """Take the next value; return its bytes, or None when they are more than `limit`."""
        pieces: list[bytes] = []
        size = 0
        for piece in self._iter_pieces():
            size += len(piece)
            if size <= limit:
                pieces.append(piece)
            else:
                pieces.clear()
        return b"".join(pieces) if size <= limit else None

    def skip_value(self) -> None:
        """Take the next value and forget it."""
        self.take_value(limit=0)

    def _take_name(self) -> str:
        if self.peek() != b'"':
            raise self._failure()
        raw = self.take_value() or b'""'
        try:
            return str(json.loads(raw.decode(errors="replace"), strict=False))
        except ValueError:
            raise self._failure() from None

    def _take(self, *wanted: bytes) -> bytes:
        found = self.peek()
        if found not in wanted:
            raise self._failure()
        self._move(self._position + 1)
        return found

    def _iter_pieces(self) -> Iterator[bytes]:
        first = self.peek()
        if first == b'"' or first in (b"{", b"["):
            return self._iter_nested_pieces(first)
        return self._iter_scalar_pieces()

    def _iter_scalar_pieces(self) -> Iterator[bytes]:
        if _match_end(_SCALAR, self._buffer, self._position) == self._position:
            raise self._failure()
        while True:
            yield self._cut(_match_end(_SCALAR, self._buffer, self._position))
            if self._position < len(self._buffer) or not self._fill():
                return

    def _iter_nested_pieces(self, first: bytes) -> Iterator[bytes]:
        """Cut a string, object or array: up to the bracket that closes it, whatever is between."""
        in_string = first == b'"'
        depth = 0 if in_string else 1
        position = self._position + 1
        while True:
            position, depth, in_string = _scan(self._buffer, position, depth, in_string=in_string)
            yield self._cut(position)
            if not depth and not in_string:
                return
            if not self._fill():
                raise StreamError("the file breaks off")
            position = 0

    def _cut(self, position: int) -> bytes:
        piece = self._buffer[self._position : position]
        self._move(position)
        return piece

    def _move(self, position: int) -> None:
        self.line += self._buffer.count(b"\n", self._position, position)
        self._position = position

    def _fill(self) -> bool:
        chunk = self._stream.read(CHUNK)
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)

    def _failure(self) -> StreamError:
        if not self.peek():
            return StreamError("the file breaks off")
        return StreamError(f"the file stops being JSON on line {self.line}")


def _scan(buffer: bytes, position: int, depth: int, *, in_string: bool) -> tuple[int, int, bool]:
    """Go on to the end of the value or of the buffer; an escape cut in two is left for the next buffer."""
    while True:
        if in_string:
            position = _match_end(_REST_OF_STRING, buffer, position)
            if position == len(buffer) or buffer[position] == _BACKSLASH:
                return position, depth, True
            in_string = False
        else:
            position = _match_end(_BALANCED, buffer, position)
            if position == len(buffer):
                return position, depth, False
            in_string = buffer[position] == _QUOTE
            depth += 0 if in_string else 1 if buffer[position] in _OPENING else -1
        position += 1
        if not depth and not in_string:
            return position, depth, False


def _match_end(pattern: re.Pattern[bytes], buffer: bytes, position: int) -> int:
    found = pattern.match(buffer, position)
    return found.end() if found else position


def iter_values(
    cursor: JsonCursor, path: Path, *, limit: int = MAX_ENTRY
) -> Generator[tuple[int, bytes | None], None, bool]:
    """Yield the items, or the members' values, at `path`, each with its line; None is one too long.

    Returns whether there is anything at `path`.
    """
    first = cursor.peek()
    found = not path and first in (b"{", b"[")
    if path and first == b"{":
        for name in cursor.iter_members():
            if name in path:
                found |= yield from iter_values(cursor, path[name], limit=limit)
            else:
                cursor.skip_value()
    elif found:
        for _ in cursor.iter_members() if first == b"{" else cursor.iter_items():
            cursor.peek()
            yield cursor.line, cursor.take_value(limit)
    else:
        cursor.skip_value()
    return found


def iter_all_values(cursor: JsonCursor, path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield the same of each of the JSON texts of a file; beside one that has them none may have none."""
    other, has_any = 0, False
    while first := cursor.peek():
        line = cursor.line
        if (yield from iter_values(cursor, {} if first == b"[" else path)):
            has_any = True
        else:
            other = other or line
    if has_any and other:
        raise StreamError(
            f"the JSON text on line {other} is of another format and was not read; keep it apart"
        )


def parse_members(data: bytes) -> dict[str, bytes]:
    """Cut an object into its members' raw bytes; of duplicate members the last holds."""
    cursor = JsonCursor(io.BytesIO(data))
    return {name: cursor.take_value(limit=len(data)) or b"" for name in cursor.iter_members()}
