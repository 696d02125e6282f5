"""Redacts mitmproxy's flow files, flow by flow and in the version that each is written in.

Every value keeps its type and every object its members, as mitmproxy refuses a flow that lacks one.
"""

import re
from collections.abc import Iterator

from opay_contract.formats.content_coding import encode_body
from opay_contract.formats.errors import EntryError, StreamError
from opay_contract.formats.mitmproxy import read_flow
from opay_contract.formats.streams import Readable
from opay_contract.formats.tnetstrings import (
    BOOLEAN,
    BYTES,
    FLOAT,
    INTEGER,
    LIST,
    NOTHING,
    OBJECT,
    ODD_FLOW,
    STRAY,
    TEXT,
    TnetstringReader,
    Value,
    cut,
    read_text,
    write,
)
from opay_contract.jsontext import Tokens
from opay_contract.model.exchange import Exchange, Place, Unreadable
from opay_contract.redact.entries import EntryVisitor
from opay_contract.redact.flow_members import ADDRESSES, DNS, REMOVED, SPECIAL, WORDS
from opay_contract.redact.json_files import NOT_KEPT, Sink, Tally, unless_defect
from opay_contract.redact.redactor import Redactor

_PLACE = Place(source=0, entry=1, file="-")
_PLACEHOLDER: Value = (OBJECT, write((TEXT, b"type")) + write((TEXT, b"http")))
_BREAKS_OFF, _STRAYS = b"1", b"x"
"""What a reader stops at in the same way as at what stood there."""

_MAX_DEPTH = 30
_NUMBERS = {
    INTEGER: re.compile(rb"-?[0-9]{1,40}"),
    FLOAT: re.compile(rb"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:e[+-]?[0-9]{1,3})?"),
    BOOLEAN: re.compile(rb"true|false"),
}
_DEFAULTS = {INTEGER: b"0", FLOAT: b"0.0", BOOLEAN: b"false"}
_EMPTY = {OBJECT: (OBJECT, b""), LIST: (LIST, b"")}
_CONTENTS = frozenset(
    {("request", "content"), ("request", "body"), ("response", "content"), ("response", "body")}
)
_FIELDS = frozenset({"headers", "trailers"})


