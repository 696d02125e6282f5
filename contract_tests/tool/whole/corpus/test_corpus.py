"""Drift that was planted is found: at its rule and place, on its days, as often; and nothing else is."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.engines.folding import Job, check_sources
from opay_contract.engines.work import Work, check_in_processes
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import RULES, RULES_OF_A_RUN
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_sources
from opay_contract.recordings.parts import PART_SIZE

from .contract import write_contract
from .drafts import KEY, native_line
from .planting import DRIFTS, NOT_STATED, OF_SIGNATURES, Plan, plan, write_files
from .proof import prove
from .traffic import Flavour, build_draft

WITH_KEY = Settings(started_at=1_790_000_000.0, private_key=KEY)
WITHOUT_KEY = Settings(started_at=1_790_000_000.0)


@cache
def contract() -> Contract:
    with TemporaryDirectory() as folder:
        return load_contract(write_contract(Path(folder)))


@pytest.fixture
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("traffic")


def check(paths: Sequence[Path], given: Settings) -> DriftSummary:
    return check_sources(iter_sources([str(path) for path in paths]), contract(), given)


def assert_proven(summary: DriftSummary, traffic: Plan, *, with_key: bool) -> None:
    proof = prove(summary, traffic.labels(with_key=with_key))
    assert (summary.exchanges, summary.unreadable_count, summary.omitted) == (traffic.total, 0, 0)
    assert proof.holds, str(proof)


def test_every_rule_has_drifts() -> None:
    assert {drift.rule for drift in DRIFTS} == {
        rule.id for rule in RULES if rule not in RULES_OF_A_RUN
    } - NOT_STATED


def test_every_drift_at_every_place_is_found_and_nothing_else_in_any_order_of_files(work: Path) -> None:
    traffic = plan(seed=1, total=500, drifted=len(DRIFTS))
    paths = write_files(traffic, work, files=5)
    assert_proven(check(paths, WITH_KEY), traffic, with_key=True)
    shuffled = [paths[position] for position in (3, 0, 4, 2, 1)]
    assert_proven(check(shuffled, WITHOUT_KEY), traffic, with_key=False)


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32), drifted=st.integers(0, 40))
def test_wherever_drift_is_planted_it_is_found(
    seed: int, drifted: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    traffic = plan(seed, total=50, drifted=drifted)
    paths = write_files(traffic, tmp_path_factory.mktemp("drawn"), files=1)
    assert_proven(check(paths, WITHOUT_KEY), traffic, with_key=False)


def test_traffic_without_drift_has_no_finding(work: Path) -> None:
    traffic = plan(seed=2, total=250, drifted=0)
    paths = write_files(traffic, work, files=1)
    for given_settings in (WITH_KEY, WITHOUT_KEY):
        assert_proven(check(paths, given_settings), traffic, with_key=True)


def test_a_token_on_an_unknown_path_is_not_taken_for_a_card_number(work: Path) -> None:
    draft, token = build_draft(1, 1, 10, Flavour.BY_TOKEN), f"OPAY_TOKEN_4111111111111111{'a' * 16}"
    draft.ask({"opayToken": token})
    draft.answer["data"]["opayToken"] = token
    draft.url += "/"
    path = work / "one.ndjson"
    path.write_text(native_line(draft), encoding="utf-8")
    assert [key[0] for key in check([path], WITHOUT_KEY).findings] == ["path-undocumented"]


def test_a_finding_that_is_missed_misdated_or_too_often_disproves(work: Path) -> None:
    traffic = plan(seed=3, total=40, drifted=1, drifts=DRIFTS[:1])
    summary = check(write_files(traffic, work, files=1), WITHOUT_KEY)
    labels = traffic.labels(with_key=False)
    (finding, days), other = *labels.items(), (OF_SIGNATURES, "", "", "")
    assert prove(summary, labels).holds
    assert prove(summary, labels | {other: days}).missed == {other: days}
    assert prove(summary, {}).unlabelled == labels
    assert not prove(summary, {finding: {"2026-05-03": 1}}).holds
    assert not prove(summary, {finding: dict.fromkeys(days, 2)}).holds


@pytest.mark.thorough
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), drifted=st.integers(0, 200))
def test_wherever_drift_is_planted_it_is_found_looked_at_longer(
    seed: int, drifted: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    traffic = plan(seed, total=400, drifted=drifted)
    paths = write_files(traffic, tmp_path_factory.mktemp("drawn"), files=3)
    assert_proven(check(paths[::-1], WITH_KEY), traffic, with_key=True)


@pytest.mark.thorough
def test_one_exchange_of_each_kind_is_found_among_thirty_thousand_by_two_processes(work: Path) -> None:
    traffic = plan(seed=4, total=30_000, drifted=len(RULES))
    sources = iter_sources([str(path) for path in write_files(traffic, work, files=2)])
    job = Job(contract_dir=write_contract(work), base_urls=(), settings=WITHOUT_KEY, format_in=None)
    assert_proven(check_in_processes(Work(sources, None, PART_SIZE), job, jobs=2), traffic, with_key=False)
