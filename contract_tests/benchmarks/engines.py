"""How fast each engine is on the same lines: one process, two, and Dask with two workers; what a task costs.

    python -m contract_tests.benchmarks.engines --lines 1000000

Each round runs every engine once, in turn, with a control: two loops that do not know of each other against
one. On a machine that others use, judge by the share of the control. Printed are medians, and what they mean
for terabytes a day, on paper.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from contract_tests.benchmarks.speed.traffic import iter_realistic

from opay_contract.contract.documents import default_directory, load_documents
from opay_contract.contract.loading import load_contract
from opay_contract.engines import work as work_module
from opay_contract.engines.folding import ClusterJob, Job, build_job, check_parts, check_sources
from opay_contract.engines.work import Work, check_in_processes
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_inputs

SETTINGS = Settings(started_at=1_790_000_000.0)
SEED = 1
SPIN = 5_000_000
TASKS = 500
WORKERS = 2
HOURS = 4
TASK_SIZE = 64 << 20
"""How many bytes a task of the cluster takes."""


def check_with_dask(work: Work, job: ClusterJob, scheduler: str) -> DriftSummary:
    """Check on a cluster; Dask is imported late, for every process that is spawned imports this module."""
    from opay_contract.engines.cluster import check_on_cluster  # noqa: PLC0415

    return check_on_cluster(work, job, scheduler=scheduler)


def spin(_: int = 0) -> int:
    """Keep a processor busy."""
    return sum(range(SPIN))


def measure_control() -> float:
    """Return how many times faster two processes are here than one, on work that shares nothing."""
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        pool.map(spin, range(WORKERS))
        start = time.perf_counter()
        pool.map(spin, range(WORKERS))
        both = time.perf_counter() - start
    start = time.perf_counter()
    for _ in range(WORKERS):
        spin()
    return (time.perf_counter() - start) / both


def measure(check: Callable[[], DriftSummary]) -> tuple[float, float, DriftSummary]:
    """Return the seconds that a check took, those of this process's processor, and what it found."""
    start, busy = time.perf_counter(), time.process_time()
    summary = check()
    return time.perf_counter() - start, time.process_time() - busy, summary


def run(folder: Path, lines: int, rounds: int, scheduler: str) -> None:
    """Print exchanges a second of every engine, the cost of a task, and the model."""
    path = folder / "traffic.ndjson"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in iter_realistic(SEED, lines))
    contract, documents = load_contract(), load_documents(default_directory())
    job = Job(contract_dir=None, base_urls=(), settings=SETTINGS, format_in=None)
    cluster_job = build_job(documents, (), SETTINGS, None)

    def work(size: int | None) -> Work:
        return Work(iter_inputs([str(path)]), None, size)

    engines: dict[str, Callable[[], DriftSummary]] = {
        "one process": lambda: check_sources(iter_inputs([str(path)]), contract, SETTINGS),
        "two processes": lambda: check_in_processes(work(None), job, WORKERS),
        "Dask, two workers": lambda: check_with_dask(work(TASK_SIZE), cluster_job, scheduler),
    }
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    busy: list[float] = []
    control = []
    found = []
    for _ in range(rounds):
        control.append(measure_control())
        for name, check in engines.items():
            took, processor, summary = measure(check)
            seconds[name].append(took)
            found.append(summary)
            if name == "one process":
                busy.append(processor)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    same = all(summary == found[0] for summary in found)
    print(f"{lines:,} exchanges, {path.stat().st_size / lines:.0f} bytes each; same summary: {same}")
    print(f"control: two loops are {statistics.median(control):.2f} times as fast as one")
    for name, took in medians.items():
        times = medians["one process"] / took
        print(f"{name:<18} {lines / took:>9,.0f} a second {times:6.2f} times one process")
    rate = lines / statistics.median(busy)
    print(f"a core, by its own time: {rate:,.0f} a second")
    print_model(rate * path.stat().st_size / lines, measure_task(folder, cluster_job, scheduler))


def measure_task(folder: Path, job: ClusterJob, scheduler: str) -> float:
    """Print what a file costs beside its exchanges; return what a task costs the client and the scheduler.

    Both are in this process. The files have a line each.
    """
    small = folder / "small"
    small.mkdir()
    line = next(iter_realistic(SEED, 1))
    for number in range(TASKS):
        (small / f"{number:05}.ndjson").write_text(f"{line}\n", encoding="utf-8")
    work = Work(iter_inputs([str(small)]), None, TASK_SIZE)
    found = list(iter(work.next, None))
    check_parts(job, (found[0],))
    start = time.process_time()
    for part in found:
        check_parts(job, (part,))
    alone = (time.process_time() - start) / TASKS
    work_module.MOST_PARTS = 1  # else many of them are one task
    took, task, _ = measure(
        lambda: check_with_dask(Work(iter_inputs([str(small)]), None, TASK_SIZE), job, scheduler)
    )
    print(f"a small file costs its worker {alone * 1000:.1f} ms")
    print(f"{TASKS} tasks: {took / TASKS * 1000:.1f} ms each, {task / TASKS * 1000:.1f} ms of the scheduler")
    return task / TASKS


def print_model(length: float, task: float) -> None:
    """Print cores and tasks for terabytes a day, from bytes a second of a core and seconds of a task."""
    print(f"on paper: a core does {length / 1e6:.0f} MB a second; a window of {HOURS} hours")
    for terabytes in (1, 10, 100):
        size = terabytes * 1e12
        core_hours, tasks = size / length / 3600, size / TASK_SIZE
        print(
            f"{terabytes:>4} TB: {core_hours:6.0f} core hours, {core_hours / HOURS:6.0f} cores, "
            f"{size / HOURS / 3600 / 1e6:6.0f} MB a second from the store, "
            f"{tasks:>9,.0f} tasks, {tasks * task / 60:5.0f} minutes of the scheduler"
        )


def main() -> None:
    """Read the arguments, start a cluster, make the lines, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    from distributed import LocalCluster  # noqa: PLC0415  see above

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0") as started,
    ):
        run(Path(folder), given.lines, given.rounds, started.scheduler_address)


if __name__ == "__main__":
    main()
