"""Commands whose help groups options and ends with examples, and that know which name was meant."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from opay_contract.words import did_you_mean

Example = tuple[str, str]
"""What somebody wants, and the command line for it."""

_REST = "Other options"
_HELP = ["-h", "--help"]


class _Helpful(click.Command):
    """What commands and groups have alike."""

    examples: tuple[Example, ...] = ()

    def get_help_option_names(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the options that show the help, the same in every context, as click remembers the first."""
        return _HELP

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        if self.examples:
            with formatter.section("Examples"):
                for wish, line in self.examples:
                    formatter.write_text(f"{wish}:")
                    formatter.write(f"{'':{formatter.current_indent}}  {line}\n")


class Command(_Helpful):
    """A command with examples; its options stand in groups, if it has any, under their titles."""

    def __init__(
        self,
        *args: Any,
        examples: Sequence[Example] = (),
        groups: Mapping[str, Sequence[str]] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        self.examples, self.groups = tuple(examples), dict(groups or {})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each under the title of its group."""
        if not self.groups:
            super().format_options(ctx, formatter)
            return
        records: dict[str, list[tuple[str, str]]] = {title: [] for title in (*self.groups, _REST)}
        for option in self.get_params(ctx):
            if isinstance(option, click.Option) and (record := option.get_help_record(ctx)) is not None:
                records[self.title_of(option)].append(record)
        for title, found in records.items():
            if found:
                with formatter.section(title):
                    formatter.write_dl(found)

    def title_of(self, option: click.Option) -> str:
        """Return the title that an option stands under."""
        titles = [title for title, names in self.groups.items() if {*option.opts} & {*names}]
        return titles[0] if titles else _REST


class Group(_Helpful, click.Group):
    """A group of commands with examples."""

    command_class = Command

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant; raises UsageError with the one that may have been."""
        name = args[0]
        if ctx.resilient_parsing or name.startswith("-") or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        hint = did_you_mean(name, self.list_commands(ctx)) or f"`{ctx.command_path} --help` lists them"
        raise click.UsageError(f"No such command '{name}'; {hint}", ctx)
