"""Options that several commands share."""

import filecmp
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from opay_contract.contract.documents import ROOTS, SCHEMA_FOLDER, default_directory, shorten
from opay_contract.errors import UsageError
from opay_contract.model.finding import Severity
from opay_contract.model.observation import Window, moment_after, utc_of
from opay_contract.recordings.inputs import find_missing
from opay_contract.settings import (
    GROUPS,
    KEYS,
    KEYS_BY_NAME,
    RULE_NAMES,
    ProjectSettings,
    build_policy,
    load_settings,
    parse_severity,
)

C = TypeVar("C", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
PATH = click.Path(path_type=Path)
_SETTINGS = "opay_contract.settings"


def setting_option(name: str, **more: Any) -> Callable[[C], C]:
    """Return the option of a key of the settings, which holds where the command line says nothing."""
    key = KEYS_BY_NAME[name]
    return click.option(key.option, key.parameter, help=key.help, **more)


def _take_settings(context: click.Context, _option: click.Parameter, named: Path | None) -> None:
    """Let the project's settings be the defaults of a command's options."""
    if context.resilient_parsing:
        return
    settings = load_settings(named, Path())
    context.meta[_SETTINGS] = settings
    found = {key.parameter: getattr(settings, key.attribute) for key in KEYS if key.name != "severity"}
    context.default_map = {
        parameter: value.label if isinstance(value, Severity) else value
        for parameter, value in found.items()
        if value not in (None, ())
    }


def is_settled(parameter: str) -> bool:
    """Tell whether the value of a parameter is not of the command line but of the project's settings."""
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.DEFAULT_MAP


config_option = click.option(
    "--config",
    metavar="FILE",
    type=FILE,
    is_eager=True,
    expose_value=False,
    callback=_take_settings,
    help="Take the settings of FILE; by default of the nearest pyproject.toml with [tool.opay-contract].",
)


def rule_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command which rules count and how much, as `policy`."""

    @setting_option("select", metavar="RULE", multiple=True, shell_complete=complete_rules)
    @setting_option("ignore", metavar="RULE", multiple=True, shell_complete=complete_rules)
    @setting_option("severity", metavar="RULE=LEVEL", multiple=True)
    @wraps(command)
    def ruled(
        *, select: tuple[str, ...], ignore: tuple[str, ...], levels: tuple[str, ...], **others: Any
    ) -> None:
        settled = settings_of(click.get_current_context()).severity
        policy = build_policy(_split(select), _split(ignore), {**settled, **dict(map(_level, levels))})
        command(policy=policy, **others)

    return ruled


def complete_rules(_context: click.Context, _option: click.Parameter, start: str) -> list[str]:
    """Return the rules, kinds and areas that a shell may go on with."""
    return [name for name in (*RULE_NAMES, *GROUPS) if name.startswith(start)]


def settings_of(context: click.Context) -> ProjectSettings:
    """Return the project's settings, as a command found them."""
    settings: ProjectSettings = context.meta[_SETTINGS]
    return settings


def _split(names: tuple[str, ...]) -> list[str]:
    return [name.strip() for text in names for name in text.split(",") if name.strip()]


def _level(text: str) -> tuple[str, Severity]:
    rule, equals, level = text.partition("=")
    if not equals:
        raise UsageError(f"--severity '{text}' is no RULE=LEVEL, such as code-undocumented=info")
    return rule, parse_severity(level)


def contract_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the contract's path, as `contract_dir`, and the settings; None is the package's."""

    @setting_option("contract", metavar="PATH", type=PATH)
    @config_option
    @wraps(command)
    def settled(*, contract_dir: Path | None, **others: Any) -> None:
        command(contract_dir=_named_or_packaged(contract_dir, "--contract ."), **others)

    return settled


def contract_argument(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that is about a contract its path as an argument, too."""

    @click.argument("named", required=False, metavar="[CONTRACT]", type=PATH)
    @click.option("--contract", "contract_dir", metavar="PATH", type=PATH, help="The same as CONTRACT.")
    @config_option
    @wraps(command)
    def settled(*, named: Path | None, contract_dir: Path | None, **others: Any) -> None:
        if named and contract_dir and not is_settled("contract_dir"):
            raise UsageError("the contract is named twice; leave --contract out")
        command(contract_dir=_named_or_packaged(named or contract_dir, "."), **others)

    return settled


def _named_or_packaged(contract: Path | None, here: str) -> Path | None:
    """Return the contract's path; says so where the one at hand is not used."""
    if contract is not None:
        return shorten(contract)
    if any(Path(name).is_file() for name in ROOTS) and not _has_packaged_contract():
        words = "the contract of the package is used, not the one of this folder"
        click.echo(f"note: {words}; name that with `{here}`", err=True)
    return None


def _has_packaged_contract() -> bool:
    """Tell whether this folder has the package's contract, so that it does not matter which is used."""
    here, packaged = Path(), default_directory()
    names = _files_of(here)
    return names == _files_of(packaged) and not filecmp.cmpfiles(here, packaged, names, shallow=False)[1]


def _files_of(directory: Path) -> list[str]:
    found = sorted(path for path in (directory / SCHEMA_FOLDER).rglob("*") if path.is_file())
    return [ROOTS[0], *(path.relative_to(directory).as_posix() for path in found)]


def complete_files(_context: click.Context, _argument: click.Parameter, start: str) -> list[CompletionItem]:
    """Let the shell go on with the names of files."""
    return [CompletionItem(start, type="file")]


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
        shell_complete=complete_files,
    )


def refuse_missing(paths: tuple[str, ...], *, literally: bool = False) -> tuple[str, ...]:
    """Return paths that are all there; raises UsageError where one is not."""
    if missing := find_missing(paths, literally=literally):
        raise UsageError(missing)
    return paths


base_url_option = setting_option("base-url", metavar="URL", multiple=True)

max_unpacked_option = click.option(
    "--max-unpacked",
    metavar="MIB",
    type=click.IntRange(min=1),
    callback=lambda _context, _option, value: None if value is None else value << 20,
    help="How much a packed file may unpack to, in MiB; by default 64 MiB and 200 times its size.",
)

fail_on_option = setting_option(
    "fail-on",
    type=click.Choice([severity.label for severity in reversed(Severity)]),
    default="error",
    show_default=True,
)

baseline_option = setting_option("baseline", metavar="FILE", type=FILE)

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
