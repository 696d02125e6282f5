"""The real command in front of the mock: signatures hold, findings are told, nothing leaks, nothing fails."""

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import requests

import opay_contract
from opay_contract.cli.record import record
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.model.exchange import Exchange
from opay_contract.signing.requests_auth import SignatureAuth

PATIENCE = 20
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
CONTRACT = load_contract()
assert CONTRACT.signature is not None
SCHEME = CONTRACT.signature
PATH = CONTRACT.operations[0].path
OPAY = (sys.executable, "-W", "error", "-m", "opay_contract")
RECORD = (*OPAY, "record")
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(Path(opay_contract.__file__).parents[1]),
    "OPAY_PRIVATE_KEY": KEY,
}


class Started:
    """A command that runs, and what it said first."""

    def __init__(self, process: "subprocess.Popen[str]", lines: int) -> None:
        assert process.stdout is not None
        self.process = process
        said = [process.stdout.readline().rstrip("\n").partition(": ") for _ in range(lines)]
        self.said = {name: value for name, _, value in said}

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.said["address"]

    def ask(self, customer: str, **headers: str) -> requests.Response:
        """Send a signed query."""
        given = {"MerchantId": "256612345678901", **headers}
        auth = SignatureAuth(key=KEY, scheme=SCHEME)
        return requests.post(
            self.url + PATH, json={"customerId": customer}, headers=given, auth=auth, timeout=PATIENCE
        )

    def stop(self) -> tuple[int, str, str]:
        """Return the exit code, and what else was said."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@contextmanager
def started(
    command: tuple[str, ...], *options: str | Path, lines: int, stderr: IO[str] | int = subprocess.PIPE
) -> Iterator[Started]:
    with subprocess.Popen(
        [*command, *map(str, options)], stdout=subprocess.PIPE, stderr=stderr, text=True, env=ENVIRONMENT
    ) as process:
        try:
            yield Started(process, lines)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def mock() -> Iterator[Started]:
    with started((*OPAY, "mock"), "--customers", "20", lines=4, stderr=subprocess.DEVNULL) as process:
        yield process


def test_signatures_hold_at_the_mock_and_in_the_redacted_file(
    mock: Started, tmp_path: Path, recorded: Any
) -> None:
    path = tmp_path / "calls.ndjson"
    with started(RECORD, "--to", path, "--upstream", mock.url, "--check", lines=2) as proxy:
        assert proxy.ask("customer-1").json()["code"] == "00000"
        assert proxy.ask("زبون").json()["code"] == "02001"
        code, out, err = proxy.stop()
    assert (code, err) == (0, "")
    assert "Checked 2 exchanges: no drift." in out
    check = [*OPAY, "check", str(path), "--base-url", mock.url, "--fail-on", "info"]
    done = subprocess.run(check, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [type(item) for item in recorded(path)] == [Exchange, Exchange]
    assert b"customer-1" not in path.read_bytes()


def test_calls_of_which_none_succeeded_are_no_clean_recording(mock: Started, tmp_path: Path) -> None:
    options = ("--to", tmp_path / "calls.ndjson", "--upstream", mock.url, "--check")
    for more, expected in ((), 1), (("--require-success", "0"), 0), (("--require-success", "1"), 1):
        with started(RECORD, *options, *more, lines=2) as proxy:
            assert proxy.ask("nobody").json()["code"] == "02001"
            code, out, err = proxy.stop()
        assert (code, err) == (expected, "")
        assert "no drift" not in out
        assert out.endswith("(1 with code 02001): nothing about `data` was checked.\n")


def test_findings_are_told_when_they_are_seen_first_and_counted(mock: Started, tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    options = ("--to", path, "--upstream", mock.url, "--check", "--metrics")
    with started(RECORD, *options, lines=3) as proxy:
        for _ in range(3):
            proxy.ask("customer-1", **{"X-Mock-Scenario": "message-undocumented"})
        proxy.ask("customer-1")
        assert proxy.process.stdout is not None
        told = proxy.process.stdout.readline()
        assert "message-undocumented" in told
        assert told.startswith(f"{path}:1: ")
        metric = r'opay_record_findings_total\{rule="message-undocumented",severity="[a-z]+"\} 3\n'
        while not re.search(metric, requests.get(proxy.said["metrics"], timeout=PATIENCE).text):
            pass
        code, out, err = proxy.stop()
    assert (code, err) == (0, "")
    assert out.count("message-undocumented /message") == 1
    assert "3 times, last at" in out


def test_findings_at_or_above_the_level_make_exit_code_1(mock: Started, tmp_path: Path) -> None:
    with started(RECORD, "--to", tmp_path / "a.zst", "--upstream", mock.url, "--check", lines=2) as proxy:
        proxy.ask("customer-1", **{"X-Mock-Scenario": "field-retyped"})
        assert proxy.stop()[0] == 1


def test_the_file_is_proved_clean_by_redact(
    upstream: Any, mock: Started, tmp_path: Path, answering: Any
) -> None:
    path = tmp_path / "calls.ndjson"
    with started(RECORD, "--to", path, "--upstream", mock.url, lines=2) as proxy:
        proxy.ask("customer-1")
        assert proxy.stop()[0] == 0
    upstream.respond = answering(b"0" * 2000, b"X-Request-Id: 4111111111111111")
    with started(RECORD, "--to", path, "--upstream", upstream.url, "--body-limit", "1000", lines=2) as proxy:
        proxy.ask("customer-1" * 200)
        assert proxy.stop()[0] == 0
    assert b'"comment":"request body too long, response body too long"' in path.read_bytes()
    verify = [*OPAY, "redact", "--verify", str(path)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.stdout.startswith("Clean: 2 exchanges"), done.stdout


def test_raw_says_what_it_means_and_stays_private(mock: Started, tmp_path: Path) -> None:
    path = tmp_path / "raw.ndjson"
    path.touch(mode=0o644)
    with started(RECORD, "--to", path, "--upstream", mock.url, "--raw", lines=2) as proxy:
        proxy.ask("customer-1")
        code, _, err = proxy.stop()
    assert code == 0
    assert "gets card and customer data as they are" in err
    assert b'"customerId": "customer-1"' in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_disk_fails_no_call_and_is_said_once(mock: Started) -> None:
    with started(RECORD, "--to", "/dev/full", "--upstream", mock.url, "--metrics", lines=3) as proxy:
        assert [proxy.ask("customer-1").json()["code"] for _ in range(5)] == ["00000"] * 5
        metric = 'opay_record_failures_total{kind="writing"} 5\n'
        while metric not in requests.get(proxy.said["metrics"], timeout=PATIENCE).text:
            pass
        code, _, err = proxy.stop()
    assert code == 4
    assert err == "warning: not recorded to '/dev/full': No space left on device; calls go on\n"


def test_what_was_recorded_survives_a_kill_and_a_new_run_goes_on(
    mock: Started, tmp_path: Path, recorded: Any
) -> None:
    path = tmp_path / "calls.ndjson"
    options = ("--to", path, "--upstream", mock.url)
    with started(RECORD, *options, lines=2) as proxy, ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: proxy.ask(f"customer-{number % 20 + 1}").status_code, range(40))
        assert list(answers) == [200] * 40
        while path.stat().st_size == 0:
            pass
        proxy.process.kill()
        proxy.process.wait(PATIENCE)
    assert path.read_bytes().endswith(b"}\n")
    before = len(recorded(path))
    with path.open("ab") as file:
        file.write(b'{"request":{"method":"PO')
    with started(RECORD, *options, lines=2) as proxy:
        proxy.ask("customer-1")
        assert proxy.stop()[0] == 0
    found = recorded(path)
    assert len(found) == before + 1
    assert {type(item) for item in found} == {Exchange}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return how to call the command, which fails where it would begin to serve."""
    monkeypatch.setattr("opay_contract.record.server.serve", lambda *_: pytest.fail("it serves"))

    def call(*options: str | Path) -> None:
        record.main([str(option) for option in options], standalone_mode=False)

    return call


@pytest.mark.parametrize(
    "url",
    [
        "https://cashierapi.opaycheckout.com",
        "https://CASHIERAPI.opaycheckout.com:443",
        "https://cashierapi.opaycheckout.com.",
        "https://api.example.com",
        "http://sandbox-cashierapi.opaycheckout.com",
        "http://169.254.169.254",
    ],
)
def test_production_and_unknown_hosts_are_refused_without_their_flag(
    run: Any, url: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--allow-production"):
        run("--to", tmp_path / "a", "--upstream", url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://localhost", "no http or https URL"),
        ("http://user:secret@localhost", "more than a host"),
        ("http://localhost/?a", "more than a host"),
        ("http://[::1", "no URL"),
    ],
)
def test_an_upstream_that_is_none_is_refused(run: Any, url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        run("--to", tmp_path / "a", "--upstream", url, "--allow-production")
    assert "secret" not in str(raised.value)
