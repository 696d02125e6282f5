"""The command `compare`: what differs between two runs."""

import os
import shutil
from pathlib import Path

import click

from opay_contract.cli.checking import check_paths, settings_of_now
from opay_contract.cli.help import Command
from opay_contract.cli.options import FILE, base_url_option, contract_option, fail_on_option, refuse_missing
from opay_contract.cli.output import write_report
from opay_contract.compare.comparing import Comparison, render_comparison, render_comparison_json
from opay_contract.compare.comparing import compare as compare_summaries
from opay_contract.contract.documents import ContractUsed, name_contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.conclusions import conclude
from opay_contract.drift.saving import is_saved_summary, load_summary
from opay_contract.errors import UsageError
from opay_contract.exit_codes import ExitCode
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import STDIN
from opay_contract.report.text_report import MIN_WIDTH
from opay_contract.settings.policy import parse_severity

_PACE, _BUDGET = 2.0, 500
"""What each of two servers is asked: requests a second, and in all."""

_FORMATS = ("text", "json")


class _Judge:
    """What recordings are judged by, those of both runs alike; read where there are any."""

    def __init__(self, contract_dir: Path | None, base_urls: tuple[str, ...]) -> None:
        self._contract_dir = contract_dir
        self.contract = load_contract(contract_dir, base_urls)
        self._settings = settings_of_now()
        self.used: ContractUsed | None = None

    def summary_of(self, path: str) -> DriftSummary:
        """Return the summary that a file holds, or that of recordings."""
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
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True)
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
    comparison = compare_summaries(judge.summary_of(old), judge.summary_of(new))
    if format_ == "json":
        text = render_comparison_json(comparison, judge.used)
    else:
        width = max(shutil.get_terminal_size().columns, MIN_WIDTH)
        text = render_comparison(comparison, judge.used, judge.contract, width)
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


def _exit_code(comparison: Comparison, fail_on: Severity) -> ExitCode:
    runs = (comparison.old, comparison.new)
    if any(run.is_partial for run in runs):
        return ExitCode.INTERRUPTED
    if not all(run.exchanges for run in runs):
        return ExitCode.NOTHING_CHECKED
    if any(folded.finding.rule.severity >= fail_on for folded in comparison.appeared):
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if any(run.unreadable_count for run in runs) else ExitCode.CLEAN
