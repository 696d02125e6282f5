"""Redacts YAML cassettes from the parser's events: structure and styles stay, comments and anchors go."""

from collections.abc import Iterator
from itertools import accumulate, chain

import yaml

from opay_contract.formats.errors import EntryError, StreamError
from opay_contract.formats.messages import encode_text
from opay_contract.formats.streams import ChunkStream, Readable
from opay_contract.formats.vcr import read_vcr
from opay_contract.formats.yaml_events import (
    ENTRIES,
    MAX_PARTS,
    Anchors,
    Expansion,
    Extent,
    length_of,
    step_of,
    take_value,
)
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.inputs import Source
from opay_contract.redact.cassette_values import BINARY_TAGS, Editor, Events, tree_of
from opay_contract.redact.entries import EntryVisitor
from opay_contract.redact.json_files import NOT_KEPT, Sink, Tally, reason_of, unless_defect
from opay_contract.redact.redactor import Redactor

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_HERE = Source(ordinal=0, name="-", path=None)
_EMPTY = (
    yaml.MappingStartEvent(None, None, implicit=True, flow_style=True),
    yaml.MappingEndEvent(),
)
_PLACEHOLDER: tuple[yaml.Event, ...] = (
    _EMPTY[0],
    yaml.ScalarEvent(None, None, (True, False), "request"),
    *_EMPTY,
    yaml.ScalarEvent(None, None, (True, False), "response"),
    *_EMPTY,
    _EMPTY[1],
)
"""What stands for an interaction of which nothing can be kept, and is one for the tools of the format."""
_NOTHING = yaml.ScalarEvent(None, None, (True, False), "")
_OF_NOTHING = yaml.AliasEvent("x")
"""What stands for an alias without an anchor, and is one, as no anchor is kept."""
_BREAK = b"\n...\n}: the rest could not be read\n"
_WIDTH = 1 << 30


class _Feed:
    """Text as the emitter writes it, passed on to a sink as bytes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, data: bytes | str, /) -> object:
        return self._sink.write(data.encode() if isinstance(data, str) else data)


def redact_yaml_cassette(redactor: Redactor, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Redact the interactions of a YAML cassette, and what is beside them."""
    walk = _Walk(redactor, tally, iter(yaml.parse(stream, Loader=_LOADER)))
    dumper = _DUMPER(_Feed(sink), encoding="utf-8", allow_unicode=True, width=_WIDTH)
    still_open: Events = []
    last: yaml.Event | None = None
    try:
        for event in walk.iter_events():
            _follow(event, still_open)
            dumper.emit(event)
            last = event
    except (StreamError, yaml.YAMLError, ValueError) as error:
        if isinstance(last, yaml.DocumentStartEvent):  # there is no document without anything in it
            dumper.emit(_NOTHING)
        for event in reversed(still_open):
            dumper.emit(event)
        sink.write(_BREAK)
        tally.says_broken = True
        raise StreamError(_reason(error)) from None
    finally:
        dumper.dispose()


def _follow(event: yaml.Event, still_open: Events) -> None:
    """Keep the events that would end what is open."""
    if isinstance(event, yaml.CollectionEndEvent | yaml.DocumentEndEvent | yaml.StreamEndEvent):
        still_open.pop()
    elif isinstance(event, yaml.MappingStartEvent):
        still_open.append(yaml.MappingEndEvent())
    elif isinstance(event, yaml.SequenceStartEvent):
        still_open.append(yaml.SequenceEndEvent())
    elif isinstance(event, yaml.DocumentStartEvent):
        still_open.append(yaml.DocumentEndEvent(explicit=False))
    elif isinstance(event, yaml.StreamStartEvent):
        still_open.append(yaml.StreamEndEvent())


def _reason(error: Exception) -> str:
    if isinstance(error, StreamError):
        return error.reason
    if isinstance(error, yaml.MarkedYAMLError):
        return "the file stops being YAML"
    return "the file has bytes that YAML does not allow"


