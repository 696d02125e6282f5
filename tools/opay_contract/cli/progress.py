"""A progress bar on standard error, for work that takes long and a terminal that is watched."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opay_contract.engines.folding import OnProgress, no_progress

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0
"""Seconds before work counts as long."""


@contextmanager
def watch_progress() -> Iterator[OnProgress]:
    """Give a function that hears how far the work is; a bar shows once the work takes long."""
    if not sys.stderr.isatty():
        yield no_progress
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
