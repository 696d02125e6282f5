# ruff: noqa: T201  a command prints
"""Mutates the contract, one thing at a time, and tells which mutants its tests do not notice.

    python -m contract_tests.tool.whole.mutation [--list] [--only PATTERN] [--processes N]

From the root of the repository. Exit code 0 when every mutant is caught or has a reason in survivors.toml.
"""

import argparse
import sys
import tomllib
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatchcase
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from contract_tests.tool.whole.mutation.in_process import find_culprit
from contract_tests.tool.whole.mutation.mutants import Mutant, iter_mutants

from opay_contract.contract.documents import load_documents

ROOT = Path(__file__).parents[4]
load_all = cache(load_documents)
SURVIVORS = Path(__file__).with_name("survivors.toml")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m contract_tests.tool.whole.mutation", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the mutants' names and do nothing")
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="mutants whose name matches, as *x-unit*"
    )
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="how many to judge at a time")
    options = parser.parse_args()
    mutants = [mutant for mutant in iter_mutants(ROOT) if fnmatchcase(mutant.name, options.only)]
    if not mutants:
        print(f"no mutant's name matches '{options.only}'; see --list", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(mutant.name for mutant in mutants))
        return 0
    caught = {}
    for name, culprit in judge_all(mutants, options.processes):
        caught[name] = culprit
        print(f"{culprit or 'SURVIVED'}: {name}", flush=True)
    return report(caught)


def judge_all(mutants: Collection[Mutant], processes: int) -> Iterator[tuple[str, str | None]]:
    """Yield each mutant's name, and the test that catches it."""
    forking = get_context("fork")  # a mutant cannot be sent, but is there in a fork
    with ProcessPoolExecutor(processes, forking, _JUDGED.extend, (mutants,)) as pool:
        culprits = pool.map(_culprit_of, range(len(mutants)), chunksize=8)
        yield from zip((mutant.name for mutant in mutants), culprits, strict=True)


_JUDGED: list[Mutant] = []
"""What a process of `judge_all` judges."""


def _culprit_of(number: int) -> str | None:
    return find_culprit(_JUDGED[number], load_all(ROOT))


def report(caught: dict[str, str | None]) -> int:
    """Print the share of mutants caught and the survivors; returns the exit code."""
    reasons = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))
    survivors = [name for name, culprit in caught.items() if culprit is None]
    count = len(caught) - len(survivors)
    print(f"\n{count} of {len(caught)} mutants caught ({count / len(caught):.1%})")
    for name in survivors:
        print(f"survived: {name}: {reasons.get(name, 'NO REASON GIVEN')}")
    outdated = [name for name, culprit in caught.items() if culprit is not None and name in reasons]
    for name in outdated:
        print(f"caught by now, to be taken out of {SURVIVORS.name}: {name}")
    return int(bool(outdated) or any(name not in reasons for name in survivors))


if __name__ == "__main__":
    sys.exit(main())
