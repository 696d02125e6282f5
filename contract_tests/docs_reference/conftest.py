"""Contracts to make a reference from: our own in a folder that can be edited, and a hostile one."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from opay_contract.contract.loading import default_directory, load_documents

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
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report as `check --format json` writes it."""
    path = tmp_path_factory.mktemp("report") / "report.json"
    path.write_text(json.dumps(REPORT), encoding="utf-8")
    return path


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


def _finding(rule: str, pointer: str, count: int, statement: str | None, **more: Any) -> dict[str, Any]:
    file, _, place = (statement or "").partition("#")
    seen = {"file": "a.har", "entry": 1, "line": 1, "recorded_at": "2026-11-20T10:00:00Z"}
    return {
        "rule": rule,
        "kind": "contradicted",
        "area": "body",
        "severity": "error",
        "operation": "queryCardTokens",
        "outcome": "success",
        "pointer": pointer,
        "count": count,
        "expected": "a string",
        "actual": "an integer",
        "fingerprint": "0" * 16,
        "first": seen,
        "last": seen,
        "contract": {"file": file, "line": 1, "column": 1, "pointer": place} if statement else None,
        **more,
    }


BRAND = "schemas/card-token.json#/properties/brand/type"
CODES = "openapi.yaml#/paths/~1api~1v1~1international~1token~1query/post/x-business-codes"
REPORT: dict[str, Any] = {
    "schema_version": 1,
    "summary": {
        "exchanges_checked": 365,
        "out_of_scope": 2,
        "unreadable": 1,
        "findings": 4,
        "by_severity": {"error": 3, "warning": 0, "info": 1},
        "occurrences": 20,
        "occurrences_omitted": 0,
    },
    "findings": [
        _finding("type-mismatch", "/data/cardTokens/*/brand", 7, BRAND),
        _finding("request-field-invalid", "/customerId", 3, "schemas/customer-id.json#/type"),
        _finding("code-undocumented", "/code", 2, CODES),
        _finding("message-undocumented", "/message", 8, f"{CODES}/1", severity="info"),
    ],
    "unreadable": [],
    "open_questions": [
        {"id": "create-timestamp-type", "readings": [{"reading": "number", "count": 12}]},
        {"id": "success-code", "readings": [{"reading": "00000", "count": 40}]},
    ],
}
