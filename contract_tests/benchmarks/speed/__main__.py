"""How fast `check` is: by format and by kind of traffic, beside other tools and the floor, in one run.

    python -m contract_tests.benchmarks.speed

From the root of the repository, with the extras `test` and, for Parquet, `dask`. The other tools are
installed from their registries into `--tools DIR`, apart from the project. Printed are the tables of
tools/docs/inside/performance.md: microseconds of processor time an exchange, user and system, of a process
and its children, less those of a run over one exchange; the best of some rounds, as others may use the
machine. Absolute figures belong to the machine, ratios travel; a ratio that says we are slower is marked.
"""

import argparse
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from contract_tests.benchmarks.rivals.installing import install_openapi_core, install_redocly
from contract_tests.benchmarks.rivals.material import write_copy
from contract_tests.benchmarks.rivals.tools import Library, Redocly, check
from contract_tests.benchmarks.speed.measuring import (
    build_oracle,
    judge_at_least,
    read_all,
    seconds_of,
    take_rounds,
    validate_all,
)
from contract_tests.benchmarks.speed.recordings import (
    HAR,
    KINDS,
    NDJSON,
    Kind,
    Recording,
    answers_of,
    parse_exchanges,
    write_recording,
    write_wire,
)
from contract_tests.benchmarks.speed.traffic import Shares, iter_mixed, iter_realistic, iter_uniform
from contract_tests.tool.whole.corpus.contract import write_contract
from contract_tests.tool.whole.corpus.drafts import KEY

FIXED_SEED = 20260504
ROOT = Path(__file__).parents[3]
PAGE = ROOT / "tools" / "docs" / "inside" / "performance.md"
MARK = "<!-- speed: python -m contract_tests.benchmarks.speed --write writes this part -->"
END = "<!-- end -->"
_JSONSCHEMA_SAMPLE = 1000
_OPENAPI_CORE_SAMPLE = 300
_Found = TypeVar("_Found")
_KEY_VARIABLE = "OPAY_PRIVATE_KEY"
_SEEN = re.compile(r"recording · ([\d,]+) exchange|; ([\d,]+) could not be read")
"""How many exchanges were checked, and how many were not: a transcript shows no answer that is empty."""

_TIMES_REDOCLY = {
    ("realistic", "NDJSON"): 2.0,
    ("mixed corpus", "NDJSON"): 2.0,
    ("realistic", "HAR"): 1.5,
    ("mixed corpus", "HAR"): 1.5,
}
"""How many times quicker than redocly `check` is to be."""

_MOST_TIMES_ORJSON, _MOST_TIMES_CLEAN = 8.0, 4.0
_MOST_ADDED = 25.0
"""Microseconds that `check` may add to its reader, of formats that nobody else checks."""

_NONE = "–"  # noqa: RUF001  a dash in a table


@dataclass(frozen=True, slots=True)
class Mix:
    """Traffic of some kind, in which formats it is written, and whether our command is given the key."""

    name: str
    lines: Callable[[int], Iterator[str]]
    kinds: Sequence[Kind]
    has_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The contract, the copy of it that suits other tools, and those tools as far as they are to be had."""

    contract: Path
    copy: Path
    redocly: Redocly | None
    openapi_core: Library | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured on a recording, in microseconds an exchange."""

    mix: str
    recording: Recording
    check: float
    reading: float
    floor: float
    parsing: float | None
    redocly: float | None


def main() -> int:
    """Read the arguments, write the recordings, measure, print."""
    options = _parse()
    options.tools.mkdir(parents=True, exist_ok=True)
    mixes = [one for one in build_mixes(options.seed) if not options.mix or one.name in options.mix]
    missing: dict[str, str] = {}
    found: list[Figures] = []
    libraries: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        tools = prepare_tools(Path(folder), options.tools, missing)
        version = tools.redocly.version if tools.redocly else "missing"
        how = (
            f"{options.exchanges:,} exchanges, best of {options.rounds} rounds, Python "
            f"{platform.python_version()}, redocly {version}; seeds {FIXED_SEED} and {options.seed}"
        )
        print(f"{how}\n\n{render_heading()}", flush=True)
        for mix in mixes:
            lines = list(mix.lines(options.exchanges))
            exchanges = parse_exchanges(lines)
            for kind in mix.kinds:
                if options.format and kind.name not in options.format:
                    continue
                recording = write_recording(kind, Path(folder), lines, exchanges)
                found.append(measure(mix, recording, tools, options.rounds))
                print(render_row(found[-1]), flush=True)
        print()
        for mix in mixes if not options.format else ():
            libraries.append(measure_libraries(mix, tools, Path(folder), options.rounds))
            print(libraries[-1], flush=True)
        marks = render_marks(found)
        print("\nMarks:", *marks, sep="\n")
        if options.write:  # while the recordings are there to be measured
            write_page(how, found, [*libraries, *marks])
    for name, reason in missing.items():
        print(f"{name}: not run: {reason}", file=sys.stderr)
    return 1 if missing else 0


