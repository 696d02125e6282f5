"""Finds where in a recording's text a part of an exchange stands: its line, and the column in it.

No reader keeps that, as it would cost every exchange; of those that are asked for the entry is read again.
The part is looked for in the entry's own lines, in every form that recorders give a text: as it is, as a
string of JSON or of YAML, in base64.
"""

import codecs
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import NamedTuple

import msgspec
import yaml
from msgspec import field
from msgspec.structs import replace

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import EntryError, StreamError
from opay_contract.formats.json_cursor import STRING
from opay_contract.formats.messages import PlaceOf, parse_base64
from opay_contract.formats.streams import CHUNK, ChunkStream, iter_read
from opay_contract.formats.table import FORMATS, Format, Read
from opay_contract.formats.yaml_events import LOADER
from opay_contract.model.exchange import Exchange, Headers, Place, Unreadable
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import open_source

_MOST_KEPT = 1 << 20
"""Bytes that are kept before those of entries that nobody asked for are forgotten."""

_QUICK = 64  # times as quick as a body's own characters are bytes of an entry passed over

_AS_IT_IS = frozenset(
    {Format.NDJSON, Format.JSON, Format.BODY, Format.CURL, Format.ACCESS_LOG, Format.MITMPROXY}
)
"""The formats in which a body may stand as it is, in no string."""

_NUMBERS = re.compile(rb"\[[\s\d,]*+\]")
"""A body as some recorders list it."""

_CONTINUATIONS = bytes(range(0x80, 0xC0))
_LONG_LINE, _SHORT = 256, 256
"""Bytes that lines have on average to be looked for, and a text at most to be looked at byte by byte."""

_STRING = re.compile(rb'"%b"' % STRING, re.DOTALL)
_LEAST_PACKED = 16  # characters that a packed body has
_ANSWERED = re.compile(rb"\bresponse[\"']?\s*[:{]|^< HTTP", re.MULTILINE)
_PAIR = r"\\u[dD][89abAB]..\\u[dD][c-fC-F].."
_FOLD = r"[ \t]*(?:\r?\n[ \t]*)+"
_UNITS = {
    "json": re.compile(rf"{_PAIR}|\\u.{{4}}|\\.|.", re.DOTALL),
    '"': re.compile(rf"\\\r?\n[ \t]*|\\(?:x..|u.{{4}}|U.{{8}}|.)|{_FOLD}|.", re.DOTALL),
    "'": re.compile(rf"''|{_FOLD}|.", re.DOTALL),
    "": re.compile(rf"{_FOLD}|.", re.DOTALL),
}
"""What stands for a character in a string of JSON, and in a scalar of YAML by its style."""

_QUOTES = ("'", '"')
_CONTENT = re.compile(rb"(?:7:content|4:body)[,;]([0-9]{1,9}):")
_PROPERTIES = re.compile(r"(?:[!&]\S*\s+)*")
_FORMS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("json", json.dumps),
    ("json", partial(json.dumps, ensure_ascii=False)),
    ("json", lambda text: json.dumps(text).replace("/", "\\/")),
    ("json", lambda text: json.dumps(text, ensure_ascii=False).replace("/", "\\/")),
    ("'", lambda text: "'" + text.replace("'", "''") + "'"),
)
"""How recorders write a text as a string; other ways are found by reading every string."""


class _Start(NamedTuple):
    """Where an entry is read again: how many are before it, and the byte or the line from which on."""

    before: int
    byte: int
    line: int


_BEGINNING = _Start(0, 0, 0)
_BY_LINE = frozenset({Format.NDJSON, Format.ACCESS_LOG, Format.CURL, Format.VCR})
"""The formats of which an entry can be read from its line on, where nothing else is said."""

_HEADS = {
    (Format.HAR, False): b'{"log":{"entries":[',
    (Format.VCR, False): b'{"interactions":[',
    (Format.VCR, True): b"interactions:\n",
    (Format.NEWMAN, False): b'{"run":{"executions":[',
    (Format.POSTMAN, False): b'{"item":[',
    (Format.ACCESS_LOG, False): b"[",
}
"""What makes a recording of an entry and what follows, where it is read from a byte, or from a line, on."""


class LinePlace(NamedTuple):
    """A line and a column in it, in characters, both from 1."""

    line: int
    column: int


