"""Redacts JSON texts over any lines: bodies, exchanges, and lists of them."""

from opay_contract.formats.errors import TOO_LONG
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.native import read_body, read_whole
from opay_contract.formats.streams import ChunkStream, iter_read
from opay_contract.model.exchange import Exchange
from opay_contract.recordings.inputs import Source
from opay_contract.redact.json_files import NATIVE_ENTRY, JsonWalker, Sink, Tally, redact_entry
from opay_contract.redact.redactor import Redactor

_HERE = Source(ordinal=0, name="-", path=None)


def redact_document(redactor: Redactor, stream: ChunkStream, sink: Sink, tally: Tally) -> None:
    """Redact each JSON text of a file, and of a list each item."""
    cursor = JsonCursor(stream)
    walker = JsonWalker(redactor, NATIVE_ENTRY, sink, tally)
    while first := cursor.peek():
        if first == b"[":
            walker.walk_items(cursor)
        else:
            sink.write(redact_entry(redactor, NATIVE_ENTRY, cursor.take_value(), tally))
        sink.write(b"\n")


def redact_body(redactor: Redactor, stream: ChunkStream, sink: Sink, tally: Tally) -> None:
    """Redact a file that is one bare body, broken or not."""
    tally.entries += 1
    body = read_whole(iter_read(stream))
    found = next(iter(read_body(_HERE.place, ChunkStream([body]))), None) if body is not None else None
    if found is None:
        tally.refuse(TOO_LONG)
    else:
        tally.note(found)
    sink.write(redactor.exchange(found).response.body if isinstance(found, Exchange) else b"x\n")
