"""Calls of small contracts, and what is found in them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.formats.native import parse_line
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source
from opay_contract.suite import test_answers, test_operations, test_refusals
from opay_contract.suite.api import Api
from opay_contract.suite.breach import Breach

HERE = Path(__file__).parent
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
JSON = {"Content-Type": "application/json"}

load = cache(lambda name: load_contract(HERE / name))


def call(  # noqa: PLR0913  an exchange has as many parts
    method: str,
    url: str,
    body: Any = None,
    *,
    status: int = 200,
    answered: dict[str, str] | None = None,
    asked: Any = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    request = {
        "method": method,
        "url": url,
        "headers": headers if headers is not None else JSON,
        "body": asked,
    }
    response = {"status": status, "headers": JSON if answered is None else answered, "body": body}
    return {"request": request, "response": response}


def fold(contract: Contract, *calls: dict[str, Any], key: str | None = None) -> DriftSummary:
    """Judge calls with and without a memory, which must say the same."""
    summaries = []
    for has_memory in (True, False):
        run = Fold(contract, Settings(started_at=1_790_000_000.0, private_key=key), has_memory=has_memory)
        for number, one in enumerate([*calls, *calls], 1):
            place = Source(ordinal=0, name="-", path=None).place(number, number)
            run.add(parse_line(place, json.dumps(one).encode()))
        summaries.append(run.summary())
    assert summaries[0].findings == summaries[1].findings
    assert not summaries[0].unreadable_count
    return summaries[0]


def found(contract: Contract, *calls: dict[str, Any], key: str | None = None) -> set[tuple[str, str]]:
    findings = fold(contract, *calls, key=key).findings.values()
    return {(one.rule.id, one.pointer) for one in findings}


def breaches_of(api: Api) -> tuple[list[str], int]:
    """Return what the suite's tests without drawn data find wrong with a target, and how many there are."""
    asked = [
        test
        for module in (test_operations, test_refusals, test_answers)
        for name, test in vars(module).items()
        if name.startswith("test_") and not hasattr(test, "hypothesis")
    ]
    found: list[str] = []
    for test in asked:
        try:
            test(api)
        except Breach as breach:
            found.append(f"{test.__name__}: {breach}")
    return found, len(asked)
