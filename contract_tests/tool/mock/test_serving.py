"""The real command: starts at once, says where it is, stops cleanly, loses nothing.

A process stands where signals, exit codes or several processes matter; else the command runs in this one.
"""

import json
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

import opay_contract
from opay_contract.cli.check import check
from opay_contract.cli.mock import log_to
from opay_contract.cli.mock import mock as mock_command
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.mock.app import build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import bind, running, serve, url_of
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials

PATIENCE = 60
CONTRACT = load_contract()
PATH = CONTRACT.operations[0].path


def test_it_says_where_it_is_answers_and_stops_with_exit_code_0(start: Any, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w+") as stderr:
        with start("--make-up", "5", stderr=stderr) as mock:
            assert list(mock.said) == ["address", "merchant id", "private key", "ready"]
            assert requests.get(mock.said["ready"], timeout=PATIENCE).json() == {"ready": True}
            assert mock.ask({"customerId": "customer-1"}).json()["code"] == "00000"
            assert mock.stop(signal.SIGINT) == 0
        stderr.seek(0)
        assert stderr.read() == ""


def test_requests_in_flight_are_finished_before_it_stops(start: Any, tmp_path: Path) -> None:
    with (
        (tmp_path / "stderr").open("w+") as stderr,
        start("--choice", "wrong-content-type=http-error", stderr=stderr) as mock,
    ):
        host, _, port = mock.url.removeprefix("http://").partition(":")
        body = b"{}"
        lines = (
            f"POST {PATH} HTTP/1.1",
            f"Host: {host}",
            "Expect: 100-continue",
            "Content-Length: 2",
            "",
            "",
        )
        with socket.create_connection((host, int(port)), PATIENCE) as client:
            client.sendall("\r\n".join(lines).encode())
            assert client.recv(1000).startswith(b"HTTP/1.1 100")
            mock.process.send_signal(signal.SIGTERM)
            wait_until_refused((host, int(port)))
            client.sendall(body)
            assert client.recv(1000).startswith(b"HTTP/1.1 415")
        assert mock.process.wait(PATIENCE) == 0
        stderr.seek(0)
        assert stderr.read() == ""


def wait_until_refused(address: tuple[str, int]) -> None:
    for _ in range(100_000):
        try:
            socket.create_connection(address, PATIENCE).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:  # it was waiting to be accepted when the listening ended
            continue
    raise AssertionError(address)


def test_bodies_slowness_and_cuts_pass_through_the_server(serve_here: Any) -> None:
    def talk(mock: Any) -> None:
        long = mock.ask({"customerId": "a" * 5_000_000})
        assert (long.status_code, long.json()["code"]) == (200, "02001")
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            mock.ask({"customerId": "scenario:cut-body"})
        began = time.perf_counter()
        assert mock.ask({"customerId": "scenario:slow"}).json()["code"] == "00000"
        assert time.perf_counter() - began >= 0.2

    done = serve_here(talk, "--slow-seconds", "0.2", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_cut_answer_leaves_no_line_of_the_server(
    build_mock: Callable[..., Any], client_of: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    mock = build_mock(scenario="cut-body")
    with running(mock.app) as url, pytest.raises(requests.exceptions.ChunkedEncodingError):
        client_of(url).ask({"customerId": "a"})
    assert caplog.records == []


def test_it_listens_on_the_loopback_of_ipv6_too(serve_here: Any) -> None:
    def talk(mock: Any) -> None:
        assert mock.url.startswith("http://[::1]:")
        assert requests.get(mock.url + "/__mock__/customers", timeout=PATIENCE).json() == ["121111113"]
        stored = mock.ask({"customerId": "121111113"}).json()["data"]["cardTokens"]
        assert stored[0]["opayToken"] == "OPAY_TOKEN_bf8593c1693546ea83743e4d433c5bf5"

    assert serve_here(talk, "--host", "::1", "--admin").exit_code == 0


def test_what_it_records_is_clean_to_check_and_has_every_exchange(serve_here: Any, tmp_path: Path) -> None:
    path, addresses = tmp_path / "exchanges.ndjson", list[str]()

    def talk(mock: Any) -> None:
        addresses.append(mock.url)
        for number in range(10):
            mock.ask({"customerId": f"customer-{number}"})
        mock.ask({"customerId": "scenario:field-null"})

    assert serve_here(talk, "--record", str(path), "--make-up", "5").exit_code == 0
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 11
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"customer-1" not in path.read_bytes()
    options = [str(path), "--base-url", addresses[0], "--format", "json"]
    report = CliRunner().invoke(check, options)
    assert report.exit_code == 1, report.output
    assert "field-null" in report.stdout
    path.write_bytes(b"".join(lines[:10]))
    report = CliRunner().invoke(check, options, env={"OPAY_PRIVATE_KEY": Credentials().private_key})
    assert report.exit_code == 0, report.output


def test_a_full_disk_costs_no_call_and_is_said_once(serve_here: Any) -> None:
    def talk(mock: Any) -> None:
        for _ in range(3):
            assert mock.ask({"customerId": "a"}).status_code == HTTPStatus.OK

    done = serve_here(talk, "--record", "/dev/full", "--quiet")
    assert done.exit_code == 4
    assert done.stderr.splitlines() == [
        "warning: not recorded to '/dev/full': No space left on device; calls go on",
        "Recorded nothing to '/dev/full'. 3 could not be recorded or checked.",
    ]


def test_a_client_that_breaks_off_leaves_no_traceback(serve_here: Any) -> None:
    head = b"POST /__mock__/customers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"

    def talk(mock: Any) -> None:
        host, _, port = mock.url.removeprefix("http://").partition(":")
        for path in (b"customers", b"tokens", b"reset"):
            with socket.create_connection((host, int(port)), PATIENCE) as client:
                client.sendall(head.replace(b"customers", path))
        assert mock.ask({"customerId": "a"}).status_code == HTTPStatus.OK

    done = serve_here(talk, "--admin", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")


def test_other_credentials_come_from_the_environment_and_nothing_of_the_key_is_printed(
    serve_here: Any,
) -> None:
    def talk(mock: Any) -> None:
        assert mock.ask({"customerId": "a"}).json()["code"] == "02001"

    done = serve_here(talk, OPAY_MERCHANT_ID="42", OPAY_PRIVATE_KEY="sandbox-key")
    assert "merchant id: 42\nprivate key: from OPAY_PRIVATE_KEY\n" in done.stdout
    assert "sandbox-key" not in done.output
    assert 'opay-contract sign \'{"customerId":"121111113"}\'' in done.stdout
    assert "Bearer" not in done.stdout
    assert "export OPAY_PRIVATE_KEY" not in done.stdout


def variables_of(text: str) -> dict[str, str]:
    lines = [line.removeprefix("export ") for line in text.splitlines() if line.startswith("export ")]
    return dict(shlex.split(line)[0].split("=", 1) for line in lines)


def curl_of(text: str) -> tuple[str, dict[str, str], str]:
    """Return URL, header fields and body of the curl line that was printed."""
    lines = text.partition("# a signed query:\n")[2].partition("\n\n")[0]
    words = shlex.split(lines)
    headers = [words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H"]
    return words[2], dict(headers), words[words.index("-d") + 1]


def test_the_query_that_it_prints_succeeds_and_the_variables_name_who_asks(serve_here: Any) -> None:
    for options, customer in (((), "121111113"), (("--make-up", "2"), "customer-1")):
        answers, addresses = list[Any](), list[str]()

        def talk(mock: Any, addresses: list[str] = addresses) -> None:
            addresses.append(mock.url)

        done = serve_here(talk, *options)
        url, headers, body = curl_of(done.stdout)
        assert url == addresses[0] + PATH

        def send(mock: Any, request: Any = (headers, body), answers: list[Any] = answers) -> None:
            headers, body = request
            answers.append(requests.post(mock.url + PATH, body, headers=headers, timeout=PATIENCE).json())

        serve_here(send, *options)
        assert answers[0]["code"] == "00000"
        assert answers[0]["data"]["customer"]["customerId"] == customer
        assert variables_of(done.stdout) == {
            "OPAY_BASE_URL": addresses[0],
            "OPAY_MERCHANT_ID": Credentials().merchant_id,
            "OPAY_PRIVATE_KEY": Credentials().private_key,
            "OPAY_CUSTOMER_ID": customer,
        }


def test_a_customer_of_a_file_is_not_printed(serve_here: Any, tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps([made_up("seeded")]), encoding="utf-8")

    def talk(mock: Any) -> None:
        assert mock.ask({"customerId": "seeded"}).json()["code"] == "00000"

    done = serve_here(talk, "--seed", str(seed))
    assert "seeded" not in done.output
    assert variables_of(done.stdout)["OPAY_CUSTOMER_ID"] == "CUSTOMER_ID"


def talk_wrongly(mock: Any) -> None:
    mock.ask({"customerId": "121111113"})
    mock.ask({"customerId": "secret-customer"}, MerchantId="1")
    requests.get(mock.url + "/secret-customer/users?name=secret-customer", timeout=PATIENCE)


def test_each_request_is_a_line_with_its_reason_and_without_a_value(serve_here: Any) -> None:
    done = serve_here(talk_wrongly)
    lines = [line.partition("Z ")[2] for line in done.stderr.splitlines()]
    assert lines == [
        f"POST {PATH} 200 00000",
        f"POST {PATH} 200 02000: the MerchantId is not the mock's",
        "GET /*/users 404 02001: another path",
    ]
    assert "secret-customer" not in done.output


def test_a_line_may_be_json_and_nothing_but_four_lines_is_said_on_demand(serve_here: Any) -> None:
    done = serve_here(talk_wrongly, "--log-format", "json")
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [one["reason"] for one in told] == [None, "the MerchantId is not the mock's", "another path"]
    assert told[0].keys() == {"time", "method", "path", "status", "code", "reason"}
    quiet = serve_here(talk_wrongly, "--quiet")
    assert (len(quiet.stdout.splitlines()), quiet.stderr) == (4, "")


class BlockedStream:
    """A stream that takes nothing until it may."""

    def __init__(self) -> None:
        self.may_write, self.is_writing, self.written = threading.Event(), threading.Event(), list[str]()

    def write(self, text: str) -> int:
        """Wait, then take a text."""
        self.is_writing.set()
        assert self.may_write.wait(PATIENCE)
        self.written += text.splitlines()
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


def test_a_log_that_nobody_reads_stops_nothing_and_says_what_it_left_out() -> None:
    for more, end in ((0, "line 9999"), (1, "1 requests are not logged: nobody reads fast enough")):
        stream: Any = BlockedStream()
        with log_to(stream) as writer:
            writer.add("first")
            assert stream.is_writing.wait(PATIENCE)
            for number in range(10_000 + more):
                writer.add(f"line {number}")
            stream.may_write.set()
        assert stream.written[-1] == end
        assert len(stream.written) == 10_001 + more


def test_a_log_whose_reader_left_ends_quietly(tmp_path: Path) -> None:
    closed = (tmp_path / "log").open("w")
    closed.close()
    with log_to(closed) as writer:
        writer.add("nobody reads this")


def test_two_processes_share_a_store_and_killed_in_mid_request_one_loses_nothing_that_was_acknowledged(
    start: Any, serve_here: Any, tmp_path: Path
) -> None:
    path = tmp_path / "store"
    options = ("--store", str(path), "--admin", "--make-up", "3")
    acknowledged: list[str] = []
    enough = threading.Event()
    with start(*options) as mock:

        def talk(other: Any) -> None:
            url = f"{other.url}/__mock__/customers"
            answer = requests.post(f"{mock.url}/__mock__/customers", json=made_up("shared"), timeout=PATIENCE)
            assert answer.status_code == 201
            assert other.ask({"customerId": "shared"}).json()["data"]["customer"]["customerId"] == "shared"
            assert requests.delete(f"{url}/shared", timeout=PATIENCE).status_code == 204
            assert mock.ask({"customerId": "shared"}).json()["code"] == "02001"

        assert serve_here(talk, *options).exit_code == 0
        writer = threading.Thread(target=write_until_killed, args=(mock.url, acknowledged, enough))
        writer.start()
        assert enough.wait(PATIENCE)
        assert mock.stop(signal.SIGKILL) == -signal.SIGKILL
        writer.join(PATIENCE)
    with Store(path) as store:
        assert set(acknowledged) <= set(store.ids("customers"))
    codes: list[str] = []
    serve_here(
        lambda again: codes.append(again.ask({"customerId": acknowledged[-1]}).json()["code"]),
        *("--store", str(path)),
    )
    assert codes == ["00000"]


def write_until_killed(url: str, acknowledged: list[str], enough: threading.Event) -> None:
    with requests.Session() as session:
        for number in range(100_000):
            try:
                answer = session.post(
                    url + "/__mock__/customers", json=made_up(f"written-{number}"), timeout=PATIENCE
                )
            except requests.ConnectionError:
                return
            assert answer.status_code == 201
            acknowledged.append(f"written-{number}")
            if number == 50:
                enough.set()


def made_up(customer_id: str) -> Any:
    (stored,) = RecordBook(load_contract()).made_up(1, 4)
    data = RecordBook(CONTRACT).first.data(stored)
    cards = [
        card | {"opayToken": f"{customer_id}-{number}"} for number, card in enumerate(data["cardTokens"])
    ]
    return {"customer": data["customer"] | {"customerId": customer_id}, "cardTokens": cards}


def test_a_mock_in_a_thread_answers_for_as_long_as_it_is_wanted(build_mock: Callable[..., Any]) -> None:
    mock = build_mock()
    with running(mock.app) as url:
        assert requests.get(url + "/__mock__/ready", timeout=PATIENCE).status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/__mock__/ready", timeout=PATIENCE)


def test_what_cannot_be_is_refused_with_its_reason() -> None:
    for options, message in (
        (("--scenario", "slwo"), "unknown scenario 'slwo'; did you mean 'slow'?"),
        (("--host", "0.0.0.0", "--admin"), "--admin with --host 0.0.0.0"),  # noqa: S104
        (("--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
        (("--seed", "/none"), "/none: No such file or directory"),
        (("--choice", "both-keys=both"), "unknown reading"),
        (("--fault", "slow"), "fault 'slow' has no rate"),
    ):
        with pytest.raises(UsageError) as raised:
            CliRunner().invoke(mock_command, options, catch_exceptions=False)
        assert str(raised.value).startswith(message)
    for name, value in (("OPAY_PRIVATE_KEY", " "), ("OPAY_MERCHANT_ID", "é")):
        with pytest.raises(UsageError, match=name):
            CliRunner().invoke(mock_command, [], env={name: value}, catch_exceptions=False)


def test_a_host_that_others_reach_is_warned_about(serve_here: Any) -> None:
    done = serve_here(lambda _: None, "--host", "0.0.0.0", "--quiet")  # noqa: S104
    assert done.stderr.startswith("warning: listening on 0.0.0.0")


def test_the_lists_are_printed() -> None:
    for option, line in (("--choices", "wrong-method: "), ("--scenarios", "slow ")):
        done = CliRunner().invoke(mock_command, [option])
        assert done.exit_code == 0
        assert any(printed.startswith(line) for printed in done.stdout.splitlines())


def test_without_its_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError('starlette')", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(opay_contract.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-m", "opay_contract", "mock"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'opay-contract[mock]'" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_by_a_signal_and_puts_the_handlers_back(number: signal.Signals) -> None:
    contract = load_contract()
    settings = MockSettings(choices=assumed_choices(contract))
    before = signal.getsignal(number)
    with Store() as store, bind("127.0.0.1", 0) as bound:
        app = build_app(contract, settings, store)
        serve(app, bound, lambda: os.kill(os.getpid(), number))
    assert signal.getsignal(number) is before


def test_an_address_that_is_not_this_machines_is_told() -> None:
    with pytest.raises(UsageError, match="cannot listen on"):
        bind("host.invalid", 0)


@pytest.mark.skipif(not socket.has_ipv6, reason="there is no IPv6 here")
def test_an_ipv6_address_stands_in_brackets() -> None:
    with bind("::1", 0) as bound:
        assert url_of(bound).startswith("http://[::1]:")
