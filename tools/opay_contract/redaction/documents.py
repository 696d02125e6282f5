"""Redacts a file that is one JSON text: a body, one exchange, or a list of exchanges."""

from itertools import chain

from opay_contract.model.exchange import Exchange
from opay_contract.recordings.cursor import JsonCursor, iter_values, parse_members
from opay_contract.recordings.document import read_body, read_whole
from opay_contract.recordings.refusals import TOO_LONG, StreamError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import ChunkStream, Readable, iter_read
from opay_contract.redaction.exchanges import Redactor
from opay_contract.redaction.json_files import NATIVE_ENTRY, JsonWalker, Sink, Tally, redact_entry

_HERE = Source(ordinal=0, name="-", path=None)


class _Tape:
    """Keeps what was read, to be read again."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.chunks: list[bytes] = []

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        self.chunks.append(chunk)
        return chunk


def redact_document(redactor: Redactor, stream: ChunkStream, sink: Sink, tally: Tally) -> None:
    """Redact an array's items when the first is an exchange, else the whole text as one entry."""
    tape = _Tape(stream)
    is_list = _begins_with_exchange(tape)
    again = ChunkStream(chain(tape.chunks, iter_read(stream)))
    if is_list:
        cursor = JsonCursor(again)
        cursor.peek()
        JsonWalker(redactor, NATIVE_ENTRY, sink, tally).walk_items(cursor)
        sink.write(b"\n")
    else:
        sink.write(redact_entry(redactor, NATIVE_ENTRY, read_whole(iter_read(again)), tally))


def redact_body(redactor: Redactor, stream: ChunkStream, sink: Sink, tally: Tally) -> None:
    """Redact a file that is one bare body, broken or not."""
    tally.entries += 1
    body = read_whole(iter_read(stream))
    found = next(iter(read_body(_HERE, ChunkStream([body]))), None) if body is not None else None
    if isinstance(found, Exchange):
        sink.write(redactor.exchange(found).response.body)
    else:
        tally.refuse(TOO_LONG if found is None else found.reason)
        sink.write(b"x\n")


def _begins_with_exchange(tape: _Tape) -> bool:
    try:
        cursor = JsonCursor(tape)
        if cursor.peek() != b"[":
            return False
        _, first = next(iter_values(cursor, ()), (0, None))
        return first is not None and parse_members(first).get("response", b"").startswith(b"{")
    except StreamError:
        return False
