"""Sessions of requests and httpx are recorded, redacted, and never harmed by it."""

import asyncio
import gzip
import logging
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from opay_contract.errors import UsageError
from opay_contract.model.exchange import Unreadable
from opay_contract.record.files import BODY_LIMIT
from opay_contract.record.sessions import attach, capturing
from opay_contract.redact.redactor import Redactor

PATIENCE = 60
CARD = b'{"code":"00000","note":"card 4111 1111 1111 1111 of Amira Canarywood"}'


def with_requests(url: str, path: Path, **options: Any) -> bytes:
    with requests.Session() as session, capturing(path, session, **options):
        return session.post(url, data=b'{"customerId":"c-88442200119"}', timeout=PATIENCE).content


def with_httpx(url: str, path: Path, **options: Any) -> bytes:
    with httpx.Client() as client, capturing(path, client, **options):
        return client.post(url, content=b'{"customerId":"c-88442200119"}').content


def with_async_httpx(url: str, path: Path, **options: Any) -> bytes:
    async def call() -> bytes:
        async with httpx.AsyncClient() as client:
            with capturing(path, client, **options):
                return (await client.post(url, content=b'{"customerId":"c-88442200119"}')).content

    return asyncio.run(call())


every_client = pytest.mark.parametrize("call", [with_requests, with_httpx, with_async_httpx])
Call = Callable[..., bytes]


@every_client
def test_a_call_is_recorded_decoded_and_redacted(
    call: Call, upstream: Any, answering: Any, tmp_path: Path, recorded: Any
) -> None:
    upstream.respond = answering(gzip.compress(CARD), b"Content-Encoding: gzip")
    path = tmp_path / "calls.ndjson"
    assert call(upstream.url, path) == CARD
    (exchange,) = recorded(path)
    assert exchange.response.body.startswith(b'{"code":"00000","note":"')
    written = path.read_bytes()
    assert not any(part in written for part in (b"4111 1111", b"4111111", b"Amira", b"88442200119"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@every_client
def test_raw_is_what_was_sent_and_got(
    call: Call, upstream: Any, answering: Any, tmp_path: Path, recorded: Any
) -> None:
    upstream.respond = answering(CARD, b"X-A: 1")
    call(upstream.url + "/a?b=%41", tmp_path / "calls.ndjson", raw=True)
    (exchange,) = recorded(tmp_path / "calls.ndjson")
    assert (exchange.request.body, exchange.response.body) == (b'{"customerId":"c-88442200119"}', CARD)
    assert exchange.request.url.endswith("/a?b=%41") or exchange.request.url.endswith("/a?b=A")
    assert ("X-A", "1") in exchange.response.headers


@every_client
def test_a_full_disk_harms_no_call_and_is_logged_once(
    call: Call, upstream: Any, answering: Any, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.respond = answering(CARD)
    assert call(upstream.url, Path("/dev/full")) == CARD
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == [
        "not recorded to '/dev/full': No space left on device"
    ]


@every_client
def test_a_defect_harms_no_call_and_writes_nothing(  # noqa: PLR0913, PLR0917  fixtures
    call: Call,
    upstream: Any,
    answering: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("4111111111111111")

    monkeypatch.setattr(Redactor, "exchange", fail)
    upstream.respond = answering(CARD)
    assert call(upstream.url, tmp_path / "calls.ndjson") == CARD
    assert (tmp_path / "calls.ndjson").read_bytes() == b""
    warned = [one.getMessage() for one in caplog.records if one.name == "opay_contract.record"]
    assert warned == ["an exchange is not recorded: KeyError while redacting it"]


@every_client
def test_an_answer_that_breaks_off_raises_as_ever(call: Call, upstream: Any, tmp_path: Path) -> None:
    def respond(connection: Any, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
        connection.close()

    upstream.respond = respond
    with pytest.raises((requests.exceptions.ChunkedEncodingError, httpx.RemoteProtocolError)):
        call(upstream.url, tmp_path / "calls.ndjson")


def test_a_streamed_answer_stays_the_clients(
    upstream: Any, answering: Any, tmp_path: Path, recorded: Any
) -> None:
    upstream.respond = answering(b"x" * 100_000)
    path = tmp_path / "calls.ndjson"
    with requests.Session() as session, capturing(path, session):
        answer = session.get(upstream.url, stream=True, timeout=PATIENCE)
        assert len(answer.raw.read()) == 100_000
    with httpx.Client() as client, capturing(path, client, raw=True):
        with client.stream("GET", upstream.url) as streamed:
            assert sum(map(len, streamed.iter_raw())) == 100_000
        with client.stream("GET", upstream.url) as streamed:
            assert next(streamed.iter_raw())
    kinds = [isinstance(item, Unreadable) for item in recorded(path)]
    assert kinds == [True, False, True]


def test_an_answer_that_is_too_long_has_no_body(
    upstream: Any, answering: Any, tmp_path: Path, recorded: Any
) -> None:
    upstream.respond = answering(b"x" * (BODY_LIMIT + 1))
    assert len(with_httpx(upstream.url, tmp_path / "a")) == len(with_requests(upstream.url, tmp_path / "a"))
    assert [type(item) for item in recorded(tmp_path / "a")] == [Unreadable, Unreadable]


def test_redirects_and_calls_with_hooks_of_their_own_are_recorded(
    upstream: Any, answering: Any, tmp_path: Path, recorded: Any
) -> None:
    there, here = answering(b"{}"), answering(b"", b"Location: /b", status=b"302 Found")
    upstream.respond = lambda connection, request: (here if b" /a " in request else there)(
        connection, request
    )
    heard: list[int] = []
    with requests.Session() as session, capturing(tmp_path / "a", session):
        session.get(
            upstream.url + "/a",
            hooks={"response": lambda got, **_: heard.append(got.status_code)},
            timeout=PATIENCE,
        )
    assert heard == [302, 200]
    assert [item.response.status for item in recorded(tmp_path / "a")] == [302, 200]


def test_what_is_closed_is_as_it_was(upstream: Any, tmp_path: Path) -> None:
    with requests.Session() as session, httpx.Client() as client:
        before = dict(vars(session)), {name: list(hooks) for name, hooks in client.event_hooks.items()}
        for captured in (attach(session, tmp_path / "a"), attach(client, tmp_path / "a")):
            captured.close()
            captured.close()
        assert (dict(vars(session)), client.event_hooks) == before
        session.get(upstream.url, timeout=PATIENCE)
        client.get(upstream.url)
    assert (tmp_path / "a").read_bytes() == b""


def test_what_is_no_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot record a str"):
        attach("session", tmp_path / "a")
