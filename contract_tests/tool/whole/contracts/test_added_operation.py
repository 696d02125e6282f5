"""An operation more in the packaged contract breaks nothing: what was judged is judged alike.

Added is the deletion of a token, as the contract of the vendor's other operations has it, by another name.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.running import run_command
from contract_tests.tool.whole.contracts.asking import breaches_of, call, fold

from opay_contract.contract.documents import default_directory, load_documents
from opay_contract.contract.loading import load_contract
from opay_contract.suite.api import Api
from opay_contract.suite.client import Client, RatePolicy
from opay_contract.suite.targets import judge_of, running_mock

SIBLINGS = Path(__file__).parents[3] / "contracts" / "opay"
RECORDINGS = Path(__file__).parents[3] / "recordings"
RECORDED = str(RECORDINGS / "clean" / "chromium-sensitive.har")
PATH = "/api/v1/international/token/forget"


def without_sources(value: Any) -> Any:
    """Return statements as made up: their sources are the other contract's."""
    if isinstance(value, list):
        return [without_sources(child) for child in value]
    if not isinstance(value, dict):
        return value
    kept = {name: without_sources(child) for name, child in value.items() if name != "x-source"}
    return kept | {"x-source": ["unknown"]} if "x-source" in value else kept


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the packaged contract with one operation more."""
    folder = tmp_path_factory.mktemp("wider")
    own, other = load_documents(default_directory()), load_documents(SIBLINGS)
    values = {name: document.value for name, document in own.items()}
    operation = without_sources(other["openapi.yaml"].value["paths"]["/api/v1/international/token/delete"])
    operation["post"]["operationId"] = "forgetCardToken"
    operation["post"]["x-business-codes"].append({"code": "00", "messages": [], "x-source": ["unknown"]})
    values["openapi.yaml"]["paths"][PATH] = operation
    names = ("delete-token-request.json", "delete-token-response.json")
    values |= {f"schemas/{name}": without_sources(other[f"schemas/{name}"].value) for name in names}
    lookup = {"operation": "forgetCardToken", "removes": "tokens", "by": "$request.body#/opayToken"}
    values["schemas/mock.yaml"]["lookups"].append(lookup)
    for name, value in values.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return folder


def test_recordings_are_judged_as_before(wider: Path, tmp_path: Path) -> None:
    for name in ("drifted", "clean"):
        told = [
            run_command("check", RECORDINGS / name, "--format", "json", *options, cwd=tmp_path)
            for options in ((), ("--contract", str(wider)))
        ]
        assert told[0].returncode == told[1].returncode
        before, after = (json.loads(one.stdout)["findings"] for one in told)
        keys = [[(one["rule"], one["pointer"], one["count"]) for one in found] for found in (before, after)]
        assert keys[0] == keys[1]


def test_a_question_about_a_path_is_answered_by_its_calls_with_any_method(wider: Path) -> None:
    contract = load_contract(wider)
    host = contract.servers[0].host
    for path, count in ((contract.operations[0].path, 2), (PATH, 0)):
        refused = call("GET", f"https://{host}{path}", status=405, answered={}, headers={})
        readings = fold(contract, refused).readings
        assert readings.get(("wrong-method", "http-error"), 0) == count


def test_each_command_takes_it(wider: Path, tmp_path: Path) -> None:
    for arguments in (
        ("spec",),
        ("docs", "--output", str(tmp_path / "reference")),
        ("suggest", RECORDED),
        ("mock", "--scenarios"),
        ("redact", RECORDED, "-o", str(tmp_path / "redacted")),
    ):
        done = run_command(*arguments, "--contract", str(wider), cwd=tmp_path)
        assert done.returncode == 0, (arguments, done.stdout[-500:], done.stderr[-500:])


def test_the_suite_asks_the_mock_of_it_the_new_operation_too(wider: Path) -> None:
    contract, asked = load_contract(wider), set[str]()
    with running_mock(contract) as target:
        client = Client(RatePolicy(), [lambda exchange: asked.add(exchange.request.url or "")])
        api = Api(judge=judge_of(target, contract), client=client)
        failed, _ = breaches_of(api)
        client.close()
    assert not failed, failed[0]
    assert {url.removeprefix(target.base_url) for url in asked} >= {PATH}
