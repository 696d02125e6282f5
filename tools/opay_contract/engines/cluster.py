"""Runs the fold on a Dask cluster, part by part; the summary is that of one process."""

import asyncio
import logging
import queue
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures import wait as futures_wait
from contextlib import ExitStack
from uuid import uuid4

from distributed import Client, Future, KilledWorker, LocalCluster

from opay_contract.engines.folding import (
    ClusterJob,
    OnProgress,
    PartResult,
    Refusal,
    check_parts,
    no_progress,
)
from opay_contract.engines.work import Work
from opay_contract.errors import UsageError
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.parts import Batch, Part

PART_SIZE = 64 << 20
"""About how many bytes of plain NDJSON make a part, so that a task takes much longer than handing it out."""

PATIENCE = 60.0
"""Seconds that a cluster may be without any worker before the run ends with what is done."""

NO_WORKERS = "the cluster has no workers any more; what was done until then is reported"
NO_SCHEDULER = "the scheduler does not answer any more; what was done until then is reported"

_AHEAD = 4  # tasks for each thread of the cluster
_LEAST_WINDOW = 16
_TICK = 1.0


class _LostError(Exception):
    """The cluster is gone; the text says which part of it."""


def check_on_cluster(  # noqa: PLR0913  each is a thing of its own, by name
    work: Work,
    job: ClusterJob,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    on_progress: OnProgress = no_progress,
    on_trouble: Callable[[str], None] = lambda _text: None,
) -> DriftSummary:
    """Check every part of the work on the cluster of a scheduler, or on one of this machine's processes.

    An interrupt (Ctrl-C), or the loss of the cluster, ends the run; the summary then has the parts that were
    done, and says so.
    """
    with ExitStack() as stack:
        try:
            tasks = _Tasks(_connect(stack, scheduler, workers), job)
            for batch, results in tasks.iter_results(work):
                work.take_batch(batch, results)
                work.tell(on_progress)
        except KeyboardInterrupt:
            return work.finish(is_partial=True)
        except _LostError as error:
            on_trouble(str(error))
            return work.finish(is_partial=True)
    return work.finish()


def _connect(stack: ExitStack, scheduler: str | None, workers: int | None) -> Client:
    address = scheduler or stack.enter_context(_start_local(workers))
    try:
        return stack.enter_context(Client(address, set_as_default=False))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no Dask scheduler answers at '{scheduler}'; name one as tcp://host:8786"
        ) from error


def _start_local(workers: int | None) -> LocalCluster:
    """Start workers that do not hear Ctrl-C: a terminal sends it to them, too, and we end them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        )
    finally:
        signal.signal(signal.SIGINT, before)


class _Tasks:
    """The tasks of a run on the cluster: a bounded number at a time, however many parts there are.

    When a worker dies, Dask holds everything that was handed to it suspect. So each part that was given up is
    tried once more alone, when nothing else runs; only what fails then, too, is to blame.
    """

    def __init__(self, client: Client, job: ClusterJob) -> None:
        self._client = client
        self._job = job
        self._run = uuid4().hex[:8]
        self._number = 0
        self._running: dict[str, tuple[Future, Batch]] = {}
        self._done: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._suspects: deque[Part] = deque()
        self._window = _LEAST_WINDOW
        self._last_look = 0.0
        self._last_worker = time.monotonic()

    def iter_results(self, work: Work) -> Iterator[tuple[Batch, list[PartResult] | None]]:
        """Yield each batch with its results, a part with None where it killed every worker that took it."""
        while self._submit_more(work):
            for batch, results in self._take_done():
                if results is None:
                    self._suspects.extend(batch)
                else:
                    yield batch, results
        for part in self._suspects:
            self._submit((part,))
            yield from self._take_done()

    def _submit_more(self, work: Work) -> bool:
        self._look()
        while len(self._running) < self._window:
            batch = work.next_batch()
            if not batch:
                break
            self._submit(batch)
        return bool(self._running)

    def _submit(self, batch: Batch) -> None:
        """Hand out a task; its name says nothing about it, for everybody sees that."""
        self._number += 1
        key = f"check-parts-{self._run}-{self._number}"
        future = self._client.submit(check_parts, self._job, batch, key=key, pure=False)
        self._running[key] = future, batch
        future.add_done_callback(self._done.put)

    def _take_done(self) -> list[tuple[Batch, list[PartResult] | None]]:
        """Wait for results, and take all that are there by then, for each way to the cluster takes time."""
        done = [self._wait()]
        while not self._done.empty():
            done.append(self._done.get_nowait())
        results = self._gather([future for future in done if future.status != "error"])
        taken = [(self._running.pop(future.key)[1], _settle(future, results)) for future in done]
        for future in done:
            future.release()
        return taken

    def _gather(self, futures: list[Future]) -> dict[Future, list[PartResult] | Refusal]:
        """Fetch results; one that was lost with its worker in between is waited for."""
        fetching = asyncio.run_coroutine_threadsafe(
            self._client.gather(futures, asynchronous=True), self._client.loop.asyncio_loop
        )
        while not futures_wait([fetching], timeout=_TICK).done:
            self._look()
        try:
            return dict(zip(futures, fetching.result(), strict=True))
        except (CancelledError, OSError) as error:
            raise _LostError(NO_SCHEDULER) from error
        except Exception:
            if all(future.status == "finished" for future in futures):
                raise
            return {}  # getting one anew failed, and its future tells how

    def _wait(self) -> Future:
        while True:
            try:
                return self._done.get(timeout=_TICK)
            except queue.Empty:
                self._look()

    def _look(self) -> None:
        """See now and then how many workers there are, for they come and go."""
        now = time.monotonic()
        if now - self._last_look < _TICK:
            return
        self._last_look = now
        try:
            threads = sum(self._client.nthreads().values())
        except (OSError, TimeoutError) as error:
            raise _LostError(NO_SCHEDULER) from error
        self._window = max(_AHEAD * threads, _LEAST_WINDOW)
        if threads:
            self._last_worker = now
        elif now - self._last_worker > PATIENCE:
            raise _LostError(NO_WORKERS)


def _settle(future: Future, results: dict[Future, list[PartResult] | Refusal]) -> list[PartResult] | None:
    """Return what became of a task's parts, None where it killed its workers; anything else ends the run."""
    result = results.get(future)
    if isinstance(result, Refusal):
        raise UsageError(result.reason)
    if result is not None or future.status == "finished":
        return result
    error = future.exception() if future.status == "error" else None
    if error is None:
        raise _LostError(NO_SCHEDULER)
    if not isinstance(error, KilledWorker):
        raise UsageError(
            f"the workers cannot run opay-contract ({type(error).__name__}); install this version on them"
        )
    return None
