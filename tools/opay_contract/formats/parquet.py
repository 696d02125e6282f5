"""Reads Parquet whose columns are the members of the native format, row by row."""

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from opay_contract.formats.content_coding import decode_body, decode_sent
from opay_contract.formats.editing import (
    HERE,
    Edited,
    Policy,
    Sink,
    Tally,
    edits_of,
    reason_of,
    unless_defect,
)
from opay_contract.formats.errors import TOO_LONG, EntryError, StreamError
from opay_contract.formats.messages import (
    encode_text,
    parse_base64,
    parse_headers,
    parse_moment,
    parse_status,
)
from opay_contract.formats.parquet_footer import FooterColumn, read_columns
from opay_contract.formats.streams import MAX_ENTRY, most_unpacked, too_much
from opay_contract.model.exchange import Exchange, Headers, Place, Request, Response, Unreadable

COLUMNS = ("request", "response", "recorded_at")
"""The columns that are read; others are passed over."""

NO_PYARROW = "the file is Parquet, which needs pyarrow; pip install 'opay-contract[dask]'"
ENCRYPTED = "the Parquet data is encrypted; write it without encryption"
NOT_FOR_PYARROW = (
    "the Parquet data has a codec, an encoding or a type that pyarrow cannot read; "
    "write it again with snappy, gzip or zstd, and bodies as string or binary"
)
NO_RESPONSE_COLUMN = "the Parquet file has no column 'response' with the members 'status' and 'body'"
NO_TEXT = (
    "the Parquet column '{}' is no text: columns of a fixed type have lost what drifted; "
    "write the body as it came, as string or binary"
)

NOT_HELD = ""
"""The one member of a row that Python cannot have."""

_ROWS = 512  # at a time
_MAX_BATCH = MAX_ENTRY
_SNAPPY_AT_BEST = 25  # times; what other codecs make of a dictionary only the whole column's length tells

Row = dict[str, Any]
"""A row as Python has it: `request` and `response` are dictionaries, headers one or a list of pairs."""


class OpenParquet(NamedTuple):
    """An open `pyarrow.parquet.ParquetFile`, what is said about each column of each group, and its size."""

    file: Any
    groups: list[list[FooterColumn]]
    size: int


@contextmanager
def open_parquet(raw: Any) -> Iterator[OpenParquet]:
    """Open a file that has the columns of the native format."""
    try:
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415  an extra, and heavy
    except ImportError:
        raise StreamError(NO_PYARROW) from None
    with ParquetFile(raw) as file:
        _check_columns(file.schema_arrow)
        yield OpenParquet(file, read_columns(raw), raw.seek(0, io.SEEK_END))


