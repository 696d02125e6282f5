"""The command in front of the mock: signatures hold, findings are told, nothing leaks, nothing fails."""

import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from contract_tests.tool import running as running_tool
from contract_tests.tool.running import Completed, run_command

import opay_contract
from opay_contract.cli.record import record as record_command
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.mock.app import build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import running
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store
from opay_contract.model.exchange import Exchange
from opay_contract.record.proxy import SERVER
from opay_contract.record.recorder import Recorder
from opay_contract.signing.requests_auth import SignatureAuth

PATIENCE = 60
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
CONTRACT = load_contract()
assert CONTRACT.signature is not None
SCHEME = CONTRACT.signature
PATH = CONTRACT.operations[0].path
ENVIRONMENT = running_tool.ENVIRONMENT | {"OPAY_PRIVATE_KEY": KEY}
COMMAND = (sys.executable, "-W", "error", "-m", "opay_contract", "record")


@dataclass(frozen=True, slots=True)
class Asked:
    """A server to ask: the mock, or the proxy in front of it."""

    url: str

    def ask(self, customer: str, **headers: str) -> requests.Response:
        """Send a signed query."""
        given = {"MerchantId": "256612345678901", **headers}
        auth = SignatureAuth(key=KEY, scheme=SCHEME)
        return requests.post(
            self.url + PATH, json={"customerId": customer}, headers=given, auth=auth, timeout=PATIENCE
        )

    def metrics(self, wanted: str) -> str:
        """Return the counts as soon as they have some line."""
        end = time.monotonic() + PATIENCE
        while not re.search(
            wanted, said := requests.get(f"{self.url}/__record__/metrics", timeout=PATIENCE).text
        ):
            assert time.monotonic() < end, said
        return said


@pytest.fixture(scope="module")
def mock() -> Iterator[Asked]:
    settings = MockSettings(choices=assumed_choices(CONTRACT))
    with Store() as store:
        store.add(list(RecordBook(load_contract()).made_up(20, 0)))
        with running(build_app(CONTRACT, settings, store)) as url:
            yield Asked(url)


Recording = Callable[..., Completed]


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """Return a function that runs the command in this process for as long as `talk` asks its proxy."""

    def run(*options: str | Path, talk: Callable[[Asked], object]) -> Completed:
        def serve(app: Any, _bound: object, on_ready: Callable[[], None]) -> None:
            with running(app, on_stop=app.aclose, **SERVER) as url:
                on_ready()
                talk(Asked(url))

        monkeypatch.setattr("opay_contract.record.proxy.serve", serve)
        return run_command("record", *options, cwd=tmp_path, environment=ENVIRONMENT)

    return run


