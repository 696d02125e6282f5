# ruff: noqa: T201  a command prints
"""Mutates the contract and the mock, one thing at a time, and tells which mutants the tests do not notice.

    python -m contract_tests.tool.whole.mutation [--list] [--of-contract] [--only PATTERN] [--processes N]

From the root of the repository. Exit code 0 when every mutant is caught or has a reason in survivors.toml.
"""

import argparse
import sys
import tomllib
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from contract_tests.tool.whole.mutation.in_process import find_culprit
from contract_tests.tool.whole.mutation.judging import MOCK, Judgement, build_copy, judge, run
from contract_tests.tool.whole.mutation.mutants import Mutant, iter_mutants

from opay_contract.contract.loading import load_documents

ROOT = Path(__file__).parents[4]
load_all = cache(load_documents)
SURVIVORS = Path(__file__).with_name("survivors.toml")


def main() -> int:
    """Run the command."""
    options = parse()
    mutants = [mutant for mutant in iter_mutants(ROOT) if fnmatchcase(mutant.name, options.only)]
    if options.of_contract:
        mutants = [mutant for mutant in mutants if not mutant.of_mock]
    if not mutants:
        print(f"no mutant's name matches '{options.only}'; see --list", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(mutant.name for mutant in mutants))
        return 0
    judgements = []
    for judgement in judge_all(mutants, options.processes):
        judgements.append(judgement)
        print(f"{judgement.caught_by or 'SURVIVED'}: {judgement.mutant}", flush=True)
    return report(judgements)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m contract_tests.tool.whole.mutation", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the mutants' names and do nothing")
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="mutants whose name matches, as *x-unit*"
    )
    parser.add_argument(
        "--of-contract", action="store_true", help="mutants of the contract, by the tests of it alone"
    )
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="how many to judge at a time")
    return parser.parse_args()


def judge_all(mutants: Collection[Mutant], processes: int) -> Iterator[Judgement]:
    """Judge mutants: those of the contract where the tests are, those of the mock in copies."""
    of_contract = [mutant for mutant in mutants if not mutant.of_mock]
    forking = get_context("fork")  # a mutant cannot be sent, but is there in a fork
    with ProcessPoolExecutor(processes, forking, _JUDGED.extend, (of_contract,)) as pool:
        culprits = pool.map(_culprit_of, range(len(of_contract)), chunksize=8)
        for mutant, culprit in zip(of_contract, culprits, strict=True):
            yield Judgement(mutant=mutant.name, caught_by=culprit)
    yield from judge_in_copies([mutant for mutant in mutants if mutant.of_mock], processes)


_JUDGED: list[Mutant] = []
"""What a process of `judge_all` judges."""


def _culprit_of(number: int) -> str | None:
    return find_culprit(_JUDGED[number], load_all(ROOT))


def judge_in_copies(given: list[Mutant], processes: int) -> Iterator[Judgement]:
    """Judge mutants by pytest, each process in a copy of its own; the first copy must pass unchanged."""
    if not given:
        return
    with TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(processes):
            copies.put(build_copy(ROOT, Path(folder) / str(number)))
        first = copies.get()
        culprit = run(MOCK, first)
        if culprit is not None:
            raise RuntimeError(f"without any mutation {culprit} fails; mend that first")
        copies.put(first)

        def judge_one(mutant: Mutant) -> Judgement:
            copy = copies.get()
            try:
                return judge(mutant, copy)
            finally:
                copies.put(copy)

        yield from pool.map(judge_one, given)


def report(judgements: list[Judgement]) -> int:
    """Print the share of mutants caught and the survivors; returns the exit code."""
    reasons = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))
    survivors = [one.mutant for one in judgements if one.caught_by is None]
    caught = len(judgements) - len(survivors)
    print(f"\n{caught} of {len(judgements)} mutants caught ({caught / len(judgements):.1%})")
    for name in survivors:
        print(f"survived: {name}: {reasons.get(name, 'NO REASON GIVEN')}")
    outdated = [one.mutant for one in judgements if one.caught_by is not None and one.mutant in reasons]
    for name in outdated:
        print(f"caught by now, to be taken out of {SURVIVORS.name}: {name}")
    return int(bool(outdated) or any(name not in reasons for name in survivors))


if __name__ == "__main__":
    sys.exit(main())
