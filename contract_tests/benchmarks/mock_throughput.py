"""Requests a second of the mock and of Prism, both mocking this repository's openapi.yaml, in one run.

    python contract_tests/benchmarks/mock_throughput.py --seconds 10 --rounds 5

Linux only; needs wrk and npm (Debian packages of these names). Prism comes from the npm registry into a
temporary folder; --prism names a folder that has it. One process each, which take turns, so that a
neighbour's work falls on both; compared are the medians of the rates and, to see past the neighbour, of
requests per second of CPU.

The mock verifies every signature and looks every customer up. Prism does neither; its log is off, and it is
told which example to answer with.

Exit code 1 if the mock is not --mark times as fast in both counts, or if an answer was wrong.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from opay_contract.contract.documents import default_directory
from opay_contract.contract.loading import load_contract
from opay_contract.mock.validation import Credentials
from opay_contract.signing.signer import sign

PRISM = "@stoplight/prism-cli@5.14.2"
EXAMPLE = "pageSuccess"
CONTRACT = load_contract()
PATH = CONTRACT.operations[0].path
CREDENTIALS = Credentials()
CUSTOMERS = 100
PATIENCE = 60
LUA = Path(__file__).with_name("signed_posts.lua")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A running server; `example` is the one of openapi.yaml that Prism answers with."""

    name: str
    url: str
    process: int
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Requests a second of time, and a second of the server's CPU."""

    by_clock: float
    by_cpu: float


def main() -> int:
    """Measure and print; returns the exit code."""
    options = parse_options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        load = write_load(folder)
        subjects = [
            stack.enter_context(start_mock()),
            stack.enter_context(start_prism(options.prism, folder)),
        ]
        for subject in subjects:
            check_answers(subject)
        rates: dict[str, list[Rates]] = {subject.name: [] for subject in subjects}
        say("to warm up:")
        for subject in subjects:
            run_load(subject, load, options.warm_up, options.connections)
        say("measured:")
        for _ in range(options.rounds):
            for subject in subjects:
                rates[subject.name].append(run_load(subject, load, options.seconds, options.connections))
        for subject in subjects:
            check_answers(subject)
    by_clock, by_cpu = (compare(rates, count, options.rounds) for count in ("by_clock", "by_cpu"))
    return 0 if min(by_clock, by_cpu) >= options.mark else 1


def compare(rates: dict[str, list[Rates]], count: str, rounds: int) -> float:
    """Print the medians, and return how many times as fast as the second the first is."""
    medians = {
        name: statistics.median([float(getattr(one, count)) for one in measured])
        for name, measured in rates.items()
    }
    ours, theirs = medians.values()
    shown = ", ".join(f"{name} {median:,.0f}/s" for name, median in medians.items())
    say(f"{count}, medians of {rounds}: {shown}, ratio {ours / theirs:.1f}")
    return ours / theirs


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=10, help="length of each round")
    parser.add_argument("--warm-up", type=int, default=10, help="seconds before; Node takes that long")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--mark", type=float, default=5.0, help="the ratio to reach")
    parser.add_argument("--prism", type=Path, metavar="DIR", help="folder with Prism's node_modules")
    options = parser.parse_args()
    for program in ("wrk", "npm"):
        if shutil.which(program) is None:
            parser.error(f"{program} is missing: apt-get install {program}")
    return options


def write_load(folder: Path) -> Path:
    """Write the customers with their signatures, as the load tool reads them."""
    if CONTRACT.signature is None:
        raise SystemExit("openapi.yaml has no x-signature")
    lines = []
    for number in range(1, CUSTOMERS + 1):
        body = b'{"customerId":"customer-%d"}' % number
        header = sign(body, CREDENTIALS.private_key, CONTRACT.signature).header
        lines.append(f"customer-{number}\t{header}\n")
    path = folder / "load.tsv"
    path.write_text("".join(lines), encoding="ascii")
    return path


