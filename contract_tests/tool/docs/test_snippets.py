"""The programs of the section on signing run as they are printed, against the mock."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opay_contract.contract.loading import load_contract
from opay_contract.docs.outputs import MARKDOWN, PAGE, build_outputs
from opay_contract.docs.sections.signing import SNIPPETS
from opay_contract.mock.app import build_app
from opay_contract.mock.choices import assumed_choices
from opay_contract.mock.customers import Seeds
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import running
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials
from opay_contract.model.exchange import Exchange

pytestmark = pytest.mark.external

PATIENCE = 60
CREDENTIALS = Credentials()
CONTRACT = load_contract()

PROGRAMS = {
    "curl": ("sh", {"sh": "dash", "curl": "curl", "openssl": "openssl"}),
    "Python": (sys.executable, {}),
    "Node.js": ("node", {"node": "nodejs"}),
    "PHP": ("php", {"php": "php-cli"}),
}
"""How each program is started, and the Debian packages of what it needs."""

ENDINGS = {"curl": ".sh", "Python": ".py", "Node.js": ".mjs", "PHP": ".php"}


@pytest.fixture(scope="module")
def heard() -> list[Exchange]:
    return []


@pytest.fixture(scope="module")
def base_url(heard: list[Exchange]) -> Iterator[str]:
    settings = MockSettings(choices=assumed_choices(CONTRACT.questions), credentials=CREDENTIALS)
    with Store(None) as store:
        store.add(Seeds(CONTRACT).examples())
        with running(build_app(CONTRACT, settings, store, listeners=[heard.append])) as url:
            yield url


def printed(title: str) -> str:
    """Return a program as the Markdown reference prints it."""
    text = build_outputs(None, None)[MARKDOWN]
    found = re.search(rf"^### {re.escape(title)}\n\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found
    return found.group(1)


def run(title: str, folder: Path, base_url: str, **changes: str) -> str:
    program, needed = PROGRAMS[title]
    for name, package in needed.items():
        if shutil.which(name) is None:
            pytest.fail(f"{name} is missing: apt-get install {package}")
    path = folder / f"program{ENDINGS[title]}"
    path.write_text(printed(title), encoding="utf-8")
    environment = os.environ | {
        "OPAY_BASE_URL": base_url,
        "OPAY_MERCHANT_ID": CREDENTIALS.merchant_id,
        "OPAY_PRIVATE_KEY": CREDENTIALS.private_key,
        **changes,
    }
    command = [program, str(path)]
    done = subprocess.run(
        command, check=True, env=environment, capture_output=True, text=True, timeout=PATIENCE, cwd=folder
    )
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize("title", PROGRAMS)
def test_a_program_gets_the_customers_cards(
    title: str, tmp_path: Path, base_url: str, heard: list[Exchange]
) -> None:
    answer = json.loads(run(title, tmp_path, base_url))
    assert answer["code"] == "00000"
    assert answer["data"]["customer"]["customerId"] == "121111113"
    assert heard[-1].request.body == b'{"customerId":"121111113"}'


@pytest.mark.parametrize("title", PROGRAMS)
def test_the_answer_comes_from_the_signature(title: str, tmp_path: Path, base_url: str) -> None:
    answer = json.loads(run(title, tmp_path, base_url, OPAY_PRIVATE_KEY="another"))
    assert answer["code"] == "02000"


def test_every_program_is_tested_and_the_page_prints_the_same() -> None:
    assert [title for title, _, _ in SNIPPETS] == list(PROGRAMS)
    page = build_outputs(None, None)[PAGE]
    for title in PROGRAMS:
        text = printed(title).strip().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert text.replace('"', "&quot;") in page