class _KeptText(ChunkStream):
    """A stream that keeps what was read of it from some place on, whose line and column are known."""

    def __init__(self, stream: ChunkStream) -> None:
        super().__init__(iter_read(stream))
        self.attached = stream.attached
        self.kept = bytearray()
        self._before = 0  # how many bytes of the stream are before those that are kept
        self._start = LinePlace(1, 1)
        self._is_begun = False

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, which are kept; of a byte order mark editors show nothing."""
        data = super().read(size)
        self.kept += data
        if not self._is_begun and data.startswith(codecs.BOM_UTF8):
            del self.kept[: len(codecs.BOM_UTF8)]
            self._before = len(codecs.BOM_UTF8)
        self._is_begun = True
        return data

    def read_from(
        self, start: _Start, format_: Format, read: Read, place_of: PlaceOf
    ) -> Iterator[Exchange | Unreadable]:
        """Yield what is in the text from some place on."""
        while (end := self.place(len(self.kept))).line < start.line or self._end() < start.byte:
            self._start, self._before = end, self._end()
            self.kept.clear()
            if not self.read(CHUNK):
                return
        self.forget_before(start.line)
        self.forget(max(start.byte - self._before, 0))
        head = _HEADS.get((format_, bool(start.line)), b"") if start != _BEGINNING else b""
        lines = self._start.line - 1 - head.count(b"\n")
        stream = ChunkStream(chain([head, bytes(self.kept)], iter_read(self)))
        stream.attached = self.attached

        def place(entry: int, line: int | None = None, _start: tuple[int, int] | None = None) -> Place:
            return place_of(entry + start.before, None if line is None else line + lines)

        yield from read(place, stream)

    def _end(self) -> int:
        return self._before + len(self.kept)

    def place(self, at: int) -> LinePlace:
        """Return where a byte that is kept stands."""
        start = self.kept.rfind(b"\n", 0, at) + 1
        first = LinePlace(self._start.line + _count_lines(self.kept, start), 1) if start else self._start
        return LinePlace(first.line, first.column + _count_characters(self.kept[start:at]))

    def forget(self, end: int) -> None:
        """Keep nothing that is before `end`."""
        self._start = self.place(end)
        self._before += end
        del self.kept[:end]

    def forget_before(self, line: int) -> None:
        """Keep nothing that is before a line."""
        end = 0
        for _ in range(line - self._start.line):
            end = self.kept.find(b"\n", end) + 1
            if not end:
                return
        self.forget(end)


def _count_lines(text: bytearray, end: int) -> int:
    """Return how many lines end before a byte; long ones are passed over many times as quickly as counted."""
    at = 0
    for passed in range(end // _LONG_LINE):
        at = text.find(b"\n", at, end) + 1
        if not at:
            return passed
    return end // _LONG_LINE + text.count(b"\n", at, end)


def _count_characters(text: bytearray) -> int:
    """Return how many characters begin in UTF-8 text; what is ASCII, most of it, is told by its length."""
    if text.isascii():
        return len(text)
    if len(text) <= _SHORT:
        return len(text.translate(None, _CONTINUATIONS))
    middle = len(text) // 2
    return _count_characters(text[:middle]) + _count_characters(text[middle:])


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """Where a body stands among the bytes that are kept, and how it is written there.

    Its `style` is that of a string of JSON or a scalar of YAML, of which `raw` is what is between the quotes,
    or a whole block; else it is `bytes`, where the body stands as it is, or `packed`. `form` writes any text
    as this one is, where that is known.
    """

    start: int
    end: int
    style: str
    value: str = ""
    raw: str = ""
    form: Callable[[str], str] | None = None

    def offset(self, body: bytes, at: int) -> int:
        """Return where a byte of the body stands."""
        if self.style in ("packed", ">"):
            return self.start
        if self.style == "bytes":
            return self.start + at
        before = body[:at].decode(errors="replace")
        if self.form is not None:  # what is before it is written in the same way
            return self.start + len(self.form(before)[:-1].encode(errors="replace"))
        position = len(before)
        if self.style == "|":
            return self.start + len(self._block(position).encode(errors="replace"))
        passed = length = 0
        for unit in _UNITS[self.style].finditer(self.raw):
            if passed >= position:
                break
            passed += _width(unit[0])
            length = unit.end()
        return self.start + bool(self.style) + len(self.raw[:length].encode(errors="replace"))

    def _block(self, position: int) -> str:
        """Return what is before a character in a block, whose lines are those of the value, indented."""
        lines, (*above, own) = self.raw.splitlines(keepends=True), self.value[:position].split("\n")
        first = next((line for line in lines[1:] if line.strip()), "")
        indent = " " * (len(first) - len(first.lstrip(" ")))
        return "".join(lines[: len(above) + 1]) + indent + own


def _width(unit: str) -> int:
    """Return how many characters a unit of a string stands for: line breaks fold into one fewer."""
    if unit.startswith("\\"):
        return 0 if unit[1:2] in ("\r", "\n") else 1
    return max(1, unit.count("\n") - 1)


class EntryText(msgspec.Struct, frozen=True):
    """The text of an entry, from its line on, or from behind the entry before it on that line."""

    text: _KeptText
    format: Format
    exchange: Exchange
    _bodies: dict[str, _Found | None] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """About how many bytes are searched for a place in it: its bodies; around them that is quick."""
        request, response = self.exchange.request, self.exchange.response
        return len(request.body or b"") + len(response.body) + len(self.text.kept) // _QUICK

    def body(self, side: str, at: int) -> LinePlace | None:
        """Return where byte `at` of a body stands, or where the text begins that the body is packed in."""
        part = self.exchange.request if side == "request" else self.exchange.response
        found = self._find_body(side)
        return self.text.place(found.offset(part.body or b"", at)) if found else None

    def header(self, side: str, name: str) -> LinePlace | None:
        """Return where a header field of one side stands."""
        written = re.escape(name.encode(errors="replace"))
        return self._first(
            rb"(?P<quote>[\"'])(?P<it>%b)(?P=quote)|(?:^|[\s<>{,])(?P<bare>%b):|%d:(?P<sized>%b),"
            % (written, written, len(name), written),
            side,
        )

    def status(self) -> LinePlace | None:
        """Return where the answer's status stands."""
        number = b"%d" % self.exchange.response.status
        return self._first(
            rb"(?:status|code|HTTP/)[^{}]{0,40}?(?<!\d)(?P<it>" + number + rb")(?!\d)", "response"
        )

    def url(self) -> LinePlace | None:
        """Return where the request's URL stands."""
        url = self.exchange.request.url
        found = [self.text.kept.find(form(url)[1:-1].encode(errors="replace")) for _, form in _FORMS if url]
        there = [at for at in found if at >= 0]
        return self.text.place(min(there)) if there else None

    def end(self) -> int:
        """Return up to where the entry surely goes: behind its answer's body, where that is found."""
        found = self._find_body("response")
        return found.end if found else 0

    def _first(self, pattern: bytes, side: str) -> LinePlace | None:
        """Return the first place of one side that a group of a pattern has."""
        text, start = self.text.kept, 0
        if side == "response":
            body = self._find_body(side)
            answered = _ANSWERED.search(text, 0, body.start if body else len(text))
            start = answered.start() if answered else 0
        found = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(text, start)
        if found is None:
            return None
        group = next(name for name in ("it", "bare", "sized") if found.groupdict().get(name) is not None)
        return self.text.place(found.start(group))

    def _find_body(self, side: str) -> _Found | None:
        request, response = self.exchange.request, self.exchange.response
        part = request if side == "request" else response
        if side not in self._bodies and part.body:
            found = _find(self.text.kept, self.format, part.body, part.headers, 0)
            if found and side == "response" and part.body == request.body:  # which stands before it
                found = _find(self.text.kept, self.format, part.body, part.headers, found.end) or found
            self._bodies[side] = found
        return self._bodies.get(side)


