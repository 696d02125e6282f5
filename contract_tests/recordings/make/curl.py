"""Transcripts of `curl -v`, with its remarks and the answer in one file, as people make them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from .proxy import fronted
from .server import Running
from .traffic import HOST, URL, Call


def record_curl(running: Running, folder: Path) -> None:
    """Write curl.txt; in the clean corpus also a pipe's, one of several calls at once, and HTTP/2's."""
    _record(running, folder / "curl.txt", running.https_port, "--http1.1")
    if running.mode == "clean":
        _record(running, folder / "curl-silent.txt", running.https_port, "-s", "-N", "--compressed")
        _record_at_once(running, folder / "curl-at-once.txt")
        with fronted(running) as port:
            _record(running, folder / "curl-http2.txt", port, "-s", "-i", "--http2")


def _record(running: Running, target: Path, port: int, *options: str) -> None:
    """Append the transcript of one command for each call, as `>> FILE 2>&1` does."""
    with target.open("wb") as file:
        for call in running.calls:
            _run(file.fileno(), port, *options, *_arguments(call))


def _record_at_once(running: Running, target: Path) -> None:
    """Make all calls with one command, over one connection."""
    words: list[str] = []
    for call in running.calls:
        words += ["--next", *_options(running.https_port), *_arguments(call)]
    with target.open("wb") as file:
        _curl(file.fileno(), *words[1:])


def _run(output: int, port: int, *words: str) -> None:
    _curl(output, *_options(port), *words)


def _curl(output: int, *words: str) -> None:
    curl = shutil.which("curl") or "curl"
    # Without a terminal's width the progress meter is the same everywhere.
    settings = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "COLUMNS": "79"}
    subprocess.run([curl, *words], stdout=output, stderr=output, env=settings, check=True)


def _options(port: int) -> list[str]:
    return ["-v", "-k", "--connect-to", f"{HOST}:443:127.0.0.1:{port}"]


def _arguments(call: Call) -> list[str]:
    words = [word for name, value in call.headers().items() for word in ("-H", f"{name}: {value}")]
    return [*words, "--data-binary", json.dumps(call.body, ensure_ascii=False), URL]
