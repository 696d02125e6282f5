"""The walk through a YAML cassette, from the parser's events: its interactions, and what is around them.

No object is ever made because a tag asks for it, and YAML 1.1's guesses are not made: a plain `no` is the
text "no" and a number is its digits; only null is told from text.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import msgspec
import yaml

from opay_contract.formats.bounds import MAX_VALUES
from opay_contract.formats.errors import (
    NO_ENTRIES,
    TOO_DEEP,
    TOO_LONG,
    EntryError,
    NoRecordingError,
    StreamError,
)
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

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_YAML_TAG = "tag:yaml.org,2002:"
BINARY_TAGS = frozenset({_YAML_TAG + "binary", "!binary"})
_PLAIN_KINDS = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")
_PYTHON_KINDS = ("python/str", "python/unicode", "python/tuple")
_PLAIN_TAGS = frozenset({None, "!"}) | {_YAML_TAG + kind for kind in _PLAIN_KINDS + _PYTHON_KINDS}


Events = list[yaml.Event]

PLACEHOLDER: tuple[yaml.Event, ...] = tuple(yaml.parse("{request: {}, response: {}}", Loader=LOADER))[2:-2]
"""What stands for a value of which nothing can be kept, and is an interaction for the format's tools."""


class Extent(msgspec.Struct, frozen=True):
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


