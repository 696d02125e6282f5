"""Reads the interactions of a YAML cassette one at a time, from the parser's events.

No object is ever made because a tag asks for it, and YAML 1.1's guesses are not made: a plain `no` is the
text "no" and a number is its digits; only null is told from text.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import yaml

from opay_contract.formats.bounds import MAX_VALUES
from opay_contract.formats.errors import TOO_DEEP, TOO_LONG, EntryError, StreamError
from opay_contract.formats.messages import parse_base64
from opay_contract.formats.streams import MAX_ENTRY, Readable

ENTRIES = ("interactions", "http_interactions")
"""What the list of a cassette is called by vcrpy, and by schemathesis and Ruby's VCR."""

MAX_DEPTH = 100
MAX_PARTS = MAX_VALUES
"""How deep, and of how many scalars and brackets, an interaction may be, with what its aliases stand for."""

_ANCHORED_PARTS = 4 * MAX_PARTS
_EXPANDED_PARTS, _EXPANDED_SIZE, _EXPANDED_EACH = MAX_PARTS, 4 << 20, 4
"""Parts and characters that the aliases of a file may stand for, and more for each that it has itself."""

UNKNOWN_TAG = "a YAML tag asks for more than data; record the entry anew"
TOO_MANY_PARTS = f"the entry has more than {MAX_PARTS:,} parts"
TOO_MANY_ALIASES = "the aliases of the file stand for too much; record it anew without aliases"
NO_ANCHOR = "an alias has no anchor before it, or one too far back"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_YAML_TAG = "tag:yaml.org,2002:"
_BINARY_TAGS = frozenset({_YAML_TAG + "binary", "!binary"})
_PLAIN_KINDS = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
_PYTHON_KINDS = ("python/str", "python/unicode", "python/tuple")
_PLAIN_TAGS = frozenset({None, "!"}) | {_YAML_TAG + kind for kind in _PLAIN_KINDS + _PYTHON_KINDS}


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a value is once its aliases are written out: parts, characters, and levels."""

    parts: int
    size: int = 0
    depth: int = 0

    def check(self) -> None:
        """Refuse what is more than an interaction may be."""
        if self.depth > MAX_DEPTH:
            raise EntryError(TOO_DEEP)
        if self.parts > MAX_PARTS:
            raise EntryError(TOO_MANY_PARTS)
        if self.size > MAX_ENTRY:
            raise EntryError(TOO_LONG)


class Expansion:
    """Bounds what the aliases of a file stand for in all: a few bytes of them are as much work as many."""

    def __init__(self) -> None:
        self._parts, self._size = _EXPANDED_PARTS, _EXPANDED_SIZE

    def read(self, extent: Extent) -> None:
        """Note what the file has itself."""
        self._parts += _EXPANDED_EACH * extent.parts
        self._size += _EXPANDED_EACH * extent.size

    def expand(self, extent: Extent) -> None:
        """Note what an alias stands for; refuse one that is too much."""
        extent.check()
        if extent.parts > self._parts or extent.size > self._size:
            raise EntryError(TOO_MANY_ALIASES)
        self._parts -= extent.parts
        self._size -= extent.size


_Kept = TypeVar("_Kept")


class Anchors(Generic[_Kept]):
    """What the anchors of a file stand for; they are forgotten once all are more than may be kept."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[_Kept, Extent]] = {}
        self._parts = self._size = 0

    def keep(self, name: str, value: _Kept, extent: Extent) -> None:
        """Keep what an anchor stands for."""
        self._parts, self._size = self._parts + extent.parts, self._size + extent.size
        if self._parts > _ANCHORED_PARTS or self._size > MAX_ENTRY:
            self._kept.clear()
            self._parts, self._size = extent.parts, extent.size
        self._kept[name] = value, extent

    def expand(self, name: str | None, expansion: Expansion) -> tuple[_Kept, Extent] | None:
        """Return what an alias stands for, None where that is nothing; raise where it is too much."""
        found = self._kept.get(name or "")
        if found is not None:
            expansion.expand(found[1])
        return found


