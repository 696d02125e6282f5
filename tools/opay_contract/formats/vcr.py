"""Reads VCR cassettes: YAML and JSON, as vcrpy, schemathesis and Ruby's VCR write them."""

import base64
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec
import yaml

from opay_contract.formats.content_coding import decode_body, decode_sent
from opay_contract.formats.editing import HERE, Edited, EntryVisitor, Found, Policy, Sink, Tally, edit_entry
from opay_contract.formats.errors import (
    NO_RESPONSE,
    TRUNCATED_BODY,
    EntryError,
    NoRecordingError,
    StreamError,
)
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.json_files import (
    JsonFormat,
    Path,
    iter_all_segments,
)
from opay_contract.formats.json_text import NewNames
from opay_contract.formats.look import HEAD, Head
from opay_contract.formats.messages import (
    PlaceOf,
    attempt,
    build_exchange,
    encode_text,
    left_out_body,
    parse_base64,
    parse_entry,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.formats.streams import ChunkStream
from opay_contract.formats.yaml_events import (
    BINARY_TAGS,
    ENTRIES,
    LOADER,
    NULLS,
    PLACEHOLDER,
    BesideEvents,
    Events,
    Interaction,
    NameEvents,
    YamlSegment,
    iter_segments,
    scalar_event,
    untagged,
    until_end,
    value_of,
)
from opay_contract.jsontext import Tokens
from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable

INTERACTIONS: Path = {name: {} for name in ENTRIES}
"""Where in a cassette the interactions are, unless it is a list of them."""

_URLS = ("uri", "url")
_REQUEST_BODIES = ("request_body", "body")
_STATUSES = ("status_code", "code", "status")
_RESPONSE_BODIES = ("body", "content")
"""What a member is called: by vcrpy, Ruby's VCR and schemathesis first, then by go-vcr, PHP-VCR, exvcr."""

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_WIDTH = 1 << 30
_NOTHING = yaml.ScalarEvent(None, None, (True, False), "")
_BREAK = b"\n...\n}: the rest could not be read\n"
_CASSETTE: tuple[yaml.Event, ...] = tuple(yaml.parse("interactions:\n- x\n", Loader=LOADER))
_AT = 5
"""Which of its events is the one interaction of a cassette that has nothing else."""

_ENDS: dict[type[yaml.Event], yaml.Event] = {
    yaml.StreamStartEvent: yaml.StreamEndEvent(),
    yaml.DocumentStartEvent: yaml.DocumentEndEvent(explicit=False),
    yaml.MappingStartEvent: yaml.MappingEndEvent(),
    yaml.SequenceStartEvent: yaml.SequenceEndEvent(),
}
_NO_INTERACTION = Unreadable(place=HERE, reason="no interaction")

_Scalar = str | int | float | bool | None
_List = dict[str, _Scalar] | list[_Scalar] | _Scalar
_Member = dict[str, _List] | list[_List] | _Scalar
_USUAL = msgspec.json.Decoder(dict[str, dict[str, _Member] | _Scalar])
"""An interaction as it is nested in general; what is deeper is read by itself."""

_STATUS_TEXT = re.compile(r"(-?[0-9]+)(?: .*)?", re.DOTALL)
_STATUS_DIGITS = 5  # more than a status has, and few enough for int()
NO_BODY = "the response has no body; record it with its body"


def read_vcr(place_of: PlaceOf, stream: ChunkStream) -> Iterator[Exchange | Unreadable]:
    """Yield every interaction of a cassette."""
    if Head(stream.head(HEAD)).is_json:
        yield from _JSON.read_all(place_of, stream)
        return
    found = (segment for segment in iter_segments(stream) if isinstance(segment, Interaction))
    for number, interaction in enumerate(found, start=1):
        start = None if interaction.is_apart else (0, 0)
        yield _read_yaml(place_of(number, interaction.line, start), interaction.events)


def rewrite_vcr(policy: Policy, stream: ChunkStream, sink: Sink, tally: Tally) -> None:
    """Rewrite the interactions of a cassette, and what is beside them."""
    if Head(stream.head(HEAD)).is_json:
        _JSON.rewrite_all(policy, stream, sink, tally)
    else:
        _rewrite_yaml(policy, stream, sink, tally)


def _read_yaml(place: Place, events: Events | EntryError) -> Exchange | Unreadable:
    try:
        return _exchange(place, events if isinstance(events, EntryError) else value_of(events))
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason)