@contextmanager
def start_mock() -> Iterator[Subject]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "opay_contract", "mock", "--quiet", "--make-up", str(CUSTOMERS)]
    with stopping(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("address: ")
        yield Subject(name="mock", url=url + PATH, process=process.pid)


@contextmanager
def start_prism(installed: Path | None, folder: Path) -> Iterator[Subject]:
    """Install Prism unless it is there, and run it with its log off."""
    home = installed or install_prism(folder)
    port = free_port()
    command = [str(home / "node_modules/.bin/prism"), "mock", "--port", str(port), "--verboseLevel", "silent"]
    document = str(default_directory() / "openapi.yaml")
    url = f"http://127.0.0.1:{port}{PATH}"
    with (
        (folder / "prism.log").open("wb") as log,
        stopping(subprocess.Popen([*command, document], stdout=log, stderr=log)) as process,
    ):
        wait_until_ready(url, process)
        yield Subject(name="Prism", url=url, process=process.pid, example=EXAMPLE)


def install_prism(folder: Path) -> Path:
    """Install Prism with npm."""
    command = [
        "npm",
        "install",
        "--prefix",
        str(folder),
        "--no-fund",
        "--no-audit",
        "--loglevel",
        "error",
        PRISM,
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


@contextmanager
def stopping(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    """End a process with the context."""
    with process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def free_port() -> int:
    """Return a port that was free just now; Prism cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(url: str, process: subprocess.Popen[Any]) -> None:
    """Ask until there is an answer."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and process.poll() is None:
        try:
            requests.post(url, timeout=PATIENCE)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("Prism did not start")


def check_answers(subject: Subject) -> None:
    """See that the answers to the load are right, and that a forged signature is refused by who verifies."""
    for number in range(1, CUSTOMERS + 1) if not subject.example else (1,):
        answer = ask(subject, f"customer-{number}", CREDENTIALS.private_key)
        expected = (
            f"customer-{number}" if not subject.example else "121111113"
        )  # that of the contract's example
        if answer["code"] != "00000" or answer["data"]["customer"]["customerId"] != expected:
            raise SystemExit(f"{subject.name}: a wrong answer")
    if not subject.example and ask(subject, "customer-1", "forged")["code"] != "02000":
        raise SystemExit(f"{subject.name}: a forged signature was accepted")


def ask(subject: Subject, customer_id: str, key: str) -> Any:
    """Send one query."""
    if CONTRACT.signature is None:
        raise SystemExit("openapi.yaml has no x-signature")
    body = json.dumps({"customerId": customer_id}, separators=(",", ":")).encode()
    headers = {
        "Authorization": sign(body, key, CONTRACT.signature).header,
        "MerchantId": CREDENTIALS.merchant_id,
        "Content-Type": "application/json",
        "Prefer": f"example={subject.example}",
    }
    return requests.post(subject.url, data=body, headers=headers, timeout=PATIENCE).json()


def run_load(subject: Subject, load: Path, seconds: int, connections: int) -> Rates:
    """Drive a server as hard as it goes and print what came of it; a round with errors ends the run."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", f"{PATIENCE}s"]  # wrk's own is 2 s, which Prism exceeds on a busy machine
    command += ["--script", str(LUA), subject.url, "--", str(load), CREDENTIALS.merchant_id, subject.example]
    before = cpu_seconds(subject.process)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    spent = cpu_seconds(subject.process) - before
    result = json.loads(done.stdout.splitlines()[-1])
    if result["errors"]:
        raise SystemExit(f"{subject.name}: {result['errors']} errors")
    rates = Rates(by_clock=result["requests"] / result["seconds"], by_cpu=result["requests"] / spent)
    latency = f"99 % within {result['p99_ms']:.1f} ms"
    say(f"{subject.name:<5} {rates.by_clock:>8,.0f}/s {rates.by_cpu:>8,.0f}/s of CPU  {latency}")
    return rates


def cpu_seconds(process: int) -> float:
    """Return the time that a process has spent in all of its threads."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
