"""Runs the fold in several processes of this machine, part by part; the summary is that of one process."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path

from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.model.exchange import Unreadable
from opay_contract.model.summary import DriftSummary, merge
from opay_contract.recordings.formats import Format
from opay_contract.recordings.parts import Part, iter_part_entries, iter_parts
from opay_contract.recordings.sources import Source
from opay_contract.rules.subject import Settings

DIED = "a worker process died on it; nothing of this part was counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every worker needs to know; a contract does not travel, so each loads its own."""

    contract_dir: Path | None
    base_urls: tuple[str, ...]
    settings: Settings
    format_in: Format | None


@dataclass(slots=True, eq=False)
class _Worker:
    process: SpawnProcess
    connection: Connection
    part: Part | None = None


def check_in_processes(
    sources: Iterable[Source | Unreadable],
    job: Job,
    jobs: int,
    on_progress: Callable[[int], None] = lambda _seen: None,
) -> DriftSummary:
    """Check every part of every source; a part that kills its worker is named as unreadable.

    An interrupt (Ctrl-C) ends the run; the summary then has the parts that were done, and says so.
    """
    pool = _Pool(job, jobs)
    total = DriftSummary()
    try:
        for summary in pool.iter_summaries(_Work(sources, job.format_in)):
            total = merge(total, summary)
            on_progress(total.exchanges + total.out_of_scope + total.unreadable_count)
    except KeyboardInterrupt:
        return replace(total, is_partial=True)
    finally:
        pool.close()
    return total


class _Work:
    """The parts still to do, found as they are needed; what cannot be read at all is a summary of its own."""

    def __init__(self, sources: Iterable[Source | Unreadable], format_in: Format | None) -> None:
        self._items = self._iter_items(sources, format_in)
        self.unreadable: deque[Unreadable] = deque()

    def next(self) -> Part | None:
        for item in self._items:
            if isinstance(item, Part):
                return item
            self.unreadable.append(item)
        return None

    def _iter_items(
        self, sources: Iterable[Source | Unreadable], format_in: Format | None
    ) -> Iterator[Part | Unreadable]:
        for source in sources:
            if isinstance(source, Unreadable):
                yield source
            else:
                yield from iter_parts(source, format_in)


class _Pool:
    def __init__(self, job: Job, jobs: int) -> None:
        self._job = job
        self._jobs = jobs
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def iter_summaries(self, work: _Work) -> Iterator[DriftSummary]:
        while True:
            self._hand_out(work)
            yield from (_unreadable(work.unreadable.popleft()) for _ in range(len(work.unreadable)))
            busy = [worker for worker in self._workers if worker.part is not None]
            if not busy:
                return
            ready = wait([worker.connection for worker in busy])
            for worker in busy:
                if worker.connection in ready:
                    yield self._take(worker)

    def close(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
            worker.process.join()
            worker.connection.close()

    def _hand_out(self, work: _Work) -> None:
        while True:
            idle = next((worker for worker in self._workers if worker.part is None), None)
            if idle is None and len(self._workers) >= self._jobs:
                return
            part = work.next()
            if part is None:
                return
            worker = idle or self._start()
            worker.part = part
            worker.connection.send(part)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._job), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _take(self, worker: _Worker) -> DriftSummary:
        part, worker.part = worker.part, None
        try:
            summary: DriftSummary = worker.connection.recv()
        except (EOFError, OSError):
            self._workers.remove(worker)
            worker.process.join()
            worker.connection.close()
            assert part is not None  # noqa: S101  only busy workers are listened to
            return _unreadable(_died(part))
        return summary


def _unreadable(unreadable: Unreadable) -> DriftSummary:
    return DriftSummary(unreadable_count=1, unreadable=(unreadable,))


def _died(part: Part) -> Unreadable:
    where = "" if part.end is None else f" (bytes {part.start:,} to {part.end:,})"
    line = None if part.end is None else part.first_line
    return Unreadable(place=part.source.place(0, line), reason=f"{DIED}{where}")


def _work(connection: Connection, job: Job) -> None:
    """Answer each part with its summary until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    contract = load_contract(job.contract_dir, job.base_urls)
    while True:
        try:
            part: Part = connection.recv()
        except EOFError:
            return
        fold = Fold(contract, job.settings)
        for entry in iter_part_entries(part, job.format_in):
            fold.add_entry(part.source, entry)
        connection.send(fold.summary())
