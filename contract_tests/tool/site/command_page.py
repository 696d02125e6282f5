"""Writes every command and its options as Markdown, as tools/docs/reference/commands.md has them."""

import re
import textwrap
from collections.abc import Iterator

import click

from opay_contract.cli.help import Command, Group
from opay_contract.cli.main import TASKS, cli
from opay_contract.settings import KEYS, SettingKey

_NAME = "opay-contract"
_WIDTH = 118
_SAID_ONCE = ("--help",)


def render_commands() -> str:
    """Return a section for each command, and for each of theirs."""
    context = click.Context(cli, info_name=_NAME)
    return "\n".join(_section(command, inner) for command, inner in _iter_commands(cli, context))


def render_command_table() -> str:
    """Return each command with its task and its line in the help."""
    rows = [
        f"| {task} | `{_NAME} {name}` | {line} |"
        for task, commands in TASKS.items()
        for name, (_, line) in commands.items()
    ]
    return "\n".join(["| task | command | what it does |", "|---|---|---|", *rows, ""])


def render_setting_table() -> str:
    """Return a row for each key of the settings, with what holds without it and which commands have it."""
    rows = [
        f"| `{key.name}` | `{key.example}` | {key.default} | {_commands_with(key)} | {key.help} |"
        for key in KEYS
    ]
    return "\n".join(["| key | example | without it | holds for | is |", "|---|---|---|---|---|", *rows, ""])


def _commands_with(key: SettingKey) -> str:
    """Return the commands of which a key is an option, or those of which it is none where these are fewer."""
    having: list[str] = []
    lacking: list[str] = []
    for command, inner in _iter_commands(cli, click.Context(cli, info_name=_NAME)):
        is_had = key.parameter in {one.name for one in command.params}
        name = inner.command_path.removeprefix(f"{_NAME} ")
        if not isinstance(command, click.Group):
            (having if is_had else lacking).append(f"`{name}`")
    return f"all but {', '.join(lacking)}" if len(lacking) < len(having) else ", ".join(having)


def _iter_commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield every command, and those that are parts of one behind it."""
    for name in group.list_commands(context):
        if command := group.get_command(context, name):
            inner = click.Context(command, info_name=name, parent=context)
            yield command, inner
            if isinstance(command, click.Group):
                yield from _iter_commands(command, inner)


def _section(command: click.Command, context: click.Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    title = context.command_path.removeprefix(f"{_NAME} ")
    parts = [
        f"## {title}",
        f"```text\n{usage}\n```",
        _prose(command.help or ""),
        _examples(command),
        _options(command, context),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _prose(text: str) -> str:
    """Return a command's help; its lines are broken for a terminal."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(
        textwrap.fill(" ".join(one.split()), _WIDTH, break_on_hyphens=False) for one in paragraphs
    )


def _examples(command: click.Command) -> str:
    examples = command.examples if isinstance(command, Command | Group) else ()
    return "\n".join(f"- {wish}: `{line}`" for wish, line in examples)


def _options(command: click.Command, context: click.Context) -> str:
    """Return the options; arguments stand in the usage."""
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    records = [one.get_help_record(context) for one in options if not set(one.opts) & set(_SAID_ONCE)]
    return "\n".join(f"- `{names}`: {' '.join(text.split())}" for names, text in filter(None, records))
