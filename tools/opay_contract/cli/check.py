"""The command `check`: recorded exchanges against the contract."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from opay_contract.cli.checking import Counted
from opay_contract.cli.format_in import format_in_option
from opay_contract.cli.options import (
    base_url_option,
    contract_option,
    max_unpacked_option,
    paths_argument,
    window_options,
)
from opay_contract.cli.output import write_atomically
from opay_contract.cli.progress import watch_progress
from opay_contract.cli.repeats import tell_repeats
from opay_contract.cli.reporting import Reporting, report_options, report_run
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import default_directory, load_contract, load_documents
from opay_contract.drift.saving import summary_to_json
from opay_contract.engines.checkpoint import Checkpoint, open_checkpoint
from opay_contract.engines.folding import OnProgress, check_sources
from opay_contract.engines.work import Job, Work
from opay_contract.errors import UsageError
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.model.timestamps import Window
from opay_contract.recordings.formats import Format
from opay_contract.recordings.listing import iter_inputs
from opay_contract.recordings.sources import STDIN, Repeats, Source
from opay_contract.words import count, printable

_LOCAL, _DASK = "local", "dask"


@click.command()
@paths_argument()
@contract_option
@base_url_option
@report_options
@format_in_option
@max_unpacked_option
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    help="Processes to spread the work over, large NDJSON files by byte range; the report is the same. "
    "By default 1, with --engine dask one for each processor.",
)
@click.option(
    "--engine",
    type=click.Choice([_LOCAL, _DASK]),
    default=_LOCAL,
    show_default=True,
    help="What spreads the work: processes of this machine, or a Dask cluster; the report is the same.",
)
@click.option(
    "--scheduler",
    metavar="URL",
    help="The scheduler of the Dask cluster, as tcp://host:8786; by default a cluster of this machine.",
)
@click.option(
    "--resume",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep what is done in FILE as it comes, and go on from there when run again.",
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
    reporting: Reporting,
    format_in: str | None,
    max_unpacked: int | None,
    resume: Path | None,
    window: Window | None,
    saved: Path | None,
    **spread: Any,
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
    _refuse_contradictions(paths, resume, **spread)
    repeats = Repeats()
    contract = load_contract(contract_dir, base_urls)
    now = time.time()
    judging = reporting.load_baseline(now)
    with closing(open_checkpoint(resume, now)) if resume else nullcontext() as checkpoint:
        settings = Settings(
            started_at=checkpoint.started_at if checkpoint else now,
            window=window,
            private_key=os.environ.get("OPAY_PRIVATE_KEY"),
        )
        chosen = Format(format_in) if format_in else None
        job = Job(contract_dir=contract_dir, base_urls=base_urls, settings=settings, format_in=chosen)
        inputs = Counted(iter_inputs(paths, repeats, max_unpacked))
        with watch_progress() as on_progress:
            summary = _run(inputs, contract, job, checkpoint, on_progress, **spread)
        tell_repeats(repeats)
        if checkpoint and checkpoint.taken_over:
            taken = count(checkpoint.taken_over, "finished part")
            click.echo(f"{taken} taken over from '{printable(str(resume))}'", err=True)
    if saved:
        write_atomically(saved, summary_to_json(summary).decode() + "\n")
    code = report_run(summary, contract, contract_dir, reporting, judging, inputs.number)
    raise click.exceptions.Exit(code)


def _refuse_contradictions(
    paths: tuple[str, ...], resume: Path | None, *, jobs: int | None, engine: str, scheduler: str | None
) -> None:
    if scheduler and engine != _DASK:
        raise UsageError("--scheduler is of a Dask cluster; give --engine dask, too")
    if scheduler and jobs:
        raise UsageError("--jobs is for this machine; the cluster of --scheduler has workers of its own")
    given = {"--jobs": jobs and jobs > 1, f"--engine {_DASK}": engine == _DASK, "--resume": resume}
    for option, value in given.items():
        if value and STDIN in paths:
            raise UsageError(f"standard input is one stream; leave {option} out, or name files")


def _run(
    sources: Iterator[Source | Unreadable],
    contract: Contract,
    job: Job,
    checkpoint: Checkpoint | None,
    on_progress: OnProgress,
    *,
    jobs: int | None,
    engine: str,
    scheduler: str | None,
) -> DriftSummary:
    """Check everything in the way that was asked for."""
    if engine == _LOCAL and (jobs or 1) == 1 and checkpoint is None:
        return check_sources(
            sources,
            contract,
            job.settings,
            format_in=job.format_in,
            stdin=sys.stdin.buffer,
            on_progress=on_progress,
        )
    documents = load_documents(job.contract_dir or default_directory())
    if checkpoint is not None:
        checkpoint.bind(documents, job.base_urls, job.settings, job.format_in)
    if engine == _LOCAL:
        from opay_contract.engines.processes import check_in_processes  # noqa: PLC0415  multiprocessing

        work = Work(sources, job.format_in, None, checkpoint)
        return check_in_processes(work, job, jobs or 1, on_progress)
    cluster, tasks = _import_cluster()
    summary: DriftSummary = cluster.check_on_cluster(
        Work(sources, job.format_in, cluster.PART_SIZE, checkpoint),
        tasks.build_job(documents, job.base_urls, job.settings, job.format_in),
        scheduler=scheduler,
        workers=jobs,
        on_progress=on_progress,
        on_trouble=lambda text: click.echo(f"warning: {printable(text)}", err=True),
    )
    return summary


def _import_cluster() -> tuple[Any, Any]:
    """Import Dask, which is an extra and takes longer than a short check."""
    try:
        return import_module("opay_contract.engines.cluster"), import_module(
            "opay_contract.engines.cluster_tasks"
        )
    except ImportError as error:
        raise UsageError("--engine dask needs Dask; pip install 'opay-contract[dask]'") from error