def redact_flows(redactor: Redactor, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Redact every flow; where the file stops being one of mitmproxy's, the redacted one does, too."""
    try:
        for flow in TnetstringReader(stream).iter_values():
            sink.write(write(_redact_flow(redactor, flow, tally)))
    except StreamError as error:
        sink.write(_STRAYS if error.reason == STRAY else _BREAKS_OFF)
        tally.says_broken = True
        raise


def _redact_flow(redactor: Redactor, flow: Value | None, tally: Tally) -> Value:
    tally.entries += 1
    return unless_defect(tally, lambda: _redacted_flow(redactor, flow, tally), _PLACEHOLDER)


def _redacted_flow(redactor: Redactor, flow: Value | None, tally: Tally) -> Value:
    found = read_flow(_PLACE, flow)
    try:
        is_flow = flow is not None and flow[0] == OBJECT
        made = _Rewriting(redactor, flow, found).flow() if flow is not None and is_flow else _PLACEHOLDER
    except EntryError:
        made = _PLACEHOLDER
    if type(read_flow(_PLACE, made)) is not type(found):
        made = _PLACEHOLDER
        if isinstance(found, Exchange):
            tally.refuse(NOT_KEPT)
    if found is not None:
        tally.note(found)
    return made


class _Rewriting:
    """Rewrites the values of one flow."""

    def __init__(self, redactor: Redactor, flow: Value, found: Exchange | Unreadable | None) -> None:
        self._redactor, self._flow = redactor, flow
        self._redacted = redactor.bodies(found) if isinstance(found, Exchange) else None
        self._visitor = EntryVisitor(redactor, {}, None)

    def flow(self) -> Value:
        """Return the flow as it may be written."""
        return self._value(self._flow, ())

    def _value(self, value: Value, tokens: Tokens) -> Value:
        kind, text = value
        name = next((token for token in reversed(tokens) if isinstance(token, str)), "")
        if name in REMOVED or (name in DNS and tokens[0] in ("request", "response")):
            return self._emptied(value, tokens)
        if kind in (OBJECT, LIST):
            if len(tokens) > _MAX_DEPTH:
                return self._emptied(value, tokens)
            return self._collection(value, tokens)
        if kind in (BYTES, TEXT):
            return self._leaf(value, tokens, name)
        if kind in _NUMBERS:
            return kind, self._number(kind, text, tokens)
        return NOTHING

    def _collection(self, value: Value, tokens: Tokens) -> Value:
        """Return an object or a list; one that is damaged is emptied, as nobody else looks into it either."""
        kind, text = value
        inner = self._members(text, tokens) if kind == OBJECT else self._items(text, tokens)
        try:
            return kind, b"".join(map(write, inner))
        except EntryError:
            if not tokens:
                raise
            return self._emptied(value, tokens)

    def _members(self, text: bytes, tokens: Tokens) -> Iterator[Value]:
        values = list(cut(text))
        if len(values) % 2:
            raise EntryError(ODD_FLOW)
        for name, member in zip(values[::2], values[1::2], strict=True):
            at = (*tokens, read_text(name))
            made = _edited(name, self._visitor.name(at, read_text(name), 0))
            if made != name:
                self._visitor.renamed(at)
            yield made
            yield self._value(member, at)

    def _items(self, text: bytes, tokens: Tokens) -> Iterator[Value]:
        side = _side_of(tokens)
        if side is not None and len(tokens) == 3:  # noqa: PLR2004  a side, its fields, and one of them
            yield from self._field(text, side)
            return
        for index, item in enumerate(cut(text)):
            yield self._value(item, (*tokens, index))

    def _field(self, text: bytes, side: str) -> Iterator[Value]:
        """Yield the name and the value of a header field."""
        name = ""
        for index, item in enumerate(cut(text)):
            if item[0] not in (BYTES, TEXT):
                yield self._value(item, (side, index))
            elif index:
                yield _edited(item, self._header(side, name, read_text(item)))
            else:
                name = read_text(item)
                yield _edited(item, self._redactor.fields.name(name))

    def _header(self, side: str, name: str, value: str) -> str:
        if self._redacted is not None:
            return self._redactor.header(self._redacted, side, name, value)
        made = self._redactor.fields.value(name, value)
        return self._redactor.noted(made, value, f"{side}-header", "header value")

    def _leaf(self, value: Value, tokens: Tokens, name: str) -> Value:
        if tokens in _CONTENTS:
            return value[0], self._content(value[1], str(tokens[0]))
        text = read_text(value)
        if name in WORDS:
            pattern, instead = WORDS[name]
            made = text if pattern.fullmatch(text) else instead
        else:
            made = self._own_text(text, tokens, name)
        if made is None and name not in WORDS:
            return _edited(value, self._visitor.text(tokens, text))
        self._redactor.noted(made or "", text, f"recording:{name}", "free text")
        return NOTHING if made is None else _edited(value, made)

    def _own_text(self, text: str, tokens: Tokens, name: str) -> str | None:
        """Return what takes the place of a text that only mitmproxy has, None for any other."""
        redactor = self._redactor
        if name in SPECIAL:
            return SPECIAL[name](redactor.urls, text)
        if tokens == ("request", "path"):
            return redactor.urls.redact(text)
        if tokens == ("request", "scheme"):
            return redactor.urls.segment(text)
        if tokens == ("request", "authority") or not ADDRESSES.isdisjoint(map(str, tokens)):
            return redactor.urls.host(text)
        return None

    def _content(self, raw: bytes, side: str) -> bytes:
        """Return a new body in the content codings that the old one was kept in."""
        if self._redacted is None:
            return self._unread_content(raw, f"recording:{side}")
        old, new = self._redacted.old.response, self._redacted.new.response
        if side == "request":
            return self._redacted.new.request.body or b""
        return new.body if raw == old.body else encode_body(new.body, old.headers)

    def _unread_content(self, raw: bytes, place: str) -> bytes:
        """Return what takes the place of a body that nobody reads; bytes that are no text go."""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            self._redactor.log.add("body", place)
            return b""
        made = self._redactor.values.texts.redact(text)
        return self._redactor.noted(made, text, place, "free text").encode()

    def _number(self, kind: bytes, text: bytes, tokens: Tokens) -> bytes:
        if not _NUMBERS[kind].fullmatch(text):
            return _DEFAULTS[kind]
        return text if kind == BOOLEAN else self._visitor.number(tokens, text.decode()).encode()

    def _emptied(self, value: Value, tokens: Tokens) -> Value:
        kind, text = value
        if text:
            self._redactor.log.add("connection details", f"recording:{tokens[-1]}")
        return _EMPTY.get(kind, NOTHING)


def _side_of(tokens: Tokens) -> str | None:
    is_field = len(tokens) > 1 and tokens[0] in ("request", "response") and tokens[1] in _FIELDS
    return str(tokens[0]) if is_field else None


def _edited(value: Value, new: str) -> Value:
    """Return a value with another text, in the encoding that it was read in."""
    kind, text = value
    if read_text(value) == new:
        return value
    try:
        text.decode()
    except UnicodeDecodeError:
        return kind, new.encode("latin-1", "replace")
    return kind, new.encode(errors="surrogatepass")
