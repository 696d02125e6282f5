"""No name of the API stands in code: a contract whose members and paths are called otherwise works as well.

The copy has another name for each member, for the envelope and the path; what is recorded is of its mock.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.mock.conftest import InProcess
from contract_tests.tool.running import run_command
from contract_tests.tool.whole.contracts.asking import breaches_of

from opay_contract.contract.documents import default_directory, load_documents
from opay_contract.contract.loading import load_contract
from opay_contract.mock.records import RecordBook
from opay_contract.mock.scenarios import build_scenarios
from opay_contract.mock.store import Store
from opay_contract.suite.api import Api
from opay_contract.suite.client import Client, RatePolicy
from opay_contract.suite.targets import judge_of, running_mock

NAMES = {
    "customerId": "buyerKey",
    "customerName": "buyerTitle",
    "customerEmail": "buyerPost",
    "customerMobile": "buyerPhone",
    "customerInfo": "holder",
    "cardTokens": "plastics",
    "opayToken": "plasticKey",
    "brand": "scheme",
    "createTimestamp": "madeAt",
    "expiryYear": "endYear",
    "expiryMonth": "endMonth",
    "lastFourDigits": "tail",
    "firstSixDigits": "head",
    "MerchantId": "ShopKey",
    "merchantid": "shopkey",
}
SHORT = {"code": "result", "message": "words", "data": "load", "customer": "buyer"}
"""Members whose names are words as well: renamed where they are members."""

PATH = "/api/v1/international/token/query"
_BODIES = ("examples", "example", "value", "when", "samples")
_WORDS = re.compile(r"\b(" + "|".join(NAMES) + r")\b")


def rename(value: Any, *, is_body: bool = False) -> Any:
    """Return what a contract says with the other names."""
    if isinstance(value, list):
        return [rename(child, is_body=is_body) for child in value]
    if isinstance(value, str):
        text = value.replace(PATH, "/v9/plastics").replace(PATH.replace("/", "~1"), "~1v9~1plastics")
        if text.startswith(("/", "$request")) or "#/" in text:
            text = "/".join(SHORT.get(step, step) for step in text.split("/"))
        return _WORDS.sub(lambda found: NAMES[found[1]], text)
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for key, child in value.items():
        inner = is_body or key in _BODIES
        if key == "properties" and isinstance(child, dict):
            made[key] = {member(name): rename(one, is_body=is_body) for name, one in child.items()}
        elif key == "required" and isinstance(child, list):
            made[key] = [member(name) for name in child]
        else:
            made[member(key) if is_body and not key.startswith("/") else rename(key)] = rename(
                child, is_body=inner
            )
    return made


def member(name: str) -> str:
    return NAMES.get(name) or SHORT.get(name, name)


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the contract in which nothing is called as in the original."""
    folder = tmp_path_factory.mktemp("renamed")
    (folder / "schemas").mkdir()
    for name, document in load_documents(default_directory()).items():
        (folder / name).write_text(json.dumps(rename(document.value), indent=1), encoding="utf-8")
    return folder


def test_the_copy_is_sound_and_has_none_of_the_names(renamed: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in renamed.rglob("*.*"))
    assert not _WORDS.search(text)
    done = run_command("spec", "--contract", renamed, cwd=renamed)
    assert done.returncode == 0, done.stdout


def test_the_mock_of_it_answers_and_each_scenario_is_found_by_its_rules(renamed: Path) -> None:
    contract = load_contract(renamed)
    with Store() as store:
        book = RecordBook(contract)
        store.add(book.made_up(20, 1))
        mock = InProcess(contract=contract, store=store).build()
        known = next(one for one in book.made_up(20, 1) if len(one.items) > 1)
        body = json.dumps({"buyerKey": known.id}).encode()
        answer = json.loads(mock.ask(body, shopkey="256612345678901", merchantid=None).response.body)
        assert (answer["result"], answer["load"]["buyer"]["buyerKey"]) == ("00000", known.id)
        assert [one["plasticKey"] for one in answer["load"]["plastics"]] == list(known.items)
        for name, scenario in build_scenarios(contract.operations).items():
            came = mock.ask(body, shopkey="256612345678901", merchantid=None, x_mock_scenario=name)
            assert mock.rules(came) == sorted(scenario.rules), name


def test_the_suite_passes_on_its_mock_and_what_it_recorded_is_checked_and_redacted(
    renamed: Path, tmp_path: Path
) -> None:
    contract = load_contract(renamed)
    heard: list[Any] = []
    with running_mock(contract) as target:
        client = Client(RatePolicy(), [heard.append])
        api = Api(judge=judge_of(target, contract), client=client)
        failed, asked = breaches_of(api)
        client.close()
    assert not failed, failed[0]
    assert asked >= 25
    recording = tmp_path / "recorded.ndjson"
    lines = [line_of(exchange) for exchange in heard if exchange.request.method == "POST"]
    recording.write_text("\n".join(lines), encoding="utf-8")
    common = ["--contract", str(renamed), "--base-url", target.base_url]
    checked = run_command("check", recording, *common, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout[-2000:]
    done = run_command("redact", recording, "-o", "redacted.ndjson", *common, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert target.customer_id not in (tmp_path / "redacted.ndjson").read_text(encoding="utf-8")
    again = run_command("check", "redacted.ndjson", *common, cwd=tmp_path)
    assert again.returncode == 0, again.stdout[-2000:]


def line_of(exchange: Any) -> str:
    """Return an exchange in the native form."""
    request, response = exchange.request, exchange.response
    sent = (request.body or b"").decode("utf-8", "replace")
    return json.dumps(
        {
            "request": {
                "method": request.method,
                "url": request.url,
                "headers": dict(request.headers or ()),
                "body": sent,
            },
            "response": {
                "status": response.status,
                "headers": dict(response.headers or ()),
                "body": response.body.decode("utf-8", "replace"),
            },
        }
    )
