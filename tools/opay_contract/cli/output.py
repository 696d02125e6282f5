"""Where a report goes: standard output, or a file that is whole or not there."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import click
import msgspec

from opay_contract.drafts import open_draft
from opay_contract.errors import UsageError


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A report that was asked for: its format, and the file it goes to, None for standard output."""

    format: str
    file: Path | None = None


def parse_target(value: str, formats: Iterable[str], param: click.Parameter, ctx: click.Context) -> Target:
    """Read a value of `--format`: NAME or NAME=FILE."""
    name, equals, file = value.partition("=")
    format_ = click.Choice(list(formats)).convert(name, param, ctx)
    if equals and not file:
        raise click.BadParameter(f"'{value}' names no file after '='.", ctx, param)
    return Target(format=format_, file=Path(file) if file not in ("", "-") else None)


def assign_files(targets: tuple[Target, ...], output: Path | None) -> tuple[Target, ...]:
    """Give `--output` to the one format without a file, and refuse what would overwrite or mix reports."""
    loose = [target for target in targets if target.file is None]
    if len(loose) > 1:
        names = " and ".join(f"'{target.format}'" for target in loose)
        raise UsageError(f"--format {names} have no file; give all but one of them as NAME=FILE")
    if output is not None and not loose:
        raise UsageError("--output is for a --format without a file; each --format names its own")
    settled = tuple(
        target if target.file else Target(format=target.format, file=output) for target in targets
    )
    files = [target.file.resolve() for target in settled if target.file]
    if len(set(files)) < len(files):
        raise UsageError("two reports would go to the same file; give each --format a file of its own")
    return settled


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


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there yet."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder '{folder}': {error.strerror}") from error


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    A pipe or a device is written to as it is.
    """
    if path.exists() and not path.is_file():
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise UsageError(f"cannot write to '{path}': {error.strerror}") from error
        return
    with open_draft(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
        mask = os.umask(0)  # which can only be asked by setting it
        os.umask(mask)
        draft.chmod(0o666 & ~mask)
        draft.replace(path)
