"""Scheduler, workers and an S3 server on machines of their own; one is killed, and nothing is lost.

The machines are network namespaces, so this needs `ip` (Debian's iproute2) and the right to use it.
"""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.external

NETWORK = "10.99.7"
STORE, SCHEDULER = f"{NETWORK}.2", f"{NETWORK}.3"
_HUB = "hub"
PATIENCE = 120
RECORDINGS = Path(__file__).parents[2] / "recordings"
FILES, LINES_OF_A_FILE, LINES_OF_THE_BIG_ONE = 60, 150, 4_000  # of 5 MB, which is more than a part
CHECK = (
    "from opay_contract.engines import cluster; cluster.PART_SIZE = 2 << 20; import opay_contract.__main__"
)
URLS = ("s3://traffic/day=*/*.ndjson*", "s3://traffic/none.har", "s3://elsewhere/x.har", "@list.txt")
UPLOAD = """
import sys, time
import s3fs
store = s3fs.S3FileSystem(use_listings_cache=False)
while True:
    try:
        store.mkdir("traffic")
        break
    except OSError as error:
        print(type(error).__name__, file=sys.stderr)
        time.sleep(0.1)
store.put(sys.argv[1] + "/", "traffic/", recursive=True)
print(store.url("traffic/signed.har", expires=600))
"""


class Machines:
    """Namespaces by name, each with an address of its own."""

    def __init__(self, logs: Path) -> None:
        """Build nothing yet; what the programs say goes to files in `logs`."""
        self._logs = logs
        self._prefix = f"oc{os.getpid()}-"
        self._names: list[str] = []
        self._started: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "SOURCE_DATE_EPOCH": "1790000000",  # so that reports are of the same time
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{STORE}:5000",
        }

    def build(self, names: Sequence[str]) -> None:
        """Make a namespace for each name, and the bridge between them."""
        self._add(_HUB)
        self._ip(_HUB, "link add br0 type bridge")
        self._ip(_HUB, "link set br0 up")
        for number, name in enumerate(names, start=2):
            self._add(name)
            port = f"link add port{number} type veth peer name eth0 netns {self._prefix}{name}"
            self._ip(_HUB, port)
            self._ip(_HUB, f"link set port{number} master br0 up")
            self._ip(name, f"addr add {NETWORK}.{number}/24 dev eth0")
            self._ip(name, "link set eth0 up")
            self._ip(name, "link set lo up")

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a Python program on a machine, in a group of its own."""
        with (self._logs / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self._on(name, *command),
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def run(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program on a machine to its end."""
        return subprocess.run(
            self._on(name, *command), env=self.environment, capture_output=True, text=True, check=False
        )

    def close(self) -> None:
        """End what runs, and take the namespaces away."""
        for process in self._started:
            kill(process)
        for name in self._names:
            subprocess.run(["ip", "netns", "del", self._prefix + name], check=False)  # noqa: S607

    def logs(self) -> str:
        """Return what all programs said."""
        return "\n".join(log.read_text(errors="replace") for log in sorted(self._logs.iterdir()))

    def _add(self, name: str) -> None:
        subprocess.run(["ip", "netns", "add", self._prefix + name], check=True)  # noqa: S607
        self._names.append(name)

    def _ip(self, name: str, words: str) -> None:
        subprocess.run(["ip", "-n", self._prefix + name, *words.split()], check=True)  # noqa: S607

    def _on(self, name: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self._prefix + name, sys.executable, *command]


def kill(process: subprocess.Popen[Any]) -> None:
    """Kill a program and what it started, as a power cut does."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def data(tmp_path: Path, traffic_bytes: bytes) -> Path:
    """Return a folder of days: many files, one too big for a part, one that is packed."""
    folder = tmp_path / "data"
    lines = cycle((RECORDINGS / "clean" / "requests.ndjson").read_bytes().splitlines(keepends=True))
    for number in range(FILES):
        path = folder / f"day={number % 7}" / f"part-{number:03}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(islice(lines, LINES_OF_A_FILE)))
    with (folder / "day=0" / "big.ndjson").open("wb") as file:
        file.writelines(islice(lines, LINES_OF_THE_BIG_ONE))
        file.write(traffic_bytes)
    (folder / "day=6" / "rules.ndjson.gz").write_bytes(gzip.compress(traffic_bytes))
    (folder / "signed.har").write_text('{"log": {"entries": []}}')
    return folder


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Machines]:
    logs = tmp_path / "logs"
    logs.mkdir()
    built = Machines(logs)
    try:
        built.build(["store", "scheduler", "first", "second", "client"])
        yield built
    finally:
        built.close()


def start_cluster(network: Machines) -> list[subprocess.Popen[bytes]]:
    network.start("scheduler", "-m", "distributed.cli.dask_scheduler", "--host", SCHEDULER)
    return [
        network.start(name, "-m", "distributed.cli.dask_worker", f"tcp://{SCHEDULER}:8786", "--nthreads", "1")
        for name in ("first", "second")
    ]


def finished_parts(resume: Path) -> int:
    return max(resume.read_bytes().count(b"\n") - 1, 0) if resume.exists() else 0


def test_a_cluster_of_machines_gives_the_report_of_one_process_when_one_of_them_dies(
    network: Machines, data: Path, tmp_path: Path
) -> None:
    network.start("store", "-m", "moto.server", "-H", STORE, "-p", "5000")
    uploaded = network.run("client", "-c", UPLOAD, str(data))
    signed = uploaded.stdout.strip()
    assert "Signature=" in signed, uploaded.stderr
    manifest = tmp_path / "list.txt"
    manifest.write_text(f"{signed}\n")
    urls = [url.replace("@", f"@{tmp_path}/") for url in URLS]
    check = ["-c", CHECK, "check", *urls, "--format", "json"]
    alone = network.run("client", *check)
    first, _ = start_cluster(network)
    resume = tmp_path / "resume.jsonl"
    (tmp_path / "report.json").touch()
    run = network.start(
        "client",
        *check,
        *("--output", str(tmp_path / "report.json")),
        *("--engine", "dask", "--scheduler", f"tcp://{SCHEDULER}:8786", "--resume", str(resume)),
    )
    give_up = time.monotonic() + PATIENCE
    while finished_parts(resume) < FILES // 6:
        assert time.monotonic() < give_up, network.logs()
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(0.02)
    kill(first)
    assert finished_parts(resume) < FILES
    assert run.wait(PATIENCE) == alone.returncode, network.logs()
    report = (tmp_path / "report.json").read_text()
    assert report == alone.stdout
    summary = json.loads(report)["summary"]
    assert summary["exchanges_checked"] > FILES * LINES_OF_A_FILE + LINES_OF_THE_BIG_ONE
    reasons = {one["file"]: one["reason"] for one in json.loads(report)["unreadable"]}
    assert reasons["s3://elsewhere/x.har"] == "cannot be read: no such file or directory"
    said = network.logs() + report + resume.read_text() + alone.stderr
    assert signed.partition("?")[2].partition("Signature=")[2] not in said.replace("%3D", "=")


def test_the_machines_reach_each_other_and_nothing_else(network: Machines) -> None:
    routes = network.run("client", "-c", "import subprocess; subprocess.run(['ip', 'route'])")
    assert "default" not in routes.stdout
