"""The command `suggest`: changes of the contract that recordings speak for, as a patch to review."""

from collections.abc import Callable
from pathlib import Path

import click

from opay_contract.cli.help import Command
from opay_contract.cli.options import (
    FILE,
    PATH,
    base_url_option,
    contract_option,
    paths_argument,
    window_options,
)
from opay_contract.cli.running import (
    check_paths,
    format_in_option,
    print_notes,
    settings_of_now,
    write_report,
)
from opay_contract.contract.documents import (
    ContractUsed,
    default_directory,
    is_carried,
    locate_root,
    name_contract,
)
from opay_contract.drift.saving import load_summary
from opay_contract.errors import ExitCode, UsageError
from opay_contract.files import make_folder, write_atomically
from opay_contract.model.observation import Window
from opay_contract.model.summary import DriftSummary
from opay_contract.suggest.outputs import (
    describe_result,
    overlay_files,
    render_diff,
    render_overlays,
    render_suggestions,
)
from opay_contract.suggest.suggesting import suggest_changes
from opay_contract.suggest.suggestion import Draft, Proposal, Thresholds, read_draft
from opay_contract.words import printable

_RENDERERS: dict[str, Callable[[Proposal, ContractUsed], str]] = {
    "diff": render_diff,
    "overlay": lambda proposal, _: render_overlays(proposal),
    "json": render_suggestions,
}
_USUAL = Thresholds()


@click.command(
    cls=Command,
    examples=[
        ("See what recordings say against the contract", "opay-contract suggest recordings/"),
        ("Take a saved run, and allow less, too", "opay-contract suggest --from summary.json --narrow"),
        (
            "Make the changes in a contract of your own",
            "opay-contract suggest recordings/ --contract contract --write",
        ),
    ],
)
@paths_argument("[PATH...]", required=False)
@click.option(
    "--from",
    "saved",
    metavar="SUMMARY",
    type=FILE,
    help="Take what `check --save-summary` wrote instead of recordings.",
)
@contract_option
@base_url_option
@click.option(
    "--format",
    "format_out",
    type=click.Choice(list(_RENDERERS)),
    default="diff",
    show_default=True,
    help="A patch, OpenAPI Overlay 1.0, or JSON for programs.",
)
@click.option(
    "--output",
    metavar="PATH",
    type=PATH,
    help="Write it to this file; for --format overlay to this folder, a file for each document.",
)
@format_in_option
@window_options
@click.option("--narrow", is_flag=True, help="Also suggest to take back what the contract allows in vain.")
@click.option("--write", is_flag=True, help="Make the suggested changes in the contract's files.")
@click.option(
    "--min-count",
    metavar="N",
    type=click.IntRange(min=1),
    default=_USUAL.count,
    show_default=True,
    help="How often something has to be seen before it is regular.",
)
@click.option(
    "--min-days",
    metavar="N",
    type=click.IntRange(min=1),
    default=_USUAL.days,
    show_default=True,
    help="On how many days it has to be seen.",
)
def suggest(
    paths: tuple[str, ...],
    saved: Path | None,
    contract_dir: Path | None,
    base_urls: tuple[str, ...],
    format_out: str,
    output: Path | None,
    format_in: str | None,
    window: Window | None,
    min_count: int,
    min_days: int,
    *,
    narrow: bool,
    write: bool,
) -> None:
    """Suggest changes of the contract that recordings speak for.

    Each difference is judged: the contract is too narrow, the vendor broke its word, or nobody can tell yet.
    What makes the contract too narrow comes as a patch for `git apply` or `patch -p1` in the contract's
    folder. Nothing is written without --write. Recorded values are suggested only where the contract calls
    them public.

    Exit codes: 0 nothing to suggest, or written; 1 changes suggested; 3 nothing was checked; 4 some input
    could not be read.
    """
    if bool(paths) == (saved is not None):
        raise UsageError("name recordings, or a saved summary with --from: one of the two")
    if saved and window:
        raise UsageError("--since and --until are for recordings; a saved summary is taken whole")
    path = contract_dir or default_directory()
    directory, _ = locate_root(path)
    if write and is_carried(directory):
        raise UsageError(
            "--write is for a contract of your own; name it with --contract, or begin one with "
            "`opay-contract spec --export DIR`"
        )
    draft = read_draft(path)
    contract = draft.contract(base_urls)
    print_notes(contract)
    summary = (
        load_summary(saved) if saved else check_paths(paths, contract, settings_of_now(window), format_in)
    )
    proposal = suggest_changes(
        summary, contract, draft, Thresholds(count=min_count, days=min_days), is_narrowing=narrow
    )
    used = name_contract(contract.schemas.root.value, contract_dir)
    _report(proposal, used, format_out, output)
    if write and not summary.is_partial:
        _write(directory, proposal, draft)
    raise click.exceptions.Exit(_exit_code(summary, proposal, is_written=write))


def _report(proposal: Proposal, used: ContractUsed, format_out: str, output: Path | None) -> None:
    if format_out != "overlay" or output is None:
        write_report(_RENDERERS[format_out](proposal, used), output)
    else:
        make_folder(output)
        for name, text in overlay_files(proposal).items():
            write_atomically(output / f"{Path(name).stem}.overlay.json", text)
    if format_out == "overlay":
        click.echo(printable(str(used)), err=True)
        click.echo(describe_result(proposal), err=True)


def _write(directory: Path, proposal: Proposal, draft: Draft) -> None:
    """Write what the diff says, if the files are still those that it was made from."""
    for name, text in draft.originals.items():
        try:
            is_same = (directory / name).read_bytes() == text.encode()
        except OSError:
            is_same = False
        if not is_same:
            raise UsageError(f"{directory / name} has changed meanwhile; nothing was written, run it again")
    for revision in proposal.revisions:
        write_atomically((directory / revision.name).resolve(), revision.after)
        click.echo(f"written: {directory / revision.name}", err=True)


def _exit_code(summary: DriftSummary, proposal: Proposal, *, is_written: bool) -> ExitCode:
    if summary.is_partial:
        return ExitCode.INTERRUPTED
    if proposal.changes and not is_written:
        return ExitCode.FINDINGS
    if summary.unreadable_count:
        return ExitCode.INCOMPLETE
    return ExitCode.CLEAN if summary.exchanges else ExitCode.NOTHING_CHECKED
