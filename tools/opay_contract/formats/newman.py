"""Reads the JSON report that Newman, Postman's command, writes of a run."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import NO_RESPONSE, EntryError
from opay_contract.formats.json_cursor import JsonCursor, Path, iter_all_values
from opay_contract.formats.look import Head
from opay_contract.formats.messages import PlaceOf, build_exchange, decode_entry, left_out_body, parse_status
from opay_contract.formats.postman import is_postman
from opay_contract.formats.postman_messages import parse_fields, parse_request
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


def is_newman(head: Head) -> bool:
    """Tell a report, which has the collection beside its run, and that first where it is cut off."""
    look = head.look
    if look.members.get("run") == b"{":
        return not (look.is_whole and "run/executions" not in look.members)
    is_collection = look.members.get("collection") == b"{" and "run" not in look.members
    return is_collection and b'"request"' in head.text and not look.is_whole and not is_postman(head)


def read_newman(place_of: PlaceOf, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every request that the run made, with the variables filled in."""
    for number, (line, data) in enumerate(iter_all_values(JsonCursor(stream), EXECUTIONS), start=1):
        yield read_execution(place_of(number, line), data)


def read_execution(place: Place, data: bytes | None) -> Exchange | Unreadable:
    """Return what an execution holds."""
    try:
        return _exchange(place, decode_entry(_EXECUTION, data, place.line or 1))
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
