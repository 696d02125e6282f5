"""Several processes give the summary of one, whatever the parts; a dead one costs its part and no more."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
from contract_tests.tool.engines.killing import killing

from opay_contract.engines.folding import Job
from opay_contract.engines.work import DIED, Work, check_in_processes
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_inputs
from opay_contract.recordings.parts import PART_SIZE

pytestmark = pytest.mark.thorough

RECORDINGS = Path(__file__).parents[2] / "recordings"
SETTINGS = Settings(started_at=1_790_000_000.0)
JOB = Job(contract_dir=None, base_urls=(), settings=SETTINGS, format_in=None)


def work_on(*paths: str, size: int = PART_SIZE) -> Work:
    return Work(iter_inputs(paths), None, size)


def test_two_processes_give_the_summary_of_one(traffic: Path, alone: Callable[..., DriftSummary]) -> None:
    paths = [str(RECORDINGS), "no/such/file", str(traffic)]
    assert check_in_processes(work_on(*paths, size=20_000), JOB, 2) == alone(*paths)


def test_a_worker_that_dies_costs_its_part_and_no_more(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.ndjson"
    good, other = RECORDINGS / "clean" / "requests.ndjson", tmp_path / "other.ndjson"
    other.write_bytes(good.read_bytes())
    with killing(bomb, 99):
        summary = check_in_processes(work_on(str(good), str(bomb), str(other)), JOB, 1)
    assert summary.exchanges == 26
    assert [(one.place.file, one.reason) for one in summary.unreadable] == [(str(bomb), DIED)]


def test_an_interrupt_keeps_what_was_done() -> None:
    def interrupt(_seen: int, /) -> None:
        raise KeyboardInterrupt

    work = work_on(str(RECORDINGS / "clean" / "requests.ndjson"))
    summary = check_in_processes(work, JOB, 1, on_progress=interrupt)
    assert summary.is_partial
    assert summary.exchanges == 13
    assert not [child for child in multiprocessing.active_children() if child.is_alive()]


def test_no_more_processes_are_started_than_were_asked_for(tmp_path: Path) -> None:
    started: list[int] = []
    for name in "abc":
        line = b'{"request":{},"response":{}}\n'
        (tmp_path / f"{name}.ndjson").write_bytes(line)
    work = work_on(str(tmp_path), size=1)

    def count(_seen: int, /) -> None:
        started.append(len(multiprocessing.active_children()))

    assert check_in_processes(work, JOB, 2, on_progress=count).unreadable_count == 3
    assert max(started) == 2
