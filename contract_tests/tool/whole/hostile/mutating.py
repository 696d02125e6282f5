"""Mutates recordings of every format: as values, keeping their structure, and as bytes."""

import io
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from contract_tests.tool.whole.leaks.canaries import CANARIES, NAMES
from contract_tests.tool.whole.leaks.planting import (
    FORMATS,
    JSON_TEXT,
    Place,
    iter_places,
    load,
    plant,
    write_json,
)

from opay_contract.formats.table import Format

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    17,
    1637822753.0,
    1.5e300,
    10**30,
    "",
    "null",
    "\ud83d",
    "é \udcff",
    "{",
    '{"customerId": "cust-amira-7731"',
    "¹" * 128,
    "Bearer " + "٤" * 128,
    [],
    {},
    [[]],
    {"": ""},
    [None],
    {"a": {"b": [1, "Amira Canarywood"]}},
    *CANARIES.values(),
    *NAMES.values(),
]
PIECES = [
    b"",
    b"\x00",
    b"\xff",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"\n",
    b"null",
    b"* ",
    b"> ",
    b"< ",
]
PIECES += [
    b"0",
    b"9",
    b";",
    b"~",
    b"\\",
    b"\\ud83d",
    b"\xed\xa0\x80",
    b"'",
    b"- ",
    b"  ",
    b"!!binary ",
    b"&a ",
    b"*a ",
]


def _write_rows(value: Any) -> bytes:
    """Write lines as rows of Parquet, whose columns are of the types that the values have."""
    rows = [{side: _as_row(part) for side, part in line.items()} for line in value]
    sink = io.BytesIO()
    try:
        pq.write_table(pa.Table.from_pylist(rows), sink)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError from error
    return sink.getvalue()


def _as_row(part: Any) -> Any:
    """Return a part of a line with its body as text, as columns have it."""
    if not isinstance(part, dict) or not isinstance(part.get("body"), dict | list):
        return part
    return part | {"body": write_json(part["body"]).decode()}


RECORDINGS: dict[str, tuple[str, Format, Callable[[Any], bytes]]] = {
    **{name: (name, format_in, write) for name, (format_in, write, _) in FORMATS.items()},
    "parquet": ("ndjson", Format.PARQUET, _write_rows),
    "parquet-base64": ("ndjson-base64", Format.PARQUET, _write_rows),
}
"""The data that each kind of recording is made of, its format, and how it is written."""


def mutate(name: str, seed: int) -> bytes:
    """Return a recording of a format with a few places mutated, and now and then a few bytes."""
    draw = random.Random(f"{name} {seed}")  # noqa: S311  nothing is kept secret with it
    data_name, _, write = RECORDINGS[name]
    value = load(data_name)
    try:
        for _ in range(draw.randint(0, 3)):
            value = _mutated(value, draw.choice(list(iter_places(value)) or [()]), draw)
        data = bytearray(write(value))
    except (AttributeError, TypeError, ValueError):  # it is looked into as JSON or base64, or has no writing
        data = bytearray(write(load(data_name)))
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        at = draw.randint(0, len(data))
        data[at : at + draw.choice([0, 1, 1, 5, 40])] = draw.choice(PIECES)
    if draw.random() < 0.05:
        del data[draw.randint(0, len(data)) :]
    return bytes(data)


def _mutated(value: Any, place: Place, draw: random.Random) -> Any:
    if not place:
        return value
    kind = draw.random()
    step, above = place[-1], place[:-1]
    holder = _at(value, above)
    if (
        kind < 0.15
        and isinstance(holder, dict | list)
        and step in (holder if isinstance(holder, dict) else range(len(holder)))
    ):
        left = (
            {key: one for key, one in holder.items() if key != step}
            if isinstance(holder, dict)
            else [one for at, one in enumerate(holder) if at != step]
        )
        return plant(value, above, left) if above else left
    if kind < 0.3 and isinstance(holder, dict):
        names = [*NAMES.values(), "", "status", "body", "headers", "customerId", "é", "4111111111111111"]
        return plant(value, place, draw.choice(names), as_key=True)
    if kind < 0.4:
        return plant(value, place, _at(value, draw.choice(list(iter_places(value)))))
    return plant(value, place, draw.choice(ODD))


def _at(value: Any, place: Place) -> Any:
    for step in place:
        if step == JSON_TEXT or isinstance(value, str):
            return None
        value = value[step]
    return value
