# ruff: noqa: T201  a command prints
"""Makes traffic with planted drift, checks it, and says whether all was found and nothing else.

    python -m contract_tests.tool.whole.corpus --lines 1000000 --drifted 100 --jobs 2

From the root of the repository. Exit code 0 when the proof holds. `--keep DIR` leaves traffic, contract and
`labels.json` there.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from opay_contract.contract.loading import load_contract
from opay_contract.engines.folding import Job, check_sources
from opay_contract.engines.work import Work, check_in_processes
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_sources
from opay_contract.recordings.parts import PART_SIZE

from .contract import write_contract
from .drafts import KEY
from .planting import Plan, plan, write_files
from .proof import prove

STARTED_AT = 1_790_000_000.0


def main() -> int:
    """Run the command."""
    options = parse()
    with TemporaryDirectory() as folder:
        target = options.keep or Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        return run(plan(options.seed, options.lines, options.drifted), target, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m contract_tests.tool.whole.corpus", description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000, metavar="N", help="exchanges in all (10,000)")
    parser.add_argument("--drifted", type=int, default=500, metavar="N", help="how many of them drift (500)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="other traffic, other places (1)")
    parser.add_argument("--files", type=int, default=6, metavar="N", help="files, in the order of time (6)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that check (1)")
    parser.add_argument("--no-key", action="store_true", help="without the key that verifies signatures")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave everything there")
    return parser.parse_args()


def run(traffic: Plan, folder: Path, options: argparse.Namespace) -> int:
    """Make, check, compare, print."""
    start = time.perf_counter()
    contract = write_contract(folder)
    paths = write_files(traffic, folder, options.files)
    labels = traffic.labels(with_key=not options.no_key)
    written = [{"finding": key, "days": days} for key, days in labels.items()]
    (folder / "labels.json").write_text(json.dumps(written, ensure_ascii=False, indent=1), encoding="utf-8")
    made, before = time.perf_counter(), spent()
    settings = Settings(started_at=STARTED_AT, private_key=None if options.no_key else KEY)
    summary = check(paths, contract, settings, options.jobs)
    checked, after = time.perf_counter(), spent()
    proof = prove(summary, labels)
    drifted, unreadable = len(traffic.planted), summary.unreadable_count
    print(f"{summary.exchanges:,} exchanges, {drifted:,} of them drifted, {unreadable} unreadable")
    print(proof)
    print(f"made in {made - start:.1f} s, checked in {checked - made:.1f} s by {options.jobs} process(es)")
    busy = after - before
    print(f"{busy:.1f} s of processor time, {busy / traffic.total * 1e6:.0f} µs an exchange")
    return 0 if proof.holds and summary.exchanges == traffic.total else 1


def spent() -> float:
    """Return the processor time of this process and of those that it waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def check(paths: Sequence[Path], contract: Path, settings: Settings, jobs: int) -> DriftSummary:
    """Check files in this process or in several."""
    sources = iter_sources([str(path) for path in paths])
    if jobs == 1:
        return check_sources(sources, load_contract(contract), settings)
    job = Job(contract_dir=contract, base_urls=(), settings=settings, format_in=None)
    return check_in_processes(Work(sources, None, PART_SIZE), job, jobs)


if __name__ == "__main__":
    sys.exit(main())
