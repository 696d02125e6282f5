"""Redacts JSON Lines, and the formats that are walked from the root: a function for each."""

from opay_contract.formats.har import ENTRIES
from opay_contract.formats.json_cursor import JsonCursor, Path
from opay_contract.formats.native import LONG_LINE, iter_lines
from opay_contract.formats.newman import EXECUTIONS
from opay_contract.formats.schemathesis import INTERACTIONS
from opay_contract.formats.streams import Readable
from opay_contract.formats.vcr import INTERACTIONS as CASSETTE_PATH
from opay_contract.redact.json_files import (
    HAR_ENTRY,
    NATIVE_ENTRY,
    NEWMAN_ENTRY,
    SCHEMATHESIS_ENTRY,
    VCR_ENTRY,
    JsonWalker,
    Sink,
    Tally,
    redact_entry,
)
from opay_contract.redact.redactor import Redactor


def redact_lines(redactor: Redactor, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Redact a line at a time; blank lines stay, so that every line keeps its number."""
    next_number = 1
    for number, line in iter_lines(stream):
        sink.write(b"\n" * (number - next_number))
        tail = b"\r" if line.endswith(b"\r") else b""
        data = None if line == LONG_LINE else line.removesuffix(b"\r")
        sink.write(redact_entry(redactor, NATIVE_ENTRY, data, tally) + tail + b"\n")
        next_number = number + 1


def redact_newman(redactor: Redactor, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Redact `run.executions`, and the collection, the variables and all else around them."""
    _walk_root(JsonWalker(redactor, NEWMAN_ENTRY, sink, tally), EXECUTIONS, stream, sink)


def redact_har(redactor: Redactor, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Redact `log.entries` and everything around them."""
    _walk_root(JsonWalker(redactor, HAR_ENTRY, sink, tally), ENTRIES, stream, sink)


def _walk_root(walker: JsonWalker, path: Path, stream: Readable, sink: Sink) -> None:
    cursor = JsonCursor(stream)
    while first := cursor.peek():
        walker.walk(cursor, {} if first == b"[" else path)
        sink.write(b"\n")


def redact_json_cassette(redactor: Redactor, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Redact the interactions of a JSON cassette."""
    _walk_root(JsonWalker(redactor, VCR_ENTRY, sink, tally), CASSETTE_PATH, stream, sink)


def redact_events(redactor: Redactor, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Redact schemathesis' events, one after another."""
    cursor = JsonCursor(stream)
    walker = JsonWalker(redactor, SCHEMATHESIS_ENTRY, sink, tally)
    while cursor.peek():
        walker.walk(cursor, INTERACTIONS)
        sink.write(b"\n")
