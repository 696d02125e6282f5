"""The work of a run, part by part: what is to do, what was found, its summary; and processes that do it.

Parts number their lines from where they begin; they get their true numbers once it is known how many lines
are before each of them.
"""

import multiprocessing
import signal
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import NamedTuple

import msgspec
from msgspec import structs

from opay_contract.contract.loading import load_contract
from opay_contract.drift.saving import move_places
from opay_contract.engines.checkpoint import Checkpoint
from opay_contract.engines.folding import (
    Job,
    OnProgress,
    PartResult,
    collecting_seldom,
    fold_batch,
    no_progress,
)
from opay_contract.formats.table import Format
from opay_contract.judge.judge import Judge
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.summary import DriftSummary, merge
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.parts import PART_SIZE, Batch, Part, count_lines, iter_parts

MOST_PARTS = 64
"""How many small files are handed out together."""

DIED = "a worker process died on it; nothing of this part was counted"


class Work:
    """Hands out parts and takes their results, in any order; nothing is counted twice."""

    def __init__(
        self,
        sources: Iterable[Source | Unreadable],
        format_in: Format | None,
        part_size: int | None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Begin; sources are looked at as they are needed. Without a size of parts it depends on the file."""
        self._checkpoint = checkpoint
        self._batch_size = part_size or PART_SIZE
        self._parts = self._iter_parts(sources, format_in, part_size)
        self._again: deque[Part] = deque()
        self._total = DriftSummary()
        self._lines: dict[int, list[tuple[int, int, int | None]]] = defaultdict(list)
        self._parts_of: dict[int, int] = defaultdict(int)
        self._faults: dict[tuple[int, str], list[Part]] = defaultdict(list)
        self._uncounted: list[Part] = []
        self._dead: list[Part] = []

    def next(self) -> Part | None:
        """Return a part that is still to do, or None when there is none left."""
        return next(self._parts, None)

    def next_batch(self) -> Batch:
        """Return what is handed out next, nothing when nothing is left.

        Small files go together, unless each result is to be kept.
        """
        if self._again:
            return (self._again.popleft(),)
        batch: list[Part] = []
        size, most = 0, 1 if self._checkpoint is not None else MOST_PARTS
        while size < self._batch_size and len(batch) < most and (part := self.next()) is not None:
            batch.append(part)
            size += part.size
        return tuple(batch)

    def take_batch(self, batch: Batch, results: list[PartResult] | None) -> None:
        """Take what became of a batch, None when it killed whoever read it; each part is then tried alone."""
        if results is not None:
            for part, result in zip(batch, results, strict=True):
                self.take(part, result)
        elif len(batch) > 1:
            self._again.extend(batch)
        else:
            self.take_death(batch[0])

    def take(self, part: Part, result: PartResult) -> None:
        """Take what became of a part, and keep it for a later run."""
        if self._checkpoint is not None and result.fault is None:
            self._checkpoint.add(part, result)
        self._count(part, result)

    def take_death(self, part: Part) -> None:
        """Take a part that killed whoever read it."""
        self._dead.append(part)
        self._uncounted.append(part)

    def tell(self, on_progress: OnProgress) -> None:
        """Say how far the work is."""
        total = self._total
        on_progress(total.exchanges + total.out_of_scope + total.out_of_window + total.unreadable_count)

    def finish(self, *, is_partial: bool = False) -> DriftSummary:
        """Return the summary of what was done, its lines numbered as in one run over everything.

        The lines of parts that could not be read are counted here, unless somebody waits for the end.
        """
        for part in (part for part in self._uncounted if part.has_provisional_numbers):
            self._note_lines(part, None if is_partial else count_lines(part))
        ranges = {source: list(_iter_ranges(parts)) for source, parts in self._lines.items()}
        total = move_places(self._total, lambda place: _true_place(place, ranges)) if ranges else self._total
        for unreadable in sorted(self._iter_unreadable(), key=lambda one: (one.place.source, one.reason)):
            total = merge(total, _unreadable(unreadable))
        return structs.replace(total, is_partial=is_partial)

    def _iter_parts(
        self, sources: Iterable[Source | Unreadable], format_in: Format | None, part_size: int | None
    ) -> Iterator[Part]:
        for source in sources:
            if isinstance(source, Unreadable):
                self._total = merge(self._total, _unreadable(source))
                continue
            for part in iter_parts(source, format_in, part_size):
                self._parts_of[source.ordinal] += 1
                known = self._checkpoint.find(part) if self._checkpoint is not None else None
                if known is None:
                    yield part
                else:
                    self._count(part, known)

    def _count(self, part: Part, result: PartResult) -> None:
        if result.fault is not None:
            self._faults[part.source.ordinal, result.fault].append(part)
            self._uncounted.append(part)
            return
        self._total = merge(self._total, result.summary)
        self._note_lines(part, result.lines)

    def _note_lines(self, part: Part, lines: int | None) -> None:
        """Note how many lines a part has, None where nobody can tell; a whole file needs no numbers."""
        if part.has_provisional_numbers and part.end is not None:
            self._lines[part.source.ordinal].append((part.start, part.end, lines))

    def _iter_unreadable(self) -> Iterator[Unreadable]:
        for part in self._dead:
            where = "" if part.end is None else f" (bytes {part.start:,} to {part.end:,})"
            yield Unreadable(place=part.source.place(0), reason=f"{DIED}{where}")
        for (ordinal, fault), parts in self._faults.items():
            lost = f"{len(parts):,} of its {self._parts_of[ordinal]:,} parts were not counted"
            yield Unreadable(place=parts[0].source.place(0), reason=f"{fault}; {lost}")


def _unreadable(unreadable: Unreadable) -> DriftSummary:
    """Return the summary of what could not even be found."""
    return DriftSummary(unreadable_count=1, unreadable=(unreadable,))


class _Range(NamedTuple):
    """A part of a file, and how many lines are in front of it, None where that is not known."""

    start: int
    end: int
    before: int | None


def _iter_ranges(parts: list[tuple[int, int, int | None]]) -> Iterator[_Range]:
    before: int | None = 0
    position = 0
    for start, end, lines in sorted(parts):
        before = before if start == position else None
        yield _Range(start, end, before)
        before = None if before is None or lines is None else before + lines
        position = end


def _true_place(place: Place, ranges: dict[int, list[_Range]]) -> Place:
    """Return a place with its true number; where that is not known it names the file alone."""
    found = ranges.get(place.source)
    if found is None or place.entry == 0:
        return place
    own = found[bisect_left(found, place.entry, key=lambda one: one.end)]
    number = None if own.before is None else own.before + place.entry - own.start
    return structs.replace(place, entry=number or 0, line=number)


class _Worker(msgspec.Struct, eq=False):
    process: SpawnProcess
    connection: Connection
    batch: Batch = ()


def check_in_processes(
    work: Work, job: Job, jobs: int, on_progress: OnProgress = no_progress
) -> DriftSummary:
    """Check every part of the work; a part that kills its process is named as unreadable.

    An interrupt (Ctrl-C) ends the run; the summary then has the parts that were done, and says so.
    """
    pool = _Pool(job, jobs)
    try:
        for batch, results in pool.iter_results(work):
            work.take_batch(batch, results)
            work.tell(on_progress)
    except KeyboardInterrupt:
        return work.finish(is_partial=True)
    finally:
        pool.close()
    return work.finish()


class _Pool:
    def __init__(self, job: Job, jobs: int) -> None:
        self._job = job
        self._jobs = jobs
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    def iter_results(self, work: Work) -> Iterator[tuple[Batch, list[PartResult] | None]]:
        while True:
            self._hand_out(work)
            busy = [worker for worker in self._workers if worker.batch]
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

    def _hand_out(self, work: Work) -> None:
        while True:
            idle = next((worker for worker in self._workers if not worker.batch), None)
            if idle is None and len(self._workers) >= self._jobs:
                return
            batch = work.next_batch()
            if not batch:
                return
            worker = idle or self._start()
            worker.batch = batch
            worker.connection.send(batch)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._job), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _take(self, worker: _Worker) -> tuple[Batch, list[PartResult] | None]:
        batch, worker.batch = worker.batch, ()
        try:
            results: list[PartResult] = worker.connection.recv()
        except (EOFError, OSError):
            self._workers.remove(worker)
            worker.process.join()
            worker.connection.close()
            return batch, None
        return batch, results


@collecting_seldom()
def _work(connection: Connection, job: Job) -> None:
    """Answer each batch with its results until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    contract = load_contract(job.contract_dir, job.base_urls)
    judge = Judge(contract, job.settings)
    while True:
        try:
            batch: Batch = connection.recv()
        except EOFError:
            return
        connection.send(fold_batch(batch, contract, job.settings, job.format_in, judge))
