"""Runs other tools and ours on the same traffic with planted drift, and prints who finds what.

    python -m contract_tests.benchmarks.rivals

From the root of the repository, with the test extra installed. The other tools are installed from their
registries into `--tools DIR`, apart from the project. The table is that of tools/docs/inside/comparison.md.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .installing import install_tools
from .material import Material, drifting, mixed, uniform, write_material
from .scoring import Score, find_leaks, render_table, score_findings
from .tools import OpayContract, Tool


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
        clean = [
            write_material(Path(folder) / make.__name__, make(options.clean)) for make in (mixed, uniform)
        ]
        scores = [score(tool, drifted, clean) for tool in (OpayContract(), *others)]
    print(render_table(drifted, 2 * options.clean, scores))
    for tool in (one.tool for one in scores):
        print(f"{tool.name} {tool.version}: {tool.given}")
    for name, reason in missing.items():
        print(f"{name}: not run: {reason}", file=sys.stderr)
    return 1 if missing else 0


def score(tool: Tool, drifted: Material, clean: Sequence[Material]) -> Score:
    """Run a tool on everything."""
    print(f"{tool.name} …", file=sys.stderr)
    run = tool.find(drifted)
    return Score(
        tool=tool,
        cells=score_findings(drifted, run),
        false_alarms=sum(len(tool.find(material).said) for material in clean),
        leaked=find_leaks(drifted, run.printed),
    )


if __name__ == "__main__":
    sys.exit(main())
