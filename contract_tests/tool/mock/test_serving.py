"""The real command: starts at once, says where it is, stops cleanly, loses nothing."""

import json
import os
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

import opay_contract
from opay_contract.contract.loading import load_contract
from opay_contract.mock.customers import Seeds, iter_customers
from opay_contract.mock.serving import running
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials
from opay_contract.signing.requests_auth import SignatureAuth

COMMAND = (sys.executable, "-m", "opay_contract.cli.main")
PATIENCE = 20
CONTRACT = load_contract()
assert CONTRACT.signature is not None
SCHEME = CONTRACT.signature
PATH = CONTRACT.operations[0].path


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(opay_contract.__file__).parents[1])}
    return subprocess.run(
        [*COMMAND, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=variables | environment,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_answers_and_stops_with_exit_code_0(
    start: Any, number: int, tmp_path: Path
) -> None:
    with (tmp_path / "stderr").open("w+") as stderr, start("--customers", "5", stderr=stderr) as mock:
        assert list(mock.said) == ["address", "merchant id", "private key", "ready"]
        assert requests.get(mock.said["ready"], timeout=PATIENCE).json() == {"ready": True}
        assert mock.ask({"customerId": "customer-1"}).json()["code"] == "00000"
        assert mock.stop(number) == 0
        stderr.seek(0)
        assert stderr.read() == ""


def test_it_starts_in_under_a_second(start: Any) -> None:
    def seconds() -> float:
        began = time.perf_counter()
        with start("--customers", "1000"):
            return time.perf_counter() - began

    assert min(seconds() for _ in range(3)) < 1


def test_requests_in_flight_are_finished_before_it_stops(start: Any) -> None:
    with start("--choice", "wrong-content-type=http-error") as mock:
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


def wait_until_refused(address: tuple[str, int]) -> None:
    for _ in range(100_000):
        try:
            socket.create_connection(address, PATIENCE).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:  # it was waiting to be accepted when the listening ended
            continue
    raise AssertionError(address)


def test_a_body_that_is_far_too_long_is_answered_all_the_same(start: Any) -> None:
    with start() as mock:
        answer = mock.ask({"customerId": "a" * 5_000_000})
    assert (answer.status_code, answer.json()["code"]) == (200, "02001")


def test_it_listens_on_the_loopback_of_ipv6_too(start: Any) -> None:
    with start("--host", "::1", "--admin") as mock:
        assert mock.url.startswith("http://[::1]:")
        assert requests.get(mock.url + "/__mock__/customers", timeout=PATIENCE).json() == ["121111113"]


def test_a_connection_is_cut_in_mid_body(start: Any, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w+") as stderr, start(stderr=stderr) as mock:
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            mock.ask({"customerId": "scenario:cut-body"})
        assert mock.stop() == 0
        stderr.seek(0)
        assert stderr.read() == ""


def test_a_slow_answer_comes_when_it_should(start: Any) -> None:
    with start("--slow-seconds", "0.3") as mock:
        began = time.perf_counter()
        assert mock.ask({"customerId": "scenario:slow"}).json()["code"] == "00000"
        assert time.perf_counter() - began >= 0.3


def test_what_it_records_is_clean_to_check_and_has_every_exchange(start: Any, tmp_path: Path) -> None:
    path = tmp_path / "exchanges.ndjson"
    with start("--record", str(path), "--customers", "5") as mock:
        for number in range(10):
            mock.ask({"customerId": f"customer-{number}"})
        mock.ask({"customerId": "scenario:field-null"})
        address = mock.url
        mock.stop()
    assert len(path.read_bytes().splitlines()) == 11
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"customer-1" not in path.read_bytes()
    report = run("check", str(path), "--base-url", address, "--format", "json")
    assert report.returncode == 1, report.stderr
    assert "field-null" in report.stdout
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:10]))
    report = run("check", str(path), "--base-url", address, OPAY_PRIVATE_KEY=Credentials().private_key)
    assert report.returncode == 0, report.stdout + report.stderr


