"""Edits the scalars in the events of a YAML value, and builds its tree; structure and styles stay."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import yaml

from opay_contract.formats.errors import EntryError
from opay_contract.formats.json_text import NewNames
from opay_contract.formats.messages import parse_base64
from opay_contract.jsontext import Tokens
from opay_contract.redact.entries import EntryVisitor

BINARY_TAGS = frozenset({"tag:yaml.org,2002:binary", "!binary"})

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})

Events = list[yaml.Event]


@dataclass(slots=True)
class Editor:
    """Edits the scalars of a value's events."""

    visitor: EntryVisitor

    def values(self, events: Events, tokens: Tokens) -> Events:
        """Return the events with every value and name edited."""
        return list(self._value(iter(events), tokens))

    def names(self, events: Events) -> Events:
        """Return the events of a name, edited."""
        return [self._name_event(event, (), NewNames()) for event in events]

    def _value(self, events: Iterator[yaml.Event], tokens: Tokens) -> Iterator[yaml.Event]:
        event = next(events)
        if isinstance(event, yaml.ScalarEvent):
            yield self._scalar(event, tokens)
        elif isinstance(event, yaml.SequenceStartEvent):
            yield event
            for index, following in enumerate(_until_end(events)):
                yield from self._value(chain([following], events), (*tokens, index))
            yield yaml.SequenceEndEvent()
        elif isinstance(event, yaml.MappingStartEvent):
            yield event
            names = NewNames()
            for following in _until_end(events):
                name = following.value if isinstance(following, yaml.ScalarEvent) else ""
                if isinstance(following, yaml.ScalarEvent):
                    yield self._name_event(following, (*tokens, name), names)
                else:
                    yield from self._value(chain([following], events), (*tokens, name))
                yield from self._value(events, (*tokens, name))
            yield yaml.MappingEndEvent()
        elif isinstance(event, yaml.AliasEvent):
            yield event

    def _name_event(self, event: yaml.Event, tokens: Tokens, names: NewNames) -> yaml.Event:
        if not isinstance(event, yaml.ScalarEvent):
            return event
        name = event.value
        place = tokens or (name,)
        new = names.take(name, lambda salt: self.visitor.name(place, name, salt))
        if new == name:
            return event
        self.visitor.renamed(place)
        return _scalar_event(event, new)

    def _scalar(self, event: yaml.ScalarEvent, tokens: Tokens) -> yaml.Event:
        if event.tag in BINARY_TAGS:
            return self._binary(event, tokens)
        is_plain = not event.style and event.tag is None
        if is_plain and event.value in _NULLS | {"true", "false"}:
            return event
        if is_plain and _is_number(event.value) and not self.visitor.is_field(tokens):
            made = self.visitor.number(tokens, event.value)
        else:
            made = self.visitor.text(tokens, event.value)
        return event if made == event.value else _scalar_event(event, made)

    def _binary(self, event: yaml.ScalarEvent, tokens: Tokens) -> yaml.Event:
        try:
            raw = parse_base64(event.value)
        except EntryError:
            return _scalar_event(event, "")
        made = self.visitor.binary(tokens, raw)
        return event if made == raw else _scalar_event(event, base64.b64encode(made).decode())


def tree_of(events: Events) -> Any:
    """Return the value of events that were read without a fault."""
    return _build(iter(events))


def _build(events: Iterator[yaml.Event]) -> Any:
    event = next(events)
    if isinstance(event, yaml.SequenceStartEvent):
        return [_build(chain([following], events)) for following in _until_end(events)]
    if isinstance(event, yaml.MappingStartEvent):
        return {_build(chain([name], events)): _build(events) for name in _until_end(events)}
    return event.value if isinstance(event, yaml.ScalarEvent) else None


def _until_end(events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            return
        yield event


def _scalar_event(event: yaml.ScalarEvent, value: str) -> yaml.Event:
    return yaml.ScalarEvent(None, event.tag, event.implicit, value, style=event.style)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and text[-1].isdigit() and "_" not in text and text.lstrip("-")[:1].isdigit()
