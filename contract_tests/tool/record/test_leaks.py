"""Calls full of canaries, with everything logged that any library logs: nothing of them is left anywhere."""

import asyncio
import json
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx
import pytest
import requests
from contract_tests.tool.whole.leaks.canaries import CANARIES, find_canaries

import opay_contract
from opay_contract.contract.loading import load_contract
from opay_contract.errors import ExitCode
from opay_contract.formats import streams
from opay_contract.formats.streams import iter_read
from opay_contract.record.recorder import Recorder
from opay_contract.record.sessions import capturing

PATIENCE = 60
CONTRACT = load_contract()
TEXTS = [str(canary) for canary in CANARIES.values()]
LIBRARIES = """
asyncio charset_normalizer concurrent.futures h11 httpcore httpcore.connection httpcore.http11 httpcore.proxy
httptools httpx opay_contract opay_contract.record requests uvicorn uvicorn.access uvicorn.asgi uvicorn.error
urllib3 urllib3.connectionpool
"""

LISTENING = f"""
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
for name in {LIBRARIES.split()!r}:
    logging.getLogger(name).setLevel(logging.DEBUG)
logging.debug("listening")
"""
"""Hears every library, each by itself, so that a level that is set above it changes nothing."""

DEFECTS = {
    "none": "",
    "in the application": "import opay_contract.record.proxy as broken; broken.end_to_end = fail",
    "in the recording": "import opay_contract.record.recorder as broken; broken.render_line = fail",
    "in the file": "import opay_contract.record.files as broken; broken.LineFile.append = fail",
    "in the backlog": "import opay_contract.record.recorder as broken; broken.Recorder.add = fail",
    "in the check": "import opay_contract.record.recorder as broken; broken.Watch.add = fail",
}
FAIL = """
def fail(*given, **named):
    raise ValueError(f"{given!r} {named!r} 4111111111111111")
"""


