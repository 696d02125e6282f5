"""Parts in any size and order give the summary of the whole; what cannot be read costs itself and no more."""

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.insight import draw_insight
from opay_contract.engines.folding import PartResult, check_sources, fold_batch, fold_part
from opay_contract.engines.work import DIED, Work
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings import parts as parts_module
from opay_contract.recordings.inputs import iter_inputs
from opay_contract.recordings.parts import LineRange, Part, first_byte
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.json_report import render_json

Alone = Callable[..., DriftSummary]
Check = Callable[[Part], PartResult]


@pytest.fixture(scope="module")
def check(contract: Contract, run_settings: Settings) -> Check:
    return lambda part: fold_part(part, contract, run_settings, None)


def work_on(path: Path, size: int) -> Work:
    return Work(iter_inputs([str(path)]), None, size)


def parts_of(work: Work) -> list[Part]:
    return list(iter(work.next, None))


def unreadable_of(summary: DriftSummary, before: DriftSummary) -> list[tuple[Place, str]]:
    """Return what could not be read beside what cannot be read in any case."""
    return [(one.place, one.reason) for one in summary.unreadable if one not in before.unreadable]


@pytest.mark.parametrize(("length", "wanted"), [(999, 999), (20_000, 1000), (64_000, 2000), (900_000, 4000)])
def test_a_larger_file_has_larger_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, wanted: int
) -> None:
    monkeypatch.setattr(parts_module, "PART_SIZE", 1000)
    monkeypatch.setattr(parts_module, "LARGEST_PART", 4000)
    path = tmp_path / "x.ndjson"
    path.write_bytes(b'{"request":{},"response":{}}\n'.ljust(length))
    found = parts_of(Work(iter_inputs([str(path)]), None, None))
    assert {part.size for part in found[:-1]} | {found[0].size} == {wanted}
    assert sum(part.size for part in found) == length


LINES = st.lists(st.sampled_from([b"", b"a", b"bc", b"d" * 9]), max_size=12).map(b"\n".join)


@given(data=LINES, size=st.integers(1, 9), chunk=st.integers(1, 5))
def test_every_line_is_in_one_range_whatever_the_cuts(data: bytes, size: int, chunk: int) -> None:
    class Slow(io.BytesIO):
        def read(self, _size: Any = -1) -> bytes:
            return super().read(chunk)

    found, lines = [], 0
    for start in range(0, len(data), size):
        raw = Slow(data)
        raw.seek(first_byte(start))
        part = LineRange(raw, start, min(start + size, len(data)))
        found.append(b"".join(iter(part.read, b"")))
        lines += part.lines
        assert part.lines <= min(size, len(data) - start)
    assert b"".join(found) == data
    assert all(one.endswith(b"\n") or one == b"" for one in found[:-1]) or found[-1] == b""
    assert lines == len(data.splitlines())


@settings(deadline=None, max_examples=1, phases=[Phase.generate])
@given(size=st.integers(3_000, 90_000), seed=st.integers(0, 9))
def test_any_size_and_order_of_parts_gives_the_report_of_the_whole(  # noqa: PLR0913, PLR0917  fixtures
    traffic: Path, check: Check, alone: Alone, contract: Contract, size: int, seed: int
) -> None:
    work = work_on(traffic, size)
    parts = parts_of(work)
    random.Random(seed).shuffle(parts)  # noqa: S311
    for part in parts:
        work.take(part, check(part))
    found, expected = work.finish(), alone(traffic)
    assert found == expected
    assert report(found, contract) == report(expected, contract)


def report(summary: DriftSummary, contract: Contract) -> str:
    insight = draw_insight(summary, contract)
    return render_json(CheckedRun(summary=summary, questions=contract.questions, insight=insight))


def test_a_part_that_kills_its_readers_costs_its_lines_and_keeps_the_numbers_of_the_others(
    traffic: Path, check: Check, alone: Alone
) -> None:
    work = work_on(traffic, 10_000)
    first, bomb, *others = parts_of(work)
    for part in (first, *others):
        work.take(part, check(part))
    work.take_death(bomb)
    summary, whole = work.finish(), alone(traffic)
    (named,) = unreadable_of(summary, whole)
    assert named == (Place(source=0, entry=0, file=str(traffic)), f"{DIED} (bytes 10,000 to 20,000)")
    lost = check(bomb).summary
    assert summary.exchanges == whole.exchanges - lost.exchanges > 0
    last = max(folded.last_place for folded in whole.findings.values())
    assert last in {folded.last_place for folded in summary.findings.values()}


