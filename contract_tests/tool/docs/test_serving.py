"""The page on this machine: it follows the contract, and the last good one stays."""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import opay_contract
from opay_contract.docs.outputs import build_outputs
from opay_contract.docs.serving import LastGood, serving, watch
from opay_contract.errors import UsageError

TOOLS = Path(opay_contract.__file__).parents[1]


class Site:
    """A page that is served, and the contract behind it."""

    def __init__(self, contract_dir: Path) -> None:
        self.file = contract_dir / "openapi.yaml"
        self.last_good = LastGood(partial(build_outputs, contract_dir, None, live=True), contract_dir)
        self.url = ""

    def edit(self, before: str, after: str) -> None:
        """Change the contract."""
        text = self.file.read_text(encoding="utf-8")
        assert before in text
        self.file.write_text(text.replace(before, after, 1), encoding="utf-8")

    def get(self, path: str = "") -> str:
        """Return what the server answers."""
        with urllib.request.urlopen(self.url + path, timeout=60) as response:  # noqa: S310  loopback
            is_news = path == "state"
            assert response.headers["Content-Type"] == (
                "application/json" if is_news else "text/html; charset=utf-8"
            )
            text: str = response.read().decode()
            return text

    def state(self) -> dict[str, object]:
        """Return what the page asks for."""
        state: dict[str, object] = json.loads(self.get("state"))
        return state


@pytest.fixture
def site(contract_dir: Path) -> Iterator[Site]:
    site = Site(contract_dir)
    with serving(site.last_good, 0) as url:
        site.url = url
        yield site


def test_an_edit_makes_a_new_page(site: Site) -> None:
    assert site.last_good.look() == "The page is up to date."
    assert site.last_good.look() is None
    site.edit("title: OPay Token", "title: Renamed Token")
    site.last_good.look()
    assert site.state() == {"version": 2, "problem": ""}
    assert "<h1>Renamed Token Info By User " in site.get()


def test_the_last_good_page_stays_while_the_contract_is_half_edited(site: Site) -> None:
    site.last_good.look()
    site.edit("openapi: 3.1.1", "openapi: [3.1.1")
    reason = "openapi.yaml:8:5: did not find expected ',' or ']'"
    assert site.last_good.look() == f"error: {reason}"
    assert site.state() == {"version": 1, "problem": reason}
    assert "<h1>OPay Token Info By User " in site.get()
    site.edit("openapi: [3.1.1", "openapi: 3.1.1")
    site.last_good.look()
    assert site.state() == {"version": 2, "problem": ""}


def test_a_contract_that_never_was_good_is_waited_for(site: Site) -> None:
    site.edit("openapi: 3.1.1", "openapi: [3.1.1")
    site.last_good.look()
    assert "No good contract yet" in site.get()
    assert site.state()["version"] == 0


def test_a_contract_that_went_away_is_told_and_waited_for(site: Site) -> None:
    site.last_good.look()
    site.file.rename(site.file.with_suffix(".away"))
    assert "no openapi.yaml there" in str(site.last_good.look())
    assert "<h1>OPay Token Info By User " in site.get()


def test_only_the_live_page_may_ask_for_news(site: Site, contract_dir: Path) -> None:
    site.last_good.look()
    assert "connect-src 'self'" in site.get()
    assert "/state" not in build_outputs(contract_dir, None)["index.html"]


def test_watching_tells_what_it_sees_until_it_is_stopped(site: Site) -> None:
    heard: list[str] = []
    stop = threading.Event()

    def hear(news: str) -> None:
        heard.append(news)
        stop.set()

    watch(site.last_good, hear, stop)
    assert heard == ["The page is up to date."]


def test_another_sites_name_for_this_machine_gets_nothing(site: Site) -> None:
    request = urllib.request.Request(site.url, headers={"Host": "evil.invalid"})  # noqa: S310  loopback
    with pytest.raises(urllib.error.HTTPError, match="421"):
        urllib.request.urlopen(request, timeout=60)  # noqa: S310  loopback


def test_other_paths_are_not_there(site: Site) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        site.get("openapi.yaml")


def test_a_port_that_is_taken_is_told(site: Site) -> None:
    port = int(site.url.rstrip("/").rpartition(":")[2])
    with (
        pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1, port {port}"),
        serving(site.last_good, port),
    ):
        pass


def test_the_command_serves_and_tells_every_edit_on_the_console(site: Site, contract_dir: Path) -> None:
    program = "from opay_contract.cli.contract import docs; docs()"
    command = [sys.executable, "-c", program, "--serve", "--contract", str(contract_dir)]
    environment = os.environ | {"PYTHONPATH": str(TOOLS)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            site.url = process.stdout.readline().removeprefix("address: ").strip()
            assert process.stderr.readline() == "The page is up to date.\n"
            assert "<h1>OPay Token Info By User " in site.get()
            site.edit("query-request.json", "query-reques")
            assert re.match(r"error: openapi\.yaml:\d+:\d+: .*query-reques", process.stderr.readline())
            assert "query-reques" in str(site.state()["problem"])
        finally:
            process.terminate()


def test_a_client_that_breaks_off_leaves_no_traceback(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    host, _, port = site.url.removeprefix("http://").rstrip("/").partition(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), 10) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    site.get()
    assert capfd.readouterr().err == ""
