"""Any request and any answer pass byte for byte, but for what is between two hops."""

import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contract_tests.usual import each
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

TOKEN = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
names = st.text(alphabet=TOKEN, min_size=1, max_size=12).map(lambda name: b"X-" + name.encode())
values = st.binary(max_size=30).map(
    lambda value: bytes(byte for byte in value if byte >= 32 and byte != 127).strip()
)
fields = st.lists(st.tuples(names, values), max_size=6)
targets = st.text(alphabet=TOKEN + "/?=&%:@,;", max_size=40).map(lambda path: b"/" + path.encode())
bodies = st.binary(max_size=300) | st.builds(
    bytes.__mul__, st.binary(min_size=1, max_size=30), st.integers(1, 9000)
)
Fields = list[tuple[bytes, bytes]]


@pytest.fixture(scope="module")
def pair(
    start_upstream: Any, start_proxy: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, Any]]:
    path = tmp_path_factory.mktemp("bytes") / "calls.ndjson"
    with start_upstream() as upstream, start_proxy(upstream.url, path) as proxy:
        yield upstream, proxy


def head(start: bytes, given_fields: Fields, *more: bytes) -> bytes:
    lines = [start, *(name + b": " + value for name, value in given_fields), *more]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def unchunked(data: bytes) -> bytes:
    body = b""
    while data != b"0\r\n\r\n":
        size, _, data = data.partition(b"\r\n")
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]
    return body


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=targets, asked=fields, sent=bodies, answered=fields, body=bodies)
@example(target=b"/a//b/../%2e?", asked=[], sent=b"", answered=[], body=b"\r\n\r\n0\r\n\r\n")
@example(target=b"/", asked=[(b"X-A", b"transfer-encoding: chunked")], sent=b"{}", answered=[], body=b"{}")
@example(target=b"/?a=1&a=%20+", asked=[(b"X-A", b"1"), (b"X-A", b"1")], sent=b"{}", answered=[], body=b"")
def test_messages_with_a_length_pass_as_they_are(  # noqa: PLR0913, PLR0917  a call's parts
    pair: tuple[Any, Any], target: bytes, asked: Fields, sent: bytes, answered: Fields, body: bytes
) -> None:
    upstream, proxy = pair
    end = (b"Content-Length: %d" % len(body),)
    upstream.respond = lambda connection, _: connection.sendall(
        head(b"HTTP/1.1 200 OK", answered, *end) + body
    )
    own, other = (url.removeprefix("http://").encode() for url in (proxy.url, upstream.url))
    length = b"Content-Length: %d" % len(sent)
    got = proxy.send(head(b"POST " + target + b" HTTP/1.1", [(b"Host", own), *asked], length) + sent)
    assert (
        upstream.heard[-1]
        == head(b"POST " + target + b" HTTP/1.1", [(b"Host", other), *asked], length) + sent
    )
    lowered = [(name.lower(), value) for name, value in answered]  # the server's way to write them
    assert got == head(b"HTTP/1.1 200 OK", lowered, end[0].lower()) + body


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=bodies, body=bodies, size=st.integers(1, 5000))
def test_chunked_messages_pass_with_the_same_bytes(
    pair: tuple[Any, Any], sent: bytes, body: bytes, size: int
) -> None:
    upstream, proxy = pair
    coding = b"Transfer-Encoding: chunked"
    size = max(size, len(body) // 100, len(sent) // 100, 1)
    upstream.respond = lambda connection, _: connection.sendall(
        head(b"HTTP/1.1 200 OK", [], coding) + chunked(body, size)
    )
    got = proxy.send(head(b"PUT / HTTP/1.1", [], b"Host: a", coding) + chunked(sent, size))
    asked = upstream.heard[-1].partition(b"\r\n\r\n")
    assert asked[0].lower().count(b"transfer-encoding: chunked") == 1
    assert b"content-length" not in asked[0].lower()
    assert unchunked(asked[2]) == sent
    assert unchunked(got.partition(b"\r\n\r\n")[2]) == body


@each("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PATCH"])
def test_requests_without_a_body_pass_without_one(pair: tuple[Any, Any], method: str) -> None:
    upstream, proxy = pair
    upstream.respond = lambda connection, _: connection.sendall(b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n")
    import requests  # noqa: PLC0415

    got = requests.request(method, proxy.url + "/x", timeout=60)
    assert (got.status_code, got.headers["X-A"], got.content) == (204, "1", b"")
    assert upstream.heard[-1].startswith(f"{method} /x HTTP/1.1\r\n".encode())


def test_what_is_recorded_is_what_passed(
    start_upstream: Any, start_proxy: Any, answering: Callable[..., Any], tmp_path: Path
) -> None:
    with start_upstream() as upstream, start_proxy(upstream.url, tmp_path / "calls.ndjson") as proxy:
        upstream.respond = answering(b'{"a":1}', b"X-Twice: 1", b"X-Twice: 2")
        proxy.send(b"POST /p?q=%41 HTTP/1.1\r\nHost: x\r\nX-One: 1\r\nContent-Length: 2\r\n\r\n{}")
        (exchange,) = proxy.exchanges(1)
    host = upstream.url.removeprefix("http://")
    assert exchange.request.url == f"{upstream.url}/p?q=%41"
    assert exchange.request.headers == (("Host", host), ("X-One", "1"), ("Content-Length", "2"))
    assert (exchange.request.body, exchange.response.body) == (b"{}", b'{"a":1}')
    assert exchange.response.headers == (("X-Twice", "1"), ("X-Twice", "2"), ("Content-Length", "7"))
    assert exchange.recorded_at.endswith("+00:00")