def iter_rows(parquet: OpenParquet, max_unpacked: int | None = None) -> Iterator[list[Row]]:
    """Yield the rows of an open file, as many at a time as surely take little memory."""
    file = parquet.file
    wanted = [name for name in COLUMNS if name in file.schema_arrow.names]
    most = most_unpacked(parquet.size) if max_unpacked is None else max_unpacked
    unpacked = 0
    for number, group in enumerate(parquet.groups):
        columns = [column for column in group if column.top in wanted]
        if max((column.unpacked for column in columns), default=0) > most:
            raise too_much(most)
        rows = max(1, min(_ROWS, _MAX_BATCH // max(1, sum(map(_longest, columns)))))
        for batch in file.iter_batches(batch_size=rows, row_groups=[number], columns=wanted):
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
            return [_odd_row(batch)] * batch.num_rows
        return [row for number in range(batch.num_rows) for row in _rows_of(batch.slice(number, 1))]


def _odd_row(batch: Any) -> Row:
    """Return a row with a text that is no UTF-8, which stays bytes, or a time that Python cannot have."""
    row: Row = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row[name] = _value_of(column[0])
        except Exception:  # noqa: BLE001  pyarrow has exceptions of many kinds
            if name in _MEMBERS:
                return {NOT_HELD: True}
            row[name] = None
    return row


def _value_of(scalar: Any) -> Any:
    """Return a value as Python has it, with bytes for a text that is no UTF-8."""
    import pyarrow as pa  # noqa: PLC0415  see above

    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.DictionaryScalar | pa.ExtensionScalar):
        return _value_of(scalar.value)
    if isinstance(scalar, pa.StructScalar):
        return {name: _value_of(one) for name, one in scalar.items()}
    if isinstance(scalar, pa.MapScalar):
        return [tuple(map(_value_of, pair.values())) for pair in scalar.values]
    if isinstance(scalar, pa.ListScalar):
        return list(map(_value_of, scalar.values))
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes()


def _typed(kind: Any, leaf: Callable[[Any], Any]) -> Any:
    """Return the plain type that has the same values in Python, with another for each that it is made of."""
    import pyarrow as pa  # noqa: PLC0415  see above

    if isinstance(kind, pa.DictionaryType | pa.BaseExtensionType):
        return _typed(kind.value_type if pa.types.is_dictionary(kind) else kind.storage_type, leaf)
    if pa.types.is_struct(kind):
        return pa.struct([(one.name, _typed(one.type, leaf)) for one in kind])
    if pa.types.is_map(kind):
        return pa.map_(_typed(kind.key_type, leaf), _typed(kind.item_type, leaf))
    if pa.types.is_nested(kind):
        return pa.list_(_typed(kind.value_type, leaf))
    if pa.types.is_fixed_size_binary(kind):
        return leaf(pa.binary())
    return leaf({pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}.get(kind, kind))


def _same_type(kind: Any) -> Any:
    return kind


def _bytes_type(kind: Any) -> Any:
    """Return the type of bytes that lie as texts do."""
    import pyarrow as pa  # noqa: PLC0415  see above

    return {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}.get(kind, kind)


def _longest(column: FooterColumn) -> int:
    """Return how long a value of a column can be that may be written once and meant many times."""
    if column.dictionary is None:
        return 0
    if column.packing in ("none", "snappy"):
        return min(column.unpacked, column.dictionary * _SNAPPY_AT_BEST)
    return column.unpacked


def _check_columns(schema: Any) -> None:
    """Refuse a file whose bodies are no longer what came: where types are fixed, drift shows as null."""
    from pyarrow import types  # noqa: PLC0415  see above

    structs = {field.name: field.type for field in schema if types.is_struct(field.type)}
    if not _has(structs.get("response"), "status") or not _has(structs["response"], "body", "body_base64"):
        raise StreamError(NO_RESPONSE_COLUMN)
    texts = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary, types.is_null)
    for column in ("request", "response"):
        if _has(structs.get(column), "body"):
            body = _typed(structs[column].field("body").type, _same_type)
            if not any(is_text(body) for is_text in texts):
                raise StreamError(NO_TEXT.format(f"{column}.body"))


def _has(struct: Any, *names: str) -> bool:
    return struct is not None and any(struct.get_field_index(name) >= 0 for name in names)