def iter_entry_texts(
    source: Source, format_in: Format | None, places: Mapping[int, Place]
) -> Iterator[tuple[Exchange, EntryText]]:
    """Yield the exchanges of a file whose places are given, by number, each with its text.

    Ends where the file cannot be read further. Parquet has no lines.
    """
    with suppress(StreamError), open_source(source, format_in) as recording:
        read = FORMATS[recording.format].read
        if read is None:
            return
        text = _KeptText(recording.stream)
        starts = {number: _start_of(place, recording.format) for number, place in places.items()}
        if any(start == _BEGINNING and number > 1 for number, start in starts.items()):
            starts = dict.fromkeys(starts, _BEGINNING)
        for start in sorted(set(starts.values()), key=lambda start: start.before):
            wanted = {number for number, own in starts.items() if own == start}
            with suppress(StreamError):
                found = text.read_from(start, recording.format, read, source.place)
                yield from _iter_wanted(text, recording.format, found, wanted)


def _iter_wanted(
    text: _KeptText, format_: Format, stretch: Iterable[Exchange | Unreadable], wanted: Collection[int]
) -> Iterator[tuple[Exchange, EntryText]]:
    """Yield the exchanges of a stretch of the text that are asked for by number."""
    before: EntryText | None = None
    for found in stretch:
        line, number = found.place.line, found.place.entry
        if before is not None and line == before.exchange.place.line:
            text.forget(before.end())
        elif line is not None and (number in wanted or len(text.kept) > _MOST_KEPT):
            text.forget_before(line)
        before = EntryText(text, format_, found) if isinstance(found, Exchange) else None
        if number in wanted and before is not None:
            yield before.exchange, before
        if number >= max(wanted):
            return


