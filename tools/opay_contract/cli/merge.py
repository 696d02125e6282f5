"""The command `merge`: the summaries of several runs as one report."""

import time
from pathlib import Path

import click

from opay_contract.cli.checking import tell_repeats
from opay_contract.cli.help import Command
from opay_contract.cli.options import contract_option
from opay_contract.cli.reporting import Inputs, Reporting, report_options, report_run
from opay_contract.contract.loading import load_contract
from opay_contract.drift.places import join_runs
from opay_contract.drift.saving import load_summary
from opay_contract.recordings.inputs import Repeats, Source
from opay_contract.words import count


@click.command(
    cls=Command,
    examples=[
        ("Report two runs as one", "opay-contract merge monday.json tuesday.json"),
        ("Write a page of the week", "opay-contract merge monday.json tuesday.json --format html=week.html"),
        ("Count by rule", "opay-contract merge monday.json tuesday.json --statistics"),
    ],
)
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
    judging = reporting.criteria.load_baseline(time.time())
    repeats = Repeats()
    sources = [Source(ordinal=0, name=str(file), path=file) for file in files]
    runs = [load_summary(Path(one.name)) for one in sources if not repeats.is_repeat(one)]
    summary = join_runs(runs)
    tell_repeats(repeats)
    inputs = Inputs(named=tuple(map(str, files)))
    code = report_run(summary, contract, contract_dir, reporting, judging, inputs)
    merged = f"{count(len(runs), 'summary', 'summaries')}: {count(summary.exchanges, 'exchange')}"
    click.echo(f"Merged {merged}.", err=True)
    raise click.exceptions.Exit(code)
