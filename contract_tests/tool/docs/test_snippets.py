"""The sample requests run as they are printed, against the mock."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opay_contract.contract.loading import load_contract
from opay_contract.docs.building import build_reference
from opay_contract.mock.app import build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import running
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials
from opay_contract.model.exchange import Exchange
from opay_contract.report.samples import MOCK, Program

pytestmark = pytest.mark.external

PATIENCE = 60
CREDENTIALS = Credentials()
CONTRACT = load_contract()

PROGRAMS = {
    "curl": ("sh", {"sh": "dash", "curl": "curl"}),
    "Shell": ("sh", {"sh": "dash", "curl": "curl", "openssl": "openssl"}),
    "Python": (sys.executable, {}),
    "Node.js": ("node", {"node": "nodejs"}),
    "PHP": ("php", {"php": "php-cli"}),
}
"""How each program is started, and the Debian packages of what it needs."""

ENDINGS = {"curl": ".sh", "Shell": ".sh", "Python": ".py", "Node.js": ".mjs", "PHP": ".php"}


@pytest.fixture(scope="module")
def heard() -> list[Exchange]:
    return []


@pytest.fixture(scope="module")
def base_url(heard: list[Exchange]) -> Iterator[str]:
    settings = MockSettings(choices=assumed_choices(CONTRACT), credentials=CREDENTIALS)
    with Store(None) as store:
        store.add(RecordBook(CONTRACT).examples())
        with running(build_app(CONTRACT, settings, store, listeners=[heard.append])) as url:
            yield url


CALLS = {
    call.title: {program.title: program for sample in call.samples for program in sample.programs}
    for operation in build_reference(CONTRACT, None).operations
    for call in operation.calls
}


def run(program: Program, folder: Path, base_url: str, **variables: str) -> dict[str, Any]:
    """Run a program as it is printed; curl's alone has the address in it, the others take it by name."""
    command, needed = PROGRAMS[program.title]
    for name, package in needed.items():
        if shutil.which(name) is None:
            pytest.fail(f"{name} is missing: apt-get install {package}")
    path = folder / f"program{ENDINGS[program.title]}"
    path.write_text(
        program.text.replace(MOCK, base_url) if program.title == "curl" else program.text, "utf-8"
    )
    done = subprocess.run(
        [command, str(path)],
        check=True,
        env={"PATH": os.environ["PATH"], "OPAY_BASE_URL": base_url, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=folder,
    )
    assert program.title == "curl" or not done.stderr  # where curl shows its progress
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("title", PROGRAMS)
def test_a_program_gets_the_cards_as_it_stands_and_is_refused_with_another_key(
    title: str, tmp_path: Path, base_url: str, heard: list[Exchange]
) -> None:
    by_customer, by_token = (CALLS[call][title] for call in ("Token Info By User", "Card Token Info"))
    answer = run(by_customer, tmp_path, base_url)
    assert (answer["code"], answer["data"]["customer"]["customerId"]) == ("00000", "121111113")
    assert heard[-1].request.body == b'{"customerId":"121111113"}'
    answer = run(by_token, tmp_path, base_url)
    assert answer["code"] == "00000"
    assert answer["data"]["opayToken"].startswith("OPAY_TOKEN_")
    if title != "curl":
        assert run(by_customer, tmp_path, base_url, OPAY_PRIVATE_KEY="another")["code"] == "02000"
        assert run(by_customer, tmp_path, base_url, OPAY_MERCHANT_ID="1")["code"] == "02000"


def test_every_program_is_tested() -> None:
    assert all(list(programs) == list(PROGRAMS) for programs in CALLS.values())