def _start_of(place: Place, format_: Format) -> _Start:
    """Return where to begin to read an entry again: what its reader said, its line, or the beginning."""
    if place.start is not None:
        return _Start(place.start[1], place.start[0], 0)
    if format_ in _BY_LINE and place.line is not None and place.line >= place.entry:
        return _Start(place.entry - 1, 0, place.line)
    return _BEGINNING


def _find(
    text: bytearray, format_: Format, body: bytes, headers: Headers | None, after: int
) -> _Found | None:
    """Return where a body stands."""
    written = body.decode(errors="replace")
    for style, form in _FORMS:
        quoted = form(written)
        if (start := text.find(encoded := quoted.encode(errors="replace"), after)) >= 0:
            return _Found(start=start, end=start + len(encoded), style=style, form=form)
    if format_ in _AS_IT_IS and (start := text.find(body, after)) >= 0:
        return _Found(start=start, end=start + len(body), style="bytes")
    if format_ is Format.NEWMAN:
        return _find_numbers(text, body, after)
    if format_ is Format.MITMPROXY:
        return _find_content(text, body, headers, after)
    of_yaml = _iter_scalars(text, after) if format_ is Format.VCR else ()
    for string in chain(of_yaml, _iter_strings(text, after, len(body))):
        if string.value == written:
            return string
        if _is_packed(string.value, body, headers):
            return replace(string, style="packed")
    return None


def _is_packed(value: str, body: bytes, headers: Headers | None) -> bool:
    """Tell whether a string is a body in base64, in its content codings or out of them."""
    try:
        raw = parse_base64(value)
        return raw == body or decode_body(raw, headers) == body
    except EntryError:
        return False


def _find_numbers(text: bytearray, body: bytes, after: int) -> _Found | None:
    """Return where the bytes of a body are listed."""
    for found in _NUMBERS.finditer(text, after):
        with suppress(ValueError):
            if bytes(json.loads(found[0])) == body:
                return _Found(start=found.start(), end=found.end(), style="packed")
    return None


def _find_content(text: bytearray, body: bytes, headers: Headers | None, after: int) -> _Found | None:
    """Return where a flow has a body in its content codings."""
    for found in _CONTENT.finditer(text, after):
        end = found.end() + int(found[1])
        with suppress(EntryError):
            if decode_body(bytes(text[found.end() : end]), headers) == body:
                return _Found(start=found.end(), end=end, style="packed")
    return None


def _iter_strings(text: bytearray, after: int, size: int) -> Iterator[_Found]:
    """Yield the strings of JSON that may be a body of so many bytes, packed or not."""
    for found in _STRING.finditer(text, after):
        if len(found[0]) < min(size, _LEAST_PACKED):
            continue
        raw = found[0][1:-1].decode(errors="replace")
        with suppress(ValueError):
            value = json.loads(f'"{raw}"', strict=False)
            yield _Found(start=found.start(), end=found.end(), style="json", value=value, raw=raw)


def _iter_scalars(text: bytearray, after: int) -> Iterator[_Found]:
    """Yield the scalars of YAML from the line of an entry on, as far as that is YAML by itself."""
    region = bytes(text[after:]).decode(errors="replace")
    with suppress(yaml.YAMLError, ValueError):
        for event in yaml.parse(region, Loader=LOADER):
            if isinstance(event, yaml.ScalarEvent) and event.start_mark and event.end_mark:
                written = region[event.start_mark.index : event.end_mark.index]
                tagged = _PROPERTIES.match(written)
                own = written[tagged.end() if tagged else 0 :]
                end = after + len(region[: event.end_mark.index].encode())
                style = event.style or ""
                raw = own[1:-1] if style in _QUOTES else own
                yield _Found(start=end - len(own.encode()), end=end, style=style, value=event.value, raw=raw)
