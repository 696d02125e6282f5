"""Writes every command and its options as Markdown, as tools/docs/reference/commands.md has them."""

import re
import textwrap
from collections.abc import Iterator

import click

from opay_contract.cli.main import COMMANDS, cli

_NAME = "opay-contract"
_WIDTH = 118
_SAID_ONCE = ("--help",)


def render_commands() -> str:
    """Return a section for each command, and for each of theirs."""
    context = click.Context(cli, info_name=_NAME)
    return "\n".join(_sections(cli, context))


def render_command_table() -> str:
    """Return each command with its line in the help."""
    rows = [f"| `{_NAME} {name}` | {line} |" for name, (_, line) in COMMANDS.items()]
    return "\n".join(["| command | what it does |", "|---|---|", *rows, ""])


def _sections(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        yield _section(command, inner)
        if isinstance(command, click.Group):
            yield from _sections(command, inner)


def _section(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    title = context.command_path.removeprefix(f"{_NAME} ")
    parts = [f"## {title}", f"```text\n{usage}\n```", _prose(command.help or ""), _options(command, context)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _prose(text: str) -> str:
    """Return a command's help; its lines are broken for a terminal."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(
        textwrap.fill(" ".join(one.split()), _WIDTH, break_on_hyphens=False) for one in paragraphs
    )


def _options(command: click.Command, context: click.Context) -> str:
    """Return the options; arguments stand in the usage."""
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    records = [one.get_help_record(context) for one in options if not set(one.opts) & set(_SAID_ONCE)]
    return "\n".join(f"- `{names}`: {' '.join(text.split())}" for names, text in filter(None, records))
