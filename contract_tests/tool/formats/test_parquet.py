"""Parquet with the columns of the native format says what the same lines of NDJSON say."""

import base64
import io
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import structs

from opay_contract.formats import parquet
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings import reading
from opay_contract.recordings.inputs import Source, iter_inputs
from opay_contract.recordings.reading import iter_exchanges

RECORDING = Path(__file__).parents[2] / "recordings" / "drifted" / "requests.ndjson"


def read(path: str) -> list[Exchange | Unreadable]:
    (source,) = iter_inputs([path])
    assert isinstance(source, Source)
    return list(iter_exchanges(source))


def text_of(part: dict[str, Any]) -> dict[str, Any]:
    """Return a request or response with its body as text, as a body stands in a column."""
    body = part.get("body")
    text = body if isinstance(body, str) or body is None else json.dumps(body, separators=(",", ":"))
    headers = part.get("headers")
    pairs = headers.items() if isinstance(headers, dict) else headers or []
    flat = [(name, one) for name, value in pairs for one in (value if isinstance(value, list) else [value])]
    return {**part, "body": text, "headers": flat}


def rows() -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in RECORDING.read_bytes().splitlines()]
    return [
        {**line, "request": text_of(line["request"]), "response": text_of(line["response"])} for line in lines
    ]


HEADERS = pa.map_(pa.string(), pa.string())
SCHEMA = pa.schema(
    {
        "request": pa.struct(
            {"method": pa.string(), "url": pa.string(), "headers": HEADERS, "body": pa.string()}
        ),
        "response": pa.struct(
            {
                "status": pa.int32(),
                "headers": HEADERS,
                "body": pa.large_string(),
                "body_base64": pa.string(),
            }
        ),
        "recorded_at": pa.string(),
        "region": pa.string(),
    }
)


def table(path: Path, data: list[dict[str, Any]], schema: Any = SCHEMA) -> str:
    pq.write_table(pa.Table.from_pylist(data, schema=schema), path)
    return str(path)


def test_a_row_says_what_its_line_says(tmp_path: Path) -> None:
    lines = tmp_path / "x.ndjson"
    lines.write_text("".join(f"{json.dumps(row)}\n" for row in rows()))
    expected = [
        structs.replace(one, place=structs.replace(one.place, file="", line=None)) for one in read(str(lines))
    ]
    found = read(table(tmp_path / "x.parquet", rows()))
    assert len(found) > 30
    assert [structs.replace(one, place=structs.replace(one.place, file="")) for one in found] == expected


