"""The command `settings`: what holds for a project's runs, and where each of it stands."""

import json
import re
from pathlib import Path
from typing import Any

import click

from opay_contract.cli.help import Command
from opay_contract.cli.options import config_option, settings_of
from opay_contract.model.finding import Severity
from opay_contract.settings.settings import KEYS, PYPROJECT, TABLE, ProjectSettings
from opay_contract.words import printable

_CREDENTIALS = re.compile(r"//[^/@]*@")


@click.command(
    cls=Command,
    examples=[
        ("See what holds here", "opay-contract settings"),
        ("See what a file says", "opay-contract settings --config nightly.toml"),
        ("Read it with a program", "opay-contract settings --format json"),
    ],
)
@config_option
@click.option(
    "--format",
    "format_out",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What it is written as.",
)
@click.pass_context
def settings(context: click.Context, format_out: str) -> None:
    """Show which settings hold, and where each comes from.

    Settings stand in [tool.opay-contract] of the nearest pyproject.toml that has it, in this folder or above,
    or in the file that --config names. An option of the command line wins over them.

    Exit codes: 0 shown; 2 the file has something that is no setting.
    """
    found = settings_of(context)
    click.echo(_render_json(found) if format_out == "json" else _render_text(found))


def _render_text(found: ProjectSettings) -> str:
    rows = [(key.name, _show(found, key.attribute) or key.default, _origin(found, key.name)) for key in KEYS]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}" for name, value, origin in rows]
    return "\n".join([_head(found), "", *lines])


def _render_json(found: ProjectSettings) -> str:
    values = {
        key.name: {"value": _plain(getattr(found, key.attribute)), "line": found.lines.get(key.name)}
        for key in KEYS
    }
    return json.dumps(
        {"schema_version": 1, "file": str(found.file) if found.file else None, "settings": values}, indent=2
    )


def _head(found: ProjectSettings) -> str:
    if found.file is None:
        return f"No settings: no {PYPROJECT} here or above has [{TABLE}]"
    return printable(f"{found.file} [{TABLE}]" if found.file.name == PYPROJECT else str(found.file))


def _origin(found: ProjectSettings, name: str) -> str:
    line = found.lines.get(name)
    return printable(f"{found.file}:{line}") if line else "default"


def _show(found: ProjectSettings, attribute: str) -> str:
    value = _plain(getattr(found, attribute))
    if isinstance(value, dict):
        value = [f"{rule}={level}" for rule, level in value.items()]
    return printable(", ".join(value) if isinstance(value, list) else str(value or ""))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; a URL without user and password."""
    if isinstance(value, Severity):
        return value.label
    if isinstance(value, tuple):
        return [_CREDENTIALS.sub("//***@", one) for one in value]
    if isinstance(value, Path):
        return str(value)
    return {rule: level.label for rule, level in value.items()} if isinstance(value, dict) else value
