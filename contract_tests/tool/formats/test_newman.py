"""Newman's JSON reports, as Newman writes them, and as they break."""

import gzip
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.formats.postman import read_newman
from opay_contract.formats.streams import ChunkStream
from opay_contract.formats.table import Format, recognise
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.inputs import Source

Read = Callable[..., list[Any]]

SOURCE = Source(ordinal=0, name="-", path=None)
FILES = sorted((Path(__file__).parents[2] / "recordings").glob("*/newman.json"))
BODY = b'{"code":"00000"}'


def execution(**response: Any) -> dict[str, Any]:
    return {
        "cursor": {"position": 0},
        "item": {"name": "A", "response": [{"code": 500}]},
        "request": {
            "url": {"protocol": "https", "host": ["sandbox", "example", "com"], "path": ["pay"]},
            "header": [{"key": "MerchantId", "value": "1"}, {"key": "Host", "value": "x", "system": True}],
            "method": "POST",
            "body": {"mode": "raw", "raw": '{"a":"{{b}}"}'},
        },
        "response": {
            "status": "OK",
            "code": 200,
            "header": [{"key": "Date", "value": "Mon, 23 Nov 2026 18:32:40 GMT"}],
            "stream": {"type": "Buffer", "data": list(BODY)},
        }
        | response,
    }


def report(*executions: Any) -> bytes:
    collection = {"item": [{"name": "A", "request": {}}], "info": {"name": "B"}}
    run: dict[str, Any] = {"stats": {}, "executions": executions, "failures": [], "error": None}
    return json.dumps({"collection": collection, "environment": {}, "run": run}, indent=2).encode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.parent.name))
def test_a_real_report_holds_what_another_recorder_holds_of_the_same_calls(read: Read, path: Path) -> None:
    found = read(path.read_bytes())
    others = read((path.parent / "requests.ndjson").read_bytes())
    assert [(one.response.status, one.response.body) for one in found] == [
        (one.response.status, one.response.body) for one in others
    ]
    assert [one.request.url for one in found] == [one.request.url for one in others]
    assert [json.loads(one.request.body) for one in found] == [json.loads(one.request.body) for one in others]
    assert all(one.recorded_at.startswith("2026-") for one in found)


def test_every_part_of_an_execution_is_read(read: Read) -> None:
    (found,) = read(report(execution()))
    assert (found.request.method, found.request.url) == ("POST", "https://sandbox.example.com/pay")
    assert found.request.headers == (("MerchantId", "1"), ("Host", "x"))
    assert (found.response.status, found.response.body) == (200, BODY)
    assert found.recorded_at == "2026-11-23T18:32:40+00:00"


def test_a_variable_that_newman_did_not_fill_in_was_sent_as_it_stands(read: Read) -> None:
    (found,) = read(report(execution()))
    assert found.request.body == b'{"a":"{{b}}"}'


def test_an_execution_is_placed_on_the_line_on_which_it_starts(read: Read) -> None:
    data = report(execution(), execution())
    lines = data.split(b"\n")
    assert [lines[one.place.line - 1].strip() for one in read(data)] == [b"{", b"{"]


def test_a_content_encoding_is_taken_off_where_it_is_still_on(read: Read) -> None:
    header = [{"key": "content-encoding", "value": "gzip"}]
    packed = {"type": "Buffer", "data": list(gzip.compress(BODY))}
    first, second = read(report(execution(header=header), execution(header=header, stream=packed)))
    assert first.response.body == second.response.body == BODY


def test_a_request_that_failed_is_unreadable(read: Read) -> None:
    failed = execution() | {"requestError": {"code": "ECONNREFUSED"}}
    del failed["response"]
    (found,) = read(report(failed))
    assert "got no response" in found.reason


def test_an_empty_body_is_empty_and_one_that_is_missing_is_unreadable(read: Read) -> None:
    announced = [{"key": "Content-Length", "value": "5"}]
    found = read(report(execution(stream={"data": []}), execution(stream=None, header=announced)))
    assert found[0].response.body == b""
    assert found[1].reason.startswith("the report has no body")