def take_value(first: yaml.Event, events: Iterator[yaml.Event], expansion: Expansion) -> list[yaml.Event]:
    """Take a whole value, without recursion; what is too much of it is refused when it is over."""
    taken = [first]
    parts, size, depth = 0, length_of(first), step_of(first)
    deepest = depth
    while depth:
        event = next(events)
        depth += step_of(event)
        deepest = max(deepest, depth)
        parts += 1
        size += length_of(event)
        if parts < MAX_PARTS:
            taken.append(event)
    expansion.read(Extent(parts + 1, size))
    if deepest > MAX_DEPTH:
        raise EntryError(TOO_DEEP)
    if parts >= MAX_PARTS:
        raise EntryError(TOO_MANY_PARTS)
    return taken


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
    """Yield each interaction with the line on which it starts.

    In place of what cannot be read, all of it or a value in it, there is the `EntryError` that says why.
    """
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
        self._anchors = Anchors[Any]()
        self._expansion = Expansion()

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
            is_entries = isinstance(name, yaml.ScalarEvent) and name.value in ENTRIES
            if is_list and is_entries:
                yield from self._iter_items()
            elif isinstance(value, yaml.AliasEvent) and is_entries:
                listed = self._item(value)
                yield from ((_line(value), one) for one in (listed if isinstance(listed, list) else []))
            else:
                self._skip(value)

    def _iter_items(self) -> Iterator[tuple[int, Any]]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._meter.used = 0
            yield _line(event), self._item(event)

    def _item(self, first: yaml.Event) -> Any:
        try:
            events = iter(take_value(first, self._events, self._expansion))
            value, extent = self._build(next(events), events)
            extent.check()
        except EntryError as error:
            return error
        return value

    def _skip(self, first: yaml.Event) -> None:
        """Pass over a value beside the interactions, which may have what an alias in one stands for."""
        with suppress(EntryError):
            taken = take_value(first, self._events, self._expansion)
            if any(isinstance(event, yaml.NodeEvent) and event.anchor is not None for event in taken):
                events = iter(taken)
                self._build(next(events), events)

    def _build(self, event: yaml.Event, events: Iterator[yaml.Event]) -> tuple[Any, Extent]:
        if isinstance(event, yaml.AliasEvent):
            nothing = EntryError(NO_ANCHOR), Extent(1)
            return self._anchors.expand(event.anchor, self._expansion) or nothing
        if isinstance(event, yaml.ScalarEvent):
            value, extent = _scalar(event), Extent(1, length_of(event))
        else:
            value, extent = self._collection(event, events)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._anchors.keep(event.anchor, value, extent)
        return value, extent

    def _collection(self, event: yaml.Event, events: Iterator[yaml.Event]) -> tuple[Any, Extent]:
        built = list(self._iter_children(events))
        children = [child for child, _ in built]
        extent = Extent(
            parts=2 + sum(extent.parts for _, extent in built),
            size=sum(extent.size for _, extent in built),
            depth=1 + max((extent.depth for _, extent in built), default=0),
        )
        if getattr(event, "tag", None) not in _PLAIN_TAGS:
            return EntryError(UNKNOWN_TAG), extent
        if isinstance(event, yaml.SequenceStartEvent):
            return children, extent
        names = children[::2]
        if not all(isinstance(name, str) for name in names):
            return EntryError("the name of a member is no text"), extent
        return dict(zip(names, children[1::2], strict=True)), extent

    def _iter_children(self, events: Iterator[yaml.Event]) -> Iterator[tuple[Any, Extent]]:
        for event in events:
            if isinstance(event, yaml.CollectionEndEvent):
                return
            yield self._build(event, events)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def step_of(event: yaml.Event) -> int:
    """Return by how many levels an event goes down, or up."""
    if isinstance(event, yaml.CollectionStartEvent):
        return 1
    return -1 if isinstance(event, yaml.CollectionEndEvent) else 0


def length_of(event: yaml.Event) -> int:
    """Return of how many characters an event is."""
    return len(event.value) if isinstance(event, yaml.ScalarEvent) else 0


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
