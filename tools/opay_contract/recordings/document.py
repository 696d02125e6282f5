"""Reads a file that is one JSON text: a bare response body, one exchange, or an array of exchanges."""

from collections.abc import Iterator
from itertools import chain

from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable
from opay_contract.recordings.cursor import JsonCursor, iter_values, parse_members
from opay_contract.recordings.ndjson import BARE_STATUS, LONG_LINE, parse_line
from opay_contract.recordings.refusals import TOO_LONG, StreamError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import MAX_ENTRY, ChunkStream, Readable, iter_read

_Item = tuple[int, bytes | None]


class _Tape:
    """Keeps what was read until it is known that nobody needs it again."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.chunks: list[bytes] = []
        self.running = True

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        if self.running:
            self.chunks.append(chunk)
        return chunk

    def stop(self) -> None:
        self.running = False
        self.chunks.clear()


def read_document(source: Source, stream: ChunkStream) -> Iterator[Exchange | Unreadable]:
    """Yield an array's items when the first is an exchange, else the whole text as one entry."""
    tape = _Tape(stream)
    items = _iter_items(tape)
    first = next(items, None)
    if first and first[1] and _is_exchange(first[1]):
        tape.stop()
        for number, (line, data) in enumerate(chain([first], items), start=1):
            yield parse_line(source.place(number, line), LONG_LINE if data is None else data)
    else:
        whole = read_whole(chain(tape.chunks, iter_read(stream)))
        yield parse_line(source.place(1, 1), LONG_LINE if whole is None else whole)


def read_body(source: Source, stream: ChunkStream) -> Iterator[Exchange | Unreadable]:
    """Yield the file as one bare body, broken or not, so that the checker says what is wrong with it."""
    yield _parse_body(source.place(1, 1), read_whole(iter_read(stream)))


def _parse_body(place: Place, body: bytes | None) -> Exchange | Unreadable:
    if body is None:
        return Unreadable(place=place, reason=TOO_LONG)
    if JsonCursor(ChunkStream([body])).peek() not in (b"{", b"["):
        return Unreadable(place=place, reason="the file is no JSON object or array")
    return Exchange(place=place, request=Request(), response=Response(status=BARE_STATUS, body=body))


def _iter_items(tape: _Tape) -> Iterator[_Item]:
    """Yield the items of an array; of anything else, or after the text breaks, there are none to be had."""
    cursor = JsonCursor(tape)
    if cursor.peek() == b"[":
        yield from iter_values(cursor, ())


def _is_exchange(data: bytes) -> bool:
    try:
        return parse_members(data).get("response", b"").startswith(b"{")
    except StreamError:
        return False


def read_whole(chunks: Iterator[bytes]) -> bytes | None:
    """Return all chunks as one, None when they are longer than what is kept in memory."""
    kept: list[bytes] = []
    size = 0
    for chunk in chunks:
        kept.append(chunk)
        size += len(chunk)
        if size > MAX_ENTRY:
            return None
    return b"".join(kept)
