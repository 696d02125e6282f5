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

from contract_tests.benchmarks.check_throughput import iter_lines
from distributed import LocalCluster

from opay_contract.contract.loading import default_directory, load_contract, load_documents
from opay_contract.engines.cluster import PART_SIZE, check_on_cluster
from opay_contract.engines.cluster_tasks import ClusterJob, build_job
from opay_contract.engines.inline import check_sources
from opay_contract.engines.processes import check_in_processes
from opay_contract.engines.work import Job, Work
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings import parts
from opay_contract.recordings.listing import iter_inputs
from opay_contract.rules.subject import Settings

SETTINGS = Settings(started_at=1_790_000_000.0)
SPIN = 5_000_000
TASKS = 500
WORKERS = 2


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


def measure(check: Callable[[], DriftSummary]) -> tuple[float, DriftSummary]:
    """Return the seconds that a check took, and what it found."""
    start = time.perf_counter()
    summary = check()
    return time.perf_counter() - start, summary


def run(folder: Path, lines: int, rounds: int, scheduler: str) -> None:
    """Print exchanges a second of every engine, the cost of a task, and the model."""
    path = folder / "traffic.ndjson"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in iter_lines(lines, 0.001))
    contract, documents = load_contract(), load_documents(default_directory())
    job = Job(contract_dir=None, base_urls=(), settings=SETTINGS, format_in=None)
    cluster_job = build_job(documents, (), SETTINGS, None)

    def work(size: int) -> Work:
        return Work(iter_inputs([str(path)]), None, size)

    engines: dict[str, Callable[[], DriftSummary]] = {
        "one process": lambda: check_sources(iter_inputs([str(path)]), contract, SETTINGS),
        "two processes": lambda: check_in_processes(work(parts.PART_SIZE), job, WORKERS),
        "Dask, two workers": lambda: check_on_cluster(work(PART_SIZE), cluster_job, scheduler=scheduler),
    }
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    control = []
    found = set()
    for _ in range(rounds):
        control.append(measure_control())
        for name, check in engines.items():
            took, summary = measure(check)
            seconds[name].append(took)
            found.add(repr(summary))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(
        f"{lines:,} exchanges, {path.stat().st_size / lines:.0f} bytes each; same summary: {len(found) == 1}"
    )
    print(f"control: two loops are {statistics.median(control):.2f} times as fast as one")
    for name, took in medians.items():
        print(
            f"{name:<18} {lines / took:>9,.0f} a second {medians['one process'] / took:6.2f} times one process"
        )
    task = measure_task(folder, cluster_job, scheduler)
    print(f"a task costs {task * 1000:.1f} ms beside its exchanges, {1 / task:,.0f} tasks a second at most")
    print_model(lines / medians["one process"], path.stat().st_size / lines, task)


def measure_task(folder: Path, job: ClusterJob, scheduler: str) -> float:
    """Return the seconds that a part costs the cluster beside its exchanges: many files of one line each."""
    small = folder / "small"
    small.mkdir()
    line = next(iter_lines(1, 0))
    for number in range(TASKS):
        (small / f"{number:05}.ndjson").write_text(f"{line}\n", encoding="utf-8")
    took, _ = measure(
        lambda: check_on_cluster(
            Work(iter_inputs([str(small)]), None, PART_SIZE),
            job,
            scheduler=scheduler,
        )
    )
    return took / TASKS


def print_model(rate: float, length: float, task: float) -> None:
    """Print cores and tasks for terabytes a day, from what was measured."""
    print(f"on paper: a core does {rate * length / 1e6:.0f} MB a second")
    for terabytes in (1, 10, 100):
        core_hours = terabytes * 1e12 / (rate * length) / 3600
        tasks = terabytes * 1e12 / PART_SIZE
        print(
            f"{terabytes:>4} TB: {core_hours:6.0f} core hours, {core_hours / 4:6.0f} cores for 4 hours, "
            f"{terabytes * 1e12 / 4 / 3600 / 1e6:6.0f} MB a second from the store, "
            f"{tasks:>9,.0f} tasks, {tasks * task / 60:5.0f} minutes of the scheduler"
        )


def main() -> None:
    """Read the arguments, start a cluster, make the lines, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
    ):
        run(Path(folder), given.lines, given.rounds, cluster.scheduler_address)


if __name__ == "__main__":
    main()
