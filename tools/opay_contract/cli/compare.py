"""The commands that compare: two runs, and two versions of a contract."""

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opay_contract.baseline.acceptance import utc_day
from opay_contract.cli.help import Command
from opay_contract.cli.options import (
    FILE,
    base_url_option,
    baseline_option,
    complete_files,
    contract_option,
    fail_on_option,
    refuse_missing,
)
from opay_contract.cli.running import check_paths, settings_of_now, write_report
from opay_contract.contract.change_kinds import CHANGE_KINDS, DiffKind, Level, Side, Way
from opay_contract.contract.documents import ContractUsed, name_contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.conclusions import conclude
from opay_contract.drift.saving import is_saved_summary, load_summary
from opay_contract.errors import ExitCode, UsageError
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import STDIN
from opay_contract.report.text_report import MIN_WIDTH
from opay_contract.settings import parse_severity
from opay_contract.words import printable

if TYPE_CHECKING:
    from opay_contract.compare import Comparison

_PACE, _BUDGET = 2.0, 500
"""What each of two servers is asked: requests a second, and in all."""


class _Judge:
    """What recordings are judged by, those of both runs alike; read where there are any."""

    def __init__(self, contract_dir: Path | None, base_urls: tuple[str, ...]) -> None:
        self._contract_dir = contract_dir
        self.contract = load_contract(contract_dir, base_urls)
        self._settings = settings_of_now()
        self.used: ContractUsed | None = None

    def summary_of(self, path: str) -> DriftSummary:
        contract = self.contract
        if path != STDIN and is_saved_summary(Path(path)):
            return conclude(load_summary(Path(path)), contract)
        self.used = name_contract(contract.schemas.root.value, self._contract_dir)
        return conclude(check_paths([path], contract, self._settings), contract)


@click.command(
    cls=Command,
    examples=[
        ("Compare a saved run with a folder", "opay-contract compare monday.json tuesday/"),
        ("Compare two servers", "opay-contract compare --target mock --target sandbox"),
        ("Fail on new warnings, too", "opay-contract compare --fail-on warning old.ndjson new.ndjson"),
    ],
)
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option(
    "--target",
    "targets",
    metavar="NAME",
    multiple=True,
    help="Twice, in place of OLD and NEW: ask two servers the same, each as `opay-contract test` has it.",
)
@click.option("--pace", metavar="N", type=float, help=f"With --target: requests a second ({_PACE:g}).")
@click.option(
    "--budget", metavar="N", type=click.IntRange(1), help=f"With --target: requests to each ({_BUDGET})."
)
@contract_option
@base_url_option
@fail_on_option
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", metavar="FILE", type=FILE, help="Write the comparison there.")
def compare(
    old: str | None,
    new: str | None,
    targets: tuple[str, ...],
    pace: float | None,
    budget: int | None,
    contract_dir: Path | None,
    base_urls: tuple[str, ...],
    fail_on: str,
    format_: str,
    output: Path | None,
) -> None:
    """Show what differs between two runs: two periods, two environments, or the sandbox and the mock.

    OLD and NEW are each a recording, a folder, pattern, URL or @LIST of them as for `check`, - for standard
    input, or a summary that `check --save-summary` wrote. The exit code is 1 when NEW has a finding at or
    above --fail-on that OLD has not.

    With --target twice, the requests of `opay-contract test` are sent to two servers, two a second unless
    --pace says another; the exit code is 1 when answers differ in status, code, headers or shape. The second
    takes OPAY_MERCHANT_ID_2 and so on from the environment where they are set.
    """
    from opay_contract import compare as runs  # noqa: PLC0415  of no use to `diff`

    if targets:
        care = (_PACE if pace is None else pace, _BUDGET if budget is None else budget)
        given = old or format_ != "text"
        raise click.exceptions.Exit(_compare_targets(targets, contract_dir, care, output, given=given))
    if pace is not None or budget is not None:
        raise UsageError("--pace and --budget are for servers, with --target twice")
    if old is None or new is None:
        raise UsageError("two runs are to be named, OLD and NEW, or two servers, with --target twice")
    if old == new == STDIN:
        raise UsageError("standard input is one stream; name a file for OLD or for NEW")
    refuse_missing((old, new))
    if old == new or _are_same_file(old, new):
        click.echo("note: OLD and NEW are the same; no difference can be found", err=True)
    judge = _Judge(contract_dir, base_urls)
    comparison = runs.compare(judge.summary_of(old), judge.summary_of(new))
    if format_ == "json":
        text = runs.render_comparison_json(comparison, judge.used)
    else:
        width = max(shutil.get_terminal_size().columns, MIN_WIDTH)
        text = runs.render_comparison(comparison, judge.used, judge.contract, width)
    write_report(text, output)
    raise click.exceptions.Exit(_exit_code(comparison, parse_severity(fail_on)))


