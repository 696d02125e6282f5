"""Reads the JSON report that Newman, Postman's command, writes of a run."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from opay_contract.model.exchange import Exchange, Headers, Place, Response, Unreadable, header
from opay_contract.recordings.cursor import JsonCursor, iter_values
from opay_contract.recordings.encodings import decode_body
from opay_contract.recordings.messages import decode_entry, empty_body, parse_moment, parse_status
from opay_contract.recordings.postman_requests import parse_fields, parse_request
from opay_contract.recordings.refusals import NO_RESPONSE, EntryError
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import Readable

NO_BODY = "the report has no body for the response; write it with Newman's own reporter json"

EXECUTIONS = (("run",), ("executions",))
"""Where in a report the executions are."""


class _Stream(msgspec.Struct, gc=False):
    data: list[Annotated[int, msgspec.Meta(ge=0, le=255)]] | None = None


class _Response(msgspec.Struct, gc=False):
    code: int
    header: Any = None
    stream: _Stream | None = None


class _Execution(msgspec.Struct, gc=False):
    request: Any = None
    response: _Response | None = None


_EXECUTION = msgspec.json.Decoder(_Execution)


def read_newman(source: Source, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every request that the run made, with the variables filled in."""
    for number, (line, data) in enumerate(iter_values(JsonCursor(stream), EXECUTIONS), start=1):
        yield read_execution(source.place(number, line), data)


def read_execution(place: Place, data: bytes | None) -> Exchange | Unreadable:
    """Return what an execution holds."""
    try:
        return _exchange(place, decode_entry(_EXECUTION, data, place.line or 1))
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason)


def _exchange(place: Place, execution: _Execution) -> Exchange:
    if execution.response is None:
        raise EntryError(NO_RESPONSE)
    headers = parse_fields(execution.response.header)
    return Exchange(
        place=place,
        request=parse_request(execution.request or {}),
        response=Response(
            status=parse_status(execution.response.code),
            headers=headers,
            body=_body(execution.response.stream, headers),
        ),
        recorded_at=parse_moment(header(headers, "date")),
    )


def _body(stream: _Stream | None, headers: Headers | None) -> bytes:
    if stream is None or stream.data is None:
        return empty_body(headers, NO_BODY)
    return decode_body(bytes(stream.data), headers)
