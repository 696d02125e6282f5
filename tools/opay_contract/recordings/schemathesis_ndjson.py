"""Reads the event log that `schemathesis run --report ndjson` writes (schemathesis 4)."""

from collections.abc import Iterator
from typing import Any

import msgspec

from opay_contract.model.exchange import Exchange, Place, Request, Response, Unreadable
from opay_contract.recordings.cursor import JsonCursor, Path, iter_values
from opay_contract.recordings.entries import attempt, build_exchange
from opay_contract.recordings.messages import (
    decode_entry,
    encode_text,
    parse_base64,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.recordings.refusals import NO_RESPONSE, TRUNCATED_BODY, EntryError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import Readable

INTERACTIONS: Path = {"ScenarioFinished": {"recorder": {"interactions": {}}}}
"""Where in an event the interactions are."""


class _Bytes(msgspec.Struct, rename={"data": "$base64"}, gc=False):
    data: str


class _Request(msgspec.Struct, gc=False):
    method: str | None = None
    uri: str | None = None
    headers: Any = None
    body: _Bytes | str | None = None


class _Response(msgspec.Struct, gc=False):
    status_code: int
    headers: Any = None
    content: _Bytes | str | None = None
    content_size: int | None = None  # there only when `content` is the first part of the body


class _Interaction(msgspec.Struct, gc=False):
    request: _Request | None = None
    response: _Response | None = None
    timestamp: float | None = None


_INTERACTION = msgspec.json.Decoder(_Interaction)


def read_schemathesis_ndjson(source: Source, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield the interactions of every finished scenario; other events hold none."""
    cursor = JsonCursor(stream)
    number = 0
    while cursor.peek():
        for line, data in iter_values(cursor, INTERACTIONS):
            number += 1
            place = source.place(number, line)
            try:
                yield _exchange(place, decode_entry(_INTERACTION, data, line))
            except EntryError as error:
                yield Unreadable(place=place, reason=error.reason)


def _exchange(place: Place, interaction: _Interaction) -> Exchange | Unreadable:
    sent = interaction.request or _Request()
    request = Request(
        method=sent.method,
        url=sent.uri,
        headers=attempt(parse_headers, sent.headers),
        body=attempt(_bytes, sent.body),
    )
    return build_exchange(
        place, request, lambda: _response(interaction.response), parse_moment(interaction.timestamp)
    )


def _response(recorded: _Response | None) -> Response:
    if recorded is None:
        raise EntryError(NO_RESPONSE)
    if recorded.content_size is not None:
        raise EntryError(TRUNCATED_BODY)
    return Response(
        status=parse_status(recorded.status_code),
        headers=parse_headers(recorded.headers),
        body=_bytes(recorded.content) or b"",
    )


def _bytes(value: _Bytes | str | None) -> bytes | None:
    if isinstance(value, str):
        return encode_text(value)
    return None if value is None else parse_base64(value.data)
