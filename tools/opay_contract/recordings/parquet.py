"""Reads Parquet whose columns are the members of the native format, row by row."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable
from opay_contract.recordings.ahead import Ahead
from opay_contract.recordings.messages import (
    encode_text,
    parse_base64,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.recordings.refusals import TOO_LONG, EntryError, StreamError
from opay_contract.recordings.remote import BLOCK, describe_failure, open_file_system
from opay_contract.recordings.sources import Source
from opay_contract.recordings.streams import MAX_ENTRY, most_unpacked, too_much

COLUMNS = ("request", "response", "recorded_at")
"""The columns that are read; others are passed over."""

NO_PYARROW = "the file is Parquet, which needs pyarrow; pip install 'opay-contract[dask]'"
NO_RESPONSE_COLUMN = "the Parquet file has no column 'response' with the members 'status' and 'body'"
NO_TEXT = (
    "the Parquet column '{}' is no text: columns of a fixed type have lost what drifted; "
    "write the body as it came, as string or binary"
)

WRONG_TYPE = "the Parquet column '{}' is of another type; write it as {}"

_TEXTS = ("string", "large_string", "null")
_ROWS = 512  # at a time
_MAX_BATCH = 32 << 20
_SNAPPY_AT_BEST = 25  # times; what other codecs make of a dictionary only the whole column's length tells

Row = dict[str, Any]
"""A row as Python has it: `request` and `response` are dictionaries, headers one or a list of pairs."""


def read_parquet(source: Source) -> Iterator[Exchange | Unreadable]:
    """Yield what each row holds; an entry is known by the number of its row."""
    if source.remote is None and (source.path is None or not source.path.is_file()):
        raise StreamError("Parquet cannot be read from standard input or a pipe; name the file")
    with closing(Ahead(lambda: _iter_batches(source), describe_damage)) as batches:
        number = 0
        for rows in batches:
            for row in rows:
                number += 1
                yield read_row(source.place(number), row)


def _iter_batches(source: Source) -> Iterator[list[Row]]:
    with open_parquet(source) as file:
        yield from iter_rows(file, size_of(source), source.max_unpacked)
    if source.remote is not None:
        source.remote.verify()


@contextmanager
def open_parquet(source: Source) -> Iterator[Any]:
    """Open a `pyarrow.parquet.ParquetFile` that has the columns of the native format."""
    try:
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415  an extra, and heavy
    except ImportError:
        raise StreamError(NO_PYARROW) from None
    with _open(source) as raw, ParquetFile(raw) as file:
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
            yield batch.to_pylist(maps_as_pydicts=None)


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


def size_of(source: Source) -> int:
    """Return how many bytes a file has."""
    if source.path is not None:
        return source.path.stat().st_size
    return (source.remote.size or 0) if source.remote is not None else 0


def _open(source: Source) -> Any:
    if source.path is not None:
        return source.path.open("rb")
    assert source.remote is not None  # noqa: S101  standard input was refused
    source.remote.verify()
    file_system, path = open_file_system(source.remote.url)
    return file_system.open(path, "rb", block_size=BLOCK)


def _check_columns(schema: Any) -> None:
    """Refuse a file whose columns are of other types, by their names.

    Where the type of bodies is fixed, they are no longer what came: drift shows as null.
    """
    columns = {field.name: field.type for field in schema}
    response = columns.get("response")
    if not _has(response, "status") or not _has(response, "body", "body_base64"):
        raise StreamError(NO_RESPONSE_COLUMN)
    for column in ("request", "response"):
        if column not in columns:
            continue
        if not _is_struct(columns[column]):
            raise StreamError(WRONG_TYPE.format(column, "a struct"))
        for member in columns[column]:
            _check_member(f"{column}.{member.name}", member.name, member.type)
    moment = columns.get("recorded_at")
    if moment is not None and not _is_any(moment, "string", "large_string", "timestamp", "null"):
        raise StreamError(WRONG_TYPE.format("recorded_at", "text or a timestamp"))


def _check_member(place: str, name: str, found: Any) -> None:
    if name == "body" and not _is_any(found, *_TEXTS, "binary", "large_binary"):
        raise StreamError(NO_TEXT.format(place))
    if name in ("method", "url", "body_base64") and not _is_any(found, *_TEXTS):
        raise StreamError(WRONG_TYPE.format(place, "text"))
    if name == "status" and not _is_any(found, "integer", "null"):
        raise StreamError(WRONG_TYPE.format(place, "an integer"))
    if name == "headers" and not _is_any(found, "map", "struct", "list", "large_list", "null"):
        raise StreamError(WRONG_TYPE.format(place, "a map, a struct or a list of pairs"))


def _is_any(found: Any, *kinds: str) -> bool:
    """Tell whether a type, or what a dictionary of it holds, is of one of pyarrow's kinds."""
    from pyarrow import types  # noqa: PLC0415  see above

    plain = found.value_type if types.is_dictionary(found) else found
    return any(getattr(types, f"is_{kind}")(plain) for kind in kinds)


def _is_struct(found: Any) -> bool:
    return _is_any(found, "struct")


def _has(struct: Any, *names: str) -> bool:
    return (
        struct is not None and _is_struct(struct) and any(struct.get_field_index(name) >= 0 for name in names)
    )


def describe_damage(error: Exception) -> str:
    """Tell the store's failures from pyarrow's, which come as ValueError or as OSError without a number."""
    is_pyarrow = isinstance(error, ValueError) or (type(error) is OSError and error.errno is None)
    return "the Parquet data is damaged" if is_pyarrow else describe_failure(error)


def read_row(place: Place, row: Row) -> Exchange | Unreadable:
    """Return what a row holds."""
    try:
        return Exchange(
            place=place,
            request=_request(row.get("request") or {}),
            response=_response(row.get("response") or {}),
            recorded_at=_moment(row.get("recorded_at")),
        )
    except EntryError as error:
        return Unreadable(place=place, reason=error.reason)


def _request(part: Row) -> Request:
    return Request(
        method=part.get("method"),
        url=part.get("url"),
        headers=_headers(part.get("headers")),
        body=_body(part),
    )


def _response(part: Row) -> Response:
    body = _body(part)
    if body is None:
        raise EntryError('the response has no "body"; record the body, as "body" or "body_base64"')
    return Response(status=parse_status(part.get("status")), headers=_headers(part.get("headers")), body=body)


def _body(part: Row) -> bytes | None:
    if part.get("body_base64") is not None:
        return parse_base64(part["body_base64"])
    body = part.get("body")
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