def write_page(how: str, found: Sequence[Figures], libraries: Sequence[str]) -> None:
    """Put what was measured into the page that quotes it."""
    table = "\n".join([render_heading(), *map(render_row, found)])
    words = "\n".join(f"- {line}" for line in libraries)
    before, mark, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
    _, end, after = rest.partition(END)
    text = f"{table}\n\nMicroseconds an exchange: {how}.\n\n{words}"
    PAGE.write_text(f"{before}{mark}\n{text}\n{end}{after}", encoding="utf-8")


def build_mixes(seed: int) -> list[Mix]:
    """Return what is measured; `seed` is that of the traffic that is drawn anew."""
    main_kinds = (NDJSON, HAR)
    drifted = Shares(drifted=1000)
    return [
        Mix("realistic", lambda count: iter_realistic(FIXED_SEED, count), KINDS),
        Mix("realistic, drawn", lambda count: iter_realistic(seed, count), main_kinds),
        Mix(
            "realistic, signed, with the key",
            lambda count: iter_realistic(FIXED_SEED, count, is_signed=True),
            main_kinds,
            has_key=True,
        ),
        Mix("realistic, all drifted", lambda count: iter_realistic(seed, count, drifted), main_kinds),
        Mix("mixed corpus", lambda count: iter_mixed(2, count), main_kinds),
        Mix("all alike", iter_uniform, main_kinds),
    ]


def prepare_tools(folder: Path, kept: Path, missing: dict[str, str]) -> Tools:
    """Write the contract and its copy, and install what can be installed; say in `missing` what cannot."""

    def attempt(name: str, install: Callable[[Path], _Found]) -> _Found | None:
        try:
            return install(kept)
        except (OSError, subprocess.CalledProcessError) as error:
            missing[name] = f"{type(error).__name__}: {error}"
            return None

    contract = write_contract(folder)
    return Tools(
        contract=contract,
        copy=write_copy(contract, folder / "open"),
        redocly=attempt("@redocly/cli drift", install_redocly),
        openapi_core=attempt("openapi-core", install_openapi_core),
    )


def measure(mix: Mix, recording: Recording, tools: Tools, rounds: int) -> Figures:
    """Take the times of a recording."""

    def run_ours(path: Path) -> float:
        printed, seconds = check(path, tools.contract)
        count = 1 if path == recording.single else recording.count
        seen = [read or unread for read, unread in _SEEN.findall(printed)]
        if sum(int(number.replace(",", "")) for number in seen) != count:
            raise RuntimeError(f"{mix.name}, {recording.kind.name}: not all was checked:\n{printed[-500:]}")
        return seconds

    def run_redocly(path: Path) -> float:
        assert tools.redocly is not None
        return tools.redocly.check(path, tools.copy)[1]

    parse, data = recording.kind.parse, recording.path.read_bytes()
    works: dict[str, Callable[[], float]] = {
        "check": lambda: run_ours(recording.path),
        "start": lambda: run_ours(recording.single),
        "reading": lambda: seconds_of(lambda: read_all(recording.path)),
        "floor": lambda: seconds_of(lambda: judge_at_least(recording.path, tools.contract)),
    }
    if parse is not None:
        works["parsing"] = lambda: seconds_of(lambda: parse(data))
    if tools.redocly and recording.kind in (NDJSON, HAR):
        works["redocly"] = lambda: run_redocly(recording.path)
        works["redocly's start"] = lambda: run_redocly(recording.single)
    if mix.has_key:
        os.environ[_KEY_VARIABLE] = KEY
    try:
        taken = take_rounds(works, rounds)
    finally:
        os.environ.pop(_KEY_VARIABLE, None)

    def each(name: str, start: float = 0.0) -> float | None:
        return (taken[name] - start) / recording.count * 1e6 if name in taken else None

    return Figures(
        mix=mix.name,
        recording=recording,
        check=each("check", taken["start"]) or 0.0,
        reading=each("reading") or 0.0,
        floor=each("floor") or 0.0,
        parsing=each("parsing"),
        redocly=each("redocly", taken.get("redocly's start", 0.0)),
    )


