"""Several processes give the summary of one, whatever the parts; a dead one costs its part and no more."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.engines.inline import check_sources
from opay_contract.engines.processes import DIED, Job, check_in_processes
from opay_contract.model.summary import DriftSummary, merge
from opay_contract.recordings.parts import iter_part_entries, iter_parts
from opay_contract.recordings.sources import Source, iter_sources
from opay_contract.rules.subject import Settings

pytestmark = pytest.mark.thorough

RECORDINGS = Path(__file__).parents[1] / "recordings"
CASES = sorted((Path(__file__).parents[1] / "rules" / "cases").glob("*/*.ndjson"))
SETTINGS = Settings(started_at=1_790_000_000.0)
JOB = Job(contract_dir=None, base_urls=(), settings=SETTINGS, format_in=None)
PATIENCE = 30


def fold_parts(source: Source, size: int) -> DriftSummary:
    contract, total = load_contract(), DriftSummary()
    for part in iter_parts(source, size=size):
        fold = Fold(contract, SETTINGS)
        for entry in iter_part_entries(part):
            fold.add_entry(part.source, entry)
        total = merge(total, fold.summary())
    return total


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traffic") / "all.ndjson"
    lines = b"".join(case.read_bytes() for case in CASES)
    path.write_bytes(b"\xef\xbb\xbf" + lines + b"\n  \r\nnot json\n" + lines.rstrip(b"\n"))
    return path


@settings(deadline=None, derandomize=True, max_examples=25)
@given(size=st.integers(1, 60_000))
def test_any_size_of_parts_gives_the_summary_of_the_whole(traffic: Path, size: int) -> None:
    source = Source(ordinal=0, name="all.ndjson", path=traffic)
    assert fold_parts(source, size) == check_sources([source], load_contract(), SETTINGS)


def test_parts_hold_every_byte_once_and_end_at_line_ends(
    traffic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opay_contract.recordings.parts.CHUNK", 1000)
    parts = list(iter_parts(Source(ordinal=0, name="all.ndjson", path=traffic), size=5000))
    data = traffic.read_bytes()
    assert len(parts) > 5
    assert b"".join(data[part.start : part.end] for part in parts) == data
    assert all(data[: part.start].count(b"\n") + 1 == part.first_line for part in parts)


def test_two_processes_give_the_summary_of_one() -> None:
    paths = [str(RECORDINGS), "no/such/file"]
    alone = check_sources(iter_sources(paths), load_contract(), SETTINGS)
    assert check_in_processes(iter_sources(paths), JOB, 2) == alone
    assert alone.unreadable_count == 1


@pytest.fixture
def killed_workers() -> Iterator[None]:
    """Kill every worker that waits for a pipe that nobody writes to."""
    done = threading.Event()

    def kill() -> None:
        give_up = time.monotonic() + PATIENCE
        while not done.wait(0.05) and time.monotonic() < give_up:
            for child in multiprocessing.active_children():
                if child.pid is not None and _waits_for_pipe(child.pid):
                    os.kill(child.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    done.set()
    thread.join()


def _waits_for_pipe(pid: int) -> bool:
    try:
        return "fifo" in Path(f"/proc/{pid}/wchan").read_text(encoding="ascii") or _stuck(pid)
    except OSError:
        return False


def _stuck(pid: int) -> bool:
    return any("bomb" in str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir())


@pytest.mark.usefixtures("killed_workers")
def test_a_worker_that_dies_costs_its_part_and_no_more(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.ndjson"
    os.mkfifo(bomb)
    keeper = os.open(bomb, os.O_RDWR)  # so that opening it to read does not wait, and reading does
    good = RECORDINGS / "clean" / "requests.ndjson"
    summary = check_in_processes(iter_sources([str(good), str(bomb), str(good)]), JOB, 1)
    os.close(keeper)
    assert summary.exchanges == 26
    assert [(one.place.file, one.reason) for one in summary.unreadable] == [(str(bomb), DIED)]


def test_an_interrupt_keeps_what_was_done() -> None:
    def interrupt(_seen: int) -> None:
        raise KeyboardInterrupt

    sources = iter_sources([str(RECORDINGS / "clean" / "requests.ndjson")])
    summary = check_in_processes(sources, JOB, 1, on_progress=interrupt)
    assert summary.is_partial
    assert summary.exchanges == 13
    assert not [child for child in multiprocessing.active_children() if child.is_alive()]
