"""A mock in process, and a client that signs what it sends to it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import unquote

import pytest
import requests
from click.testing import CliRunner, Result

import opay_contract
from opay_contract.cli.mock import mock as mock_command
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.mock import serving
from opay_contract.mock.app import MockApp, build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store, StoredRecord
from opay_contract.mock.validation import Credentials
from opay_contract.model.exchange import Exchange
from opay_contract.signing.requests_auth import SignatureAuth
from opay_contract.signing.signer import sign

COMMAND = (sys.executable, "-m", "opay_contract.cli.main")
PATIENCE = 60
CONTRACT = load_contract()
assert CONTRACT.signature is not None
SCHEME = CONTRACT.signature

HOST = "sandbox-cashierapi.opaycheckout.com"
"""The mock is asked under the sandbox's name, so that what it answers is in the contract's scope."""


LOOPBACK = ("127.0.0.1", 80)


def drive(  # noqa: PLR0913  a request's parts
    app: MockApp,
    method: str,
    path: str,
    fields: dict[str, str],
    body: bytes,
    *,
    peer: tuple[str, int] = LOOPBACK,
    server: tuple[str, int] = LOOPBACK,
) -> tuple[int, bytes]:
    """Send one request to an ASGI application and return the answer's status and body."""
    scope = {
        "type": "http",
        "method": method,
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()],
        "server": server,
        "client": peer,
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


@dataclass(slots=True, kw_only=True, repr=False)
class InProcess:
    """A mock without a network; `exchange` is the last one as the mock's listener heard it."""

    contract: Contract
    store: Store
    heard: list[Exchange] = field(default_factory=list)
    app: MockApp = field(init=False)
    settings: MockSettings = field(init=False)

    def build(self, *picks: str, **settings: Any) -> Self:
        """Make the mock anew, with choices and settings."""
        choices = assumed_choices(self.contract).changed(picks)
        self.settings = MockSettings(choices=choices, slow_seconds=0, **settings)
        self.app = build_app(self.contract, self.settings, self.store, listeners=[self.heard.append])
        return self

    def ask(self, body: bytes, **fields: str | None) -> Exchange:
        """Send a signed query; a keyword replaces a header field, or drops it with None."""
        key = self.settings.credentials.private_key
        signature = sign(body, key, SCHEME).header if "authorization" not in fields else None
        usual = {
            "content-type": "application/json",
            "merchantid": self.settings.credentials.merchant_id,
            "authorization": signature,
        }
        given = usual | {name.replace("_", "-"): value for name, value in fields.items()}
        return self.send("POST", {name: value for name, value in given.items() if value is not None}, body)

    def send(self, method: str, fields: dict[str, str], body: bytes, *, path: str | None = None) -> Exchange:
        """Send any request at all."""
        drive(self.app, method, path or self.contract.operations[0].path, {"host": HOST} | fields, body)
        return self.heard[-1]

    def rules(self, exchange: Exchange) -> list[str]:
        """Return the ids of the rules that find something in an exchange."""
        match = self.contract.match(exchange)
        assert match.route.in_scope
        settings = Settings(started_at=0, private_key=self.settings.credentials.private_key)
        return sorted(finding.rule.id for finding in check_exchange(self.contract, exchange, match, settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A mock at an address, and a client of it."""

    url: str
    merchant_id: str = Credentials().merchant_id
    private_key: str = Credentials().private_key

    def ask(self, body: Any, **headers: str) -> requests.Response:
        """Send a signed query."""
        auth = SignatureAuth(key=self.private_key, scheme=SCHEME)
        given = {"MerchantId": self.merchant_id, **headers}
        return requests.post(
            self.url + CONTRACT.operations[0].path, json=body, headers=given, auth=auth, timeout=PATIENCE
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Running(Served):
    """A mock in a process of its own."""

    process: subprocess.Popen[str]
    said: dict[str, str]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def start_process(*options: str, stderr: IO[str] | None = None, **environment: str) -> Iterator[Running]:
    source = str(Path(opay_contract.__file__).parents[1])
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": source, **environment}
    with subprocess.Popen(
        [*COMMAND, "mock", "--quiet", *options],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=variables,
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().rstrip("\n") for _ in range(4)]
            said = dict(line.split(": ", 1) for line in lines)
            yield Running(process=process, said=said, url=said["address"])
        finally:
            process.kill()


@pytest.fixture(scope="session")
def start() -> Callable[..., AbstractContextManager[Running]]:
    """Return how to run the real command for as long as a context lasts."""
    return start_process


@pytest.fixture(scope="session")
def client_of() -> Callable[[str], Served]:
    """Return how to make a client of the mock at an address."""
    return lambda url: Served(url=url)


@pytest.fixture
def serve_here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return how to run the command in this process, and talk to the mock for as long as it answers."""

    def run(talk: Callable[[Served], object], *options: str, **environment: str) -> Result:
        def serve(app: MockApp, bound: socket.socket, on_ready: Callable[[], None]) -> None:
            key = environment.get("OPAY_PRIVATE_KEY", Credentials().private_key)
            merchant_id = environment.get("OPAY_MERCHANT_ID", Credentials().merchant_id)
            with serving.running(app, bound) as url:
                on_ready()
                talk(Served(url=url, private_key=key, merchant_id=merchant_id))

        monkeypatch.setattr(serving, "serve", serve)
        return CliRunner().invoke(mock_command, options, env=environment, catch_exceptions=False)

    return run


@pytest.fixture(scope="session")
def contract() -> Contract:
    return CONTRACT


@pytest.fixture(scope="session")
def drive_app() -> Callable[..., tuple[int, bytes]]:
    return drive


@pytest.fixture(scope="session")
def in_process() -> type[InProcess]:
    return InProcess


@cache
def _made_up() -> list[StoredRecord]:
    return list(RecordBook(CONTRACT).made_up(50, 1))


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as store:
        store.add(_made_up())
        yield store


@pytest.fixture
def build_mock(contract: Contract, store: Store) -> Callable[..., InProcess]:
    def build(*picks: str, **settings: Any) -> InProcess:
        return InProcess(contract=contract, store=store).build(*picks, **settings)

    return build


@pytest.fixture
def mock(build_mock: Callable[..., InProcess]) -> InProcess:
    return build_mock()


@pytest.fixture(scope="session")
def credentials() -> Credentials:
    return Credentials()


@pytest.fixture
def with_cards(store: Store) -> str:
    """Return the id of a customer that has cards."""
    return next(id_ for id_ in store.ids("customers") if len(_cards(store, id_)) > 1)


@pytest.fixture
def without_cards(store: Store) -> str:
    """Return the id of a customer that has none."""
    return next(id_ for id_ in store.ids("customers") if not _cards(store, id_))


@pytest.fixture
def token(store: Store, with_cards: str) -> str:
    """Return a token that is stored."""
    return next(iter(_cards(store, with_cards)))


def _cards(store: Store, customer_id: str) -> dict[str, Any]:
    stored = store.record("customers", customer_id)
    return stored.items if stored else {}


@pytest.fixture
def signature_of(credentials: Credentials) -> Callable[[bytes, str], str]:
    """Return how to sign a body in one of the forms of text outside ASCII."""
    return lambda body, form: sign(body, credentials.private_key, SCHEME, non_ascii=form).header
