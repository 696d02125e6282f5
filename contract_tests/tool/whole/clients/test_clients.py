"""Clients that share no code with this project, each made by the vendor's recipe, get what ours gets."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.mock.app import build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import running
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials
from opay_contract.model.exchange import Exchange
from opay_contract.signing.requests_auth import SignatureAuth

pytestmark = pytest.mark.external

PATIENCE = 60
FOLDER = Path(__file__).parent
CREDENTIALS = Credentials()

CLIENTS = {
    "curl": (("sh", "token-query.sh"), {"curl": "curl", "openssl": "openssl"}),
    "node": (("node", "token-query.mjs"), {"node": "nodejs"}),
    "php": (("php", "token-query.php"), {"php": "php-cli, php-curl"}),
}
"""How each client is started, and the Debian packages of the programs that it needs."""

CUSTOMERS = [
    "121111113",
    "shop/eg/42",
    "عميل 7",
    "Zoë \N{SLIGHTLY SMILING FACE} \N{MATHEMATICAL FRAKTUR CAPITAL U}",
    '"quoted" \\ back\\slash',
    "<a href='x'>&amp;</a>",
    "\x7f del, \u2028 line",
    " two  spaces ",
]

Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A mock that knows the customers, and what it heard."""

    base_url: str
    contract: Contract
    heard: list[Exchange]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    contract, heard = load_contract(), list[Exchange]()
    settings = MockSettings(choices=assumed_choices(contract), credentials=CREDENTIALS)
    with Store() as store:
        store.add(map(RecordBook(load_contract()).first.sample, CUSTOMERS))
        with running(build_app(contract, settings, store, listeners=[heard.append])) as base_url:
            yield Sandbox(base_url=base_url, contract=contract, heard=heard)


@pytest.fixture(params=CLIENTS)
def run(request: pytest.FixtureRequest, sandbox: Sandbox) -> Run:
    """Return a function that asks for a customer's cards with one of the clients."""
    command, programs = CLIENTS[request.param]
    for program, packages in programs.items():
        if shutil.which(program) is None:
            pytest.fail(f"{program} is missing: apt-get install {packages}", pytrace=False)

    def run_client(
        customer_id: str, *, key: str = CREDENTIALS.private_key, merchant_id: str = CREDENTIALS.merchant_id
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command[0], str(FOLDER / command[1]), sandbox.base_url, merchant_id, customer_id],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "OPAY_PRIVATE_KEY": key},
            timeout=PATIENCE,
        )

    return run_client


def answer_of(done: subprocess.CompletedProcess[str]) -> Any:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("customer_id", CUSTOMERS)
def test_a_signed_query_gets_what_ours_gets(sandbox: Sandbox, run: Run, customer_id: str) -> None:
    auth = SignatureAuth(key=CREDENTIALS.private_key, scheme=_scheme(sandbox))
    ours = requests.post(
        sandbox.base_url + sandbox.contract.operations[0].path,
        json={"customerId": customer_id},
        headers={"MerchantId": CREDENTIALS.merchant_id},
        auth=auth,
        timeout=PATIENCE,
    ).json()
    assert ours["code"] == "00000"
    assert ours["data"]["customer"]["customerId"] == customer_id
    assert answer_of(run(customer_id)) == ours


@pytest.mark.parametrize(
    "wrong", [{"key": "OPAYPRV_WRONG"}, {"merchant_id": "256612345678902"}], ids=["key", "merchant id"]
)
def test_wrong_credentials_are_refused_as_the_vendor_does(run: Run, wrong: dict[str, str]) -> None:
    assert answer_of(run("121111113", **wrong)) == {"code": "02000", "message": "Authentication failed"}


def test_an_unknown_customer_is_an_error_of_the_catalogue(run: Run) -> None:
    assert answer_of(run("nobody")) == {"code": "02001", "message": "request params not valid."}


def test_each_sends_text_outside_ascii_in_its_own_form(
    sandbox: Sandbox, run: Run, request: pytest.FixtureRequest
) -> None:
    answer_of(run("José/1"))
    sent = sandbox.heard[-1].request.body
    escaped = rb'{"customerId":"Jos\u00e9\/1"}'
    assert sent == (escaped if "php" in request.node.name else '{"customerId":"José/1"}'.encode())


def _scheme(sandbox: Sandbox) -> Any:
    assert sandbox.contract.signature is not None
    return sandbox.contract.signature