class _Walk:
    """Goes through the events of one file."""

    def __init__(self, redactor: Redactor, tally: Tally, events: Iterator[yaml.Event]) -> None:
        self._redactor, self._tally, self._events = redactor, tally, events
        self._anchors = Anchors[Events]()
        self._expansion = Expansion()

    def iter_events(self) -> Iterator[yaml.Event]:
        """Yield the events of the redacted file."""
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield yaml.DocumentStartEvent(explicit=event.explicit)
            elif isinstance(event, yaml.DocumentEndEvent):
                yield yaml.DocumentEndEvent(explicit=False)
            elif isinstance(event, yaml.MappingStartEvent):
                yield _untagged(event)
                yield from self._members()
            elif isinstance(event, yaml.SequenceStartEvent):
                yield _untagged(event)
                yield from self._items()
            elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
                yield from self._other("", self._beside(event))
            else:
                yield event

    def _members(self) -> Iterator[yaml.Event]:
        while not isinstance(name := next(self._events), yaml.MappingEndEvent):
            names = self._beside(name)
            value = next(self._events)
            text = names[0].value if isinstance(names[0], yaml.ScalarEvent) else ""
            if isinstance(value, yaml.AliasEvent) and text in ENTRIES:
                value, *others = self._beside(value)
                self._events = chain(others, self._events)
            if isinstance(value, yaml.SequenceStartEvent) and text in ENTRIES:
                yield from self._name(names)
                yield _untagged(value)
                yield from self._items()
            else:
                taken = self._beside(value)
                yield from self._name(names)
                yield from self._other(text, taken)
        yield name

    def _items(self) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield from self._entry(event)
        yield event

    def _name(self, events: Events) -> Events:
        return Editor(EntryVisitor(self._redactor, {}, None)).names([_untagged(event) for event in events])

    def _other(self, name: str, events: Events) -> Events:
        plain = [_untagged(event) for event in events]
        return Editor(EntryVisitor(self._redactor, {}, None)).values(plain, (name,))

    def _entry(self, first: yaml.Event) -> Events:
        """Redact an interaction; one that cannot be read stays so, without what it held."""
        self._tally.entries += 1
        try:
            events = self._take(first)
        except EntryError as error:
            self._tally.refuse(error.reason)
            return list(_PLACEHOLDER)
        return unless_defect(self._tally, lambda: self._redacted(events), list(_PLACEHOLDER))

    def _redacted(self, events: Events) -> Events:
        found = _read(events)
        redacted = self._redactor.bodies(found) if isinstance(found, Exchange) else None
        visitor = EntryVisitor(self._redactor, tree_of(events), redacted)
        made = Editor(visitor).values(events, ())
        self._tally.note(found)
        if reason_of(_read(made)) == reason_of(found):
            return made
        self._tally.refuse(NOT_KEPT)
        return list(_PLACEHOLDER)

    def _beside(self, first: yaml.Event) -> Events:
        """Take a value beside the interactions; nothing stands for one that is too much."""
        try:
            return self._take(first)
        except EntryError:
            return list(_PLACEHOLDER)

    def _take(self, first: yaml.Event) -> Events:
        """Take a whole value with its aliases written out; raises when it is over where that is too much."""
        taken: Events = []
        open_anchors: list[tuple[str, int, int]] = []
        parts = size = depth = deepest = 0
        for event in take_value(first, self._events, self._expansion):
            if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent) and event.anchor is not None:
                open_anchors.append((event.anchor, len(taken), depth))
            depth += step_of(event)
            events, extent = self._expand(event)
            parts, size = parts + extent.parts, size + extent.size
            deepest = max(deepest, depth + extent.depth)
            if parts <= MAX_PARTS:
                taken += events
            while open_anchors and open_anchors[-1][2] == depth:
                name, begin, _ = open_anchors.pop()
                if parts <= MAX_PARTS:
                    self._anchors.keep(name, taken[begin:], _extent(taken[begin:]))
        Extent(parts, size, deepest).check()
        return taken

    def _expand(self, event: yaml.Event) -> tuple[Events, Extent]:
        """Return what an event stands for: itself, or the events behind an alias."""
        if not isinstance(event, yaml.AliasEvent):
            return [_without_anchor(event)], Extent(1, length_of(event))
        return self._anchors.expand(event.anchor, self._expansion) or ([_OF_NOTHING], Extent(1))


def _extent(events: Events) -> Extent:
    depths = list(accumulate(map(step_of, events)))
    return Extent(len(events), sum(map(length_of, events)), max(depths, default=0))


def _without_anchor(event: yaml.Event) -> yaml.Event:
    if isinstance(event, yaml.ScalarEvent):
        return yaml.ScalarEvent(None, event.tag, event.implicit, event.value, style=event.style)
    return _plain_start(event)


def _plain_start(event: yaml.Event) -> yaml.Event:
    if isinstance(event, yaml.CollectionStartEvent):
        return type(event)(None, event.tag, event.implicit, flow_style=event.flow_style)
    return event


def _untagged(event: yaml.Event) -> yaml.Event:
    """Return an event outside the interactions without what its tag may say; only bytes stay marked."""
    if isinstance(event, yaml.CollectionStartEvent):
        return type(event)(None, None, implicit=True, flow_style=event.flow_style)
    if isinstance(event, yaml.ScalarEvent) and event.tag not in {None, "!"} | BINARY_TAGS:
        return yaml.ScalarEvent(None, None, (True, True), event.value, style=event.style or "'")
    return event


def _read(events: Events) -> Exchange | Unreadable:
    """Read an interaction as a cassette of nothing else."""
    head = (
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        yaml.MappingStartEvent(None, None, implicit=True, flow_style=False),
        yaml.ScalarEvent(None, None, (True, False), "interactions"),
        yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False),
    )
    tail = (
        yaml.SequenceEndEvent(),
        yaml.MappingEndEvent(),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    )
    unreadable = Unreadable(place=_HERE.place(1), reason="no interaction")
    try:
        text = yaml.emit((*head, *events, *tail), Dumper=_DUMPER, allow_unicode=True, width=_WIDTH)
        return next(iter(read_vcr(_HERE.place, ChunkStream([encode_text(text)]))), unreadable)
    except (StreamError, yaml.YAMLError):
        return unreadable
