"""Walks JSON text of any size and any depth chunk by chunk, and cuts values out of it as raw bytes.

It knows strings and brackets only, so whatever is odd inside one value stays inside it: the value is
handed on as it is, and the values after it still come. Nothing here recurses into what was recorded.

Items of an array that follow each other as those before them did, which are most, are cut at a guess: at the
text that stood between the last two. The guess is right where each of the pieces is one JSON value, for no
object is the beginning of another; where it is wrong, the item is walked through.
"""

import codecs
import io
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import accumulate, repeat
from typing import Any

import msgspec

from opay_contract.formats.errors import StreamError
from opay_contract.formats.streams import CHUNK, MAX_ENTRY, ChunkStream, Readable, iter_raising

_QUOTE = ord('"')
_BACKSLASH = ord("\\")
_OPENINGS = (b'"', b"{", b"[")
_OPENING = frozenset(b"{[")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_PLAIN_NAME = re.compile(rb'[ \t\r\n]*+"([^"\\]*+)"[ \t\r\n]*+:')
_SCALAR = re.compile(rb'[^\s,:"{}\[\]]*+')
STRING = rb'[^"\\]*+(?:\\.[^"\\]*+)*+'  # unrolled: three times as fast as an alternation
"""What stands in JSON text between the quotes of a string."""

_REST_OF_STRING = re.compile(STRING, re.DOTALL)


def _balanced(levels: int) -> bytes:
    """Return a pattern of text in which brackets are closed, `levels` deep: it skips most in one match."""
    other = rb'[^"{}\[\]]*+'
    strings = rb'%b(?:"%b"%b)*' % (other, STRING, other)
    pattern = strings
    for _ in range(levels):
        pattern = rb"%b(?:[{\[]%b[}\]]%b)*" % (strings, pattern, strings)
    return pattern


_BALANCED = re.compile(_balanced(4), re.DOTALL)
_JOINT = re.compile(rb'[ \t\r\n]*+,[ \t\r\n]*+\{[ \t\r\n]*+"[^"\\]*+"')  # up to the next object's first name
_LONGEST_JOINT = 512
_GUESSES = 4
Decoder = msgspec.json.Decoder[Any]
"""Decodes an item as its format has it; where it can, that proves that the item was cut out rightly."""

Run = tuple[Iterable[int], Iterable[bytes | None], Iterable[Any], Iterable[int]]
"""Items of an array: the line of each, its bytes, what it was decoded as, and how many bytes are before it.

Its bytes may be left out where it was decoded. There are as many values as items.
"""

