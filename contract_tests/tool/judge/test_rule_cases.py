"""Every rule has recordings that show it and recordings that come close and do not."""

import os
from collections.abc import Iterator
from pathlib import Path

from contract_tests.tool.whole.corpus.planting import NOT_STATED
from contract_tests.usual import each

from opay_contract.contract.loading import load_contract
from opay_contract.drift.conclusions import conclude
from opay_contract.engines.folding import check_sources
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import RULES, RULES_OF_A_RUN
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_sources
from opay_contract.report.checked_run import by_gravity

CASES = Path(__file__).parent / "cases"
CONTRACTS = Path(__file__).parents[1] / "whole" / "contracts"
OF_OTHERS = {
    "ledger": {"value-out-of-range", "format-mismatch", "value-undocumented", "constraint-violated"},
    "parameters": NOT_STATED,
}
OF_A_RUN = {rule.id for rule in RULES_OF_A_RUN}
STARTED_AT = 1_790_000_000.0
TEST_KEY = "OPAYPRV_TEST_SYNTHETIC_0001"


def summarise(rule: str, case: str) -> DriftSummary:
    others = [CONTRACTS / name for name, rules in OF_OTHERS.items() if rule in rules]
    contract = load_contract(others[0] if others else None)
    settings = Settings(started_at=STARTED_AT, private_key=TEST_KEY)
    summary = check_sources(iter_sources([str(CASES / rule / f"{case}.ndjson")]), contract, settings)
    return conclude(summary, contract) if rule in OF_A_RUN else summary


def golden_lines(summary: DriftSummary) -> Iterator[str]:
    for finding in by_gravity(summary):
        statement = f"{finding.contract.file}#{finding.contract.pointer}" if finding.contract else "-"
        parts = (
            finding.rule.id,
            finding.outcome,
            finding.pointer,
            finding.expected,
            finding.actual,
            statement,
        )
        yield " | ".join((*parts, str(finding.count)))


@each("rule", [rule.id for rule in RULES])
def test_each_rule_is_found_as_the_golden_file_says(rule: str) -> None:
    summary = summarise(rule, "finding")
    assert summary.exchanges > 0
    assert not summary.unreadable
    assert rule in {folded.rule.id for folded in summary.findings.values()}
    golden, actual = CASES / rule / "finding.txt", "".join(f"{line}\n" for line in golden_lines(summary))
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(actual, encoding="utf-8")
    assert actual == golden.read_text(encoding="utf-8")


@each("rule", [rule.id for rule in RULES])
def test_each_rule_leaves_what_comes_close_alone(rule: str) -> None:
    summary = summarise(rule, "clean")
    assert summary.exchanges > 0
    assert not summary.unreadable
    assert list(golden_lines(summary)) == []


def test_every_case_belongs_to_a_rule() -> None:
    assert {path.name for path in CASES.iterdir()} == {rule.id for rule in RULES}