def _compare_targets(
    targets: tuple[str, ...],
    contract_dir: Path | None,
    care: tuple[float, int],
    output: Path | None,
    *,
    given: object,
) -> ExitCode:
    if len(targets) != 2 or given:  # noqa: PLR2004  a pair
        raise UsageError("--target is to be given twice, and with neither OLD nor NEW nor --format")
    try:  # heavy, optional, and of no use to other comparisons
        from opay_contract.suite.catalogue import compare_targets, render_parity  # noqa: PLC0415
        from opay_contract.suite.client import RatePolicy  # noqa: PLC0415
        from opay_contract.suite.targets import asking, second_environment  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError("--target needs the suite: pip install 'opay-contract[suite]'") from error
    pace, budget = care
    if not pace > 0:
        raise UsageError("--pace is to be more than 0 requests a second")
    contract, policy = load_contract(contract_dir), RatePolicy(pace=pace, budget=budget, tries=5)
    seconds = second_environment(os.environ)
    with (
        asking(targets[0], os.environ, contract, policy) as first,
        asking(targets[1], seconds, contract, policy) as second,
    ):
        parity = compare_targets(first, second)
    write_report(render_parity(parity, *targets), output)
    return ExitCode.FINDINGS if parity.differences else ExitCode.CLEAN


def _are_same_file(old: str, new: str) -> bool:
    try:
        return Path(old).samefile(new)
    except (OSError, ValueError):  # a pattern, a URL, or nothing that is there
        return False


def _exit_code(comparison: "Comparison", fail_on: Severity) -> ExitCode:
    runs = (comparison.old, comparison.new)
    if any(run.is_partial for run in runs):
        return ExitCode.INTERRUPTED
    if not all(run.exchanges for run in runs):
        return ExitCode.NOTHING_CHECKED
    if any(finding.rule.severity >= fail_on for finding in comparison.appeared):
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if any(run.unreadable_count for run in runs) else ExitCode.CLEAN


_LEVELS = {"none": None, "harmless": Level.HARMLESS, "risky": Level.RISKY, "breaking": Level.BREAKING}


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
@click.argument("old", shell_complete=complete_files)
@click.argument("new", shell_complete=complete_files)
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
    "--format",
    "format_",
    type=click.Choice(["text", "json", "markdown", "github"]),
    default="text",
    show_default=True,
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
    from opay_contract.baseline.baseline import load_baseline  # noqa: PLC0415  these are of no use to `compare`
    from opay_contract.diff import report  # noqa: PLC0415
    from opay_contract.diff.changes import with_outcomes  # noqa: PLC0415
    from opay_contract.diff.comparing import compare_versions  # noqa: PLC0415
    from opay_contract.diff.versions import read_version_of  # noqa: PLC0415

    home = os.path.relpath(contract_dir) if contract_dir else "."
    compared = with_outcomes(compare_versions(*(read_version_of(one, f"./{home}") for one in (old, new))))
    today = utc_day(time.time())
    run = report.ReportedDiff(
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
    if format_ == "text":
        text = report.render_text(run, width=width, shows_all=shows_all)
    else:
        text = getattr(report, f"render_{format_}")(run)
    write_report(text, output)
    raise click.exceptions.Exit(run.exit_code)


def render_kinds() -> str:
    """Return the kinds of changes as a table, as tools/docs/reference/changes.md has them."""
    rows = [
        f"| `{kind.id}` | {_levels(kind, Side.CLIENT)} | {_levels(kind, Side.SERVER)} | {kind.explanation} |"
        for kind in CHANGE_KINDS
    ]
    return "\n".join(["| change | for clients | for servers | what |", "|---|---|---|---|", *rows])


def _levels(kind: DiffKind, side: Side) -> str:
    request, response = (kind.level(side, way).label for way in Way)
    return request if request == response else f"{request}; in answers {response}"
