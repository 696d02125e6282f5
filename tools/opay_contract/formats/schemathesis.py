"""Reads the event log that `schemathesis run --report ndjson` writes (schemathesis 4)."""

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import structs

from opay_contract.formats.content_coding import decode_body, decode_sent
from opay_contract.formats.errors import NO_RESPONSE, TRUNCATED_BODY, EntryError
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.json_files import (
    Beside,
    Entry,
    JsonFormat,
    Path,
    Segment,
    iter_segments,
)
from opay_contract.formats.messages import (
    Steps,
    attempt,
    build_exchange,
    decode_entry,
    encode_text,
    odd_member,
    parse_base64,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.formats.streams import ChunkStream
from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable

INTERACTIONS: Path = {"ScenarioFinished": {"recorder": {"interactions": {}}}}
"""Where in an event the interactions are."""


class _Bytes(msgspec.Struct, rename={"data": "$base64"}, gc=False):
    data: str


class _CallRequest(msgspec.Struct, gc=False):
    method: str | None = None
    uri: str | None = None
    headers: Any = None
    body: _Bytes | str | None = None


class _CallResponse(msgspec.Struct, gc=False):
    status_code: int
    headers: Any = None
    content: _Bytes | str | None = None
    content_size: int | None = None  # there only when `content` is the first part of the body


class _Interaction(msgspec.Struct, gc=False):
    request: _CallRequest | None = None
    response: _CallResponse | None = None
    timestamp: float | None = None


class _Recorder(msgspec.Struct, gc=False):
    interactions: msgspec.Raw


class _Finished(msgspec.Struct, gc=False):
    recorder: _Recorder


class _Event(msgspec.Struct, rename={"finished": "ScenarioFinished"}, gc=False):
    finished: _Finished


_INTERACTION = msgspec.json.Decoder(_Interaction)
_INTERACTIONS = msgspec.json.Decoder(dict[str, _Interaction])
_EVENT = msgspec.json.Decoder(_Event)


_INITIALIZE = b'{"schemathesis_version":"4"}'
"""What stands for a first event that cannot be read, and still tells whose log it is."""


def _iter_segments(stream: ChunkStream, *, whole: bool) -> Iterator[Segment]:
    cursor = JsonCursor(stream)
    if not whole:
        yield from _iter_entries(cursor)
    while cursor.peek():
        for segment in iter_segments(cursor, INTERACTIONS, whole=True):
            if isinstance(segment, Beside) and segment.name == "Initialize":
                yield structs.replace(segment, instead=_INITIALIZE)
            else:
                yield segment
        yield b"\n"


def _iter_entries(cursor: JsonCursor) -> Iterator[Segment]:
    """Yield the interactions of each event, which in general has a line of its own."""
    while cursor.peek():
        line, start, text = cursor.line, cursor.offset, cursor.take_line()
        if text is None:
            for segment in iter_segments(cursor, INTERACTIONS, whole=False):
                yield structs.replace(segment, start=start) if isinstance(segment, Entry) else segment
            continue
        path, found, values = INTERACTIONS, text, dict[str, _Interaction]()
        if text.count(b'"interactions"') == 1:
            with suppress(ValueError):
                path, found = {}, bytes(_EVENT.decode(text).finished.recorder.interactions)
                values = _INTERACTIONS.decode(found)
        if values and all(found.count(b'"%b"' % name.encode()) == 1 for name in values):
            yield from (Entry(line, None, value=value, start=start) for value in values.values())
            continue
        for segment in iter_segments(JsonCursor(io.BytesIO(found)), path, whole=False):
            if isinstance(segment, Entry):
                yield Entry(line, segment.data, start=start)


def _repair(steps: Steps, _value: Any) -> Any:
    """Take a member that the response can be judged without for one that is not there."""
    if steps[0] == "response" or steps in (("request",), ("request", "uri")):
        raise odd_member(steps)


def _read_interaction(place: Place, entry: Entry) -> Exchange | Unreadable:
    interaction = entry.value or decode_entry(_INTERACTION, entry.data, entry.line, _repair)
    sent = interaction.request or _CallRequest()
    headers = attempt(parse_headers, sent.headers)
    body = decode_sent(attempt(_bytes, sent.body), headers)
    request = Request(method=sent.method, url=sent.uri, headers=headers, body=body)
    return build_exchange(
        place, request, _response, interaction.response, parse_moment(interaction.timestamp)
    )


def _response(recorded: _CallResponse | None) -> Response:
    if recorded is None:
        raise EntryError(NO_RESPONSE)
    if recorded.content_size is not None:
        raise EntryError(TRUNCATED_BODY)
    headers = parse_headers(recorded.headers)
    body = decode_body(_bytes(recorded.content) or b"", headers)
    return Response(status=parse_status(recorded.status_code), headers=headers, body=body)


def _bytes(value: _Bytes | str | None) -> bytes | None:
    if isinstance(value, str):
        return encode_text(value)
    return None if value is None else parse_base64(value.data)


_LOG = JsonFormat(segments=_iter_segments, read=_read_interaction)
read_schemathesis, rewrite_schemathesis = _LOG.read_all, _LOG.rewrite_all