def test_a_partial_summary_names_the_file_alone_where_lines_before_are_not_counted(
    traffic: Path, check: Check
) -> None:
    work = work_on(traffic, 10_000)
    parts = parts_of(work)
    work.take(parts[0], check(parts[0]))
    work.take(parts[4], check(parts[4]))
    summary = work.finish(is_partial=True)
    places = {folded.last_place for folded in summary.findings.values()}
    lines = {place.line for place in places if place.line is not None}
    assert summary.is_partial
    assert Place(source=0, entry=0, file=str(traffic)) in places
    assert max(lines) <= traffic.read_bytes()[:10_000].count(b"\n") + 1


def test_a_part_that_was_not_handed_out_leaves_no_wrong_numbers(traffic: Path, check: Check) -> None:
    work = work_on(traffic, 10_000)
    first = work.next()
    work.next()
    third = work.next()
    assert first is not None
    assert third is not None
    work.take(third, check(third))
    work.take(first, check(first))
    summary = work.finish(is_partial=True)
    beyond = traffic.read_bytes()[:10_000].count(b"\n") + 1
    assert all((folded.last_place.line or 0) <= beyond for folded in summary.findings.values())


@pytest.mark.parametrize("change", ["replaced", "shorter", "gone"])
def test_a_file_that_changes_between_its_parts_gets_one_verdict(
    tmp_path: Path, traffic_bytes: bytes, check: Check, change: str
) -> None:
    path = tmp_path / "x.ndjson"
    path.write_bytes(traffic_bytes)
    work = work_on(path, 30_000)
    parts = parts_of(work)
    work.take(parts[0], check(parts[0]))
    if change == "replaced":
        (tmp_path / "y").write_bytes(traffic_bytes)
        (tmp_path / "y").replace(path)
    elif change == "shorter":
        path.write_bytes(traffic_bytes[:50_000])
    else:
        path.unlink()
    for part in parts[1:]:
        work.take(part, check(part))
    (verdict,) = [one for one in work.finish().unreadable if one.place.entry == 0]
    said = "no such file" if change == "gone" else "changed while it was read"
    assert said in verdict.reason
    assert f"{len(parts) - 1} of its {len(parts)} parts were not counted" in verdict.reason


def test_a_file_that_only_grows_is_read_as_it_was(
    tmp_path: Path, traffic_bytes: bytes, check: Check, alone: Alone
) -> None:
    path = tmp_path / "x.ndjson"
    path.write_bytes(traffic_bytes + b"}\n")
    expected, work = alone(path), work_on(path, 30_000)
    parts = parts_of(work)
    with path.open("ab") as file:
        file.write(traffic_bytes)
    for part in parts:
        work.take(part, check(part))
    assert work.finish() == expected


def test_small_files_go_together_and_alone_when_one_of_them_kills_its_reader(
    tmp_path: Path, traffic_bytes: bytes, contract: Contract, run_settings: Settings, alone: Alone
) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.ndjson").write_bytes(traffic_bytes[: 9_000 if name != "c" else 60_000])
    work = work_on(tmp_path, 20_000)
    first, cut = work.next_batch(), work.next_batch()
    assert [len(first), len(cut)] == [3, 1]
    work.take_batch(first, None)
    again = [work.next_batch() for _ in first]
    assert [batch for batch in again if len(batch) > 1] == []
    batches = [cut, tuple(part for (part,) in again), *iter(work.next_batch, ())]
    for batch in batches:
        work.take_batch(batch, fold_batch(batch, contract, run_settings, None))
    assert work.finish() == alone(tmp_path)


def test_what_cannot_be_found_is_named_once(tmp_path: Path) -> None:
    work = work_on(tmp_path / "nowhere", 1)
    assert parts_of(work) == []
    assert [one.reason for one in work.finish().unreadable] == ["cannot be read: no such file or directory"]


def test_a_reason_that_names_the_line_names_the_true_one(traffic: Path, check: Check) -> None:
    work = work_on(traffic, 7_000)
    for part in parts_of(work):
        work.take(part, check(part))
    named = [one for one in work.finish().unreadable if "at line" in one.reason]
    assert named
    assert all(f"at line {one.place.line}," in one.reason for one in named)


def test_the_parts_of_a_file_are_found_without_reading_it(
    traffic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    class Counted(io.FileIO):
        def read(self, size: Any = -1) -> Any:
            read.append(size)
            return super().read(size)

    monkeypatch.setattr(Path, "open", lambda path, *_: Counted(path))
    (source,) = iter_inputs([str(traffic)])
    assert not isinstance(source, Unreadable)
    assert len(list(parts_module.iter_parts(source, size=500))) > 200
    assert sum(read) <= 2 * (64 << 10)


def test_a_source_that_could_not_be_opened_is_counted_and_the_run_goes_on() -> None:
    lost = Unreadable(place=Place(source=0, entry=1, file="gone"), reason="no such file")
    summary = check_sources([lost], load_contract(), Settings(started_at=0))
    assert (summary.unreadable_count, summary.exchanges) == (1, 0)
