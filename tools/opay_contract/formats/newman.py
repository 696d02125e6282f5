"""Reads the JSON report that Newman, Postman's command, writes of a run."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.editing import Edited, Policy, Sink, Tally, of_side
from opay_contract.formats.errors import NO_RESPONSE, EntryError
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.json_files import (
    Entry,
    EntryKind,
    Path,
    Segment,
    iter_all_segments,
    read_entries,
    rewrite_segments,
)
from opay_contract.formats.messages import PlaceOf, build_exchange, decode_entry, left_out_body, parse_status
from opay_contract.formats.postman_messages import PostmanVisitor, parse_fields, parse_request
from opay_contract.formats.streams import Readable
from opay_contract.model.exchange import Exchange, Place, Response, Unreadable

NO_BODY = "the report has no body for the response; write it with Newman's own reporter json"

EXECUTIONS: Path = {"run": {"executions": {}}}
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


def read_newman(place_of: PlaceOf, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every request that the run made, with the variables filled in."""
    return read_entries(place_of, _iter_segments(stream, whole=False), _read_execution)


def rewrite_newman(policy: Policy, stream: Readable, sink: Sink, tally: Tally) -> None:
    """Rewrite the executions, and the collection, the variables and all else around them."""
    kind = EntryKind(read=_read_execution, visit=_visit)
    rewrite_segments(policy, kind, _iter_segments(stream, whole=True), sink, tally)


def _iter_segments(stream: Readable, *, whole: bool) -> Iterator[Segment]:
    return iter_all_segments(JsonCursor(stream), EXECUTIONS, whole=whole)


def _visit(policy: Policy, tree: Any, edited: Edited | None) -> PostmanVisitor:
    answered = of_side(edited, "response")
    return PostmanVisitor(policy, tree, {("response",): answered} if answered is not None else {})


def _read_execution(place: Place, entry: Entry) -> Exchange | Unreadable:
    try:
        return _exchange(place, decode_entry(_EXECUTION, entry.data, entry.line))
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason)


def _exchange(place: Place, execution: _Execution) -> Exchange | Unreadable:
    request = parse_request(execution.request or {})
    return build_exchange(place, request, lambda: _response(execution.response))


def _response(recorded: _Response | None) -> Response:
    if recorded is None:
        raise EntryError(NO_RESPONSE)
    status, headers = parse_status(recorded.code), parse_fields(recorded.header)
    if recorded.stream is None or recorded.stream.data is None:
        return Response(status=status, headers=headers, body=left_out_body(status, headers, NO_BODY))
    body = decode_body(bytes(recorded.stream.data), headers)
    return Response(status=status, headers=headers, body=body)
