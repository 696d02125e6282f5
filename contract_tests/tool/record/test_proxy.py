"""What the proxy does when a side is slow, gone, resetting or enormous: calls come first."""

import gzip
import os
import socket
import struct
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import brotli
import pytest
import requests
import zstandard

from opay_contract.formats import content_coding as encodings
from opay_contract.model.exchange import Exchange, Unreadable

PATIENCE = 60
MEGABYTE = 1 << 20
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def reset(connection: socket.socket, _request: bytes = b"") -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def own_answer(got: bytes) -> tuple[bytes, bytes]:
    head, _, body = got.partition(b"\r\n\r\n")
    mark = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"x-opay-record: "))
    assert b'"from": "opay-contract record"' in body
    return head.split(b"\r\n")[0].split()[1], mark.split(b": ")[1]


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("br", brotli.compress),
    ],
)
def test_a_compressed_answer_passes_compressed_and_is_recorded_decoded(
    upstream: Any, proxy: Any, answering: Any, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(b'{"code":"00000"}')
    upstream.respond = answering(packed, f"Content-Encoding: {coding}".encode())
    assert proxy.send(POST).endswith(packed)
    (exchange,) = proxy.exchanges(1)
    assert exchange.response.body == b'{"code":"00000"}'


@pytest.mark.parametrize("body", [b"\x1f\x8b damaged", gzip.compress(bytes(2 * MEGABYTE))])
def test_an_answer_that_cannot_be_decoded_passes_and_is_an_unreadable_entry(
    upstream: Any, proxy: Any, answering: Any, body: bytes
) -> None:
    upstream.respond = answering(body, b"Content-Encoding: gzip")
    assert proxy.send(POST).endswith(body)
    assert [type(item) for item in proxy.exchanges(1)] == [Unreadable]
    assert b'"comment":"response body ' in proxy.path.read_bytes()


def test_without_its_extra_an_answer_in_brotli_passes_and_is_left_out(
    upstream: Any, proxy: Any, answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encodings, "load_brotli", lambda: None)
    packed = brotli.compress(b'{"code":"00000"}')
    upstream.respond = answering(packed, b"Content-Encoding: br")
    assert proxy.send(POST).endswith(packed)
    assert [type(item) for item in proxy.exchanges(1)] == [Unreadable]
    assert b'"comment":"response body not decoded"' in proxy.path.read_bytes()


def test_an_upstream_that_is_down_gives_a_502_of_the_proxys_own(start_proxy: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with start_proxy(url, tmp_path / "calls.ndjson") as proxy:
        assert own_answer(proxy.send(POST)) == (b"502", b"upstream-unreachable")
        assert proxy.recorder.metrics.total("upstream_failures_total") == 1
    assert proxy.path.read_bytes() == b""


def test_an_upstream_that_is_silent_gives_a_504(upstream: Any, start_proxy: Any, tmp_path: Path) -> None:
    silence = threading.Event()
    upstream.respond = lambda _connection, _request: silence.wait(PATIENCE)
    with start_proxy(upstream.url, tmp_path / "calls.ndjson", timeout=0.1) as proxy:
        assert own_answer(proxy.send(POST)) == (b"504", b"upstream-timeout")
    silence.set()


@pytest.mark.parametrize("interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"H"])
def test_an_upstream_that_never_comes_to_its_answer_gives_a_504(
    interim: bytes, upstream: Any, start_proxy: Any, tmp_path: Path
) -> None:
    over = threading.Event()

    def respond(connection: socket.socket, _request: bytes) -> None:
        pieces = iter(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000)
        while not over.wait(0.01):
            connection.sendall(interim if len(interim) > 1 else bytes([next(pieces)]))

    upstream.respond = respond
    with start_proxy(upstream.url, tmp_path / "calls.ndjson", timeout=0.2) as proxy:
        assert own_answer(proxy.send(POST)) == (b"504", b"upstream-timeout")
        assert proxy.recorder.metrics.total("upstream_failures_total") == 1
    over.set()


def test_a_slow_answer_passes(upstream: Any, proxy: Any) -> None:
    halfway = threading.Event()

    def respond(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        halfway.wait(PATIENCE)
        connection.sendall(b"cd")

    upstream.respond = respond
    with socket.create_connection(proxy.address, PATIENCE) as client:
        client.sendall(POST)
        got = b""
        while not got.endswith(b"ab"):  # the first half is here before the second is sent
            got += client.recv(1000)
        halfway.set()
        assert client.recv(1000) == b"cd"
    assert proxy.exchanges(1)[0].response.body == b"abcd"


def test_an_upstream_that_resets_gives_a_502(upstream: Any, proxy: Any) -> None:
    upstream.respond = reset
    assert own_answer(proxy.send(POST)) == (b"502", b"upstream-reset")


def test_an_upstream_that_talks_nonsense_gives_a_502(upstream: Any, proxy: Any) -> None:
    upstream.respond = lambda connection, _: connection.sendall(b"SSH-2.0\r\n\r\n")
    assert own_answer(proxy.send(POST)) == (b"502", b"upstream-reset")


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
def test_an_answer_that_breaks_off_breaks_off_for_the_client_and_in_the_recording(
    upstream: Any, proxy: Any, framing: bytes
) -> None:
    sent = b'{"a"' if framing.startswith(b"C") else b'4\r\n{"a"\r\n'

    def respond(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + sent)
        connection.close()

    upstream.respond = respond
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.post(proxy.url, data=b"{}", timeout=PATIENCE)
    assert proxy.exchanges(1)[0].response.body == b'{"a"'


def test_an_answer_that_stalls_is_cut_and_recorded_as_not_read(
    upstream: Any, start_proxy: Any, tmp_path: Path
) -> None:
    stalled = threading.Event()

    def respond(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
        stalled.wait(PATIENCE)

    upstream.respond = respond
    with start_proxy(upstream.url, tmp_path / "calls.ndjson", timeout=0.1) as proxy:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.post(proxy.url, data=b"{}", timeout=PATIENCE)
        assert [type(item) for item in proxy.exchanges(1)] == [Unreadable]
    stalled.set()


def test_a_client_that_is_gone_in_mid_request_is_counted_and_no_exchange(proxy: Any, wait_for: Any) -> None:
    with socket.create_connection(proxy.address, PATIENCE) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    wait_for(lambda: proxy.recorder.metrics.total("clients_gone_total"))
    assert proxy.path.read_bytes() == b""


def test_an_answer_is_recorded_whole_when_its_client_is_gone(upstream: Any, proxy: Any) -> None:
    gone = threading.Event()

    def respond(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        gone.wait(PATIENCE)
        connection.sendall(b"cd")

    upstream.respond = respond
    with socket.create_connection(proxy.address, PATIENCE) as client:
        client.sendall(POST)
        assert client.recv(1000)
        reset(client)
    gone.set()
    assert proxy.exchanges(1)[0].response.body == b"abcd"


def test_an_endless_answer_ends_when_its_client_is_gone(upstream: Any, proxy: Any) -> None:
    ended = threading.Event()

    def respond(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                connection.sendall(bytes(MEGABYTE))
        except OSError:
            ended.set()

    upstream.respond = respond
    with socket.create_connection(proxy.address, PATIENCE) as client:
        client.sendall(POST)
        assert client.recv(1000)
        reset(client)
    assert ended.wait(PATIENCE)
    assert [type(item) for item in proxy.exchanges(1)] == [Unreadable]


def test_six_megabytes_pass_both_ways_in_little_memory(upstream: Any, proxy: Any) -> None:
    body = os.urandom(6 * MEGABYTE)
    seen: list[int] = []

    def respond(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        tracemalloc.start()
        connection.sendall(body)

    upstream.respond = respond
    with requests.post(proxy.url, data=body, stream=True, timeout=PATIENCE) as answer:
        at = 0
        for chunk in answer.iter_content(1 << 16):
            assert body[at : at + len(chunk)] == chunk
            at += len(chunk)
            seen.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert at == len(body)
    assert upstream.heard[-1].endswith(body)
    assert max(seen) < 4 * MEGABYTE
    assert [type(item) for item in proxy.exchanges(1)] == [Unreadable]
    assert b"request body too long, response body too long" in proxy.path.read_bytes()
    assert proxy.path.stat().st_size < 1000


def test_fifty_calls_at_once_are_fifty_lines(upstream: Any, proxy: Any) -> None:
    together = threading.Barrier(50)

    def respond(connection: socket.socket, request: bytes) -> None:
        together.wait(PATIENCE)  # all of them are under way before the first is answered
        body = request.partition(b"\r\n\r\n")[2]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    upstream.respond = respond
    bodies = [b'{"number":%d}' % number for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(
            pool.map(lambda body: requests.post(proxy.url, data=body, timeout=PATIENCE).content, bodies)
        )
    assert answers == bodies
    recorded = proxy.exchanges(50)
    assert all(isinstance(item, Exchange) and item.request.body == item.response.body for item in recorded)
    assert sorted(item.response.body for item in recorded) == sorted(bodies)


def test_a_connection_serves_many_calls(upstream: Any, proxy: Any) -> None:
    with requests.Session() as session:
        for _ in range(20):
            assert session.post(proxy.url, data=b"{}", timeout=PATIENCE).status_code == 200
    assert len(upstream.heard) == len(proxy.exchanges(20)) == 20


def test_an_answer_that_nothing_changed_has_no_body_whatever_length_it_tells(
    upstream: Any, proxy: Any
) -> None:
    upstream.respond = lambda connection, _: connection.sendall(
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"
    )
    with requests.Session() as session:
        for _ in range(2):  # the connection is as good as before
            answer = session.get(proxy.url, timeout=PATIENCE)
            assert (answer.status_code, answer.headers.get("Content-Length")) == (304, None)
    assert [one.response.status for one in proxy.exchanges(2)] == [304, 304]


def test_a_recording_that_is_too_far_behind_leaves_exchanges_out_and_says_so(
    upstream: Any, start_proxy: Any, tmp_path: Path
) -> None:
    with start_proxy(upstream.url, tmp_path / "calls.ndjson", max_bytes=10) as proxy:
        assert [proxy.send(POST)[:12] for _ in range(2)] == [b"HTTP/1.1 200"] * 2
    assert proxy.recorder.failures == 2
    assert proxy.said == ["exchanges are not recorded: the recording is too far behind"]


def test_metrics_have_a_path_of_their_own_only_where_asked_for(
    upstream: Any, proxy: Any, start_proxy: Any, tmp_path: Path
) -> None:
    assert requests.get(proxy.url + "/__record__/metrics", timeout=PATIENCE).text == "{}"
    assert len(upstream.heard) == 1
    with start_proxy(upstream.url, tmp_path / "more.ndjson", metrics=True) as other:
        other.send(POST)
        other.exchanges(1)
        text = requests.get(other.url + "/__record__/metrics", timeout=PATIENCE).text
    assert len(upstream.heard) == 2
    assert 'opay_record_exchanges_total{status="200"} 1\n' in text
    assert "opay_record_recorded_total 1\n" in text
    assert 'opay_record_latency_seconds_bucket{le="+Inf"} 1\n' in text


WIDE = b'{"code":"00000","data":{%s}}' % b",".join(
    b'"member%05d":"value-%05d"' % (n, n) for n in range(10_000)
)
DEEP = b'{"code":"00000","data":%s%s}' % (b"[" * 100_000, b"]" * 100_000)


@pytest.mark.parametrize("body", [DEEP, pytest.param(WIDE, marks=pytest.mark.thorough)], ids=["deep", "wide"])
def test_an_answer_that_is_dear_to_redact_reaches_its_client_first_and_is_recorded(
    body: bytes, upstream: Any, start_proxy: Callable[..., Any], tmp_path: Path, recorded: Any
) -> None:
    """A list in a list 100,000 times, or 10,000 members: redacting takes long, in another thread."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    upstream.respond = lambda connection, _: connection.sendall(head + body)
    with start_proxy(upstream.url, tmp_path / "calls.ndjson", raw=False) as proxy:
        path = "/api/v1/international/token/query"
        answer = requests.post(proxy.url + path, json={"customerId": "1"}, timeout=PATIENCE)
        assert answer.content == body
    assert (proxy.said, proxy.recorder.failures) == ([], 0)
    (found,) = recorded(proxy.path)  # when the proxy is gone, nothing waits any more
    assert len(found.response.body) >= len(body)
    assert b"value-00001" not in found.response.body