def test_parquet_in_a_store_is_read_and_its_change_is_seen(tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/p/x.parquet", Path(table(tmp_path / "x.parquet", rows())).read_bytes())
    assert len(read("memory://p")) == len(rows())
    (source,) = iter_inputs(["memory://p/x.parquet"])
    assert isinstance(source, Source)
    store.pipe("/p/x.parquet", Path(table(tmp_path / "y.parquet", rows()[:3])).read_bytes())
    (verdict,) = iter_exchanges(source)
    assert isinstance(verdict, Unreadable)
    assert verdict.reason.startswith("changed while it was read")
    store.rm("/p", recursive=True)


def test_a_thread_reads_rows_ahead_from_a_store_and_none_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[bool] = []

    def noted(*given: Any) -> Iterator[list[parquet.Row]]:
        readers.append(threading.current_thread() is threading.main_thread())
        return parquet.iter_rows(*given)

    monkeypatch.setattr(reading, "iter_rows", noted)
    file, store = table(tmp_path / "x.parquet", rows()[:1]), fsspec.filesystem("memory")
    store.pipe("/q/x.parquet", Path(file).read_bytes())
    assert len(read(file)) == len(read("memory://q")) == 1
    store.rm("/q", recursive=True)
    assert readers == [True, False]


def test_times_bytes_and_headers_come_in_several_types(tmp_path: Path) -> None:
    pairs = pa.list_(pa.struct({"name": pa.string(), "value": pa.string()}))
    schema = pa.schema(
        {
            "response": pa.struct({"status": pa.int64(), "headers": pairs, "body": pa.binary()}),
            "request": pa.struct({"headers": pa.struct({"Accept": pa.string(), "Host": pa.string()})}),
            "recorded_at": pa.timestamp("ms"),
        }
    )
    row = {
        "response": {"status": 200, "headers": [{"name": "A", "value": "b"}], "body": b"\xff"},
        "request": {"headers": {"Accept": "x", "Host": None}},
        "recorded_at": datetime(2026, 5, 1, tzinfo=UTC),
    }
    (one,) = read(table(tmp_path / "x.parquet", [row], schema))
    assert isinstance(one, Exchange)
    assert (one.response.headers, one.response.body) == ((("A", "b"),), b"\xff")
    assert one.request.headers == (("Accept", "x"),)
    assert one.recorded_at == "2026-05-01T00:00:00-00:00"


def test_a_row_without_what_is_needed_is_unreadable_and_the_next_one_comes(tmp_path: Path) -> None:
    good = {"status": 200, "headers": [], "body": "{}", "body_base64": None}
    coded = {**good, "body": None, "body_base64": base64.b64encode(b"{1}").decode()}
    data: list[dict[str, Any]] = [
        {"response": None},
        {"response": {**good, "body": None}},
        {"response": {**good, "status": 1}},
    ]
    found = read(table(tmp_path / "x.parquet", [*data, {"response": good}, {"response": coded}]))
    assert [type(one) for one in found] == [Unreadable, Unreadable, Unreadable, Exchange, Exchange]
    assert [one.place.entry for one in found] == [1, 2, 3, 4, 5]
    assert isinstance(found[4], Exchange)
    assert found[4].response.body == b"{1}"


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (pa.schema({"x": pa.string()}), parquet.NO_RESPONSE_COLUMN),
        (pa.schema({"response": pa.struct({"status": pa.int32()})}), parquet.NO_RESPONSE_COLUMN),
        (
            pa.schema({"response": pa.struct({"status": pa.int32(), "body": pa.struct({"a": pa.int8()})})}),
            parquet.NO_TEXT.format("response.body"),
        ),
    ],
)
def test_columns_that_have_lost_what_drifted_are_refused(tmp_path: Path, schema: Any, reason: str) -> None:
    (verdict,) = read(table(tmp_path / "x.parquet", [], schema))
    assert isinstance(verdict, Unreadable)
    assert verdict.reason == reason


def test_a_text_that_is_no_utf8_is_bytes_and_a_time_that_nothing_holds_is_none(tmp_path: Path) -> None:
    path, schema = tmp_path / "x.parquet", SCHEMA.set(2, pa.field("recorded_at", pa.timestamp("us")))
    answers = [{"status": 200, "headers": {"A": "b"}, "body": body} for body in ("{}", "{MARK", "{é}")]
    data = [{"response": one, "recorded_at": at} for one, at in zip(answers, (0, 0, 2**62), strict=True)]
    data.append({"request": {"url": "/MARK"}, "response": answers[0]})
    pq.write_table(pa.Table.from_pylist(data, schema=schema), path, compression="none", use_dictionary=False)
    path.write_bytes(path.read_bytes().replace(b"MARK", b"\xff" * 4))
    *found, last = read(str(path))
    assert [
        isinstance(one, Exchange) and (one.response.body, one.response.headers, one.recorded_at is None)
        for one in found
    ] == [
        (b"{}", (("A", "b"),), False),
        (b"{\xff\xff\xff\xff", (("A", "b"),), False),
        ("{é}".encode(), (("A", "b"),), True),
    ]
    assert isinstance(last, Unreadable)
    assert last.reason == "the Parquet column 'request.url' is no text"


def test_damaged_parquet_and_parquet_on_standard_input_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + b"4111111111111111" * 9)
    (verdict,) = read(str(path))
    assert isinstance(verdict, Unreadable)
    assert verdict.reason == "the Parquet data is damaged"
    stdin = Source(ordinal=0, name="-", path=None)
    (verdict,) = iter_exchanges(stdin, stdin=io.BytesIO(path.read_bytes()))
    assert isinstance(verdict, Unreadable)
    assert "name the file" in verdict.reason


