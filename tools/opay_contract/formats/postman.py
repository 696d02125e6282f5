"""Reads Postman collections (2.0 and 2.1): the responses that are saved in them as examples."""

from collections.abc import Iterator
from typing import Any

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import TOO_DEEP, TOO_LONG, EntryError
from opay_contract.formats.json_cursor import JsonCursor
from opay_contract.formats.look import Head
from opay_contract.formats.messages import (
    PlaceOf,
    build_exchange,
    encode_text,
    left_out_body,
    parse_entry,
    parse_status,
)
from opay_contract.formats.postman_messages import ODD_ENTRY, as_far_as_known, as_object, parse_fields
from opay_contract.formats.streams import MAX_ENTRY, Readable
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable

MAX_FOLDERS = 100
"""How deep folders may be within folders."""

MAX_WAITING = 1000
"""How many saved responses may come before the request of their item."""

NO_BODY = "the saved response has no body; save the example with its body"

Text = tuple[int, bytes | None]
"""The line on which a value starts, and its text; None is one that is too long to be kept."""

Answer = tuple[int, bytes | EntryError, Text | None]
"""The line on which a saved response starts, its text, and the request of its item."""


class _Waiting:
    """Saved responses that came before their item's request, as many as may be kept."""

    def __init__(self) -> None:
        self._texts: list[Text] = []
        self._size = 0

    def add(self, cursor: JsonCursor) -> None:
        cursor.peek()
        line, data = cursor.line, cursor.take_value()
        self._texts.append((line, data))
        self._size += len(data or b"")

    @property
    def is_full(self) -> bool:
        return len(self._texts) >= MAX_WAITING or self._size > MAX_ENTRY

    def take(self, request: Text | None) -> Iterator[Answer]:
        texts, self._texts, self._size = self._texts, [], 0
        for line, data in texts:
            yield line, EntryError(TOO_LONG) if data is None else data, request


def is_postman(head: Head) -> bool:
    """Tell a collection, also as Postman's own API wraps it."""
    look = head.look
    has = look.members.get
    if has("info") == b"{" and b"postman.com/json/collection/" in head.text:
        return True
    if b'"request"' not in head.text:
        return False
    is_wrapped = has("collection") == b"{" and "run" not in look.members
    return has("item") == b"[" or (is_wrapped and (look.is_whole or "collection/info" in look.members))


def read_postman(place_of: PlaceOf, stream: Readable) -> Iterator[Exchange | Unreadable]:
    """Yield every saved response; an item without one holds none."""
    for number, answer in enumerate(_iter_answers(JsonCursor(stream), 0), start=1):
        yield read_answer(place_of(number, answer[0]), answer)


def read_answer(place: Place, answer: Answer) -> Exchange | Unreadable:
    """Return what a saved response holds."""
    try:
        return _exchange(place, answer)
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason)


def _iter_answers(cursor: JsonCursor, depth: int) -> Iterator[Answer]:
    """Walk a collection, a folder or an item, whichever it is; what it keeps is one item's at most."""
    if cursor.peek() != b"{":
        cursor.skip_value()
        return
    request: Text | None = None
    waiting = _Waiting()
    for name in cursor.iter_members():
        first = cursor.peek()
        if name == "item" and first == b"[":
            yield from _iter_below(cursor, depth + 1)
        elif name == "collection" and not depth:  # as the answers of Postman's own API wrap it
            yield from _iter_answers(cursor, depth + 1)
        elif name == "request":
            request = (cursor.line, cursor.take_value())
        elif name == "response" and first == b"[":
            for _ in cursor.iter_items():
                waiting.add(cursor)
                if request is not None or waiting.is_full:
                    yield from waiting.take(request)
        else:
            cursor.skip_value()
    yield from waiting.take(request)


def _iter_below(cursor: JsonCursor, depth: int) -> Iterator[Answer]:
    for _ in cursor.iter_items():
        if depth > MAX_FOLDERS:
            cursor.peek()
            yield cursor.line, EntryError(TOO_DEEP), None
            cursor.skip_value()
        else:
            yield from _iter_answers(cursor, depth)


def _exchange(place: Place, answer: Answer) -> Exchange | Unreadable:
    line, data, request = answer
    if isinstance(data, EntryError):
        raise data
    members = as_object(parse_entry(data, line))
    written = members.get("originalRequest")
    if not _tells_url(written) and request is not None and request[1] is not None:
        written = parse_entry(request[1], request[0])
    return saved_exchange(place, written, members)


def _tells_url(written: Any) -> bool:
    return isinstance(written, str) or (isinstance(written, dict) and written.get("url") is not None)


def saved_exchange(place: Place, written: Any, members: dict[str, Any]) -> Exchange | Unreadable:
    """Return the exchange of a request as it is written, None for an unknown one, and a saved response."""
    request = Request() if written is None else as_far_as_known(written)
    return build_exchange(place, request, lambda: _response(members))


def _response(members: dict[str, Any]) -> Response:
    status, headers = parse_status(members.get("code")), parse_fields(members.get("header"))
    return Response(status=status, headers=headers, body=_body(members.get("body"), status, headers))


def _body(text: Any, status: int, headers: Headers | None) -> bytes:
    if text is None:
        return left_out_body(status, headers, NO_BODY)
    if not isinstance(text, str):
        raise EntryError(ODD_ENTRY)
    return decode_body(encode_text(text), headers)