class Anchors:
    """What the anchors of a file stand for; they are forgotten once all are more than may be kept."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Events, Extent]] = {}
        self._parts = self._size = 0

    def keep(self, name: str, events: Events) -> None:
        """Keep what an anchor stands for."""
        depths = list(accumulate(map(step_of, events)))
        extent = Extent(len(events), sum(map(length_of, events)), max(depths, default=0))
        self._parts, self._size = self._parts + extent.parts, self._size + extent.size
        if self._parts > _ANCHORED_PARTS or self._size > MAX_ENTRY:
            self._kept.clear()
            self._parts, self._size = extent.parts, extent.size
        self._kept[name] = events, extent

    def expand(self, name: str | None, expansion: Expansion) -> tuple[Events, Extent] | None:
        """Return what an alias stands for, None where that is nothing; raise where it is too much."""
        found = self._kept.get(name or "")
        if found is not None:
            expansion.expand(found[1])
        return found


def take_value(
    first: yaml.Event, events: Iterator[yaml.Event], expansion: Expansion
) -> tuple[Events, Extent, bool]:
    """Take a whole value, without recursion; what is too much of it is refused when it is over.

    Returns how much it is, and whether it has anchors or aliases, too.
    """
    taken = [first]
    parts, size, depth = 0, length_of(first), step_of(first)
    deepest, has_anchors = depth, getattr(first, "anchor", None) is not None
    for event in events if depth else ():
        parts += 1
        if parts < MAX_PARTS:
            taken.append(event)
        if type(event) is yaml.ScalarEvent:
            size += len(event.value)
            anchor = event.anchor
        else:
            depth += _STEPS.get(type(event), 0)
            deepest = max(deepest, depth)
            if not depth:
                break
            anchor = getattr(event, "anchor", None)
        if anchor is not None:
            has_anchors = True
    expansion.read(Extent(parts + 1, size))
    if deepest > MAX_DEPTH:
        raise EntryError(TOO_DEEP)
    if parts >= MAX_PARTS:
        raise EntryError(TOO_MANY_PARTS)
    return taken, Extent(parts + 1, size, deepest), has_anchors


_OF_NOTHING: tuple[Events, Extent] = ([yaml.AliasEvent("x")], Extent(1))
"""What stands for an alias without an anchor, and is one, as no anchor is kept."""


class _LimitedReader:
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


class Interaction(msgspec.Struct, frozen=True, gc=False):
    """The events of an interaction, or why they cannot be had, and the line on which it starts.

    `is_apart` if it can be read from there on: it has lines of its own, and there was no alias so far.
    """

    line: int
    events: Events | EntryError
    is_apart: bool = False


class BesideEvents(msgspec.Struct, frozen=True, gc=False):
    """A value outside the interactions, and the name of the member that it is."""

    name: str
    events: Events


class NameEvents(msgspec.Struct, frozen=True, gc=False):
    """The name of a member of the root."""

    events: Events


YamlSegment = yaml.Event | NameEvents | BesideEvents | Interaction
"""A part of a cassette; an event alone is a bracket, so to say, with nothing of anybody in it."""


def iter_segments(stream: Readable) -> Iterator[YamlSegment]:
    """Yield the parts of a cassette, with the aliases in them written out."""
    try:
        yield from _Cassette(stream).iter_segments()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StreamError(f"the file stops being YAML{where}") from None
    except (yaml.YAMLError, ValueError):
        raise StreamError("the file has bytes that YAML does not allow") from None


class _Cassette:
    """The events of one stream, and what its anchors stand for."""

    def __init__(self, stream: Readable) -> None:
        self._meter = _LimitedReader(stream)
        self._events: Iterator[yaml.Event] = iter(LOADER(self._meter).get_event, None)
        self._anchors = Anchors()
        self._expansion = Expansion()
        self._has_aliases = self._has_list = False

    def iter_segments(self) -> Iterator[YamlSegment]:
        """Look for the list of interactions: a member of the root, or before vcrpy 1.0 the root itself."""
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield yaml.DocumentStartEvent(explicit=event.explicit)
            elif isinstance(event, yaml.DocumentEndEvent):
                yield yaml.DocumentEndEvent(explicit=False)
            elif isinstance(event, yaml.MappingStartEvent):
                yield untagged(event)
                yield from self._iter_members()
            elif isinstance(event, yaml.SequenceStartEvent):
                yield untagged(event)
                yield from self._iter_items(event)
            elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
                yield BesideEvents("", self._take_beside(event))
            else:
                yield event
        if not self._has_list:
            raise NoRecordingError(NO_ENTRIES)

    def _iter_members(self) -> Iterator[YamlSegment]:
        while not isinstance(name := next(self._events), yaml.MappingEndEvent):
            names = self._take_beside(name)
            value = next(self._events)
            text = names[0].value if isinstance(names[0], yaml.ScalarEvent) else ""
            if text in ENTRIES and isinstance(value, yaml.SequenceStartEvent):
                yield NameEvents(names)
                yield untagged(value)
                yield from self._iter_items(value)
                continue
            taken = self._take_beside(value)
            yield NameEvents(names)
            if text in ENTRIES and isinstance(value, yaml.AliasEvent):
                self._has_list = True
                yield from _iter_listed(text, taken, line_of(value))
            else:
                yield BesideEvents(text, taken)
        yield name

    def _iter_items(self, listed: yaml.SequenceStartEvent) -> Iterator[YamlSegment]:
        self._has_list = True
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._meter.used = 0
            line = line_of(event)
            try:
                taken = self._take(event)
                yield Interaction(line, taken, not listed.flow_style and not self._has_aliases)
            except EntryError as error:
                yield Interaction(line, error)
        yield event

    def _take_beside(self, first: yaml.Event) -> Events:
        """Take a value beside the interactions; nothing stands for one that is too much."""
        try:
            return self._take(first)
        except EntryError:
            return list(PLACEHOLDER)

    def _take(self, first: yaml.Event) -> Events:
        """Take a whole value with its aliases written out; raises when it is over where that is too much."""
        events, extent, has_anchors = take_value(first, self._events, self._expansion)
        if not has_anchors:
            extent.check()
            return events
        return self._write_out(events)

    def _write_out(self, written: Events) -> Events:
        taken: Events = []
        open_anchors: list[tuple[str, int, int]] = []
        parts = size = depth = deepest = 0
        for event in written:
            if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent) and event.anchor is not None:
                open_anchors.append((event.anchor, len(taken), depth))
            depth += step_of(event)
            if isinstance(event, yaml.AliasEvent):
                self._has_aliases = True
                events, extent = self._anchors.expand(event.anchor, self._expansion) or _OF_NOTHING
                parts, size = parts + extent.parts, size + extent.size
                deepest = max(deepest, depth + extent.depth)
                if parts <= MAX_PARTS:
                    taken += events
            else:
                parts, size, deepest = parts + 1, size + length_of(event), max(deepest, depth)
                if parts <= MAX_PARTS:
                    taken.append(_without_anchor(event))
            while open_anchors and open_anchors[-1][2] == depth:
                name, begin, _ = open_anchors.pop()
                if parts <= MAX_PARTS:
                    self._anchors.keep(name, taken[begin:])
        Extent(parts, size, deepest).check()
        return taken


def _iter_listed(name: str, events: Events, line: int) -> Iterator[YamlSegment]:
    """Yield the items of a list that only an alias names, whose events are all there."""
    if not isinstance(events[0], yaml.SequenceStartEvent):
        yield BesideEvents(name, events)
        return
    yield untagged(events[0])
    rest, depth = list[yaml.Event](), 0
    for event in events[1:-1]:
        rest.append(event)
        depth += step_of(event)
        if not depth:
            yield Interaction(line, rest)
            rest = []
    yield events[-1]


def _without_anchor(event: yaml.Event) -> yaml.Event:
    if getattr(event, "anchor", None) is None:
        return event
    if isinstance(event, yaml.ScalarEvent):
        return scalar_event(event, event.value)
    if isinstance(event, yaml.CollectionStartEvent):
        return type(event)(None, event.tag, event.implicit, flow_style=event.flow_style)
    return event


def untagged(event: yaml.Event) -> yaml.Event:
    """Return an event outside the interactions without what its tag may say; only bytes stay marked."""
    if isinstance(event, yaml.CollectionStartEvent):
        return type(event)(None, None, implicit=True, flow_style=event.flow_style)
    if isinstance(event, yaml.ScalarEvent) and event.tag not in {None, "!"} | BINARY_TAGS:
        return yaml.ScalarEvent(None, None, (True, True), event.value, style=event.style or "'")
    return event


def scalar_event(event: yaml.ScalarEvent, value: str) -> yaml.Event:
    """Return an event with another value."""
    return yaml.ScalarEvent(None, event.tag, event.implicit, value, style=event.style)


def value_of(events: Events) -> Any:
    """Return the value of events; what cannot be read in it is the `EntryError` that says why."""
    rest = iter(events)
    return _value(next(rest), rest)


def _value(event: yaml.Event, events: Iterator[yaml.Event]) -> Any:
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.AliasEvent):
        return EntryError(NO_ANCHOR)
    children: list[Any] = []
    for one in events:
        if type(one) is yaml.ScalarEvent:
            children.append(one.value if one.tag is None and one.style else _scalar(one))
        elif type(one) in _ENDS:
            break
        else:
            children.append(_value(one, events))
    if getattr(event, "tag", None) not in _PLAIN_TAGS:
        return EntryError(UNKNOWN_TAG)
    if isinstance(event, yaml.SequenceStartEvent):
        return children
    names = children[::2]
    if not _TEXTS.issuperset(map(type, names)):
        return EntryError("the name of a member is no text")
    return dict(zip(names, children[1::2], strict=True))


def until_end(events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    """Yield the first events of the values in a collection, up to its end."""
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            return
        yield event


def line_of(event: yaml.Event) -> int:
    """Return the line on which an event starts."""
    return event.start_mark.line + 1 if event.start_mark else 1


_TEXTS = frozenset({str})
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_STEPS = {
    yaml.MappingStartEvent: 1,
    yaml.SequenceStartEvent: 1,
    yaml.MappingEndEvent: -1,
    yaml.SequenceEndEvent: -1,
}


def step_of(event: yaml.Event) -> int:
    """Return by how many levels an event goes down, or up."""
    return _STEPS.get(type(event), 0)


def length_of(event: yaml.Event) -> int:
    """Return of how many characters an event is."""
    return len(event.value) if isinstance(event, yaml.ScalarEvent) else 0


def _scalar(event: yaml.ScalarEvent) -> str | bytes | EntryError | None:
    """Return a value, or the error in its place: it is one of whoever needs the value."""
    if event.tag is None:
        return None if not event.style and event.value in NULLS else event.value
    if event.tag in BINARY_TAGS:
        try:
            return parse_base64(event.value)
        except EntryError as error:
            return error
    if event.tag not in _PLAIN_TAGS:
        return EntryError(UNKNOWN_TAG)
    return event.value