def test_signatures_hold_at_the_mock_and_in_the_redacted_file(
    mock: Asked, record: Recording, tmp_path: Path, recorded: Any
) -> None:
    def talk(proxy: Asked) -> None:
        assert proxy.ask("customer-1").json()["code"] == "00000"
        assert proxy.ask("زبون").json()["code"] == "02001"

    path = tmp_path / "calls.ndjson"
    done = record("--to", path, "--upstream", mock.url, "--check", talk=talk)
    assert (done.returncode, done.stderr) == (0, f"Recorded 2 exchanges to '{path}'.\n")
    assert "2 exchanges keep the contract" in done.stdout
    check = ("check", path, "--base-url", mock.url, "--fail-on", "info")
    done = run_command(*check, cwd=tmp_path, environment=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [type(item) for item in recorded(path)] == [Exchange, Exchange]
    assert b"customer-1" not in path.read_bytes()


def test_calls_of_which_none_succeeded_are_no_clean_recording(mock: Asked, record: Recording) -> None:
    options = ("--to", "calls.ndjson", "--upstream", mock.url, "--check")
    for more, expected in ((), 1), (("--require-success", "0"), 0), (("--require-success", "1"), 1):
        done = record(*options, *more, talk=lambda proxy: proxy.ask("nobody"))
        assert done.returncode == expected
        assert "keep" not in done.stdout or "did not succeed" in done.stdout
        assert "(1 with code 02001): nothing about `data` was checked." in " ".join(done.stdout.split())


def test_what_a_project_settled_holds_while_calls_are_recorded(
    mock: Asked, record: Recording, tmp_path: Path
) -> None:
    options = ("--to", "calls.ndjson", "--upstream", mock.url, "--check")
    for settled, code, says in (
        ("", 1, True),
        ('severity.type-mismatch = "warning"', 0, True),
        ('ignore = "type-mismatch"', 0, False),
        ('ignore = "type-mismatch"\nbaseline = "none.toml"', 2, False),
    ):
        (tmp_path / "pyproject.toml").write_text(f"[tool.opay-contract]\n{settled}\n")
        talk = {"X-Mock-Scenario": "field-retyped"}
        done = record(*options, talk=lambda proxy, talk=talk: proxy.ask("customer-1", **talk))
        told = re.search(r"type-mismatch\s+/?data", done.stdout) is not None
        assert (done.returncode, told) == (code, says), (settled, done)
        assert ("left out" in done.stderr) is (code == 0 and not says), done.stderr


def test_findings_are_told_when_they_are_seen_first_and_counted(
    mock: Asked, record: Recording, tmp_path: Path
) -> None:
    def talk(proxy: Asked) -> None:
        for _ in range(3):
            proxy.ask("customer-1", **{"X-Mock-Scenario": "message-undocumented"})
        proxy.ask("customer-1")
        proxy.metrics(r'opay_record_findings_total\{rule="message-undocumented",severity="[a-z]+"\} 3\n')

    path = tmp_path / "calls.ndjson"
    done = record("--to", path, "--upstream", mock.url, "--check", "--metrics", talk=talk)
    assert (done.returncode, done.stderr) == (0, f"Recorded 4 exchanges to '{path}'.\n")
    told = done.stdout.splitlines()[3]
    assert told.startswith(f"{path}:1: ")
    assert "message-undocumented" in told
    assert done.stdout.count("message-undocumented /message") == 1, "and the report counts it"


def test_findings_at_or_above_the_level_make_exit_code_1(mock: Asked, record: Recording) -> None:
    drift = {"X-Mock-Scenario": "field-retyped"}
    options = ("--to", "a.zst", "--upstream", mock.url, "--check")
    assert record(*options, talk=lambda proxy: proxy.ask("customer-1", **drift)).returncode == 1


def test_the_file_is_proved_clean_by_redact(
    upstream: Any, mock: Asked, record: Recording, tmp_path: Path, answering: Any
) -> None:
    path = tmp_path / "calls.ndjson"
    record("--to", path, "--upstream", mock.url, talk=lambda proxy: proxy.ask("customer-1"))
    upstream.respond = answering(b"0" * 2000, b"X-Request-Id: 4111111111111111")
    options = ("--to", path, "--upstream", upstream.url, "--body-limit", "1000")
    record(*options, talk=lambda proxy: proxy.ask("customer-1" * 200))
    assert b'"comment":"request body too long, response body too long"' in path.read_bytes()
    done = run_command("redact", "--verify", path, cwd=tmp_path, environment=ENVIRONMENT)
    assert done.stdout.startswith("Clean: 2 exchanges"), done.stdout


def test_raw_says_what_it_means_and_stays_private(mock: Asked, record: Recording, tmp_path: Path) -> None:
    path = tmp_path / "raw.ndjson"
    path.touch(mode=0o644)
    done = record("--to", path, "--upstream", mock.url, "--raw", talk=lambda proxy: proxy.ask("customer-1"))
    assert done.returncode == 0
    assert "gets card and customer data as they are" in done.stderr
    assert b'"customerId": "customer-1"' in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_disk_fails_no_call_and_is_said_once(mock: Asked, record: Recording) -> None:
    def talk(proxy: Asked) -> None:
        assert [proxy.ask("customer-1").json()["code"] for _ in range(5)] == ["00000"] * 5
        proxy.metrics(r'opay_record_failures_total\{kind="writing"\} 5\n')

    done = record("--to", "/dev/full", "--upstream", mock.url, "--metrics", talk=talk)
    assert done.returncode == 4
    assert done.stderr == (
        "warning: not recorded to '/dev/full': No space left on device; calls go on\n"
        "Recorded nothing to '/dev/full'. 5 could not be recorded or checked.\n"
    )


def test_files_that_are_rotated_are_named_to_the_last(mock: Asked, record: Recording, tmp_path: Path) -> None:
    def talk(proxy: Asked) -> None:
        for number in range(1, 4):
            proxy.ask("customer-1")
            proxy.metrics(rf"opay_record_recorded_total {number}\n")

    options = ("--to", "a.ndjson", "--upstream", mock.url, "--rotate-size", "1", "--metrics")
    assert record(*options, talk=talk).stderr == "Recorded 3 exchanges in files up to 'a.0003.ndjson'.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.0002.ndjson", "a.0003.ndjson", "a.ndjson"]


def test_the_file_is_closed_when_the_command_ends_or_cannot_begin(
    mock: Asked, record: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    class Told(Recorder):
        def close(self) -> None:
            closed.append(self.describe())
            super().close()

    monkeypatch.setattr("opay_contract.cli.record.Recorder", Told)
    options = ("--to", "a.ndjson", "--upstream", mock.url)
    assert record(*options, talk=lambda proxy: proxy.ask("customer-1")).returncode == 0
    assert record(*options, "--host", "192.0.2.1", talk=pytest.fail).returncode == 2
    assert [one.partition(" to ")[0] for one in closed] == ["Recorded 1 exchange", "Recorded nothing"]


@contextmanager
def started(*options: str | Path) -> Iterator[tuple[Asked, "subprocess.Popen[str]"]]:
    """Run the command as a process of its own."""
    environment = ENVIRONMENT | {"PYTHONPATH": str(Path(opay_contract.__file__).parents[1])}
    command = [*COMMAND, *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            address, _ = (process.stdout.readline() for _ in range(2))
            yield Asked(address.rstrip("\n").partition(": ")[2]), process
        finally:
            process.kill()


def test_what_was_recorded_survives_a_kill_and_a_new_run_goes_on(
    mock: Asked, record: Recording, tmp_path: Path, recorded: Any
) -> None:
    path = tmp_path / "calls.ndjson"
    options = ("--to", path, "--upstream", mock.url)
    with started(*options) as (proxy, process), ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: proxy.ask(f"customer-{number % 20 + 1}").status_code, range(40))
        assert list(answers) == [200] * 40
        while path.stat().st_size == 0:
            pass
        process.kill()
        process.wait(PATIENCE)
    assert path.read_bytes().endswith(b"}\n")
    before = len(recorded(path))
    with path.open("ab") as file:
        file.write(b'{"request":{"method":"PO')
    assert record(*options, talk=lambda proxy: proxy.ask("customer-1")).returncode == 0
    found = recorded(path)
    assert len(found) == before + 1
    assert {type(item) for item in found} == {Exchange}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return how to call the command, which fails where it would begin to serve."""
    monkeypatch.setattr("opay_contract.record.proxy.serve", lambda *_: pytest.fail("it serves"))

    def call(*options: str | Path) -> None:
        record_command.main([str(option) for option in options], standalone_mode=False)

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
