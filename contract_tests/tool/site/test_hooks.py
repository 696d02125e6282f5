"""The hooks for pre-commit, as they stand in their file, over what people commit."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from contract_tests.tool.site.shells import REPOSITORY
from contract_tests.usual import each

from opay_contract.cli.main import cli

HOOKS: dict[str, Any] = {
    hook["id"]: hook
    for hook in yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}
CHECK, VERIFY = "opay-contract-check", "opay-contract-redact-verify"
QUERY = "/api/v1/international/token/query"
OURS = f"https://cashierapi.opaycheckout.com{QUERY}"
CARD = "4111111111111111"
UNKNOWN = {"id": "ch_1", "name": "Mona Saleh"}
REFUSED = {"code": "02000", "message": "Authentication failed"}

Hook = Callable[..., int]


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hook:
    """Return a function that runs a hook over files, as pre-commit does with those that its pattern takes."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, **files: str) -> int:
        for path, text in files.items():
            Path(path).parent.mkdir(exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")
        taken = [path for path in files if re.search(HOOKS[name]["files"], path)]
        assert taken == list(files)
        return CliRunner().invoke(cli, [*shlex.split(HOOKS[name]["entry"])[1:], *taken]).exit_code

    return run


def har(url: str, body: Any) -> str:
    request: dict[str, Any] = {"method": "POST", "url": url, "headers": [], "queryString": [], "cookies": []}
    content = {"mimeType": "application/json", "text": json.dumps(body)}
    response = {"status": 200, "headers": [{"name": "Content-Type", "value": "application/json"}]}
    entry = {"request": request, "response": {**response, "content": content}}
    return json.dumps({"log": {"version": "1.2", "entries": [entry]}})


def cassette(url: str, body: Any) -> str:
    request: dict[str, Any] = {"method": "POST", "uri": url, "body": None, "headers": {}}
    status = {"code": 200, "message": "OK"}
    response = {"status": status, "headers": {}, "body": {"string": json.dumps(body)}}
    return yaml.safe_dump({"version": 1, "interactions": [{"request": request, "response": response}]})


def line(url: str, body: Any) -> str:
    return json.dumps({"request": {"method": "POST", "url": url}, "response": {"status": 200, "body": body}})


def collection(url: str, body: Any) -> str:
    info = {"name": "a", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}
    request = {"method": "POST", "url": url}
    example = {"name": "b", "originalRequest": request, "code": 200, "body": json.dumps(body)}
    return json.dumps({"info": info, "item": [{"name": "c", "request": request, "response": [example]}]})


FILES: dict[str, Callable[[str, Any], str]] = {
    "traffic.har": har,
    "cassettes/calls.yaml": cassette,
    "calls.ndjson": line,
    "shop.postman_collection.json": collection,
}


def write(url: str, body: Any) -> dict[str, str]:
    return {name: make(url, body) for name, make in FILES.items()}


@each("name", HOOKS)
@each("url", ["https://api.shop.example/v1/charges", f"https://{'a' * 9}.opaycheckout.com/x"])
def test_recordings_of_other_apis_pass(hook: Hook, name: str, url: str) -> None:
    assert hook(name, **write(url, UNKNOWN)) == 0


def test_beside_others_recordings_of_ours_are_still_refused(hook: Hook) -> None:
    others = {"other.har": har("https://api.shop.example/v1/charges", UNKNOWN)}
    drifted = {"code": 2000, "message": "Authentication failed"}
    assert hook(CHECK, **others, **write(OURS, drifted)) == 1
    assert hook(VERIFY, **others, **write(OURS, REFUSED | {"data": {"customerName": "Mona Saleh"}})) == 1


@each("name", FILES)
def test_a_refusal_alone_is_a_fixture_like_others(hook: Hook, name: str) -> None:
    assert hook(CHECK, **{name: FILES[name](OURS, REFUSED)}) == 0


@each("name", FILES)
def test_the_proof_of_redaction_looks_at_gateways_and_at_cards_of_anybody(hook: Hook, name: str) -> None:
    make = FILES[name]
    assert hook(VERIFY, **{name: make(f"https://gw.shop.example/psp{QUERY}", UNKNOWN)}) == 1
    assert hook(VERIFY, **{name: make("https://api.shop.example/v1/charges", {"card": CARD})}) == 1


def test_out_of_scope_is_for_the_proof_alone() -> None:
    asked = ["redact", "--allow-out-of-scope", "a.har", "-o", "b.har"]
    assert CliRunner().invoke(cli, asked, standalone_mode=False).exception is not None
