"""The entry point: finds the command, runs it, and turns what went wrong into a line and an exit code."""

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from opay_contract import __version__
from opay_contract.cli.help import Group
from opay_contract.errors import ExitCode, OpayContractError, UnreachableError
from opay_contract.words import printable, without_credentials

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

TASKS: dict[str, dict[str, tuple[str, str]]] = {
    "Check": {
        "check": ("opay_contract.cli.check", "Check recorded exchanges against the contract."),
        "compare": ("opay_contract.cli.compare", "Show what differs between two runs."),
        "merge": ("opay_contract.cli.check", "Report the saved summaries of several runs as one."),
        "rules": ("opay_contract.cli.rules", "List the rules, or explain one."),
    },
    "Test": {
        "mock": ("opay_contract.cli.mock", "Stand in for the sandbox."),
        "record": ("opay_contract.cli.record", "Pass calls on to the sandbox and record them."),
        "sign": ("opay_contract.cli.test", "Print the Authorization header of a body."),
        "test": ("opay_contract.cli.test", "Ask a server what the contract promises."),
    },
    "Document": {
        "bundle": ("opay_contract.cli.contract", "Join the contract into one file."),
        "docs": ("opay_contract.cli.contract", "Make the reference from the contract."),
    },
    "Maintain": {
        "baseline": ("opay_contract.cli.baseline", "Accept known findings, each until a day."),
        "diff": ("opay_contract.cli.compare", "Show what has changed between two versions of a contract."),
        "redact": ("opay_contract.cli.redact", "Replace card and customer data in recordings."),
        "settings": ("opay_contract.cli.rules", "Show which settings hold, and where they come from."),
        "spec": ("opay_contract.cli.contract", "Prove that the contract itself is sound."),
        "suggest": (
            "opay_contract.cli.suggest",
            "Suggest changes of the contract that recordings speak for.",
        ),
    },
}
"""The commands by what they are for: each one's module, imported only when it is called, and its line."""

COMMANDS = {name: command for commands in TASKS.values() for name, command in commands.items()}


class _Commands(Group):
    """A group that imports a command when it is called, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        name = COMMANDS[cmd_name][0]
        is_new = name not in sys.modules
        command = getattr(import_module(name), cmd_name)
        if is_new:
            gc.freeze()  # what is imported stays, and is more than a short run makes
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        widest = max(map(len, COMMANDS))
        for task, commands in TASKS.items():
            with formatter.section(task):
                formatter.write_dl([(f"{name:<{widest}}", line) for name, (_, line) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete names of commands without importing any."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415  of no use in other runs

        names = [
            CompletionItem(name, help=line)
            for name, (_, line) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(
    cls=_Commands,
    examples=[
        ("Check what was recorded", "opay-contract check traffic.har"),
        ("Ask a stand-in of the sandbox", "opay-contract mock --port 8000"),
        ("See what a rule means", "opay-contract rules type-mismatch"),
    ],
)
@click.version_option(__version__, message="%(prog)s %(version)s", help="Show the version and exit.")
def cli() -> None:
    """Contract tests and drift checks for OPay's token query.

    Exit codes: 0 clean, 1 findings, 2 usage or an unusable contract, 3 nothing was checked, 4 some input
    could not be read.
    """


def main() -> NoReturn:
    """Run the command and exit."""
    try:
        code = cli.main(prog_name="opay-contract", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        vars(error)["message"] = without_credentials(error.message)  # which only mypy takes for final
        error.show()
        code = ExitCode.UNUSABLE
    except OpayContractError as error:
        click.echo(f"error: {printable(without_credentials(str(error)))}", err=True)
        code = ExitCode.INCOMPLETE if isinstance(error, UnreachableError) else ExitCode.UNUSABLE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  the one boundary, panics included: a message may hold data
        click.echo(f"error: a defect in opay-contract: {_describe_defect(error)}", err=True)
        code = ExitCode.DEFECT
    sys.exit(code or 0)


def _describe_defect(error: BaseException) -> str:
    """Name the exception and where it was raised, and nothing of what it says."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_globals.get('__name__')}, line {frame.tb_lineno}" if frame else "nowhere"
    return f"{type(error).__name__} in {where}"


if __name__ == "__main__":
    main()