def damage_of(error: Exception) -> str | None:
    """Return what a failure of pyarrow says of the data; None for another failure, such as a store's.

    They come as ValueError, as OSError without a number, or as an error of pyarrow's own.
    """
    if type(error).__name__ == "ArrowNotImplementedError":
        return NOT_FOR_PYARROW
    if not isinstance(error, ValueError) and (type(error) is not OSError or error.errno is not None):
        return None
    if "crypt" in str(error):
        return ENCRYPTED
    return NOT_FOR_PYARROW if "upported" in str(error) else "the Parquet data is damaged"


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
    headers = _headers(part.get("headers"))
    return Request(
        method=_text(part, "method"),
        url=_text(part, "url"),
        headers=headers,
        body=decode_sent(_body(part, "request"), headers),
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
        return parse_moment(value.isoformat())
    return parse_moment(value)


_MEMBERS = {
    "request": ("method", "url", "headers", "body", "body_base64"),
    "response": ("status", "headers", "body", "body_base64"),
}


_NO_STATUS = 999
_MOMENTS = (int, float, Decimal, date, time, timedelta)


class _Out(io.RawIOBase):
    """A sink as pyarrow writes to it."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._position = sink, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any, /) -> int:
        raw = bytes(data)
        self._sink.write(raw)
        self._position += len(raw)
        return len(raw)


def rewrite_rows(
    policy: Policy, parquet: OpenParquet, batches: Iterator[list[Row]], sink: Sink, tally: Tally
) -> None:
    """Rewrite every row of an open file, given in batches."""
    import pyarrow as pa  # noqa: PLC0415  an extra, and heavy
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415  see above

    try:
        schema = _new_schema(policy, parquet.file)
        ParquetWriter(io.BytesIO(), schema).close()
    except Exception:  # noqa: BLE001  pyarrow has exceptions of many kinds
        raise StreamError("the Parquet columns are of types that cannot be written again") from None
    # texts need not be UTF-8
    as_bytes = pa.schema([(one.name, _typed(one.type, _bytes_type)) for one in schema])
    group = parquet.groups[0] if parquet.groups else []
    packing = group[0].packing if group else "snappy"
    with ParquetWriter(pa.PythonFile(_Out(sink), mode="w"), schema, compression=packing) as writer:
        for rows in batches:
            nothing = dict.fromkeys(schema.names)
            made = [_taken(policy, row, tally, nothing, as_bytes) for row in rows]
            batch = pa.RecordBatch.from_pylist(made, schema=as_bytes)
            columns = [one.view(kind) for one, kind in zip(batch.columns, schema.types, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _taken(policy: Policy, row: Row, tally: Tally, nothing: Row, schema: Any) -> Row:
    """Return a row that can be written; one that cannot be costs no other."""
    import pyarrow as pa  # noqa: PLC0415  see above

    tally.entries += 1

    def make() -> Row:
        made = _new_row(policy, row, tally, nothing)
        pa.RecordBatch.from_pylist([made], schema=schema)
        return made

    return unless_defect(tally, make, nothing)


def _new_schema(policy: Policy, file: Any) -> Any:
    """Return the columns that a check reads; what is told beside them, such as statistics, goes as well."""
    import pyarrow as pa  # noqa: PLC0415  see above

    fields = []
    for field in file.schema_arrow:
        if field.name not in COLUMNS:
            policy.note("column", "recording:column")
        elif field.name in _MEMBERS and pa.types.is_struct(field.type):
            fields.append(pa.field(field.name, pa.struct(list(_members(policy, field)))))
        else:
            fields.append(pa.field(field.name, _plain_type(field.type)))
    return pa.schema(fields)


def _plain_type(kind: Any) -> Any:
    """Return a column's type; one that has names of its own holds nothing, as nobody reads it."""
    import pyarrow as pa  # noqa: PLC0415  see above

    return pa.list_(pa.null()) if pa.types.is_nested(kind) else _typed(kind, _same_type)


def _members(policy: Policy, struct: Any) -> Iterator[Any]:
    """Yield the members of a side; where each header has a member of its own, its name is redacted."""
    import pyarrow as pa  # noqa: PLC0415  see above

    for member in struct.type:
        if member.name not in _MEMBERS[struct.name]:
            policy.note("column", f"recording:{struct.name}")
        elif member.name == "headers" and pa.types.is_struct(member.type):
            names = {policy.field_name(one.name): _typed(one.type, _text_type) for one in member.type}
            yield pa.field(member.name, pa.struct(list(names.items())))
        else:
            is_list = member.name == "headers"
            yield pa.field(
                member.name, _typed(member.type, _text_type) if is_list else _plain_type(member.type)
            )


def _text_type(kind: Any) -> Any:
    """Return the type of header fields with a text where it is a number: what stands for one may be none.

    And where it is nothing, which within structs cannot be taken for another type.
    """
    from pyarrow import string, types  # noqa: PLC0415  see above

    is_other = types.is_integer(kind) or types.is_floating(kind) or types.is_null(kind)
    return string() if is_other else kind


def _new_row(policy: Policy, row: Row, tally: Tally, nothing: Row) -> Row:
    """Return a row as it may be written; one that cannot be read stays so, with its request if that can."""
    found = read_row(HERE, row)
    tally.note(policy, found)
    if isinstance(found, Unreadable):
        kept = _unread_row(policy, row, found, nothing)
        if _filled(row) != _filled(kept):
            policy.note("what cannot be read", "recording:row")
        return kept
    edited = policy.bodies(found)
    moment = found.recorded_at
    made: Row = {}
    for name, value in row.items():
        if name in _MEMBERS:
            made[name] = _new_side(policy, edited, name, value)
        elif isinstance(value, str):
            made[name] = None if moment is None else policy.moment(moment)
        else:
            made[name] = value if isinstance(value, _MOMENTS) else None
    return made


def _unread_row(policy: Policy, row: Row, found: Unreadable, nothing: Row) -> Row:
    """Return a row that cannot be read for the same reason, or else at least not."""
    told = nothing
    for edited in edits_of(policy, found):
        if edited is not None:
            sides = [side for side in edited.sides if isinstance(row.get(side), dict)]
            told = nothing | {side: _new_side(policy, edited, side, row[side]) for side in sides}
        for made in (*(_hollow(policy, row, told, text) for text in ("?", "")), told):
            if reason_of(read_row(HERE, made)) == found.reason:
                return made
    return told


def _hollow(policy: Policy, row: Row, told: Row, text: str) -> Row:
    """Return a row of the same types in which nothing is said but what is told already, and a status."""
    made = dict(told)
    for side, members in _MEMBERS.items():
        part = row.get(side)
        if isinstance(part, dict) and told.get(side) is None:
            made[side] = {name: _emptied(policy, name, part[name], text) for name in members if name in part}
        elif part is not None and told.get(side) is None:
            made[side] = _emptied(policy, side, part, text)
    return made


def _emptied(policy: Policy, name: str, value: Any, text: str) -> Any:
    """Return a member of the same type without what it says; of `text` "?" is no base64, and "" is some."""
    if name == "headers" and isinstance(value, dict):
        return {policy.field_name(one): _emptied(policy, name, inner, text) for one, inner in value.items()}
    if name == "headers" and isinstance(value, list | tuple):
        return type(value)(_emptied(policy, name, one, text) for one in value)
    if name == "status" and type(value) is int:
        return value if value in range(-1, _NO_STATUS) else _NO_STATUS
    if name == "headers" and type(value) in (int, float):
        return "?"
    empty = {str: text, bytes: b"\xff", int: 0, float: 0.0, bool: False, list: [], dict: []}
    return empty.get(type(value))


def _filled(row: Row) -> Row:
    """Return what is there in a row."""
    parts = {
        name: _filled(part) if isinstance(part, dict) else part
        for name, part in row.items()
        if part is not None
    }
    return {name: part for name, part in parts.items() if part != {}}


def _new_side(policy: Policy, edited: Edited, side: str, part: Row | None) -> Row | None:
    if part is None:
        return None
    new = edited.new.request if side == "request" else edited.new.response
    words = {"method": policy.method, "url": policy.url}
    made: Row = {
        name: part[name] for name in ("method", "url", "status") if name in {*part} & {*_MEMBERS[side]}
    }
    made |= {name: edit(made[name]) for name, edit in words.items() if made.get(name) is not None}
    if "headers" in part:
        made["headers"] = _new_headers(policy, edited, side, part["headers"])
    if part.get("body_base64") is not None:
        made["body_base64"] = base64.b64encode(new.body or b"").decode()
    elif part.get("body") is not None:
        body = new.body or b""
        made["body"] = body.decode() if isinstance(part["body"], str) else body
    return made


def _new_headers(policy: Policy, edited: Edited, side: str, headers: Any) -> Any:
    """Return header fields in the shape that they had: pairs, structs of two, or a struct of all."""

    def text(name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [text(name, one) for one in value]
        return None if value is None else policy.header(edited, side, name, str(value))

    def pair(one: Any) -> Any:
        name, value = one.values() if isinstance(one, dict) else one
        made = policy.field_name(name), text(name, value)
        return dict(zip(one, made, strict=True)) if isinstance(one, dict) else made

    if isinstance(headers, dict):
        return {policy.field_name(name): text(name, value) for name, value in headers.items()}
    return [pair(one) for one in headers] if isinstance(headers, list) else headers
