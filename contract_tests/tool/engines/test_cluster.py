"""A Dask cluster gives the report of one process, loses nothing when workers die, and shows no credential."""

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dask
import pytest
from contract_tests.tool.engines.killing import killing
from distributed import LocalCluster
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import default_directory, load_documents
from opay_contract.drift.insight import draw_insight
from opay_contract.engines import cluster as cluster_module
from opay_contract.engines import folding
from opay_contract.engines import work as work_module
from opay_contract.engines.cluster import check_on_cluster
from opay_contract.engines.folding import OTHER_KEY, OTHER_VERSION, ClusterJob, build_job, check_sources
from opay_contract.engines.work import DIED, Work
from opay_contract.errors import UsageError
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_inputs
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.json_report import render_json

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets that Dask leaves to the collector
]

Alone = Callable[..., DriftSummary]
KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
TOKEN = "X-Amz-Signature=0123456789"  # noqa: S105


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Start a cluster in this process: two workers of two threads."""
    with LocalCluster(
        processes=False, n_workers=2, threads_per_worker=2, dashboard_address="127.0.0.1:0"
    ) as started:
        yield started


def job_of(run_settings: Settings) -> ClusterJob:
    return build_job(load_documents(default_directory()), (), run_settings, None)


@pytest.fixture
def job(run_settings: Settings) -> ClusterJob:
    return job_of(run_settings)


def work_on(*paths: Any, size: int = 30_000) -> Work:
    return Work(iter_inputs([str(path) for path in paths]), None, size)


@settings(deadline=None, max_examples=2, derandomize=True, phases=[Phase.generate])
@given(size=st.integers(2_000, 130_000))
def test_any_size_of_parts_gives_the_report_of_one_process(  # noqa: PLR0913, PLR0917  fixtures
    cluster: Any, traffic: Path, contract: Contract, alone: Alone, run_settings: Settings, size: int
) -> None:
    paths = [traffic, "no/such/file", Path(__file__).parents[2] / "recordings" / "drifted"]
    summary = check_on_cluster(
        work_on(*paths, size=size), job_of(run_settings), scheduler=cluster.scheduler_address
    )
    assert report(summary, contract) == report(alone(*paths), contract)


def report(summary: DriftSummary, contract: Contract) -> str:
    insight = draw_insight(summary, contract)
    return render_json(CheckedRun(summary=summary, questions=contract.questions, insight=insight))


def test_a_worker_that_is_killed_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, traffic_bytes: bytes, job: ClusterJob, alone: Alone
) -> None:
    usual, slow = tmp_path / "a.ndjson", tmp_path / "b.ndjson"
    usual.write_bytes(traffic_bytes)
    slow.write_bytes(traffic_bytes[:60_000])
    paths = [usual, slow, usual]
    expected = alone(*paths)
    slow.unlink()
    with killing(slow, 1, traffic_bytes[:60_000]) as killed:
        assert check_on_cluster(work_on(*paths), job, workers=2) == expected
    assert len(killed) == 1


def test_a_result_that_is_lost_with_its_worker_is_waited_for(
    traffic: Path, job: ClusterJob, alone: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = cluster_module._Tasks._wait  # noqa: SLF001
    lost: list[str] = []
    with LocalCluster(
        processes=False, n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
    ) as started:

        def wait_and_lose(tasks: Any) -> Any:
            future = wait(tasks)
            if not lost:
                lost.append(future.key)
                (holder,) = started.scheduler.tasks[future.key].who_has
                started.sync(started.scheduler.remove_worker, address=holder.address, stimulus_id="test")
                while future.status == "finished":
                    time.sleep(0.001)
            return future

        monkeypatch.setattr(cluster_module._Tasks, "_wait", wait_and_lose)  # noqa: SLF001
        summary = check_on_cluster(work_on(traffic), job, scheduler=started.scheduler_address)
    assert lost
    assert summary == alone(traffic)


def test_a_part_that_kills_every_worker_is_named_and_the_rest_is_reported(
    tmp_path: Path, traffic_bytes: bytes, job: ClusterJob, alone: Alone
) -> None:
    usual, bomb = tmp_path / "a.ndjson", tmp_path / "bomb.ndjson"
    usual.write_bytes(traffic_bytes)
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), killing(bomb, 99) as killed:
        summary = check_on_cluster(work_on(usual, bomb, usual), job, workers=2)
    expected = alone(usual, tmp_path / "nowhere", usual)
    assert summary.exchanges == expected.exchanges
    assert summary.findings == expected.findings
    assert {one.reason for one in summary.unreadable if one.place.file == str(bomb)} == {DIED}
    assert 2 <= len(killed) <= 3  # once, once more alone; Dask itself may hand it out again in between


def test_no_credential_is_in_a_name_a_log_or_on_the_dashboard(
    cluster: Any,
    tmp_path: Path,
    traffic_bytes: bytes,
    run_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    (tmp_path / "x.ndjson").write_bytes(traffic_bytes)
    monkeypatch.setenv("OPAY_PRIVATE_KEY", KEY)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.01)).start()
    seen: list[str] = []

    def look(_seen: int, /) -> None:
        tasks = dict(cluster.scheduler.tasks).values()  # a copy: the scheduler goes on
        seen.extend(f"{task.key} {task!r} {task.run_spec!r} {task.annotations}" for task in tasks)

    url = f"http://user:password@127.0.0.1:{server.server_port}/x.ndjson?{TOKEN}"
    key_job = job_of(Settings(started_at=run_settings.started_at, private_key=KEY))
    try:
        summary = check_on_cluster(
            work_on(*[url] * 40), key_job, scheduler=cluster.scheduler_address, on_progress=look
        )
        parts = repr((key_job, list(iter(work_on(url).next, None))))
    finally:
        server.shutdown()
        server.server_close()
    assert summary.exchanges
    assert KEY.encode() not in pickle.dumps(key_job)
    said = "\n".join(
        [*seen, parts, repr(summary), repr(cluster.get_logs()), repr(cluster.scheduler.get_events())]
    )
    assert "check-parts-" in said
    assert not any(secret in said for secret in (TOKEN, "password", KEY))


def test_the_key_is_that_of_the_workers_and_has_to_be_the_same(
    cluster: Any, traffic: Path, contract: Contract, run_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_key = Settings(started_at=run_settings.started_at, private_key=KEY)
    key_job = job_of(with_key)
    check = partial(check_on_cluster, job=key_job, scheduler=cluster.scheduler_address)
    with pytest.raises(UsageError, match=OTHER_KEY):
        check(work_on(traffic))
    monkeypatch.setenv("OPAY_PRIVATE_KEY", KEY)
    expected = check_sources(iter_inputs([str(traffic)]), contract, with_key)
    assert check(work_on(traffic)) == expected


def test_workers_of_another_version_are_refused(
    cluster: Any, traffic: Path, job: ClusterJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "__version__", "0.0.1")
    with pytest.raises(UsageError, match=OTHER_VERSION):
        check_on_cluster(work_on(traffic), job, scheduler=cluster.scheduler_address)


def test_a_defect_on_a_worker_is_a_verdict_without_its_words(
    cluster: Any, traffic: Path, job: ClusterJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise KeyError("4111111111111111")

    monkeypatch.setattr(folding, "fold_batch", fail)
    summary = check_on_cluster(work_on(traffic), job, scheduler=cluster.scheduler_address)
    (verdict,) = summary.unreadable
    assert verdict.reason.startswith("a defect in opay-contract (KeyError in ")
    assert "4111111111111111" not in repr(summary) + repr(cluster.get_logs())


def test_an_interrupt_keeps_what_was_done(cluster: Any, traffic: Path, job: ClusterJob) -> None:
    def interrupt(_seen: int, /) -> None:
        raise KeyboardInterrupt

    summary = check_on_cluster(
        work_on(traffic), job, scheduler=cluster.scheduler_address, on_progress=interrupt
    )
    assert summary.is_partial
    assert summary.exchanges


def test_only_so_many_tasks_are_on_their_way_at_a_time(
    cluster: Any, traffic: Path, job: ClusterJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_module, "MOST_PARTS", 1)
    most = 0

    def look(_seen: int, /) -> None:
        nonlocal most
        most = max(most, len(cluster.scheduler.tasks))

    check_on_cluster(work_on(traffic, size=4000), job, scheduler=cluster.scheduler_address, on_progress=look)
    assert 0 < most <= 2 * cluster_module._AHEAD * 4  # noqa: SLF001


def test_a_cluster_without_workers_ends_the_run_with_what_is_done(
    traffic: Path, job: ClusterJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "PATIENCE", 0.0)
    monkeypatch.setattr(cluster_module, "_TICK", 0.05)
    troubles: list[str] = []
    with LocalCluster(processes=False, n_workers=0, dashboard_address="127.0.0.1:0") as empty:
        summary = check_on_cluster(
            work_on(traffic), job, scheduler=empty.scheduler_address, on_trouble=troubles.append
        )
    assert summary.is_partial
    assert troubles == [cluster_module.NO_WORKERS]


def test_a_scheduler_that_is_not_there_is_told(traffic: Path, job: ClusterJob) -> None:
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(UsageError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"),
    ):
        check_on_cluster(work_on(traffic), job, scheduler="tcp://127.0.0.1:1")


def test_a_scheduler_that_goes_ends_the_run_with_what_is_done(
    traffic: Path, job: ClusterJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_module, "MOST_PARTS", 1)
    troubles: list[str] = []
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        LocalCluster(processes=False, n_workers=1, dashboard_address="127.0.0.1:0") as started,
    ):

        def stop(_seen: int, /) -> None:
            started.sync(started.scheduler.close)

        summary = check_on_cluster(
            work_on(traffic, size=2000),
            job,
            scheduler=started.scheduler_address,
            on_progress=stop,
            on_trouble=troubles.append,
        )
    assert summary.is_partial
    assert summary.exchanges
    assert troubles == [cluster_module.NO_SCHEDULER]