@each(
    "odd",
    [
        None,
        [],
        {},
        execution(code=None),
        execution(code=99),
        execution(stream={"data": [256]}),
        execution(stream={"data": ["a"]}),
        execution(stream="text"),
        execution(header=1),
        execution() | {"request": [1]},
    ],
)
def test_an_execution_of_another_shape_is_unreadable_and_the_others_still_come(read: Read, odd: Any) -> None:
    found = read(report(execution(), odd, execution()))
    assert [type(one) for one in found] == [Exchange, Unreadable, Exchange]


def test_a_report_that_breaks_off_gives_what_came_before_and_says_so(read: Read) -> None:
    found = read(report(execution(), execution())[:-30])
    assert [type(one) for one in found] == [Exchange, Exchange, Unreadable]
    assert found[-1].reason == "the file breaks off after entry 2"


def test_a_report_is_told_by_its_content_even_when_the_collection_is_long() -> None:
    assert recognise(report(execution())) == Format.NEWMAN
    assert {recognise(path.read_bytes()[: 64 << 10]) for path in FILES} == {Format.NEWMAN}
    assert recognise(b'{"run":{"stats":{},"executions":[') == Format.NEWMAN
    assert recognise(b'{"collection":{"id":1},"run":{}}') == Format.NDJSON


@given(data=st.binary(max_size=200) | st.text(alphabet='{}[]",:0123dat\\', max_size=60).map(str.encode))
@settings(max_examples=80, deadline=None)
def test_no_bytes_make_the_reader_raise(read: Read, data: Any) -> None:
    for prefix in (
        b"",
        b'{"run":{"executions":[',
        b'{"run":{"executions":[{"response":{"code":200,"stream":',
    ):
        read(prefix + data, Format.NEWMAN)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_damaged_file_never_makes_the_reader_raise(read: Read, data: Any) -> None:
    damaged = bytearray(report(execution()))
    start = data.draw(st.integers(0, len(damaged) - 1))
    damaged[start : start + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    read(bytes(damaged), Format.NEWMAN)


@given(marks=st.lists(st.integers(0, 5000), max_size=12))
@settings(max_examples=25, deadline=None)
def test_chunk_boundaries_do_not_matter(marks: Any) -> None:
    data = report(execution(), execution(code=404))
    edges = [0, *sorted(mark % (len(data) + 1) for mark in marks), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert list(read_newman(SOURCE.place, ChunkStream(pieces))) == list(
        read_newman(SOURCE.place, ChunkStream([data]))
    )


def test_a_report_is_judged_by_its_run_wherever_the_collection_stands(read: Read) -> None:
    """A saved example of the collection says what somebody kept, and not what the run showed."""
    saved = {"code": 200, "header": [], "body": "{}", "originalRequest": {"url": "https://a.example/"}}
    schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    for filler in ("", "x" * 300_000):
        item = {"name": filler, "request": {"url": "https://a.example/"}, "response": [saved]}
        collection = {"info": {"name": "c", "schema": schema}, "item": [item]}
        run = {"executions": [execution()]}
        for whole in ({"collection": collection, "run": run}, {"run": run, "collection": collection}):
            (found,) = read(json.dumps(whole).encode())
            assert found.response.body == BODY
        (kept,) = read(json.dumps({"collection": collection}).encode())
        assert kept.response.body == b"{}"


def test_reports_one_behind_another_are_all_read(read: Read) -> None:
    found = read(report(execution()) + b"\n" + report(execution(), execution()))
    assert [one.place.entry for one in found] == [1, 2, 3]


@pytest.mark.parametrize("header", [[], [{"key": "Transfer-Encoding", "value": "chunked"}]])
def test_a_body_that_newman_left_out_is_no_empty_one(read: Read, header: Any) -> None:
    (found,) = read(report(execution(stream=None, header=header)))
    assert found.reason.startswith("the report has no body")
    assert found.request.url == "https://sandbox.example.com/pay"
    (nothing,) = read(report(execution(stream=None, header=[{"key": "Content-Length", "value": "0"}])))
    assert nothing.response.body == b""
