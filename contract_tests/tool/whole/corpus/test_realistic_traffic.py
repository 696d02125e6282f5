"""The traffic that speed is measured on is what it is said to be."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from contract_tests.benchmarks.speed.__main__ import main
from contract_tests.benchmarks.speed.traffic import Shares, iter_realistic

from opay_contract.contract.loading import load_contract
from opay_contract.engines.folding import check_sources
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_sources

COUNT = 2000


def check(folder: Path, shares: Shares) -> DriftSummary:
    path = folder / "traffic.ndjson"
    path.write_text("".join(f"{line}\n" for line in iter_realistic(1, COUNT, shares)), encoding="utf-8")
    return check_sources(iter_sources([str(path)]), load_contract(), Settings(started_at=1_790_000_000.0))


def test_realistic_traffic_is_clean_but_for_what_drifts(tmp_path: Path) -> None:
    summary = check(tmp_path, Shares(drifted=0))
    assert summary.exchanges == COUNT
    assert not summary.findings
    assert not summary.unreadable_count


def test_every_drifted_exchange_is_told_and_in_many_ways(tmp_path: Path) -> None:
    summary = check(tmp_path, Shares(drifted=1000))
    assert summary.exchanges == COUNT
    assert len({rule for rule, *_ in summary.findings}) > 25
    assert sum(folded.count for folded in summary.findings.values()) >= COUNT


def test_realistic_traffic_has_what_logs_have_in_about_the_shares_that_are_said() -> None:
    lines = list(iter_realistic(1, COUNT, Shares(drifted=0)))
    exchanges: list[dict[str, Any]] = list(map(json.loads, lines))
    answers = [exchange["response"]["body"] for exchange in exchanges]
    data = [answer["data"] for answer in answers if answer.get("data")]
    counts = Counter(len(one["cardTokens"]) for one in data)
    names = [one["customer"]["customerName"] for one in data]
    cards = [card for one in data for card in one["cardTokens"]]
    assert set(counts) == {0, 1, 2, 3, 4, 5}
    assert 0.04 < sum(not name.isascii() for name in names) / len(names) < 0.08
    assert any('"' in name for name in names)
    assert any("/" in name for name in names)
    assert 0.3 < sum("expiryYear" in card for card in cards) / len(cards) < 0.37
    assert len({answer["code"] for answer in answers}) == 1 + 6
    assert 0.03 < 1 - len(data) / COUNT < 0.07
    assert len({tuple(card) for card in cards}) > 4
    assert any('"code": "' in line for line in lines)
    assert any("\\u" in line for line in lines)
    assert len({exchange["response"]["headers"]["X-Request-Id"] for exchange in exchanges}) == COUNT
    assert {exchange["request"]["headers"]["Authorization"] for exchange in exchanges} == {
        "Bearer [REDACTED]"
    }


def test_a_seed_draws_the_same_traffic_each_time_and_another_one_other_traffic() -> None:
    assert list(iter_realistic(7, 20)) == list(iter_realistic(7, 20))
    assert list(iter_realistic(7, 20)) != list(iter_realistic(8, 20))


@pytest.mark.parametrize("option", ["--mix", "--format"])
def test_a_measurement_of_nothing_is_refused(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["speed", option, "none such"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
