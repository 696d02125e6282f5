"""Every recording of the corpus by itself: the clean ones conform, the drifted ones have the findings listed.

After a change of recordings or rules, `python contract_tests/tool/suite/test_replay.py` writes the list.
"""

import json
from pathlib import Path

import pytest

from opay_contract.contract.loading import load_contract
from opay_contract.model.exchange import Unreadable
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.pytest_plugin.checking import render_findings, summarize
from opay_contract.recordings.inputs import Source, iter_sources

CORPUS = Path(__file__).parents[2] / "recordings"
EXPECTED = Path(__file__).with_name("expected_findings.json")


def sources_in(kind: str) -> list[Source]:
    found = list(iter_sources([str(CORPUS / kind)]))
    return [source for source in found if isinstance(source, Source)]


def name_of(source: Source) -> str:
    return Path(source.name).relative_to(CORPUS).as_posix()


def rules_in(summary: DriftSummary) -> list[str]:
    return sorted({folded.rule.id for folded in summary.findings.values()})


def replay(source: Source) -> DriftSummary:
    summary = summarize(load_contract(), source)
    assert not summary.unreadable_count, summary.unreadable
    assert summary.exchanges
    return summary


def test_everything_in_the_corpus_can_be_found() -> None:
    found = list(iter_sources([str(CORPUS / "clean"), str(CORPUS / "drifted")]))
    assert not [source for source in found if isinstance(source, Unreadable)]
    assert len(found) > 20


@pytest.mark.parametrize("source", sources_in("clean"), ids=name_of)
def test_a_clean_recording_conforms(source: Source) -> None:
    findings = list(replay(source).findings.values())
    errors = [finding for finding in findings if finding.rule.severity >= Severity.ERROR]
    assert not errors, render_findings(errors)


@pytest.mark.parametrize("source", sources_in("drifted"), ids=name_of)
def test_a_drifted_recording_has_the_findings_listed(source: Source) -> None:
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    assert name_of(source) in expected, f"run: python {Path(__file__).name}"
    assert rules_in(replay(source)) == expected[name_of(source)]


def test_nothing_is_listed_that_is_not_there() -> None:
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    assert set(expected) <= {name_of(source) for source in sources_in("drifted")}
    assert all(expected.values())


def update() -> None:
    """Write the list."""
    found = {name_of(source): rules_in(replay(source)) for source in sources_in("drifted")}
    EXPECTED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    update()
