"""The vendor's ticket: its documentation against what was seen, and a request that shows it at the mock."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from contract_tests.tool.running import run_command
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.markdown_report import MAX_TOLD, render_ticket
from opay_contract.signing.signer import PUBLIC_TEST_KEY, verify

DATA = Path(__file__).parents[1] / "whole" / "acceptance" / "data"


@pytest.fixture(scope="module")
def ticket() -> str:
    return run_command(
        *("check", "drifted", "--format", "ticket"), cwd=DATA, environment={"SOURCE_DATE_EPOCH": "1790000000"}
    ).stdout


def test_the_ticket_is_the_golden_one(ticket: str, assert_golden: Callable[[str, str], None]) -> None:
    assert_golden("drifted.ticket.md", ticket)


def test_each_request_is_signed_and_names_a_scenario_of_the_mock(ticket: str, contract: Contract) -> None:
    calls = re.findall(r"^curl .*?(?=\n```)", ticket, re.DOTALL | re.MULTILINE)
    assert len(calls) > 10
    assert contract.signature
    for call in calls:
        words = shlex.split(call.replace("\\\n", ""))
        headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "--header")
        body = words[words.index("--data-binary") + 1].encode()
        assert verify(body, headers["Authorization"], PUBLIC_TEST_KEY, contract.signature).ok
        assert headers["MerchantId"].isdecimal()
    assert sum("X-Mock-Scenario: " in call for call in calls) > 10


def test_a_ticket_names_no_file_no_host_and_no_finding_of_the_client(ticket: str) -> None:
    for word in (
        "ndjson",
        ".har",
        "drifted",
        "fonts.example",
        "header-missing",
        "country",
        "nothing-succeeded",
    ):
        assert word not in ticket, word


def test_a_ticket_without_a_difference_says_so(clean: DriftSummary) -> None:
    assert "nothing to tell the vendor" in render_ticket(CheckedRun(summary=clean))
    assert "Nothing was checked." in render_ticket(CheckedRun(summary=DriftSummary()))


@each("number", [MAX_TOLD - 1, MAX_TOLD, MAX_TOLD + 1])
def test_a_ticket_tells_so_many_and_counts_the_others(number: int, drifted: DriftSummary) -> None:
    folded = next(one for one in drifted.findings.values() if one.rule.id == "type-mismatch")
    found = [replace(folded, pointer=f"/data/{at}") for at in range(number)]
    summary = replace(drifted, findings={one.key: one for one in found})
    said = render_ticket(CheckedRun(summary=summary))
    assert said.count("\n## ") == min(number, MAX_TOLD)
    assert ("1 further difference of less weight" in said) is (number > MAX_TOLD)


def test_everything_from_outside_is_text_in_a_ticket(hostile: DriftSummary, contract: Contract) -> None:
    said = render_ticket(CheckedRun(summary=hostile, contract=contract))
    assert said.replace("\n", "").isprintable()
    for danger in ("<script", "](", "@team", "https://evil", "\n::error"):
        assert danger not in said
