"""The command `diff`: what has changed between two versions of a contract, and whom it breaks."""

import os
import shutil
import time
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from opay_contract.baseline.acceptance import utc_day
from opay_contract.baseline.baseline import load_baseline
from opay_contract.cli.help import Command
from opay_contract.cli.options import FILE, baseline_option, contract_option
from opay_contract.cli.running import write_report
from opay_contract.contract.change_kinds import CHANGE_KINDS, ChangeKind, Level, Side, Way
from opay_contract.diff.comparing import compare_versions
from opay_contract.diff.places import with_outcomes
from opay_contract.diff.report import ReportedDiff, render_github, render_json, render_markdown, render_text
from opay_contract.diff.sources import read_version_of
from opay_contract.drift.saving import load_summary
from opay_contract.errors import UsageError
from opay_contract.report.text_report import MIN_WIDTH
from opay_contract.words import printable

_FORMATS = {"json": render_json, "markdown": render_markdown, "github": render_github}
_LEVELS = {"none": None, "harmless": Level.HARMLESS, "risky": Level.RISKY, "breaking": Level.BREAKING}


def _complete_versions(
    _context: click.Context, _argument: click.Parameter, start: str
) -> list[CompletionItem]:
    return [CompletionItem(start, type="file")]


def _list_kinds(context: click.Context, _option: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001
    if is_asked and not context.resilient_parsing:
        click.echo(render_kinds())
        context.exit()


@click.command(
    cls=Command,
    examples=[
        ("See what the working copy changes", "opay-contract diff HEAD ."),
        ("Say what recordings have of it", "opay-contract diff v1.2 . --traffic summary.json"),
        ("Write the entry of a changelog", "opay-contract diff v1.2 v1.3 --format markdown"),
    ],
)
@click.argument("old", shell_complete=_complete_versions)
@click.argument("new", shell_complete=_complete_versions)
@contract_option
@click.option(
    "--for",
    "side",
    type=click.Choice([side.value for side in Side]),
    default="client",
    show_default=True,
    help="Whose level counts: of those who call by the old version, or of those who answer by it.",
)
@click.option(
    "--fail-on",
    "fails_on",
    type=click.Choice([*reversed(_LEVELS)]),
    default="breaking",
    show_default=True,
    help="The least level of a change that makes the exit code 1.",
)
@click.option(
    "--traffic",
    metavar="SUMMARY",
    type=FILE,
    help="Say of each change what recordings show: a file of `check --save-summary`.",
)
@baseline_option
@click.option(
    "--format", "format_", type=click.Choice(["text", *_FORMATS]), default="text", show_default=True
)
@click.option("--all", "shows_all", is_flag=True, help="Text: name every change, harmless ones, too.")
@click.option("--output", metavar="FILE", type=FILE, help="Write the report there.")
@click.option(
    "--kinds",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_kinds,
    help="List the kinds of changes with their levels, and compare nothing.",
)
def diff(
    old: str,
    new: str,
    contract_dir: Path | None,
    side: str,
    fails_on: str,
    traffic: Path | None,
    baseline_file: Path | None,
    format_: str,
    output: Path | None,
    *,
    shows_all: bool,
) -> None:
    """Show what has changed between two versions of a contract, and whom it breaks.

    OLD and NEW are each a folder, a file of any name, a git revision (main, HEAD~3, v1.2) or one with a path
    (main:contracts/api.yaml). A revision alone means the folder of --contract, by default this one. What is
    both a path and a revision is refused.

    A change is breaking, risky or harmless for clients that were written for OLD, and for servers, by the way
    in which what changed is sent. Documents that say the same in other words have no change.

    Exit codes: 0 no change at or above --fail-on; 1 one at least; 2 usage, or no contract there; 3 neither
    has an operation.
    """
    home = os.path.relpath(contract_dir) if contract_dir else "."
    compared = with_outcomes(compare_versions(*(read_version_of(one, f"./{home}") for one in (old, new))))
    today = utc_day(time.time())
    run = ReportedDiff(
        diff=compared,
        side=Side(side),
        fail_on=_LEVELS[fails_on],
        observations=load_summary(traffic).observations if traffic else None,
        acceptances=load_baseline(baseline_file, today).acceptances if baseline_file else (),
        today=today,
    )
    if shows_all and format_ != "text":
        raise UsageError("--all is about --format text; the other formats leave nothing out")
    for note in compared.notes:
        click.echo(f"note: {printable(note)}", err=True)
    width = max(shutil.get_terminal_size().columns, MIN_WIDTH)
    text = (
        _FORMATS[format_](run) if format_ in _FORMATS else render_text(run, width=width, shows_all=shows_all)
    )
    write_report(text, output)
    raise click.exceptions.Exit(run.exit_code)


def render_kinds() -> str:
    """Return the kinds of changes as a table, as tools/docs/reference/changes.md has them."""
    rows = [
        f"| `{kind.id}` | {_levels(kind, Side.CLIENT)} | {_levels(kind, Side.SERVER)} | {kind.explanation} |"
        for kind in CHANGE_KINDS
    ]
    return "\n".join(["| change | for clients | for servers | what |", "|---|---|---|---|", *rows])


def _levels(kind: ChangeKind, side: Side) -> str:
    request, response = (kind.level(side, way).label for way in Way)
    return request if request == response else f"{request}; in answers {response}"
