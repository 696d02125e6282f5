"""The same exchanges as a recording of each format, with what reading one costs at the least."""

import base64
import io
import json
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from contract_tests.tool.redact.writers import (
    as_collection,
    as_events,
    as_flows,
    as_har,
    as_json_cassette,
    as_report,
    as_transcript,
    as_yaml_cassette,
)

from opay_contract.formats.messages import parse_moment
from opay_contract.formats.native import parse_line
from opay_contract.model.exchange import Exchange, header
from opay_contract.recordings.inputs import Source

_HEADERS = pa.map_(pa.string(), pa.string())
_REQUEST = {"method": pa.string(), "url": pa.string(), "headers": _HEADERS, "body": pa.binary()}
_RESPONSE = {"status": pa.int32(), "headers": _HEADERS, "body": pa.binary()}
_SCHEMA = pa.schema(
    {"request": pa.struct(_REQUEST), "response": pa.struct(_RESPONSE), "recorded_at": pa.string()}
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A format: what its files are called, how one is written, and what parsing alone is."""

    name: str
    suffix: str
    write: Callable[[Sequence[Exchange]], bytes]
    parse: Callable[[bytes], Any] | None = None


def _as_parquet(exchanges: Sequence[Exchange]) -> bytes:
    rows = [
        {
            "request": {
                "method": one.request.method,
                "url": one.request.url,
                "headers": one.request.headers,
                "body": one.request.body,
            },
            "response": {
                "status": one.response.status,
                "headers": one.response.headers,
                "body": one.response.body,
            },
            "recorded_at": one.recorded_at,
        }
        for one in exchanges
    ]
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), target)
    return target.getvalue()


def _parse_yaml(data: bytes) -> None:
    deque(yaml.parse(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), maxlen=0)


def _parse_lines(data: bytes) -> None:
    for line in data.splitlines():
        with suppress(ValueError):  # some drifts are no JSON
            orjson.loads(line)


NDJSON = Kind("NDJSON", "ndjson", lambda _: b"", _parse_lines)
HAR = Kind("HAR", "har", as_har, orjson.loads)
KINDS = (
    NDJSON,
    HAR,
    Kind("JSON cassette", "json", as_json_cassette, orjson.loads),
    Kind("YAML cassette", "yaml", as_yaml_cassette, _parse_yaml),
    Kind("mitmproxy flows", "flow", as_flows),
    Kind("curl transcript", "txt", as_transcript),
    Kind("Postman collection", "postman.json", as_collection, orjson.loads),
    Kind("Newman report", "newman.json", as_report, orjson.loads),
    Kind("schemathesis events", "events.ndjson", as_events, _parse_lines),
    Kind("Parquet", "parquet", _as_parquet),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file of some exchanges, and one of the first of them alone, by which the start of a run is known."""

    kind: Kind
    path: Path
    single: Path
    count: int
    bytes_each: float
    """How long an exchange is in it."""


def write_recording(
    kind: Kind, folder: Path, lines: Sequence[str], exchanges: Sequence[Exchange]
) -> Recording:
    """Write traffic, which is given in both shapes, as a recording."""
    count = len(lines)

    def write(number: int) -> Path:
        path = folder / f"traffic-{number}.{kind.suffix}"
        if kind is NDJSON:
            path.write_text("".join(f"{line}\n" for line in lines[:number]), encoding="utf-8")
        else:
            path.write_bytes(kind.write(exchanges[:number]))
        return path

    path = write(count)
    return Recording(
        kind=kind, path=path, single=write(1), count=count, bytes_each=path.stat().st_size / count
    )


def parse_exchanges(lines: Sequence[str]) -> list[Exchange]:
    """Return the exchanges of native lines, each with the time of its Date header where it has no other."""
    place = Source(ordinal=0, name="-", path=None).place(1)
    found = [parse_line(place, line.encode()) for line in lines]
    return [_with_time(one) for one in found if isinstance(one, Exchange)]


def _with_time(exchange: Exchange) -> Exchange:
    time = exchange.recorded_at or parse_moment(header(exchange.response.headers, "date"))
    return Exchange(
        place=exchange.place, request=exchange.request, response=exchange.response, recorded_at=time
    )


def write_wire(exchanges: Sequence[Exchange], path: Path) -> Path:
    """Write exchanges as the workers with other libraries read them."""
    with path.open("w", encoding="utf-8") as file:
        for one in exchanges:
            wire = {
                "method": one.request.method,
                "url": one.request.url,
                "sent": dict(one.request.headers or ()),
                "asked": base64.b64encode(one.request.body or b"").decode(),
                "status": one.response.status,
                "received": dict(one.response.headers or ()),
                "answer": base64.b64encode(one.response.body).decode(),
            }
            file.write(json.dumps(wire) + "\n")
    return path


def answers_of(exchanges: Sequence[Exchange]) -> list[bytes]:
    """Return the answers that are JSON."""
    return [one.response.body for one in exchanges if _is_json(one.response.body)]


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except ValueError:
        return False
    return True
