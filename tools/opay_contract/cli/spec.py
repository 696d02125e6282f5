"""The command `spec`: is the contract itself sound."""

import json
import os
import shlex
from pathlib import Path

import click
from msgspec import to_builtins
from msgspec.structs import replace

from opay_contract.cli.checking import print_notes
from opay_contract.cli.help import Command
from opay_contract.cli.options import FOLDER, contract_argument, is_settled
from opay_contract.cli.output import make_folder, write_atomically
from opay_contract.contract.loading import default_directory, load_contract, load_documents
from opay_contract.contract.used import name_contract
from opay_contract.errors import UsageError
from opay_contract.exit_codes import ExitCode
from opay_contract.spec.lint import Proof, prove_contract
from opay_contract.words import count, printable


@click.command(
    cls=Command,
    examples=[
        ("Prove the contract that the package carries", "opay-contract spec"),
        ("Begin a contract of your own", "opay-contract spec --export contract"),
        ("Prove yours", "opay-contract spec contract"),
    ],
)
@contract_argument
@click.option(
    "--format", "format_out", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--export",
    metavar="DIR",
    type=FOLDER,
    help="Prove nothing; write the contract that the package carries to DIR, to begin one of your own.",
)
def spec(contract_dir: Path | None, format_out: str, export: Path | None) -> None:
    """Prove that the contract itself is sound.

    CONTRACT is a file of any name, or the folder with openapi.yaml and schemas/; by default the contract that
    the package carries. Checks its documents against their meta-schemas, every reference, every example,
    every `x-` member. Each problem is named by file, line and column. Exit codes: 0 sound, or written; 1
    problems; 2 no contract there, or something where it would be written.
    """
    if export is not None:
        if contract_dir is not None and not is_settled("contract_dir"):
            raise UsageError("--export writes the contract that the package carries; leave the other one out")
        _export(export)
        return
    proof = prove_contract(contract_dir or default_directory())
    used = name_contract(proof.root, contract_dir)
    if not proof.problems:
        print_notes(load_contract(contract_dir))
    if format_out == "json":
        told = to_builtins(replace(proof, root={}))
        del told["root"]
        head = {"schema_version": 1, "sound": not proof.problems, "contract": to_builtins(used)}
        click.echo(json.dumps(head | told, indent=2))
    else:
        lines = [
            f"{one.file}:{one.line}:{one.column}: error {one.check}: {one.message}" for one in proof.problems
        ]
        click.echo("\n".join([printable(str(used)), *lines, _summary(proof)]))
    raise click.exceptions.Exit(ExitCode.FINDINGS if proof.problems else ExitCode.CLEAN)


def _export(folder: Path) -> None:
    """Write the package's contract, if nothing is in its way."""
    packaged = default_directory()
    texts = {name: document.text for name, document in load_documents(packaged).items()}
    for name in texts:
        if os.path.lexists(folder / name):
            raise UsageError(f"{folder / name} is there already; nothing was written, name another folder")
    for name, text in texts.items():
        make_folder((folder / name).parent)
        write_atomically(folder / name, text)
        click.echo(f"written: {printable(str(folder / name))}")
    click.echo(f"{len(texts)} files; use them with `--contract {shlex.quote(printable(str(folder)))}`")


def _summary(proof: Proof) -> str:
    checked = (
        f"{proof.documents} documents, {proof.schemas} schemas, {proof.examples} examples, "
        f"{proof.references} references checked."
    )
    number = len(proof.problems)
    return f"{count(number, 'problem')} in {checked}" if number else f"Sound: {checked}"
