"""Reads Parquet whose columns are the members of the native format, row by row."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from opay_contract.formats.content_coding import decode_body
from opay_contract.formats.errors import TOO_LONG, EntryError, StreamError
from opay_contract.formats.look import Head
from opay_contract.formats.messages import (
    encode_text,
    parse_base64,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.formats.streams import MAX_ENTRY, most_unpacked, too_much
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable

COLUMNS = ("request", "response", "recorded_at")
"""The columns that are read; others are passed over."""

NO_PYARROW = "the file is Parquet, which needs pyarrow; pip install 'opay-contract[dask]'"
NO_RESPONSE_COLUMN = "the Parquet file has no column 'response' with the members 'status' and 'body'"
NO_TEXT = (
    "the Parquet column '{}' is no text: columns of a fixed type have lost what drifted; "
    "write the body as it came, as string or binary"
)

NOT_HELD = ""
"""The one member of a row that Python cannot have, such as text that is no UTF-8."""

_ROWS = 512  # at a time
_MAX_BATCH = 32 << 20
_SNAPPY_AT_BEST = 25  # times; what other codecs make of a dictionary only the whole column's length tells

Row = dict[str, Any]
"""A row as Python has it: `request` and `response` are dictionaries, headers one or a list of pairs."""


def is_parquet(head: Head) -> bool:
    """Tell Parquet by its first bytes."""
    return head.raw.startswith(b"PAR1")


@contextmanager
def open_parquet(raw: Any) -> Iterator[Any]:
    """Open a `pyarrow.parquet.ParquetFile` that has the columns of the native format."""
    try:
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415  an extra, and heavy
    except ImportError:
        raise StreamError(NO_PYARROW) from None
    with ParquetFile(raw) as file:
        _check_columns(file.schema_arrow)
        yield file


def iter_rows(file: Any, size: int, max_unpacked: int | None = None) -> Iterator[list[Row]]:
    """Yield the rows of an open file of `size` bytes, as many at a time as surely take little memory."""
    wanted = [name for name in COLUMNS if name in file.schema_arrow.names]
    most = most_unpacked(size) if max_unpacked is None else max_unpacked
    unpacked = 0
    for group in range(file.num_row_groups):
        columns = [column for column in _iter_chunks(file, group) if _top(column) in wanted]
        if max((column.total_uncompressed_size for column in columns), default=0) > most:
            raise too_much(most)
        rows = max(1, min(_ROWS, _MAX_BATCH // max(1, sum(map(_longest, columns)))))
        for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=wanted):
            unpacked += batch.nbytes
            if unpacked > most:
                raise too_much(most)
            yield _rows_of(batch)


def _rows_of(batch: Any) -> list[Row]:
    """Return the rows of a batch; one whose values Python cannot have costs no other."""
    try:
        return list(batch.to_pylist(maps_as_pydicts=None))
    except Exception:  # noqa: BLE001  pyarrow has exceptions of many kinds
        if batch.num_rows <= 1:
            return [{NOT_HELD: True}] * batch.num_rows
        return [row for number in range(batch.num_rows) for row in _rows_of(batch.slice(number, 1))]


def _iter_chunks(file: Any, group: int) -> Iterator[Any]:
    found = file.metadata.row_group(group)
    return (found.column(number) for number in range(found.num_columns))


def _top(column: Any) -> str:
    name: str = column.path_in_schema
    return name.partition(".")[0]


def _longest(column: Any) -> int:
    """Return how long a value of a column can be that may be written once and meant many times."""
    size: int = column.total_uncompressed_size
    if not column.has_dictionary_page or column.dictionary_page_offset is None:
        return 0
    if column.compression in ("SNAPPY", "UNCOMPRESSED"):
        packed: int = column.data_page_offset - column.dictionary_page_offset
        return min(size, max(packed, 0) * _SNAPPY_AT_BEST)
    return size


def _check_columns(schema: Any) -> None:
    """Refuse a file whose bodies are no longer what came: where types are fixed, drift shows as null."""
    from pyarrow import types  # noqa: PLC0415  see above

    structs = {field.name: field.type for field in schema if types.is_struct(field.type)}
    if not _has(structs.get("response"), "status") or not _has(structs["response"], "body", "body_base64"):
        raise StreamError(NO_RESPONSE_COLUMN)
    texts = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary, types.is_null)
    for column in ("request", "response"):
        if _has(structs.get(column), "body"):
            body = structs[column].field("body").type
            if not any(is_text(body) for is_text in texts):
                raise StreamError(NO_TEXT.format(f"{column}.body"))


def _has(struct: Any, *names: str) -> bool:
    return struct is not None and any(struct.get_field_index(name) >= 0 for name in names)


def is_damage(error: Exception) -> bool:
    """Tell pyarrow's failures, which come as ValueError or as OSError without a number, from others."""
    return isinstance(error, ValueError) or (type(error) is OSError and error.errno is None)


def read_row(place: Place, row: Row) -> Exchange | Unreadable:
    """Return what a row holds."""
    if NOT_HELD in row:
        return Unreadable(place=place, reason="the row has a value that is no text, number or time")
    request = None
    try:
        request = _request(_part(row, "request"))
        response = _response(_part(row, "response"))
        recorded_at = _moment(row.get("recorded_at"))
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason, request=request)
    return Exchange(place=place, request=request, response=response, recorded_at=recorded_at)


def _part(row: Row, column: str) -> Row:
    part = row.get(column)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise EntryError(f"the Parquet column '{column}' is no struct")
    return part


def _request(part: Row) -> Request:
    return Request(
        method=_text(part, "method"),
        url=_text(part, "url"),
        headers=_headers(part.get("headers")),
        body=_body(part, "request"),
    )


def _text(part: Row, member: str) -> str | None:
    text = part.get(member)
    if text is not None and not isinstance(text, str):
        raise EntryError(f"the Parquet column 'request.{member}' is no text")
    return text


def _response(part: Row) -> Response:
    body = _body(part, "response")
    if body is None:
        raise EntryError('the response has no "body"; record the body, as "body" or "body_base64"')
    status, headers = parse_status(part.get("status")), _headers(part.get("headers"))
    return Response(status=status, headers=headers, body=decode_body(body, headers))


def _body(part: Row, column: str) -> bytes | None:
    if part.get("body_base64") is not None:
        return parse_base64(part["body_base64"])
    body = part.get("body")
    if body is not None and not isinstance(body, str | bytes):
        raise EntryError(NO_TEXT.format(f"{column}.body"))
    if body is not None and len(body) > MAX_ENTRY:
        raise EntryError(TOO_LONG)
    return encode_text(body) if isinstance(body, str) else body


def _headers(value: Any) -> Headers | None:
    """Read a map, a list of pairs or of structs of two, or a struct of one member a header."""
    if isinstance(value, dict):
        return parse_headers({name: text for name, text in value.items() if text is not None})
    if isinstance(value, list):
        return parse_headers([tuple(pair.values()) if isinstance(pair, dict) else pair for pair in value])
    return parse_headers(value)


def _moment(value: Any) -> str | None:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return parse_moment(aware.isoformat())
    return parse_moment(value)
