"""Runs a tool as a process of its own and takes the processor time that it needed."""

import resource
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path


def run_tool(command: Sequence[str | Path], folder: Path | None = None) -> tuple[str, float]:
    """Return what a command printed, on both streams, and its processor time in seconds."""
    before = _spent()
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder or tempfile.gettempdir(),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    return done.stdout + done.stderr, _spent() - before


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
