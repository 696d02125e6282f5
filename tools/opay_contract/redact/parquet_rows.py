"""Redacts Parquet row by row: the columns of the native format keep their types, and all else goes."""

import base64
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from opay_contract.formats.errors import StreamError
from opay_contract.formats.parquet import (
    COLUMNS,
    Row,
    iter_rows,
    read_row,
)
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import describe_damage, open_rows
from opay_contract.redact.json_files import Sink, Tally, unless_defect
from opay_contract.redact.redactor import Redacted, Redactor

_PLACE = Place(source=0, entry=1, file="-")
_MEMBERS = {
    "request": ("method", "url", "headers", "body", "body_base64"),
    "response": ("status", "headers", "body", "body_base64"),
}


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


def redact_parquet(redactor: Redactor, source: Source, sink: Sink, tally: Tally) -> None:
    """Redact every row; of a file that is damaged nothing is written, for its end says where its rows are."""
    with ExitStack() as stack:
        try:
            with _reading():
                file, size = stack.enter_context(open_rows(source))
            _redact_rows(redactor, iter_rows(file, size, source.max_unpacked), file, sink, tally)
        except StreamError:
            tally.entries = 0
            raise


@contextmanager
def _reading() -> Iterator[None]:
    """Say in our own words what fails while a file is read."""
    try:
        yield
    except StreamError:
        raise
    except Exception as error:  # noqa: BLE001  pyarrow has exceptions of many kinds
        raise StreamError(describe_damage(error)) from None


def _iter_read(batches: Iterator[list[Row]]) -> Iterator[list[Row]]:
    with _reading():
        yield from batches


def _redact_rows(
    redactor: Redactor, batches: Iterator[list[Row]], file: Any, sink: Sink, tally: Tally
) -> None:
    import pyarrow as pa  # noqa: PLC0415  an extra, and heavy
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415  see above

    try:
        schema = _new_schema(redactor, file)
        ParquetWriter(io.BytesIO(), schema).close()
    except Exception:  # noqa: BLE001  as above
        raise StreamError("the Parquet columns are of types that cannot be written again") from None
    with ParquetWriter(pa.PythonFile(_Out(sink), mode="w"), schema, compression=_packing_of(file)) as writer:
        for rows in _iter_read(batches):
            nothing = dict.fromkeys(schema.names)
            made = [_taken(redactor, row, tally, nothing, schema) for row in rows]
            writer.write_batch(pa.RecordBatch.from_pylist(made, schema=schema))


def _taken(redactor: Redactor, row: Row, tally: Tally, nothing: Row, schema: Any) -> Row:
    """Return a row that can be written; one that cannot be costs no other."""
    import pyarrow as pa  # noqa: PLC0415  see above

    tally.entries += 1

    def make() -> Row:
        made = _new_row(redactor, row, tally, nothing)
        pa.RecordBatch.from_pylist([made], schema=schema)
        return made

    return unless_defect(tally, make, nothing)


def _packing_of(file: Any) -> str:
    groups = file.metadata
    packing = groups.row_group(0).column(0).compression if groups.num_row_groups else "SNAPPY"
    return "none" if packing == "UNCOMPRESSED" else str(packing).lower()


def _new_schema(redactor: Redactor, file: Any) -> Any:
    """Return the columns that a check reads; what is told beside them, such as statistics, goes as well."""
    import pyarrow as pa  # noqa: PLC0415  see above

    fields = []
    for field in file.schema_arrow:
        if field.name not in COLUMNS:
            redactor.log.add("column", "recording:column")
        elif field.name in _MEMBERS and pa.types.is_struct(field.type):
            fields.append(pa.field(field.name, pa.struct(list(_members(redactor, field)))))
        else:
            fields.append(pa.field(field.name, _plain_type(field.type)))
    return pa.schema(fields)


def _plain_type(kind: Any) -> Any:
    """Return a column's type; one that has names of its own says nothing, as nobody reads it."""
    import pyarrow as pa  # noqa: PLC0415  see above

    return pa.null() if pa.types.is_nested(kind) else kind


def _members(redactor: Redactor, struct: Any) -> Iterator[Any]:
    """Yield the members of a side; where each header has a member of its own, its name is redacted."""
    import pyarrow as pa  # noqa: PLC0415  see above

    for member in struct.type:
        if member.name not in _MEMBERS[struct.name]:
            redactor.log.add("column", f"recording:{struct.name}")
        elif member.name == "headers" and pa.types.is_struct(member.type):
            names = {redactor.fields.name(one.name): one.type for one in member.type}
            yield pa.field(member.name, pa.struct(list(names.items())))
        else:
            is_list = member.name == "headers"
            yield pa.field(member.name, member.type if is_list else _plain_type(member.type))


def _new_row(redactor: Redactor, row: Row, tally: Tally, nothing: Row) -> Row:
    """Return a row as it may be written; one that cannot be read stays so, and says but whose it is."""
    found = read_row(_PLACE, row)
    tally.note(found)
    if isinstance(found, Unreadable):
        sender = _sender(redactor, found)
        if _filled(row) != _filled(sender):
            redactor.log.add("what cannot be read", "recording:row")
        return nothing | sender
    redacted = redactor.bodies(found)
    moment = found.recorded_at
    made: Row = {}
    for name, value in row.items():
        if name in _MEMBERS:
            made[name] = _new_side(redactor, redacted, name, value)
        elif isinstance(value, str):
            made[name] = None if moment is None else redactor.moment(moment)
        else:
            made[name] = value if isinstance(value, _MOMENTS) else None
    return made


def _sender(redactor: Redactor, found: Unreadable) -> Row:
    """Return what tells whose a row is of which the answer alone cannot be read."""
    if found.request is None or found.request.url is None:
        return {}
    method = {} if found.request.method is None else {"method": redactor.method(found.request.method)}
    return {"request": {"url": redactor.url(found.request.url), **method}}


def _filled(row: Row) -> Row:
    """Return what is there in a row."""
    parts = {
        name: _filled(part) if isinstance(part, dict) else part
        for name, part in row.items()
        if part is not None
    }
    return {name: part for name, part in parts.items() if part != {}}


def _new_side(redactor: Redactor, redacted: Redacted, side: str, part: Row | None) -> Row | None:
    if part is None:
        return None
    new = redacted.new.request if side == "request" else redacted.new.response
    words = {"method": redactor.method, "url": redactor.url}
    made: Row = {name: part[name] for name in ("method", "url", "status") if name in part}
    made |= {name: edit(made[name]) for name, edit in words.items() if made.get(name) is not None}
    if "headers" in part:
        made["headers"] = _new_headers(redactor, redacted, side, part["headers"])
    if part.get("body_base64") is not None:
        made["body_base64"] = base64.b64encode(new.body or b"").decode()
    elif part.get("body") is not None:
        body = new.body or b""
        made["body"] = body.decode() if isinstance(part["body"], str) else body
    return made


def _new_headers(redactor: Redactor, redacted: Redacted, side: str, headers: Any) -> Any:
    """Return header fields in the shape that they had: pairs, structs of two, or a struct of all."""

    def text(name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [text(name, one) for one in value]
        return value if value is None else redactor.header(redacted, side, name, value)

    def pair(one: Any) -> Any:
        name, value = one.values() if isinstance(one, dict) else one
        made = redactor.fields.name(name), text(name, value)
        return dict(zip(one, made, strict=True)) if isinstance(one, dict) else made

    if isinstance(headers, dict):
        return {redactor.fields.name(name): text(name, value) for name, value in headers.items()}
    return [pair(one) for one in headers] if isinstance(headers, list) else headers
