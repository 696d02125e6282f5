"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from opay_contract.errors import UsageError
from opay_contract.model.finding import Severity
from opay_contract.model.moments import Window, moment_after, utc_of

contract_option = click.option(
    "--contract",
    "contract_dir",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with openapi.yaml and schemas/; by default the contract that the package carries.",
)

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