class Command:
    """The command `record`, started where everything that is logged is heard."""

    def __init__(self, defect: str, *options: str | Path) -> None:
        program = (
            f"{LISTENING}{FAIL}{DEFECTS[defect]}\nfrom opay_contract.cli.main import main\n"
            "sys.argv[0] = 'opay-contract'\nmain()\n"
        )
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(opay_contract.__file__).parents[1]),
            "PYTHONASYNCIODEBUG": "1",
            "OPAY_PRIVATE_KEY": str(CANARIES["merchant-key"]),
        }
        command = [sys.executable, "-c", program, "record", *map(str, options)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.said = [self.process.stdout.readline() for _ in range(3)]
        self.url, self.metrics = (self.said[at].strip().partition(": ")[2] for at in (0, 2))

    def stop(self) -> tuple[str, str]:
        """Return what was said on either stream."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=PATIENCE)
        return "".join(self.said) + out, err


@contextmanager
def recording(defect: str, *options: str | Path) -> Iterator[Command]:
    command = Command(defect, *options)
    with command.process:
        try:
            yield command
        finally:
            command.process.kill()


def echo(connection: socket.socket, request: bytes) -> None:
    """Answer with everything that was sent, or as badly as it asks for."""
    head, _, body = request.partition(b"\r\n\r\n")
    if b"X-Fault: reset" in head:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        return
    if b"X-Fault: nonsense" in head:
        connection.sendall(body + b"\r\n\r\n")
        return
    target = head.split(b" ")[1]
    fields = [line for line in head.split(b"\r\n")[1:] if not line.lower().startswith((b"content-", b"host"))]
    fields += [b"Location: " + target, b"Set-Cookie: a=" + body.replace(b"\n", b" ")[:200]]
    fields += [b"Content-Encoding: gzip"] if b"X-Fault: coding" in head else []
    length = len(body) + (9 if b"X-Fault: cut" in head else 0)
    lines = [b"HTTP/1.1 200 OK", *fields, b"Content-Type: application/json", b"Content-Length: %d" % length]
    connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    if length != len(body):
        connection.close()


def bodies(canary: str) -> list[bytes]:
    value = {"customerId": canary, canary: [canary, {"note": f"from {canary}."}]}
    escaped, plain = json.dumps(value), json.dumps({"data": value}, ensure_ascii=False)
    return [text.encode() for text in (escaped, plain, f"text {canary}", f'{{"a":"{canary}')]


def fields(canary: str, fault: str = "") -> dict[str, bytes]:
    text = canary.encode()
    given = {"X-Note": text, "Cookie": b"a=" + text, "Authorization": b"Bearer " + text}
    return given | ({"X-Fault": fault.encode()} if fault else {})


def call_with_everything(url: str, path: str) -> int:
    """Send every canary in every part, bodies and targets in turn; returns how many exchanges that makes."""
    calls = 0
    with requests.Session() as session:
        for number, canary in enumerate(TEXTS):
            targets = (path, f"/{quote(canary)}", f"{path}?q={quote(canary)}")
            for at, body in enumerate(bodies(canary)[number % 2 :: 2], start=number):
                session.post(url + targets[at % 3], data=body, headers=fields(canary), timeout=PATIENCE)
                calls += 1
            fault = ("reset", "nonsense", "coding", "cut")[number % 4]
            with suppress(requests.RequestException):
                session.post(
                    url + path, data=bodies(canary)[0], headers=fields(canary, fault), timeout=PATIENCE
                )
            calls += fault in ("coding", "cut")
    return calls


def leave_in_the_middle(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as client:
        head = b"POST /4111111111111111 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
        client.sendall(head + b"4111111111111111")


def everything_in(folder: Path) -> list[bytes]:
    """Return what was written, unpacked."""
    return [unpack(path.open("rb")) for path in sorted(folder.iterdir())]


def unpack(file: BinaryIO) -> bytes:
    with file:
        return b"".join(iter_read(streams.unpack(file)))


def found_in(*said: str | bytes) -> list[str]:
    return [hit for one in said for hit in find_canaries(one)]


@pytest.mark.parametrize("name", ["calls.ndjson", pytest.param("calls.zst", marks=pytest.mark.thorough)])
def test_no_canary_is_in_a_file_a_stream_the_metrics_or_a_log(
    upstream: Any, tmp_path: Path, name: str
) -> None:
    upstream.respond = echo
    options = ("--upstream", upstream.url, "--check", "--metrics", "--rotate-size", "5000")
    with recording("none", "--to", tmp_path / name, *options) as proxy:
        calls = call_with_everything(proxy.url, "/api/v1/international/token/query")
        leave_in_the_middle(proxy.url)
        metrics = ask_until(
            proxy.metrics, f"opay_record_recorded_total {calls}\n", "opay_record_clients_gone_total 1\n"
        )
        out, err = proxy.stop()
    assert proxy.process.returncode == ExitCode.FINDINGS
    assert "listening" in err
    assert "card-number-exposed" in out
    written = everything_in(tmp_path)
    assert len(written) > 2
    assert b"".join(written).count(b"\n") == calls
    assert found_in(metrics, out, err, *written) == []


def ask_until(url: str, *wanted: str) -> str:
    """Return the metrics as soon as they have these lines."""
    end = time.monotonic() + PATIENCE
    while not all(line in (text := requests.get(url, timeout=PATIENCE).text) for line in wanted):
        assert time.monotonic() < end, text
    return text


@pytest.mark.parametrize(
    "defect",
    [
        "in the application",
        *(
            pytest.param(f"in the {where}", marks=pytest.mark.thorough)
            for where in ("recording", "file", "backlog", "check")
        ),
    ],
)
def test_a_defect_of_the_proxy_is_not_told_with_what_it_says(
    defect: str, upstream: Any, tmp_path: Path
) -> None:
    upstream.respond = echo
    options = ("--to", tmp_path / "calls.ndjson", "--upstream", upstream.url, "--check", "--metrics")
    with recording(defect, *options) as proxy:
        for body in bodies(TEXTS[0]):
            answer = requests.post(proxy.url, data=body, headers=fields(TEXTS[0]), timeout=PATIENCE)
            assert answer.status_code == (500 if defect == "in the application" else 200)
        out, err = proxy.stop()
    assert "listening" in err
    assert "Traceback" not in err
    assert ("ValueError" in err) == (defect != "in the application")
    assert found_in(out, err, *everything_in(tmp_path)) == []


def with_requests(url: str, path: Path, body: bytes, headers: dict[str, bytes]) -> None:
    with requests.Session() as session, capturing(path, session, contract=CONTRACT):
        session.post(url, data=body, headers=headers, timeout=PATIENCE)


def with_httpx(url: str, path: Path, body: bytes, headers: dict[str, bytes]) -> None:
    with httpx.Client() as client, capturing(path, client, contract=CONTRACT):
        client.post(url, content=body, headers=as_pairs(headers))


def with_async_httpx(url: str, path: Path, body: bytes, headers: dict[str, bytes]) -> None:
    async def call() -> None:
        async with httpx.AsyncClient() as client:
            with capturing(path, client, contract=CONTRACT):
                await client.post(url, content=body, headers=as_pairs(headers))

    asyncio.run(call())


def as_pairs(headers: dict[str, bytes]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value) for name, value in headers.items()]


every_client = pytest.mark.parametrize("call", [with_requests, with_httpx, with_async_httpx])
Call = Callable[[str, Path, bytes, dict[str, bytes]], None]
Heard = Callable[[], list[str]]


@pytest.fixture
def heard(capfd: pytest.CaptureFixture[str]) -> Iterator[Heard]:
    """Return what our own loggers and both streams have said, while every library logs everything."""
    ours: list[str] = []
    others: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            where = ours if record.name.startswith("opay_contract") else others
            where.append(f"{logging.Formatter().format(record)} {record.args!r}")

    def listen() -> list[str]:
        assert others  # the client's own loggers are heard, and so would ours be
        return ["\n".join(ours), *capfd.readouterr()]

    ear = Ear()
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in LIBRARIES.split())]
    before = [logger.level for logger in loggers]
    loggers[0].addHandler(ear)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield listen
    loggers[0].removeHandler(ear)
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@every_client
def test_capture_writes_and_logs_no_canary_of_its_own(
    call: Call, upstream: Any, tmp_path: Path, heard: Heard
) -> None:
    upstream.respond = echo
    for number, canary in enumerate(TEXTS):
        fault = "coding" if number % 2 else ""
        url = f"{upstream.url}/{quote(canary)}?q={quote(canary)}"
        with suppress(requests.exceptions.ContentDecodingError, httpx.DecodingError):
            call(url, tmp_path / "calls.ndjson", bodies(canary)[number % 4], fields(canary, fault))
    written = everything_in(tmp_path)
    assert written[0].count(b"\n") >= len(TEXTS) // 2
    assert found_in(*written, *heard()) == []


@every_client
def test_a_defect_of_capture_is_logged_without_what_it_says(
    call: Call, upstream: Any, tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise ValueError(f"{given!r} {TEXTS}")

    upstream.respond = echo
    monkeypatch.setattr(Recorder, "add", fail)
    call(upstream.url, tmp_path / "calls.ndjson", bodies(TEXTS[0])[0], fields(TEXTS[0]))
    logged, *said = heard()
    assert "an exchange is not recorded: ValueError" in logged
    assert found_in(logged, *said, *everything_in(tmp_path)) == []
