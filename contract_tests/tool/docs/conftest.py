"""Contracts to make a reference from: our own in a folder that can be edited, and a hostile one."""

import json
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.drift.conftest import STARTED_AT, Line, by_customer, encode, exchange, refused

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import default_directory, load_documents
from opay_contract.contract.loading import load_contract
from opay_contract.docs.evidence import build_evidence
from opay_contract.docs.outputs import Gather
from opay_contract.drift.fold import Fold
from opay_contract.drift.insight import draw_insight
from opay_contract.drift.saving import load_summary, summary_to_json
from opay_contract.formats.native import parse_line
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source

PAYLOAD = (
    ' <img src=x onerror="window.pwned=1"><script>window.pwned=1</script></script>'
    '<svg onload="window.pwned=1"> [click](javascript:window.pwned=1) '
    "![picture](https://evil.invalid/picture.png) ``` | ` \" ' &lt;b&gt; -->"
)
TEXTS = {"description", "summary", "title", "statement", "question"}


@pytest.fixture
def contract_dir(tmp_path: Path) -> Path:
    """A copy of our own contract."""
    directory = tmp_path / "contract"
    source = default_directory()
    shutil.copytree(source / "schemas", directory / "schemas")
    shutil.copy(source / "openapi.yaml", directory)
    return directory


@pytest.fixture
def hostile_dir(contract_dir: Path) -> Path:
    """Our own contract with an attack at the end of every text for people."""
    for name, document in load_documents(contract_dir).items():
        (contract_dir / name).write_text(json.dumps(poison(document.value)), encoding="utf-8")
    return contract_dir


@pytest.fixture(scope="session")
def summary_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A summary as `check --save-summary` writes it, of traffic with every kind of evidence."""
    path = tmp_path_factory.mktemp("run") / "summary.json"
    path.write_bytes(summary_to_json(summary_of(traffic())))
    return path


def summary_of(lines: Iterable[Line], contract: Contract | None = None) -> DriftSummary:
    """Return the summary of a check of exchanges."""
    fold = Fold(contract or load_contract(), Settings(started_at=STARTED_AT))
    source = Source(ordinal=0, name="-", path=None)
    for number, line in enumerate(encode(lines), 1):
        fold.add(parse_line(source.place(number, number), line))
    return fold.summary()


def gather(path: Path) -> Gather:
    """Return the function that reads evidence for a contract from a saved summary."""
    return partial(build_evidence, load_summary(path), draw_insight)


def traffic() -> Iterator[Line]:
    """Yield four days on which a member appears, values drift, codes are new, and one form never comes."""
    yield from [by_customer("2026-05-01", brand="MEEZA")] * 60
    yield from [by_customer("2026-05-02", expiryYear="31", expiryMonth="05")] * 60
    yield from [by_customer(None, expiryYear="31", expiryMonth="05")] * 4
    yield from [by_customer("2026-05-03", expiryYear="31", expiryMonth="05", lastFourDigits=1111)] * 3
    yield by_customer("2026-05-03", expiryYear="31", expiryMonth="05", brand=None, note="something")
    yield from [refused("2026-05-02")] * 2
    yield refused("2026-05-03", "90", "Another text.")
    yield from [refused("2026-05-03", "02999", "Never heard of.")] * 2
    yield exchange("2026-05-04", {"customerId": "121111113"}, {"code": "00000", "message": "SUCCESSFUL"})
    yield exchange("2026-05-04", {"customerId": "1", "country": "EG"}, {"code": "09", "message": "Time out."})
    yield exchange("2026-05-04", {"customerId": "121111113"}, "Bad gateway", status=502)
    nameless = by_customer("2026-05-04")
    del nameless["request"]["headers"]["MerchantId"]
    yield nameless
    elsewhere = refused("2026-05-04")
    elsewhere["request"]["url"] = "https://elsewhere.example/"
    yield elsewhere


def poison(value: Any) -> Any:
    if isinstance(value, list):
        return [poison(child) for child in value]
    if not isinstance(value, dict):
        return value
    poisoned = {key: poison(child) for key, child in value.items()}
    for key in TEXTS & value.keys():
        if isinstance(value[key], str):
            poisoned[key] = value[key] + PAYLOAD
    if isinstance(value.get("messages"), list):
        poisoned["messages"] = [message + PAYLOAD for message in value["messages"]]
    return poisoned
