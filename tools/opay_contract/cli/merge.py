"""The command `merge`: the summaries of several runs as one report."""

import time
from pathlib import Path

import click

from opay_contract.cli.options import contract_option
from opay_contract.cli.reporting import Reporting, report_options, report_run
from opay_contract.contract.loading import load_contract
from opay_contract.drift.baseline import utc_day
from opay_contract.drift.places import join_runs
from opay_contract.drift.saving import summary_from_json
from opay_contract.errors import UsageError
from opay_contract.model.summary import DriftSummary


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="SUMMARY...",
    type=click.Path(path_type=Path, dir_okay=False),
)
@contract_option
@report_options
def merge(files: tuple[Path, ...], contract_dir: Path | None, reporting: Reporting) -> None:
    """Report the runs of several days or regions as one.

    SUMMARY is a file of `check --save-summary`. The report is that of one run over all recordings, in the
    order of the summaries.
    """
    contract = load_contract(contract_dir)
    today = utc_day(time.time())
    baseline = reporting.load_baseline(today)
    summary = join_runs([_load_summary(file) for file in files])
    raise click.exceptions.Exit(report_run(summary, contract, contract_dir, reporting, baseline, today))


def _load_summary(file: Path) -> DriftSummary:
    try:
        return summary_from_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read '{file}': {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"'{file}' is no summary; make one with `check --save-summary`") from error