def test_a_full_disk_costs_no_call_and_is_said_once(start: Any, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w+") as stderr, start("--record", "/dev/full", stderr=stderr) as mock:
        for _ in range(3):
            assert mock.ask({"customerId": "a"}).status_code == HTTPStatus.OK
        assert mock.stop() == 4
        stderr.seek(0)
        said = stderr.read()
    assert said == "warning: not recorded to '/dev/full': No space left on device; calls go on\n"


def test_a_client_that_breaks_off_leaves_no_traceback(start: Any, tmp_path: Path) -> None:
    head = b"POST /__mock__/customers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"
    with (tmp_path / "stderr").open("w+") as stderr, start("--admin", stderr=stderr) as mock:
        host, _, port = mock.url.removeprefix("http://").partition(":")
        for path in (b"customers", b"tokens", b"reset"):
            with socket.create_connection((host, int(port)), PATIENCE) as client:
                client.sendall(head.replace(b"customers", path))
        assert mock.ask({"customerId": "a"}).status_code == HTTPStatus.OK
        assert mock.stop() == 0
        stderr.seek(0)
        assert stderr.read() == ""


def test_other_credentials_come_from_the_environment_and_the_key_is_not_printed(start: Any) -> None:
    with start(OPAY_MERCHANT_ID="42", OPAY_PRIVATE_KEY="sandbox-key") as mock:
        assert mock.said["merchant id"] == "42"
        assert "sandbox-key" not in str(mock.said)
        auth = SignatureAuth(key="sandbox-key", scheme=SCHEME)
        answer = requests.post(
            mock.url + PATH,
            json={"customerId": "a"},
            headers={"MerchantId": "42"},
            auth=auth,
            timeout=PATIENCE,
        )
        assert answer.json()["code"] == "02001"


def test_without_a_seed_it_knows_the_customer_of_the_examples(start: Any) -> None:
    with start() as mock:
        answer = mock.ask({"customerId": "121111113"}).json()
    assert answer["data"]["cardTokens"][0]["opayToken"] == "OPAY_TOKEN_bf8593c1693546ea83743e4d433c5bf5"


def test_two_processes_share_a_store(start: Any, tmp_path: Path) -> None:
    options = ("--store", str(tmp_path / "store"), "--admin", "--customers", "3")
    with start(*options) as first, start(*options) as second:
        answer = requests.post(first.url + "/__mock__/customers", json=made_up("shared"), timeout=PATIENCE)
        assert answer.status_code == 201
        assert second.ask({"customerId": "shared"}).json()["data"]["customer"]["customerId"] == "shared"
        assert requests.delete(second.url + "/__mock__/customers/shared", timeout=PATIENCE).status_code == 204
        assert first.ask({"customerId": "shared"}).json()["code"] == "02001"


def test_killed_in_mid_request_it_loses_nothing_that_was_acknowledged(start: Any, tmp_path: Path) -> None:
    path = tmp_path / "store"
    acknowledged: list[str] = []
    enough = threading.Event()
    with start("--store", str(path), "--admin", "--customers", "3") as mock:
        writer = threading.Thread(target=write_until_killed, args=(mock.url, acknowledged, enough))
        writer.start()
        assert enough.wait(PATIENCE)
        assert mock.stop(signal.SIGKILL) == -signal.SIGKILL
        writer.join(PATIENCE)
    with Store(path) as store:
        assert set(acknowledged) <= set(store.customer_ids())
    with start("--store", str(path)) as mock:
        assert mock.ask({"customerId": acknowledged[-1]}).json()["code"] == "00000"


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
    (stored,) = iter_customers(1, 4)
    data = Seeds(CONTRACT).data(stored)
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--scenario", "slwo"), "error: unknown scenario 'slwo'; did you mean 'slow'?\n"),
        (("--host", "0.0.0.0", "--admin"), "error: --admin with --host 0.0.0.0"),  # noqa: S104
        (("--host", "192.0.2.1"), "error: cannot listen on 192.0.2.1"),
        (("--seed", "/none"), "error: /none: No such file or directory\n"),
        (("--choice", "both-keys=both"), "error: unknown reading"),
        (("--fault", "slow"), "error: fault 'slow' has no rate"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(options: tuple[str, ...], message: str) -> None:
    done = run("mock", *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("name", "value"), [("OPAY_PRIVATE_KEY", " "), ("OPAY_MERCHANT_ID", "é")])
def test_credentials_that_cannot_be_are_refused(name: str, value: str) -> None:
    done = run("mock", **{name: value})
    assert done.returncode == 2
    assert name in done.stderr


def test_a_host_that_others_reach_is_warned_about(start: Any, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w+") as stderr, start("--host", "0.0.0.0", stderr=stderr):  # noqa: S104
        stderr.seek(0)
        assert stderr.read().startswith("warning: listening on 0.0.0.0")


@pytest.mark.parametrize(("option", "line"), [("--choices", "wrong-method: "), ("--scenarios", "slow ")])
def test_the_lists_are_printed(option: str, line: str) -> None:
    done = run("mock", option)
    assert done.returncode == 0
    assert any(printed.startswith(line) for printed in done.stdout.splitlines())


def test_without_its_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError('starlette')", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(opay_contract.__file__).parents[1])])
    done = run("mock", PYTHONPATH=path)
    assert done.returncode == 2
    assert "pip install 'opay-contract[mock]'" in done.stderr


def test_the_seed_file_is_what_it_answers(start: Any, tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps([made_up("seeded")]), encoding="utf-8")
    with start("--seed", str(seed)) as mock:
        assert mock.ask({"customerId": "seeded"}).json()["code"] == "00000"
