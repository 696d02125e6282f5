"""How long, how large and how many: what is recorded, kept waiting and rotated, each at its edge."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from opay_contract.contract.loading import load_contract
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.record import recorder as recorder_module
from opay_contract.record.files import BodyBuffer, Captured, Limits, Omitted, RotatingFile, decode_captured
from opay_contract.record.proxy import Upstream
from opay_contract.record.recorder import Metrics, Recorder, Watch
from opay_contract.redact.redactor import Redactor

CALL = Captured(
    exchange=Exchange(
        place=Place(source=0, entry=0, file=""),
        request=Request(
            method="POST", url="https://cashierapi.opaycheckout.com/api/v1/international/token/query"
        ),
        response=Response(status=200, headers=(), body=b"{}"),
        recorded_at="2026-11-23T17:25:00Z",
    )
)


def test_a_body_is_kept_up_to_its_limit_and_not_one_byte_beyond() -> None:
    for chunks, kept in (((b"abc",), b"abc"), ((b"ab", b"c"), b"abc"), ((b"ab", b"cd"), Omitted.TOO_LONG)):
        buffer = BodyBuffer(limit=3)
        for chunk in chunks:
            buffer.add(chunk)
        assert buffer.body() == kept


def test_what_a_body_unpacks_to_is_kept_up_to_the_limit_too() -> None:
    assert decode_captured(CALL, 2).response is None
    assert decode_captured(CALL, 1).response is Omitted.TOO_LONG


def test_a_file_is_full_at_its_size_and_not_before(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "a.ndjson", Limits(size=6))
    for line, name in ((b"123\n", "a"), (b"5\n", "a.0002"), (b"1\n", "a.0002")):
        file.append([line])
        file.turn()
        assert file.path.name == f"{name}.ndjson"
    file.close()


def test_what_waits_may_fill_its_memory_exactly(tmp_path: Path) -> None:
    for room, recorded in ((2 * CALL.size, 2), (2 * CALL.size - 1, 1)):
        said: list[str] = []
        recorder = Recorder(RotatingFile(tmp_path / f"{room}.ndjson"), None, say=said.append)
        backlog = recorder.backlog(room)
        backlog.add(CALL)
        backlog.add(CALL)
        with backlog:
            pass
        recorder.close()
        assert (recorder.metrics.total("recorded_total"), len(said)) == (recorded, 2 - recorded)


def test_a_finding_is_told_once_and_only_so_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_FINDINGS", 1)
    told: list[object] = []
    watch = Watch(load_contract(), Settings(started_at=1_790_000_000.0), told.append)
    for body in (b'{"code":1}', b'{"code":1}', b"nonsense"):
        answered = structs.replace(CALL.exchange.response, body=body)
        exchange = structs.replace(CALL.exchange, response=answered)
        watch.add(Captured(exchange=exchange), exchange.place)
    assert len(told) == 1


def test_a_latency_at_a_bound_counts_below_it() -> None:
    metrics = Metrics()
    metrics.observe(0.005)
    metrics.observe(0.0050001)
    lines = metrics.render().splitlines()
    for name in {line.partition("{")[0].partition(" ")[0] for line in lines if not line.startswith("#")}:
        whole = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        assert sum(line.startswith(f"# TYPE {whole} ") for line in lines) == 1, name
    assert 'opay_record_latency_seconds_bucket{le="0.005"} 1' in lines
    assert 'opay_record_latency_seconds_bucket{le="0.01"} 2' in lines
    assert 'opay_record_latency_seconds_bucket{le="+Inf"} 2' in lines


def test_a_path_of_the_upstream_stands_before_the_target_with_one_slash() -> None:
    for base in ("http://gw.example/psp", "http://gw.example/psp/"):
        assert Upstream(base, timeout=1).url_of(b"/query?a=1") == "http://gw.example/psp/query?a=1"


@pytest.mark.parametrize(("status", "answered"), [(599, b"599"), (600, b"502")])
def test_a_status_that_http_does_not_have_is_no_answer(
    status: int, answered: bytes, upstream: Any, proxy: Any
) -> None:
    head = b"HTTP/1.1 %d Odd\r\nContent-Length: 2\r\n\r\n{}" % status
    upstream.respond = lambda connection, _: connection.sendall(head)
    assert proxy.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").split()[1] == answered


def test_what_was_replaced_is_kept_no_longer_than_its_exchange_is_written(tmp_path: Path) -> None:
    redactor = Redactor(load_contract(), b"a key of thirty-two bytes, no more", None)
    recorder = Recorder(RotatingFile(tmp_path / "a.ndjson"), redactor, say=pytest.fail)
    asked = structs.replace(CALL.exchange.request, body=b'{"customerId":"Amira"}')
    with recorder.backlog() as backlog:
        backlog.add(structs.replace(CALL, exchange=structs.replace(CALL.exchange, request=asked)))
    recorder.close()
    assert b"Amira" not in (tmp_path / "a.ndjson").read_bytes()
    assert redactor.log.replaced == []
