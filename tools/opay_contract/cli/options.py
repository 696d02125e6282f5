"""Options that several commands share."""

import filecmp
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from opay_contract.contract.loading import ROOT, default_directory, folder_of, list_documents
from opay_contract.errors import UsageError
from opay_contract.model.finding import Severity
from opay_contract.model.timestamps import Window, moment_after, utc_of
from opay_contract.recordings.inputs import find_missing

C = TypeVar("C", bound=Callable[..., Any])

_CONTRACT = click.Path(path_type=Path)


def contract_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the folder of the contract to use, as `contract_dir`; None is the package's."""

    @click.option(
        "--contract",
        "contract_dir",
        metavar="PATH",
        type=_CONTRACT,
        help="Folder with openapi.yaml and schemas/, or that openapi.yaml; by default the contract that the "
        "package carries.",
    )
    @wraps(command)
    def settled(*, contract_dir: Path | None, **others: Any) -> None:
        command(contract_dir=_settle(contract_dir, "--contract ."), **others)

    return settled


def contract_argument(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that is about a contract its folder as an argument, too."""

    @click.argument("named", required=False, metavar="[CONTRACT]", type=_CONTRACT)
    @click.option("--contract", "contract_dir", metavar="PATH", type=_CONTRACT, help="The same as CONTRACT.")
    @wraps(command)
    def settled(*, named: Path | None, contract_dir: Path | None, **others: Any) -> None:
        if named and contract_dir:
            raise UsageError("the contract is named twice; leave --contract out")
        command(contract_dir=_settle(named or contract_dir, "."), **others)

    return settled


def _settle(contract: Path | None, here: str) -> Path | None:
    """Return the contract's folder; says so where the one at hand is not used."""
    if contract is not None:
        return folder_of(contract)
    if Path(ROOT).is_file() and not _is_alike(Path(), default_directory()):
        words = "the contract of the package is used, not the one of this folder"
        click.echo(f"note: {words}; name that with `{here}`", err=True)
    return None


def _is_alike(left: Path, right: Path) -> bool:
    """Tell whether two folders have the same contract, so that it does not matter which is used."""
    names = list_documents(left)
    return names == list_documents(right) and not filecmp.cmpfiles(left, right, names, shallow=False)[1]


def paths_argument(
    metavar: str = "PATH...", *, required: bool = True, literally: bool = False
) -> Callable[[C], C]:
    """Give a command paths as `check` takes them; one that does not exist is refused before anything runs.

    With `literally` they are names of files and folders: no patterns, lists or URLs.
    """
    return click.argument(
        "paths",
        nargs=-1,
        required=required,
        metavar=metavar,
        callback=lambda _ctx, _param, paths: refuse_missing(paths, literally=literally),
    )


def refuse_missing(paths: tuple[str, ...], *, literally: bool = False) -> tuple[str, ...]:
    """Return paths that are all there; raises UsageError where one is not."""
    if missing := find_missing(paths, literally=literally):
        raise UsageError(missing)
    return paths


base_url_option = click.option(
    "--base-url",
    "base_urls",
    metavar="URL",
    multiple=True,
    help="A base URL that answers by the contract, besides its servers. May be repeated.",
)

max_unpacked_option = click.option(
    "--max-unpacked",
    metavar="MIB",
    type=click.IntRange(min=1),
    callback=lambda _context, _option, value: None if value is None else value << 20,
    help="How much a packed file may unpack to, in MiB; by default 64 MiB and 200 times its size.",
)

fail_on_option = click.option(
    "--fail-on",
    type=click.Choice([severity.label for severity in reversed(Severity)]),
    default="error",
    show_default=True,
    help="The least severity of a finding that makes the exit code 1.",
)

require_success_option = click.option(
    "--require-success",
    metavar="N",
    type=click.IntRange(min=0),
    help="How many exchanges of the run have to succeed, else the exit code is 1. By default a run in which "
    "none succeeds has the finding `nothing-succeeded`; 0 says that this is meant.",
)


def window_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the span of time that --since and --until name, None where neither is given."""

    @click.option(
        "--since",
        metavar="TIME",
        help="Leave out what was recorded before: a date (2026-05-01, UTC) or an RFC 3339 time.",
    )
    @click.option("--until", metavar="TIME", help="Leave out what was recorded after that day or time.")
    @wraps(command)
    def taking(*, since: str | None, until: str | None, **others: Any) -> None:
        command(window=_window(since, until), **others)

    return taking


def _window(since: str | None, until: str | None) -> Window | None:
    if since is None and until is None:
        return None
    window = Window(
        since=None if since is None else _moment("--since", since, utc_of),
        until=None if until is None else _moment("--until", until, moment_after),
    )
    if window.since and window.until and window.since >= window.until:
        raise UsageError("--since is after --until; nothing lies between them")
    return window


def _moment(option: str, text: str, read: Callable[[str], str | None]) -> str:
    moment = read(text)
    if moment is None:
        raise UsageError(f"{option} '{text}' is neither a date such as 2026-05-01 nor an RFC 3339 time")
    return moment


def severity_of(label: str) -> Severity:
    """Return the severity that an option names."""
    return Severity[label.upper()]
