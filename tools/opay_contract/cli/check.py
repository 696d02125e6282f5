"""The command `check`: recorded exchanges against the contract."""

import os
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import click

from opay_contract.cli.exit_codes import exit_code
from opay_contract.cli.options import (
    base_url_option,
    contract_option,
    fail_on_option,
    severity_of,
    window_options,
)
from opay_contract.cli.output import Target, parse_target, settle_targets, write_atomically, write_reports
from opay_contract.cli.progress import watch_progress
from opay_contract.contract.loading import default_directory, is_carried, load_contract
from opay_contract.drift.baseline import apply_baseline, load_baseline, utc_day
from opay_contract.drift.insight import draw_insight
from opay_contract.drift.saving import summary_to_json
from opay_contract.engines.inline import check_sources
from opay_contract.engines.processes import Job, check_in_processes
from opay_contract.errors import UsageError
from opay_contract.model.moments import Window
from opay_contract.recordings.formats import Format
from opay_contract.recordings.sources import STDIN, iter_sources
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.github_report import render_github
from opay_contract.report.json_report import render_json
from opay_contract.report.junit_report import render_junit
from opay_contract.report.markdown_report import render_markdown
from opay_contract.report.sarif_report import render_sarif
from opay_contract.report.text_report import render_text
from opay_contract.rules.subject import Settings


def _render_html(run: CheckedRun) -> str:
    from opay_contract.report.html_report import render_html  # noqa: PLC0415  svg.py takes 0.1 s to import

    return render_html(run)


_RENDERERS: dict[str, Callable[[CheckedRun], str]] = {
    "text": render_text,
    "json": render_json,
    "junit": render_junit,
    "sarif": render_sarif,
    "github": render_github,
    "markdown": render_markdown,
    "html": _render_html,
}


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@contract_option
@base_url_option
@click.option(
    "--format",
    "targets",
    metavar=f"[{'|'.join(_RENDERERS)}][=FILE]",
    callback=lambda ctx, param, values: tuple(parse_target(one, _RENDERERS, param, ctx) for one in values),
    default=("text",),
    show_default=True,
    multiple=True,
    help="What the report is written as. May be repeated, each with a file of its own.",
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
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes to spread the work over, large NDJSON files by byte range; the report is the same.",
)
@click.option(
    "--baseline",
    "baseline_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Findings that are accepted and do not count for --fail-on; see `opay-contract baseline`.",
)
@click.option(
    "--allow-unused", is_flag=True, help="Do not fail when an acceptance of the baseline has no finding."
)
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
    targets: tuple[Target, ...],
    output: Path | None,
    format_in: str | None,
    fail_on: str,
    jobs: int,
    baseline_file: Path | None,
    window: Window | None,
    saved: Path | None,
    *,
    allow_unused: bool,
) -> None:
    """Check recorded exchanges against the contract and report where they drift.

    PATH is a recording (HAR, VCR cassette, NDJSON, a bare JSON response, a schemathesis report; plain,
    .gz or .zst), a folder of them, or - for standard input. With OPAY_PRIVATE_KEY in the environment
    the requests' signatures are verified too.

    Recorded values are never printed: findings name type, length and place.
    """
    targets = settle_targets(targets, output)
    if allow_unused and not baseline_file:
        raise UsageError("--allow-unused is about a baseline; name one with --baseline")
    if jobs > 1 and STDIN in paths:
        raise UsageError("standard input is one stream; leave --jobs out, or name files")
    contract = load_contract(contract_dir, base_urls)
    settings = Settings(started_at=time.time(), window=window, private_key=os.environ.get("OPAY_PRIVATE_KEY"))
    today = utc_day(settings.started_at)
    baseline = load_baseline(baseline_file, today) if baseline_file else None
    chosen = Format(format_in) if format_in else None
    with watch_progress() as on_progress:
        if jobs > 1:
            job = Job(contract_dir=contract_dir, base_urls=base_urls, settings=settings, format_in=chosen)
            summary = check_in_processes(iter_sources(paths), job, jobs, on_progress)
        else:
            summary = check_sources(
                iter_sources(paths),
                contract,
                settings,
                format_in=chosen,
                stdin=sys.stdin.buffer,
                on_progress=on_progress,
            )
    if saved:
        write_atomically(saved, summary_to_json(summary).decode() + "\n")
    run = CheckedRun(
        summary=summary,
        questions=contract.questions,
        insight=draw_insight(summary, contract),
        contract=contract,
        judged=apply_baseline(summary, baseline, today) if baseline else None,
        fail_on=severity_of(fail_on),
        allow_unused=allow_unused,
        contract_folder=_contract_folder(contract_dir or default_directory()),
        version=_version(),
    )
    write_reports(targets, lambda name: _RENDERERS[name](run))
    has_unused = run.judged is not None and bool(run.judged.unused) and not allow_unused
    raise click.exceptions.Exit(exit_code(run.counted, run.fail_on, has_unused=has_unused))


def _contract_folder(directory: Path) -> str | None:
    """Return the contract's folder relative to the working folder, or None where nobody there edits it."""
    directory, here = directory.resolve(), Path.cwd()
    is_below = directory.is_relative_to(here) and not is_carried(directory)
    return directory.relative_to(here).as_posix() if is_below else None


def _version() -> str | None:
    try:
        return metadata.version("opay-contract")
    except metadata.PackageNotFoundError:
        return None