_ANY = msgspec.json.Decoder(msgspec.Raw)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class JsonCursor:
    """A position in JSON text; `line` is the 1-based line that it stands on."""

    def __init__(self, stream: Readable, before: int = 0) -> None:
        """Stand before the first value of `stream`, behind a byte order mark; so many bytes are before it."""
        self._stream = stream
        self._buffer = b""
        self._position = 0
        self._before = before  # how many bytes are before the buffer
        self.line = 1
        while len(self._buffer) < len(codecs.BOM_UTF8) and self._fill():
            pass
        if self._buffer.startswith(codecs.BOM_UTF8):
            self._position = len(codecs.BOM_UTF8)

    @property
    def offset(self) -> int:
        """How many bytes are before this position."""
        return self._before + self._position

    def peek(self) -> bytes:
        """Skip white space; return the byte that follows, or nothing at the end."""
        found = self._buffer[self._position : self._position + 1]
        if found > b" ":
            return found
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
            found = _PLAIN_NAME.match(self._buffer, self._position)
            if found:
                self._move(found.end())
                name = found[1].decode(errors="replace")
            else:
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

    def iter_runs(self, decoder: Decoder | None = None, limit: int = MAX_ENTRY) -> Iterator[Run]:
        """Yield the items of an array, some at a time; the bytes of one of more than `limit` are None."""
        for _ in self.iter_items():
            self.peek()
            line, start = self.line, self.offset
            data = self.take_value(limit)
            yield (line,), (data,), (None,), (start,)
            joint = self._joint(data)
            if joint:
                yield from self._iter_alike(joint, limit, decoder)

    def iter_item_counts(self) -> Iterator[tuple[int, int, int]]:
        """Go through an array quickly; stop now and then behind an item that another object follows.

        Yields how many items were passed since the last stop, and where the next begins: how far behind this
        position, and on which line.
        """
        passed = 0
        for _ in self.iter_items():
            self.peek()
            joint = self._joint(self.take_value(CHUNK) or b"")
            passed += 1
            while joint:
                step = joint.index(b"{") - 1
                yield passed, step, self.line + joint.count(b"\n", 0, step)
                passed = self._skip_alike(joint, step)
                if not passed:
                    break

    def _joint(self, data: bytes | None) -> bytes:
        """Return what leads from an object that was just taken to the next one."""
        if data is None or not data.endswith(b"}"):
            return b""
        found = _JOINT.match(self._buffer, self._position, self._position + _LONGEST_JOINT)
        return b"}" + found[0] if found else b""

    def _skip_alike(self, joint: bytes, step: int) -> int:
        """Pass over as many items as are in the buffer; return how many, 0 where it cannot be told."""
        if len(self._buffer) - self._position < CHUNK:
            self._fill()
        start, end = self._position + step, len(self._buffer)
        for _ in range(_GUESSES):
            end = self._buffer.rfind(joint, start, end) + 1
            with suppress(ValueError, RecursionError):
                items = _LIST.decode(b"[%b]" % self._buffer[start:end]) if end else []
                if items:
                    self._move(end)
                return len(items)
        return 0

    def _iter_alike(self, joint: bytes, limit: int, decoder: Decoder | None) -> Iterator[Run]:
        """Take items as long as `joint` leads from one to the next; stop behind one of them.

        All that are in the buffer are decoded at once, each on a line of its own: where there are as many
        values as lines, each line is one. Else they are decoded one by one.
        """
        step = joint.index(b"{") - 1
        head = joint[step + 1 :]
        breaks, breaks_before = joint.count(b"\n"), joint.count(b"\n", 0, -len(head))
        kind = decoder or _ANY
        while True:
            pieces = self._buffer[self._position - 1 :].split(joint)[1:-1]
            sizes = [len(joint) + len(piece) for piece in pieces]
            if not pieces or max(sizes) - step > limit:
                return
            values = list[Any]()
            with suppress(ValueError, RecursionError):
                text = (b"}\n" + head).join((b"", *pieces, b""))  # to put ends on it would copy it twice
                values = kind.decode_lines(memoryview(text)[2 : -len(head) - 1])
            is_proven = len(values) == len(pieces)
            texts = [] if is_proven and decoder else [head + piece + b"}" for piece in pieces]
            if not is_proven:
                values = list(_iter_decoded(kind, texts))
            line, starts = self.line, accumulate(sizes, initial=self.offset + step)
            self._move(self._position + sum(sizes[: len(values)]))
            lines: Iterable[int] = repeat(line)
            if line != self.line:
                counts = [breaks + piece.count(b"\n") for piece in pieces]
                lines = accumulate(counts, initial=line + breaks_before)
            yield lines, texts or repeat(None), values if decoder else [None] * len(values), starts
            if len(values) < len(pieces):
                return
            try:
                self._fill()
            except StreamError as error:  # comes after what is in the buffer
                self._stream = ChunkStream(iter_raising(error))

    def take_value(self, limit: int = MAX_ENTRY) -> bytes | None:
        """Take the next value; return its bytes, or None when they are more than `limit`."""
        first = self.peek()
        if first in _OPENINGS:
            start, buffer, in_string = self._position, self._buffer, first == b'"'
            end, depth, in_string = _scan(buffer, start + 1, 0 if in_string else 1, in_string=in_string)
            if not depth and not in_string:
                piece = self._cut(end)
                return piece if len(piece) <= limit else None
        pieces: list[bytes] = []
        size = 0
        for piece in self._iter_pieces():
            size += len(piece)
            if size <= limit:
                pieces.append(piece)
            else:
                pieces.clear()
        return b"".join(pieces) if size <= limit else None

    def take_line(self) -> bytes | None:
        """Take the rest of the line where that is one value; else return None and take nothing."""
        end = self._buffer.find(b"\n", self._position)
        data = self._buffer[self._position : end]
        if end < 0 or not _is_value(data):
            return None
        self._move(end)
        return data

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
        self._position += 1
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
            position = self._position

    def _cut(self, position: int) -> bytes:
        piece = self._buffer[self._position : position]
        self._move(position)
        return piece

    def _move(self, position: int) -> None:
        if self._buffer.find(b"\n", self._position, position) >= 0:  # many times as quick as to count
            self.line += self._buffer.count(b"\n", self._position, position)
        self._position = position

    def _fill(self) -> bool:
        chunk = self._stream.read(CHUNK)
        passed = max(self._position - 1, 0)  # all but the byte before this position
        self._before += passed
        self._buffer = self._buffer[passed:] + chunk
        self._position -= passed
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


def _iter_decoded(decoder: Decoder, texts: list[bytes]) -> Iterator[Any]:
    """Yield what items are taken for, None for another value; stop before one that is no value."""
    for data in texts:
        try:
            yield decoder.decode(data)
        except (ValueError, RecursionError):
            if not _is_value(data):
                return
            yield None


def _is_value(data: bytes) -> bool:
    try:
        _ANY.decode(data)
    except (ValueError, RecursionError):
        return False
    return True


def _match_end(pattern: re.Pattern[bytes], buffer: bytes, position: int) -> int:
    found = pattern.match(buffer, position)
    return found.end() if found else position


def parse_members(data: bytes) -> dict[str, bytes]:
    """Cut an object into its members' raw bytes; of duplicate members the last holds."""
    cursor = JsonCursor(io.BytesIO(data))
    return {name: cursor.take_value(limit=len(data)) or b"" for name in cursor.iter_members()}
