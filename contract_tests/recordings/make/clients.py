"""Recordings of Python's `requests`: by a response hook and by vcrpy."""

import contextlib
import datetime as dt
import gzip
import json
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import requests
import urllib3
import vcr  # type: ignore[import-untyped, import-not-found, unused-ignore]
import zstandard

from .server import Running
from .traffic import HOST, URL, Call


def record_requests(running: Running, folder: Path) -> None:
    """Write requests.ndjson, and in the clean corpus its two compressed twins."""
    lines: list[str] = []

    def keep(response: requests.Response, **_: Any) -> None:
        lines.append(_line(response))

    call_all(running.calls, running.https_port, keep)
    text = "".join(lines).encode()
    (folder / "requests.ndjson").write_bytes(text)
    if running.mode == "clean":
        (folder / "requests.ndjson.gz").write_bytes(gzip.compress(text, mtime=0))
        (folder / "requests.ndjson.zst").write_bytes(zstandard.compress(text))


def record_vcrpy(running: Running, folder: Path) -> None:
    """Write vcrpy.yaml and, in the clean corpus, vcrpy.json."""
    for old in folder.glob("vcrpy.*"):
        old.unlink()
    with vcr.use_cassette(str(folder / "vcrpy.yaml"), record_mode="all"):
        call_all(running.calls, running.https_port)
    if running.mode == "clean":
        # With this option the header Content-Encoding goes too; without, it stays beside a decoded body.
        options = {"serializer": "json", "record_mode": "all", "decode_compressed_response": True}
        with vcr.use_cassette(str(folder / "vcrpy.json"), **options):
            call_all(running.calls, running.https_port)


def _line(response: requests.Response) -> str:
    request = response.request
    sent: dict[str, Any] = {"method": request.method, "url": request.url, "headers": dict(request.headers)}
    received = {"status": response.status_code, "headers": dict(response.headers)}
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    bodies = (_as_json(request.body or b""), _as_json(response.content))
    return (
        f'{{"request": {_open(sent)}, "body": {bodies[0]}}}, '
        f'"response": {_open(received)}, "body": {bodies[1]}}}, "recorded_at": "{now}"}}\n'
    )


def _open(value: dict[str, Any]) -> str:
    """Write an object without its closing brace."""
    return json.dumps(value, ensure_ascii=False)[:-1]


def _as_json(body: bytes | str) -> str:
    """Return a body as it came where it is JSON, so that a repeated key stays; else as a string."""
    text = body.decode() if isinstance(body, bytes) else body
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text, ensure_ascii=False)
    return text


def call_all(calls: tuple[Call, ...], port: int, hook: Any = None) -> None:
    """Make the calls, with a response hook if there is one; the vendor listens at the port of loopback."""
    with resolved_to(port), requests.Session() as session, warnings.catch_warnings():
        warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        session.verify = False  # the certificate is self-signed
        session.trust_env = False
        if hook:
            session.hooks["response"].append(hook)
        for call in calls:
            session.post(URL, json=call.body, headers=call.headers(), timeout=10)


@contextlib.contextmanager
def resolved_to(port: int) -> Iterator[None]:
    """Resolve the vendor's host to a port of loopback, and nothing else to anything."""

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        if host not in (HOST, "127.0.0.1"):
            raise socket.gaierror(f"{host} is not part of the corpus")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
        yield
