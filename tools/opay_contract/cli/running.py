"""How a command runs: it checks recordings under a bar, says notes, and puts its report in its place."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from opay_contract.contract.contract import Contract
from opay_contract.files import write_atomically
from opay_contract.formats.table import Format
from opay_contract.model.exchange import Unreadable
from opay_contract.model.observation import Window
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Repeats, Source, iter_inputs
from opay_contract.report.findings import describe_place
from opay_contract.report.sentences import describe_nothing, describe_out_of_scope
from opay_contract.words import count, printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from opay_contract.engines.folding import OnProgress
    from opay_contract.judge.subject import Settings

format_in_option = click.option(
    "--format-in",
    metavar="FORMAT",
    type=click.Choice([member.value for member in Format]),
    help="What the recordings are, where it cannot be recognised by their content: "
    + ", ".join(Format)
    + ".",
)

_MOST_NOTES = 5

PATIENCE = 1.0
"""Seconds before work counts as long."""


class Counted(Iterator[Source | Unreadable]):
    """Inputs, and how many of them there were so far."""

    def __init__(self, inputs: Iterator[Source | Unreadable]) -> None:
        self._inputs = inputs
        self.number = 0

    def __next__(self) -> Source | Unreadable:
        """Return the next input, counted."""
        found = next(self._inputs)
        self.number += 1
        return found


def print_notes(contract: Contract) -> None:
    """Say on standard error what of the contract is not judged by, the first of it in full."""
    for note in contract.notes[:_MOST_NOTES]:
        click.echo(f"note: {printable(note)}", err=True)
    more = len(contract.notes) - _MOST_NOTES
    if more > 0:
        click.echo(
            f"note: {count(more, 'more statement')} left out; `opay-contract spec` names them", err=True
        )


def settings_of_now(window: Window | None = None) -> "Settings":
    """Return how to check: as of now, and with the key of the environment."""
    from opay_contract.judge.subject import Settings  # noqa: PLC0415  of no use where nothing is checked

    return Settings(started_at=time.time(), window=window, private_key=os.environ.get("OPAY_PRIVATE_KEY"))


def check_paths(
    paths: Sequence[str], contract: Contract, settings: "Settings", format_in: str | None = None
) -> DriftSummary:
    """Check recordings as `check` does; says on standard error what was not read, and why nothing was."""
    from opay_contract.engines.folding import check_sources  # noqa: PLC0415  the same

    repeats = Repeats()
    inputs = Counted(iter_inputs(paths, repeats))
    with watch_progress() as on_progress:
        summary = check_sources(
            inputs,
            contract,
            settings,
            format_in=Format(format_in) if format_in else None,
            stdin=sys.stdin.buffer,
            on_progress=on_progress,
        )
    print_repeats(repeats)
    for one in summary.unreadable:
        click.echo(f"{describe_place(one.place)}: unreadable: {printable(one.reason)}", err=True)
    if not summary.exchanges and not summary.is_partial:
        click.echo(f"Nothing was checked: {describe_nothing(summary, inputs.number)}.", err=True)
        click.echo("".join(f"{line}\n" for line in describe_out_of_scope(summary)), nl=False, err=True)
    return summary


def print_repeats(repeats: Repeats) -> None:
    """Print a note on standard error where something was named again."""
    if said := repeats.describe():
        click.echo(f"note: {printable(said)}", err=True)


@contextmanager
def watch_progress() -> Iterator["OnProgress"]:
    """Give a function that hears how far the work is; a bar shows once the work takes long."""
    if not sys.stderr.isatty():
        yield lambda _seen: None
        return
    bar = _Bar()
    try:
        yield bar.update
    finally:
        bar.close()


class _Bar:
    """Counts up; how much is still to come is not known of a stream."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._progress: Progress | None = None

    def update(self, seen: int, /) -> None:
        seconds = time.monotonic() - self._started
        if self._progress is None:
            if seconds < PATIENCE:
                return
            self._progress = _start_progress()
        rate = f"{seen / seconds:,.0f} a second"
        self._progress.update(self._progress.task_ids[0], completed=seen, rate=rate)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def _start_progress() -> "Progress":
    from rich.console import Console  # noqa: PLC0415  rich costs start-up time that short runs need not pay
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    seen = TextColumn("{task.completed:,.0f} exchanges, {task.fields[rate]}")
    columns = (TextColumn("{task.description}"), BarColumn(), seen, TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task("Checking", total=None, rate="")
    progress.start()
    return progress


def write_report(text: str, output: Path | None, *, colour: str = "auto") -> None:
    """Print a report, or write it to `output` atomically; a reader who went away is no failure.

    `colour` is `auto`, `always` or `never`; a file has none.
    """
    if output is not None:
        write_atomically(output, click.unstyle(text))
        return
    try:
        click.echo(text, nl=False, color=has_colour(colour, "stdout"))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter flushes into it


def has_colour(asked: str, stream: Literal["stdout", "stderr"]) -> bool:
    """Tell whether a standard stream has colours: as asked, as NO_COLOR or FORCE_COLOR say, or a terminal."""
    if asked != "auto":
        return asked == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if force := os.environ.get("FORCE_COLOR"):
        return force != "0"
    return os.environ.get("TERM") != "dumb" and is_terminal(stream)


def is_terminal(stream: Literal["stdout", "stderr"]) -> bool:
    """Tell whether somebody watches a standard stream."""
    watched: bool = getattr(sys, stream).isatty()
    return watched
