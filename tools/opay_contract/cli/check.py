"""The command `check`: recorded exchanges against the contract."""

import os
import time
from pathlib import Path

import click

from opay_contract.cli.checking import Counted, tell_notes, tell_repeats, watch_progress
from opay_contract.cli.format_in import format_in_option
from opay_contract.cli.help import Command
from opay_contract.cli.options import (
    base_url_option,
    contract_option,
    max_unpacked_option,
    paths_argument,
    window_options,
)
from opay_contract.cli.output import write_atomically
from opay_contract.cli.reporting import Inputs, Reporting, arguments_of, report_options, report_run
from opay_contract.cli.spreading import Spread, spread_options
from opay_contract.contract.loading import load_contract
from opay_contract.drift.saving import summary_to_json
from opay_contract.engines.work import Job
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.timestamps import Window
from opay_contract.recordings.inputs import Repeats, iter_inputs

_GROUPS = {
    "Contract": ("--contract", "--base-url", "--config"),
    "Recordings": ("--format-in", "--max-unpacked", "--since", "--until"),
    "Rules and verdict": (
        "--select",
        "--ignore",
        "--severity",
        "--fail-on",
        "--baseline",
        "--allow-unused",
        "--allow-out-of-scope",
        "--require-success",
    ),
    "Report": ("--format", "--output", "--docs-url", "--save-summary"),
    "Text": (
        "--all",
        "--full",
        "--questions",
        "--observed",
        "--statistics",
        "--quiet",
        "--verbose",
        "--color",
    ),
    "Speed": ("--jobs", "--engine", "--scheduler", "--resume"),
}
"""The options by what they are about, as the help shows them."""


@click.command(
    cls=Command,
    examples=[
        ("Check a recording", "opay-contract check traffic.har"),
        (
            "Check a folder, and write a page beside the report",
            "opay-contract check recordings/ --format text --format html=drift.html",
        ),
        (
            "Count by rule what a gateway of yours recorded",
            "opay-contract check calls.ndjson --base-url https://gw.shop.example --statistics",
        ),
    ],
    groups=_GROUPS,
)
@paths_argument()
@contract_option
@base_url_option
@report_options
@format_in_option
@max_unpacked_option
@spread_options
@window_options
@click.option(
    "--save-summary",
    "saved",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the run's summary there, for `compare`, `merge`, `suggest` and `docs --evidence`.",
)
def check(
    paths: tuple[str, ...],
    contract_dir: Path | None,
    base_urls: tuple[str, ...],
    reporting: Reporting,
    format_in: str | None,
    max_unpacked: int | None,
    spread: Spread,
    window: Window | None,
    saved: Path | None,
) -> None:
    """Check recorded exchanges against the contract and report where they drift.

    PATH is a recording (HAR, VCR cassette, NDJSON, a bare JSON response, a report of schemathesis or
    Newman, mitmproxy flows, a Postman collection, a transcript of curl -v, an access log in JSON, Parquet;
    plain, .gz or .zst, HAR also .zip), a folder of them, a pattern, the URL of any of these in a store
    (s3://, gs://, https://), @FILE for a list of paths, or - for standard input. With OPAY_PRIVATE_KEY in
    the environment the requests' signatures are verified too.

    Card and customer data are never printed: findings name type, length and place, and values only where the
    contract calls them public, as business codes.
    """
    repeats = Repeats()
    contract = load_contract(contract_dir, base_urls)
    tell_notes(contract)
    now = time.time()
    judging = reporting.criteria.load_baseline(now)
    with spread.checkpoint(now) as checkpoint:
        settings = Settings(
            started_at=checkpoint.started_at if checkpoint else now,
            window=window,
            private_key=os.environ.get("OPAY_PRIVATE_KEY"),
        )
        chosen = Format(format_in) if format_in else None
        job = Job(contract_dir=contract_dir, base_urls=base_urls, settings=settings, format_in=chosen)
        inputs = Counted(iter_inputs(paths, repeats, max_unpacked))
        with watch_progress() as on_progress:
            summary = spread.check(inputs, contract, job, checkpoint, on_progress)
        tell_repeats(repeats)
        spread.tell_taken_over(checkpoint)
    if summary.findings:
        from opay_contract.drift.locating import locate  # noqa: PLC0415  for start-up time

        summary = locate(summary, contract, chosen, max_unpacked)
    if saved:
        write_atomically(saved, summary_to_json(summary).decode() + "\n")
    read = Inputs(named=paths, options=arguments_of(contract_dir, base_urls, format_in), files=inputs.number)
    code = report_run(summary, contract, contract_dir, reporting, judging, read)
    raise click.exceptions.Exit(code)