def render_heading() -> str:
    """Return the head of the table."""
    names = "traffic", "format", "bytes", "`check`", "its reader", "added", "floor", "parser alone", "redocly"
    return "| " + " | ".join((*names, "beside it")) + " |\n|" + "---|" * (len(names) + 1)


def render_row(found: Figures) -> str:
    """Return a row of the table."""
    against = _NONE
    if found.redocly is not None:
        times = found.redocly / found.check
        against = f"{times:.1f} times faster" if times >= 1 else f"**{1 / times:.1f} times slower**"
    cells = (
        found.mix,
        found.recording.kind.name,
        f"{found.recording.bytes_each:,.0f}",
        _micros(found.check),
        _micros(found.reading),
        _micros(found.check - found.reading),
        _micros(found.floor),
        _micros(found.parsing),
        _micros(found.redocly),
        against,
    )
    return "| " + " | ".join(cells) + " |"


def render_marks(found: Sequence[Figures]) -> list[str]:
    """Return what was aimed at, each with what was reached."""
    by_name = {(one.mix, one.recording.kind.name): one for one in found}
    lines = []
    for (mix, kind), aim in _TIMES_REDOCLY.items():
        one = by_name.get((mix, kind))
        if one is not None and one.redocly is not None:
            name = f"{mix} {kind}, times as quick as redocly"
            lines.append(_mark(name, one.redocly / one.check, aim, is_least=True))
    for one in found:
        if one.mix == "realistic" and one.recording.kind not in (NDJSON, HAR):
            name = f"{one.recording.kind.name}, microseconds added to its reader"
            lines.append(_mark(name, one.check - one.reading, _MOST_ADDED, is_least=False))
    clean, drifted = (by_name.get((mix, "NDJSON")) for mix in ("realistic", "realistic, all drifted"))
    if clean is not None and clean.parsing:
        name = "realistic NDJSON, times the time of `orjson`"
        lines.append(_mark(name, clean.check / clean.parsing, _MOST_TIMES_ORJSON, is_least=False))
    if clean is not None and drifted is not None:
        name = "NDJSON, an exchange that drifts, times a clean one"
        lines.append(_mark(name, drifted.check / clean.check, _MOST_TIMES_CLEAN, is_least=False))
    return lines


def _mark(name: str, reached: float, aim: float, *, is_least: bool) -> str:
    is_met = reached >= aim if is_least else reached <= aim
    how = f"{'at least' if is_least else 'at most'} {aim:g}, {reached:.1f} reached"
    return f"{name}: {how}" if is_met else f"{name}: **{how}**"


def measure_libraries(mix: Mix, tools: Tools, folder: Path, rounds: int) -> str:
    """Return a line on the libraries that a loop of one's own would be built of."""
    exchanges = parse_exchanges(list(mix.lines(_JSONSCHEMA_SAMPLE)))
    oracle, answers = build_oracle(tools.contract), answers_of(exchanges)
    work = {"schema": lambda: seconds_of(lambda: validate_all(oracle, answers))}
    schema = take_rounds(work, rounds)["schema"] / len(answers) * 1e6
    core = _NONE
    if tools.openapi_core is not None:
        few = exchanges[:_OPENAPI_CORE_SAMPLE]
        wire = write_wire(few, folder / "traffic.wire")
        seconds = min(tools.openapi_core.check(wire, tools.copy).seconds for _ in range(rounds))
        core = _micros(seconds / len(few) * 1e6)
    return f"{mix.name}: `jsonschema`, answers alone, {_micros(schema)}; openapi-core {core}"


def _micros(value: float | None) -> str:
    if value is None:
        return _NONE
    return f"{value:,.1f}" if value < 10 else f"{value:,.0f}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m contract_tests.benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kept = Path(tempfile.gettempdir()) / "opay-contract-rivals"
    drawn = random.SystemRandom().randrange(10**6)
    parser.add_argument("--exchanges", type=int, default=20_000, metavar="N", help="in each file (20,000)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="of which the best counts (2)")
    parser.add_argument("--seed", type=int, default=drawn, metavar="N", help="of the drawn traffic (drawn)")
    parser.add_argument("--tools", type=Path, default=kept, metavar="DIR", help="where other tools are kept")
    parser.add_argument("--write", action="store_true", help="put it into the pages that quote it")
    mixes, formats = [one.name for one in build_mixes(drawn)], [one.name for one in KINDS]
    parser.add_argument(
        "--mix",
        action="append",
        choices=mixes,
        metavar="NAME",
        help=f"this alone: {'; '.join(mixes)}",
    )
    parser.add_argument(
        "--format", action="append", choices=formats, metavar="NAME", help=f"this alone: {'; '.join(formats)}"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
