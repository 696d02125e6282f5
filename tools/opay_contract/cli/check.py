"""The commands `check` and `merge`: recorded exchanges against the contract, and saved runs as one."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import msgspec

from opay_contract.cli.help import Command
from opay_contract.cli.options import (
    FILE,
    base_url_option,
    contract_option,
    is_settled,
    max_unpacked_option,
    paths_argument,
    setting_option,
    window_options,
)
from opay_contract.cli.reporting import Inputs, Reporting, arguments_of, report_options, report_run
from opay_contract.cli.running import Counted, format_in_option, print_notes, print_repeats, watch_progress
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import default_directory, load_documents
from opay_contract.contract.loading import load_contract
from opay_contract.drift.saving import join_runs, load_summary, summary_to_json
from opay_contract.engines.checkpoint import Checkpoint, open_checkpoint
from opay_contract.engines.folding import Job, OnProgress, build_job, check_sources
from opay_contract.errors import UsageError
from opay_contract.files import write_atomically
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Unreadable
from opay_contract.model.observation import Window
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import STDIN, Repeats, Source, iter_inputs
from opay_contract.recordings.stores import public_name
from opay_contract.words import count, printable

_LOCAL, _DASK = "local", "dask"


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Over how many processes or machines a run goes, and where it keeps what is done."""

    jobs: int | None
    engine: str
    scheduler: str | None
    resume: Path | None

    def refuse_contradictions(self, paths: tuple[str, ...]) -> None:
        """Raise UsageError where what was asked for does not go together."""
        if self.scheduler and self.engine != _DASK:
            raise UsageError("--scheduler is of a Dask cluster; give --engine dask, too")
        if self.scheduler and self.jobs:
            raise UsageError("--jobs is for this machine; the cluster of --scheduler has workers of its own")
        given = {
            "--jobs": self.jobs and self.jobs > 1,
            f"--engine {_DASK}": self.engine == _DASK,
            "--resume": self.resume,
        }
        for option, value in given.items():
            if value and STDIN in paths:
                raise UsageError(f"standard input is one stream; leave {option} out, or name files")

    def checkpoint(self, now: float) -> AbstractContextManager[Checkpoint | None]:
        """Open the file of finished parts, where there is to be one; says what was taken over at the end."""
        return closing(open_checkpoint(self.resume, now)) if self.resume else nullcontext()

    def print_taken_over(self, checkpoint: Checkpoint | None) -> None:
        """Say what earlier runs had done."""
        if checkpoint and checkpoint.taken_over:
            taken = count(checkpoint.taken_over, "finished part")
            click.echo(f"{taken} taken over from '{printable(str(self.resume))}'", err=True)

    def check(
        self,
        sources: Iterator[Source | Unreadable],
        contract: Contract,
        job: Job,
        checkpoint: Checkpoint | None,
        on_progress: OnProgress,
    ) -> DriftSummary:
        """Check everything in the way that was asked for."""
        if self.engine == _LOCAL and (self.jobs or 1) == 1 and checkpoint is None:
            return check_sources(
                sources,
                contract,
                job.settings,
                format_in=job.format_in,
                stdin=sys.stdin.buffer,
                on_progress=on_progress,
            )
        from opay_contract.engines.work import Work, check_in_processes  # noqa: PLC0415  multiprocessing

        documents = load_documents(job.contract_dir or default_directory())
        if checkpoint is not None:
            checkpoint.bind(documents, job.base_urls, job.settings, job.format_in)
        if self.engine == _LOCAL:
            work = Work(sources, job.format_in, None, checkpoint)
            return check_in_processes(work, job, self.jobs or 1, on_progress)
        cluster = _import_cluster()
        summary: DriftSummary = cluster.check_on_cluster(
            Work(sources, job.format_in, cluster.PART_SIZE, checkpoint),
            build_job(documents, job.base_urls, job.settings, job.format_in),
            scheduler=self.scheduler,
            workers=self.jobs,
            on_progress=on_progress,
            on_trouble=lambda text: click.echo(f"warning: {printable(text)}", err=True),
        )
        return summary


def spread_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of how its work is spread, as the argument `spread`.

    A number of jobs that the project settled is for what can be spread here, and for nothing else.
    """

    @setting_option("jobs", metavar="N", type=click.IntRange(min=1))
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
        type=FILE,
        help="Keep what is done in FILE as it comes, and go on from there when run again.",
    )
    @wraps(command)
    def spreading(
        *,
        paths: tuple[str, ...],
        jobs: int | None,
        engine: str,
        scheduler: str | None,
        resume: Path | None,
        **others: Any,
    ) -> None:
        is_for_others = is_settled("jobs") and (scheduler is not None or STDIN in paths)
        spread = Spread(
            jobs=None if is_for_others else jobs, engine=engine, scheduler=scheduler, resume=resume
        )
        spread.refuse_contradictions(paths)
        command(paths=paths, spread=spread, **others)

    return spreading


def _import_cluster() -> Any:
    """Import Dask, which is an extra and takes longer than a short check."""
    try:
        return import_module("opay_contract.engines.cluster")
    except ImportError as error:
        raise UsageError("--engine dask needs Dask; pip install 'opay-contract[dask]'") from error


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
    type=FILE,
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
    print_notes(contract)
    now = time.time()
    baseline = reporting.criteria.load_baseline(now)
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
        print_repeats(repeats)
        spread.print_taken_over(checkpoint)
    if summary.findings:
        from opay_contract.drift.locating import locate  # noqa: PLC0415  for start-up time

        summary = locate(summary, contract, chosen, max_unpacked)
    if saved:
        write_atomically(saved, summary_to_json(summary).decode() + "\n")
    options = arguments_of(contract_dir, base_urls, format_in)
    read = Inputs(now=now, named=tuple(map(public_name, paths)), options=options, files=inputs.number)
    code = report_run(summary, contract, contract_dir, reporting, baseline, read)
    raise click.exceptions.Exit(code)


@click.command(
    cls=Command,
    examples=[
        ("Report two runs as one", "opay-contract merge monday.json tuesday.json"),
        ("Write a page of the week", "opay-contract merge monday.json tuesday.json --format html=week.html"),
        ("Count by rule", "opay-contract merge monday.json tuesday.json --statistics"),
    ],
)
@click.argument("files", nargs=-1, required=True, metavar="SUMMARY...", type=FILE)
@contract_option
@report_options
def merge(files: tuple[Path, ...], contract_dir: Path | None, reporting: Reporting) -> None:
    """Report the runs of several days or regions as one.

    SUMMARY is a file of `check --save-summary`. The report is that of one run over all recordings, in the
    order of the summaries.
    """
    contract = load_contract(contract_dir)
    now = time.time()
    baseline = reporting.criteria.load_baseline(now)
    repeats = Repeats()
    sources = [Source(ordinal=0, name=str(file), path=file) for file in files]
    runs = [load_summary(Path(one.name)) for one in sources if not repeats.is_repeat(one)]
    summary = join_runs(runs)
    print_repeats(repeats)
    inputs = Inputs(now=now, named=tuple(map(str, files)))
    code = report_run(summary, contract, contract_dir, reporting, baseline, inputs)
    merged = f"{count(len(runs), 'summary', 'summaries')}: {count(summary.exchanges, 'exchange')}"
    click.echo(f"Merged {merged}.", err=True)
    raise click.exceptions.Exit(code)
