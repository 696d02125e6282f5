"""Reads the interactions of a YAML cassette one at a time, from the parser's events.

No object is ever made because a tag asks for it, and YAML 1.1's guesses are not made: a plain `no` is the
text "no" and a number is its digits; only null is told from text.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml

from opay_contract.recordings.formats import VCR_ENTRIES
from opay_contract.recordings.messages import parse_base64
from opay_contract.recordings.refusals import TOO_DEEP, TOO_LONG, EntryError, StreamError
from opay_contract.recordings.streams import MAX_ENTRY, Readable

MAX_DEPTH = 100
MAX_PARTS = 200_000
"""How deep, and of how many scalars and brackets, an interaction may be; real ones have some hundred."""

UNKNOWN_TAG = "a YAML tag asks for more than data; record the entry anew"
TOO_MANY_PARTS = f"the entry has more than {MAX_PARTS:,} parts"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_YAML_TAG = "tag:yaml.org,2002:"
_BINARY_TAGS = frozenset({_YAML_TAG + "binary", "!binary"})
_PLAIN_KINDS = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
_PYTHON_KINDS = ("python/str", "python/unicode", "python/tuple")
_PLAIN_TAGS = frozenset({None, "!"}) | {_YAML_TAG + kind for kind in _PLAIN_KINDS + _PYTHON_KINDS}


class _Meter:
    """Passes a stream on until more is read for one interaction than may be kept."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.used = 0

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        self.used += len(chunk)
        if self.used > MAX_ENTRY:
            raise StreamError(TOO_LONG)
        return chunk


def iter_interactions(stream: Readable) -> Iterator[tuple[int, Any]]:
    """Yield each interaction, or the `EntryError` in its place, with the line on which it starts."""
    try:
        yield from _Cassette(stream).iter_interactions()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StreamError(f"the file stops being YAML{where}") from None
    except (yaml.YAMLError, ValueError):
        raise StreamError("the file has bytes that YAML does not allow") from None


class _Cassette:
    """The events of one stream, and what its anchors stand for."""

    def __init__(self, stream: Readable) -> None:
        self._meter = _Meter(stream)
        self._events: Iterator[yaml.Event] = yaml.parse(self._meter, Loader=_LOADER)
        self._anchors: dict[str, Any] = {}
        self._anchored = 0
        self._has_new_anchor = False

    def iter_interactions(self) -> Iterator[tuple[int, Any]]:
        """Look for the list of interactions: a member of the root, or before vcrpy 1.0 the root itself."""
        for event in self._events:
            if isinstance(event, yaml.MappingStartEvent):
                yield from self._iter_members()
            elif isinstance(event, yaml.SequenceStartEvent):
                yield from self._iter_items()

    def _iter_members(self) -> Iterator[tuple[int, Any]]:
        while not isinstance(name := next(self._events), yaml.MappingEndEvent):
            self._skip(name)
            value = next(self._events)
            is_list = isinstance(value, yaml.SequenceStartEvent)
            if is_list and isinstance(name, yaml.ScalarEvent) and name.value in VCR_ENTRIES:
                yield from self._iter_items()
            else:
                self._skip(value)

    def _iter_items(self) -> Iterator[tuple[int, Any]]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._meter.used = 0
            yield _line(event), self._item(event)

    def _item(self, first: yaml.Event) -> Any:
        self._has_new_anchor = False
        try:
            events = iter(self._take(first))
            return self._build(next(events), events)
        except EntryError as error:
            return error
        finally:
            if self._has_new_anchor:
                self._bound_anchors()

    def _bound_anchors(self) -> None:
        """Forget the anchors once they may hold more than an entry may."""
        self._anchored += self._meter.used
        if self._anchored > MAX_ENTRY:
            self._anchors.clear()
            self._anchored = 0

    def _skip(self, first: yaml.Event) -> None:
        with suppress(EntryError):
            self._take(first)

    def _take(self, first: yaml.Event) -> list[yaml.Event]:
        """Take a whole value, without recursion; what is too much of it is refused when it is over."""
        taken = [first]
        parts, depth = 0, _step(first)
        deepest = depth
        while depth:
            event = next(self._events)
            depth += _step(event)
            deepest = max(deepest, depth)
            parts += 1
            if parts < MAX_PARTS:
                taken.append(event)
        if deepest > MAX_DEPTH:
            raise EntryError(TOO_DEEP)
        if parts >= MAX_PARTS:
            raise EntryError(TOO_MANY_PARTS)
        return taken

    def _build(self, event: yaml.Event, events: Iterator[yaml.Event]) -> Any:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise EntryError("an alias has no anchor before it, or one too far back")
            return self._anchors[event.anchor]
        value = _scalar(event) if isinstance(event, yaml.ScalarEvent) else self._collection(event, events)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._anchors[event.anchor] = value
            self._has_new_anchor = True
        return value

    def _collection(self, event: yaml.Event, events: Iterator[yaml.Event]) -> Any:
        children = list(self._iter_children(events))
        if getattr(event, "tag", None) not in _PLAIN_TAGS:
            return EntryError(UNKNOWN_TAG)
        if isinstance(event, yaml.SequenceStartEvent):
            return children
        names = children[::2]
        if not all(isinstance(name, str) for name in names):
            raise EntryError("the name of a member is no text")
        return dict(zip(names, children[1::2], strict=True))

    def _iter_children(self, events: Iterator[yaml.Event]) -> Iterator[Any]:
        for event in events:
            if isinstance(event, yaml.CollectionEndEvent):
                return
            yield self._build(event, events)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _step(event: yaml.Event) -> int:
    if isinstance(event, yaml.CollectionStartEvent):
        return 1
    return -1 if isinstance(event, yaml.CollectionEndEvent) else 0


def _scalar(event: yaml.ScalarEvent) -> str | bytes | EntryError | None:
    """Return a value, or the error in its place: it is one of whoever needs the value."""
    if event.tag in _BINARY_TAGS:
        try:
            return parse_base64(event.value)
        except EntryError as error:
            return error
    if event.tag not in _PLAIN_TAGS:
        return EntryError(UNKNOWN_TAG)
    is_plain = event.tag is None and not event.style
    return None if is_plain and event.value in _NULLS else str(event.value)
