"""Runs other tools and ours on the same traffic with planted drift, and prints who finds what.

    python -m contract_tests.benchmarks.rivals

From the root of the repository, with the test extra installed. The other tools are installed from their
registries into `--tools DIR`, apart from the project. The table is the one of tools/docs/comparison.md.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from .installing import install_tools
from .material import Material, drifting, mixed, uniform, write_material
from .scoring import Score, find_leaks, render_table, score_findings
from .tools import OpayContract, Tool

_CLEAN = {"mixed traffic": mixed, "traffic of one kind": uniform}


class Clean:
    """Traffic without drift, of each sort and of the size that is asked for, made once."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count
        self._made: dict[str, Material] = {}

    def get(self, sort: str, times: int = 1) -> Material:
        """Return the traffic of a sort, some times as much as usual; a single exchange for none."""
        name = f"{sort} {times}"
        if name not in self._made:
            drafts = _CLEAN[sort](self._count * times or 1)
            self._made[name] = write_material(self._folder / name.replace(" ", "-"), drafts)
        return self._made[name]


def main() -> int:
    """Read the arguments, make the material, run the tools, print."""
    parser = argparse.ArgumentParser(prog="python -m contract_tests.benchmarks.rivals", description=__doc__)
    default = Path(tempfile.gettempdir()) / "opay-contract-rivals"
    parser.add_argument("--tools", type=Path, default=default, metavar="DIR", help="where the tools are kept")
    parser.add_argument(
        "--clean", type=int, default=5000, metavar="N", help="exchanges without drift (5,000)"
    )
    options = parser.parse_args()
    options.tools.mkdir(parents=True, exist_ok=True)
    others, missing = install_tools(options.tools)
    with tempfile.TemporaryDirectory() as folder:
        traffic = drifting()
        drifted = write_material(Path(folder) / "drifted", list(traffic.drafts()), traffic.planted)
        clean = Clean(Path(folder), options.clean)
        scores = [score(tool, drifted, clean) for tool in (OpayContract(), *others)]
    print(render_table(drifted, list(_CLEAN), 2 * options.clean, scores))
    for tool in (one.tool for one in scores):
        print(f"{tool.name} {tool.version}: {tool.given}")
    for name, reason in missing.items():
        print(f"{name}: not run: {reason}", file=sys.stderr)
    return 1 if missing else 0


def score(tool: Tool, drifted: Material, clean: Clean) -> Score:
    """Run a tool on everything; its start is taken off its time."""
    print(f"{tool.name} …", file=sys.stderr)
    run = tool.find(drifted)
    start = tool.work(clean.get("mixed traffic", 0))
    return Score(
        tool=tool,
        cells=score_findings(drifted, run),
        false_alarms=sum(len(tool.find(clean.get(sort)).said) for sort in _CLEAN),
        leaked=find_leaks(drifted, run.printed),
        a_second=tuple(rate(tool, clean.get(sort, tool.pace), start) for sort in _CLEAN),
    )


def rate(tool: Tool, traffic: Material, start: float) -> float:
    """Return how many exchanges a tool checks in a second of processor time."""
    return (traffic.total - 1) / (tool.work(traffic) - start)


if __name__ == "__main__":
    sys.exit(main())