def test_parquet_that_pyarrow_cannot_read_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"response": [{"body": "{}", "status": 2}]}), path, compression="snappy")
    written = path.read_bytes()
    lzo = re.sub(rb"(body\x15)\x02(?=\x16\x02)", lambda found: found[1] + b"\x06", written)
    assert lzo != written
    for data, words in ((lzo, "write it again with snappy"), (b"PARE" + written[4:], "is encrypted")):
        path.write_bytes(data if words[0] == "w" else data[:-4] + b"PARE")
        (verdict,) = read(str(path))
        assert isinstance(verdict, Unreadable)
        assert words in verdict.reason
    assert "cannot read" in (parquet.damage_of(pa.ArrowNotImplementedError("nested")) or "")
    assert parquet.damage_of(NotImplementedError("of a store")) is None


ROW: dict[str, dict[str, Any]] = {
    "request": {"method": "POST", "url": "https://x.example/", "headers": [], "body": "{}"},
    "response": {"status": 200, "headers": [], "body": "{}", "body_base64": None},
}


@pytest.mark.parametrize(
    ("column", "value", "type_", "words"),
    [
        ("request", "text", pa.string(), "'request' is no struct"),
        ("request.method", 1, pa.int64(), "'request.method' is no text"),
        ("request.url", b"https://x.example/", pa.binary(), "'request.url' is no text"),
        ("request.headers", 7, pa.int64(), "the headers are neither"),
        ("response.status", "200", pa.string(), "the status is not an integer"),
        ("response.headers", "a", pa.string(), "the headers are neither"),
        ("response.body_base64", b"e30=", pa.binary(), "base64"),
    ],
)
def test_what_is_of_another_type_is_refused_by_its_name_row_by_row(
    column: str, value: Any, type_: pa.DataType, words: str, tmp_path: Path
) -> None:
    top, _, member = column.partition(".")
    part = pa.array([{**ROW[top], member: value}] * 2) if member else pa.array([value] * 2, type_)
    others = {name: pa.array([one] * 2) for name, one in ROW.items() if name != top}
    pq.write_table(pa.table({top: part, **others}), tmp_path / "x.parquet")
    found = read(str(tmp_path / "x.parquet"))
    refused = [one for one in found if isinstance(one, Unreadable) and words in one.reason]
    assert len(refused) == len(found) == 2
    urls = {one.request.url for one in refused if one.request is not None}
    assert urls == ({"https://x.example/"} if top == "response" else set()), "only the answer is unreadable"


@pytest.mark.parametrize(
    ("bodies", "options"),
    [
        (["x" * 1_000_000] * 100, {}),
        pytest.param(
            ["x" * 1_000_000] * 100,
            {"compression": "zstd", "dictionary_pagesize_limit": 1 << 30},
            marks=pytest.mark.thorough,
        ),
        pytest.param(["x" * 100_000_000], {"compression": "zstd"}, marks=pytest.mark.thorough),
    ],
    ids=["a dictionary", "a dictionary that packs well", "one value"],
)
def test_a_small_file_of_large_values_is_refused_and_takes_little_memory(
    bodies: list[str], options: dict[str, Any], tmp_path: Path
) -> None:
    rows = [{"status": 200, "body": body} for body in bodies]
    pq.write_table(pa.table({"response": rows}), tmp_path / "x.parquet", **options)
    del rows
    before = pa.total_allocated_bytes()
    largest = 0
    reasons = []
    for found in iter_exchanges(Source(ordinal=0, name="x", path=tmp_path / "x.parquet")):
        largest = max(largest, pa.total_allocated_bytes() - before)
        reasons += [found.reason] if isinstance(found, Unreadable) else []
    assert [reason.partition(" MiB")[0][:-2] for reason in reasons] == ["the file unpacks to more than "]
    assert largest < 130 << 20


def test_large_values_are_read_where_more_is_allowed(tmp_path: Path) -> None:
    rows = [{"status": 200, "body": "x" * 1_000_000}] * 70
    pq.write_table(pa.table({"response": rows}), tmp_path / "x.parquet")
    source = Source(ordinal=0, name="x", path=tmp_path / "x.parquet", max_unpacked=80_000_000)
    assert [type(one) for one in iter_exchanges(source)] == [Exchange] * 70