def _exchange(place: Place, interaction: Any) -> Exchange | Unreadable:
    members = _mapping(interaction)
    request = _request(_mapping(members.get("request") or {}))
    return build_exchange(
        place, request, _response, members.get("response"), parse_moment(members.get("recorded_at"))
    )


_JSON = JsonFormat(
    segments=lambda stream, whole: iter_all_segments(
        JsonCursor(stream), INTERACTIONS, whole=whole, decoder=_USUAL
    ),
    read=lambda place, entry: _exchange(place, entry.value or parse_entry(entry.data, entry.line)),
)


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, EntryError):
        raise value
    if not isinstance(value, dict):
        raise EntryError("the entry is not of the shape that a cassette's interaction has")
    return value


def _request(recorded: dict[str, Any]) -> Request:
    headers = attempt(parse_headers, recorded.get("headers"))
    return Request(
        method=attempt(_text, recorded, ("method",)),
        url=attempt(_text, recorded, _URLS),
        headers=headers,
        body=decode_sent(attempt(_bytes, recorded, _REQUEST_BODIES), headers),
    )


def _response(recorded: Any) -> Response:
    if recorded is None:
        raise EntryError(NO_RESPONSE)
    members = _mapping(recorded)
    if members.get("truncated_from") is not None:
        raise EntryError(TRUNCATED_BODY)
    if members.get("binary") is True or members.get("binary") == "true":
        raise EntryError("exvcr wrote the body as a term of Erlang; record it as text")
    inner = members.get("status")
    value = inner.get("code") if isinstance(inner, dict) else None
    value = _first(members, _STATUSES) if value is None else value
    written = _STATUS_TEXT.fullmatch(value) if isinstance(value, str) else None
    status = parse_status(int(written[1][:_STATUS_DIGITS]) if written else value)
    headers = parse_headers(members.get("headers"))
    body = _bytes(members, _RESPONSE_BODIES)
    decoded = left_out_body(status, headers, NO_BODY) if body is None else decode_body(body, headers)
    return Response(status=status, headers=headers, body=decoded)


