"""The command `compare`: what differs between two runs."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click

from opay_contract.cli.exit_codes import ExitCode
from opay_contract.cli.options import base_url_option, contract_option, fail_on_option, severity_of
from opay_contract.cli.output import write_report
from opay_contract.cli.progress import watch_progress
from opay_contract.cli.repeats import tell_repeats
from opay_contract.contract.loading import load_contract
from opay_contract.drift.comparing import compare as compare_summaries
from opay_contract.drift.conclusions import conclude
from opay_contract.drift.saving import is_saved_summary, load_summary
from opay_contract.engines.inline import check_sources
from opay_contract.errors import UsageError
from opay_contract.model.comparison import Comparison
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.listing import iter_inputs
from opay_contract.recordings.sources import STDIN, Repeats
from opay_contract.report.comparison_report import render_comparison, render_comparison_json
from opay_contract.rules.subject import Settings

_RENDERERS = {"text": render_comparison, "json": render_comparison_json}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """What recordings are judged by, those of both runs alike."""

    contract_dir: Path | None
    base_urls: tuple[str, ...]
    settings: Settings

    def summary_of(self, path: str) -> DriftSummary:
        """Return the summary that a file holds, or that of recordings."""
        contract = load_contract(self.contract_dir, self.base_urls)
        if path != STDIN and is_saved_summary(Path(path)):
            return conclude(load_summary(Path(path)), contract)
        repeats = Repeats()
        with watch_progress() as on_progress:
            summary = check_sources(
                iter_inputs([path], repeats),
                contract,
                self.settings,
                stdin=sys.stdin.buffer,
                on_progress=on_progress,
            )
        tell_repeats(repeats)
        return conclude(summary, contract)


@click.command()
@click.argument("old")
@click.argument("new")
@contract_option
@base_url_option
@fail_on_option
@click.option("--format", "format_", type=click.Choice(list(_RENDERERS)), default="text", show_default=True)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the comparison there.",
)
def compare(
    old: str,
    new: str,
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
    """
    if old == new == STDIN:
        raise UsageError("standard input is one stream; name a file for OLD or for NEW")
    if old == new or _are_same_file(old, new):
        click.echo("note: OLD and NEW are the same; no difference can be found", err=True)
    settings = Settings(started_at=time.time(), private_key=os.environ.get("OPAY_PRIVATE_KEY"))
    judge = _Judge(contract_dir=contract_dir, base_urls=base_urls, settings=settings)
    comparison = compare_summaries(judge.summary_of(old), judge.summary_of(new))
    write_report(_RENDERERS[format_](comparison), output)
    raise click.exceptions.Exit(_exit_code(comparison, severity_of(fail_on)))


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
