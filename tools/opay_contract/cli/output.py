"""Where a report goes: standard output, or a file that is whole or not there."""

import contextlib
import os
import tempfile
from pathlib import Path

import click

from opay_contract.errors import UsageError


def write_report(text: str, output: Path | None) -> None:
    """Print a report, or write it to `output` atomically."""
    if output is None:
        click.echo(text, nl=False)
    else:
        write_atomically(output, click.unstyle(text))


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UsageError(f"cannot write to '{path}': {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise UsageError(f"cannot write to '{path}': {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