def _first(recorded: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first of some members that there is."""
    for name in names:
        value = recorded.get(name)
        if value is not None:
            if isinstance(value, EntryError):
                raise value
            return value
    return None


def _bytes(recorded: dict[str, Any], names: tuple[str, ...]) -> bytes | None:
    """Return a body given as text, as bytes, or as an object that has it as `string` or `base64_string`."""
    body = _first(recorded, names)
    if isinstance(body, dict):
        if body and "string" not in body and "base64_string" not in body:
            raise EntryError("a body is of a shape that no known recorder gives it")
        encoded = _first(body, ("base64_string",))
        body = parse_base64(encoded) if encoded is not None else _first(body, ("string",))
    if body is None or isinstance(body, bytes):
        return body
    if not isinstance(body, str):
        raise EntryError("a body is neither text nor bytes")
    return encode_text(body)


def _text(recorded: dict[str, Any], names: tuple[str, ...]) -> str | None:
    value = _first(recorded, names)
    if value is None or isinstance(value, str):
        return value
    raise EntryError("the method or the URL is no text")


def _rewrite_yaml(policy: Policy, stream: ChunkStream, sink: Sink, tally: Tally) -> None:
    """Rewrite a cassette from its events: structure and styles stay, comments and anchors go."""
    dumper = _DUMPER(sink, encoding="utf-8", allow_unicode=True, width=_WIDTH)
    still_open: Events = []
    last: yaml.Event | None = None
    try:
        for segment in iter_segments(stream):
            for event in _edited_events(policy, segment, tally):
                if (end := _ENDS.get(type(event))) is not None:
                    still_open.append(end)
                elif type(event) in map(type, still_open[-1:]):
                    still_open.pop()
                dumper.emit(event)
                last = event
    except NoRecordingError:  # nothing is written
        raise
    except (StreamError, yaml.YAMLError, ValueError) as error:
        if isinstance(last, yaml.DocumentStartEvent):  # there is no document without anything in it
            dumper.emit(_NOTHING)
        for event in reversed(still_open):
            dumper.emit(event)
        sink.write(_BREAK)
        tally.says_broken = True
        reason = (
            error.reason if isinstance(error, StreamError) else "the file has what cannot be written again"
        )
        raise StreamError(reason.partition(" at line ")[0]) from None
    finally:
        dumper.dispose()


def _edited_events(policy: Policy, segment: YamlSegment, tally: Tally) -> Events:
    if isinstance(segment, NameEvents):
        return _Editor(EntryVisitor(policy, {}, None)).names(list(map(untagged, segment.events)))
    if isinstance(segment, BesideEvents):
        return _Editor(EntryVisitor(policy, {}, None)).values(
            list(map(untagged, segment.events)), (segment.name,)
        )
    if not isinstance(segment, Interaction):
        return [segment]
    events = segment.events
    if isinstance(events, EntryError):
        tally.entries += 1
        tally.refuse(events.reason)
        return list(PLACEHOLDER)

    def make(_found: Found, edited: Edited | None) -> Iterator[Events]:
        yield _Editor(EntryVisitor(policy, value_of(events), edited)).values(events, ())

    return edit_entry(policy, tally, events, read=_read_written, make=make, placeholder=list(PLACEHOLDER))


def _read_written(events: Events) -> Exchange | Unreadable:
    """Read an interaction as it is once it is written, in a cassette of nothing else."""
    try:
        text = yaml.emit(
            (*_CASSETTE[:_AT], *events, *_CASSETTE[_AT + 1 :]),
            Dumper=_DUMPER,
            allow_unicode=True,
            width=_WIDTH,
        )
        stream = ChunkStream([encode_text(text)])
        return next(read_vcr(lambda *_place: HERE, stream), _NO_INTERACTION)
    except (StreamError, yaml.YAMLError):
        return _NO_INTERACTION


class _Editor(msgspec.Struct):
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
            for index, following in enumerate(until_end(events)):
                yield from self._value(chain([following], events), (*tokens, index))
            yield yaml.SequenceEndEvent()
        elif isinstance(event, yaml.MappingStartEvent):
            yield event
            names = NewNames()
            for following in until_end(events):
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
        return scalar_event(event, new)

    def _scalar(self, event: yaml.ScalarEvent, tokens: Tokens) -> yaml.Event:
        if event.tag in BINARY_TAGS:
            return self._binary(event, tokens)
        is_plain = not event.style and event.tag is None
        if is_plain and event.value in NULLS | {"true", "false"}:
            return event
        if is_plain and _is_number(event.value) and not self.visitor.is_text(tokens):
            made = self.visitor.number(tokens, event.value)
        else:
            made = self.visitor.text(tokens, event.value)
        return event if made == event.value else scalar_event(event, made)

    def _binary(self, event: yaml.ScalarEvent, tokens: Tokens) -> yaml.Event:
        try:
            raw = parse_base64(event.value)
        except EntryError:
            return scalar_event(event, "")
        made = self.visitor.binary(tokens, raw)
        return event if made == raw else scalar_event(event, base64.b64encode(made).decode())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and text[-1].isdigit() and "_" not in text and text.lstrip("-")[:1].isdigit()
