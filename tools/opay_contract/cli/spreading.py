"""How `check` spreads its work: the options for it, and the engine that they choose."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from opay_contract.cli.options import is_settled, setting_option
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import default_directory, load_documents
from opay_contract.engines.checkpoint import Checkpoint, open_checkpoint
from opay_contract.engines.folding import OnProgress, check_sources
from opay_contract.engines.work import Job, Work
from opay_contract.errors import UsageError
from opay_contract.model.exchange import Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import STDIN, Source
from opay_contract.words import count, printable

_LOCAL, _DASK = "local", "dask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
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

    def tell_taken_over(self, checkpoint: Checkpoint | None) -> None:
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
        documents = load_documents(job.contract_dir or default_directory())
        if checkpoint is not None:
            checkpoint.bind(documents, job.base_urls, job.settings, job.format_in)
        if self.engine == _LOCAL:
            from opay_contract.engines.processes import check_in_processes  # noqa: PLC0415  multiprocessing

            work = Work(sources, job.format_in, None, checkpoint)
            return check_in_processes(work, job, self.jobs or 1, on_progress)
        cluster, tasks = _import_cluster()
        summary: DriftSummary = cluster.check_on_cluster(
            Work(sources, job.format_in, cluster.PART_SIZE, checkpoint),
            tasks.build_job(documents, job.base_urls, job.settings, job.format_in),
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
        type=click.Path(path_type=Path, dir_okay=False),
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


def _import_cluster() -> tuple[Any, Any]:
    """Import Dask, which is an extra and takes longer than a short check."""
    try:
        return import_module("opay_contract.engines.cluster"), import_module(
            "opay_contract.engines.cluster_tasks"
        )
    except ImportError as error:
        raise UsageError("--engine dask needs Dask; pip install 'opay-contract[dask]'") from error
