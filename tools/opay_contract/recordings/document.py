"""Reads JSON texts over any lines: exchanges, bare response bodies, and lists of them."""

from collections.abc import Iterator

from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable
from opay_contract.recordings.cursor import JsonCursor, iter_values
from opay_contract.recordings.ndjson import BARE_STATUS, LONG_LINE, parse_line
from opay_contract.recordings.refusals import TOO_LONG
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import MAX_ENTRY, ChunkStream, Readable, iter_read


def read_document(source: Source, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield each JSON text of a file, one behind another, and of a list each item."""
    for number, (line, data) in enumerate(iter_document(JsonCursor(stream)), start=1):
        yield parse_line(source.place(number, line), LONG_LINE if data is None else data)


def iter_document(cursor: JsonCursor) -> Iterator[tuple[int, bytes | None]]:
    """Yield the texts with their lines; None is one too long."""
    while first := cursor.peek():
        if first == b"[":
            yield from iter_values(cursor, {})
        else:
            yield cursor.line, cursor.take_value()


def read_body(source: Source, stream: ChunkStream) -> Iterator[Exchange | Unreadable]:
    """Yield the file as one bare body, broken or not, so that the checker says what is wrong with it."""
    yield _parse_body(source.place(1, 1), read_whole(iter_read(stream)))


def _parse_body(place: Place, body: bytes | None) -> Exchange | Unreadable:
    if body is None:
        return Unreadable(place=place, reason=TOO_LONG)
    if JsonCursor(ChunkStream([body])).peek() not in (b"{", b"["):
        return Unreadable(place=place, reason="the file is no JSON object or array")
    response = Response(status=BARE_STATUS, body=body)
    return Exchange(place=place, request=Request(), response=response, is_asserted=True)


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
