"""Runs the fold in several processes of this machine, part by part; the summary is that of one process."""

import multiprocessing
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess

import msgspec

from opay_contract.contract.loading import load_contract
from opay_contract.engines.folding import OnProgress, PartResult, fold_batch, no_progress
from opay_contract.engines.work import Job, Work
from opay_contract.judge.judge import Judge
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.parts import Batch


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
