"""The command `check`: recorded exchanges against the contract."""

import os
import sys
import time
from pathlib import Path

import click

from opay_contract.cli.exit_codes import exit_code
from opay_contract.cli.options import base_url_option, contract_option, fail_on_option, severity_of
from opay_contract.cli.output import write_report
from opay_contract.cli.progress import watch_progress
from opay_contract.contract.loading import load_contract
from opay_contract.engines.inline import check_sources
from opay_contract.recordings.formats import Format
from opay_contract.recordings.sources import iter_sources
from opay_contract.report.json_report import render_json
from opay_contract.report.text_report import render_text
from opay_contract.rules.subject import Settings

_RENDERERS = {"text": render_text, "json": render_json}


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@contract_option
@base_url_option
@click.option(
    "--format",
    "format_out",
    type=click.Choice(list(_RENDERERS)),
    default="text",
    show_default=True,
    help="What the report is written as.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report there.",
)
@click.option(
    "--format-in",
    type=click.Choice([member.value for member in Format]),
    help="What the recordings are, where it cannot be recognised by their content.",
)
@fail_on_option
def check(
    paths: tuple[str, ...],
    contract_dir: Path | None,
    base_urls: tuple[str, ...],
    format_out: str,
    output: Path | None,
    format_in: str | None,
    fail_on: str,
) -> None:
    """Check recorded exchanges against the contract and report where they drift.

    PATH is a recording (HAR, VCR cassette, NDJSON, a bare JSON response, a schemathesis report; plain,
    .gz or .zst), a folder of them, or - for standard input. With OPAY_PRIVATE_KEY in the environment
    the requests' signatures are verified too.

    Recorded values are never printed: findings name type, length and place.
    """
    contract = load_contract(contract_dir, base_urls)
    settings = Settings(started_at=time.time(), private_key=os.environ.get("OPAY_PRIVATE_KEY"))
    with watch_progress() as on_progress:
        summary = check_sources(
            iter_sources(paths),
            contract,
            settings,
            format_in=Format(format_in) if format_in else None,
            stdin=sys.stdin.buffer,
            on_progress=on_progress,
        )
    write_report(_RENDERERS[format_out](summary, contract.questions), output)
    raise click.exceptions.Exit(exit_code(summary, severity_of(fail_on)))
