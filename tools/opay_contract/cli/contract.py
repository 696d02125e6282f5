"""The commands about the contract itself: prove it, make the reference from it, join it into one file."""

import json
import os
import re
import shlex
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import to_builtins
from msgspec.structs import replace

from opay_contract.cli.help import Command
from opay_contract.cli.options import FILE, FOLDER, contract_argument, is_settled
from opay_contract.cli.running import print_notes
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import default_directory, load_documents, name_contract
from opay_contract.contract.loading import load_contract
from opay_contract.contract.openapi import SchemaPlaces, convert_documents, localise, read_version, root_of
from opay_contract.errors import ContractError, ExitCode, OpayContractError, UsageError
from opay_contract.files import make_folder, write_atomically
from opay_contract.spec.lint import Proof, prove_contract
from opay_contract.words import count, printable

if TYPE_CHECKING:
    from opay_contract.docs.evidence import RunEvidence

_LOCATED = re.compile(r"[^\s:]+:\d+:\d+: ")


@click.command(
    cls=Command,
    examples=[
        ("Make the reference", "opay-contract docs --output reference"),
        ("Say in it what recordings show", "opay-contract docs --evidence summary.json"),
        ("Fail in CI where it is stale", "opay-contract docs --output reference --check"),
    ],
)
@click.option(
    "--output",
    metavar="DIR",
    type=FOLDER,
    default="reference",
    show_default=True,
    help="Folder for index.html, reference.md and openapi.json.",
)
@click.option(
    "--evidence", metavar="FILE", type=FILE, help="What recordings say: a summary of `check --save-summary`."
)
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 and tell what differs if the files are stale."
)
@click.option(
    "--serve", is_flag=True, help="Show the page on this machine, live while the contract is edited."
)
@click.option(
    "--port",
    default=0,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port of --serve; 0 takes a free one.",
)
@contract_argument
def docs(
    output: Path, evidence: Path | None, contract_dir: Path | None, port: int, *, check: bool, serve: bool
) -> None:
    """Make the reference from the contract: one page that needs no network, Markdown, OpenAPI in one file.

    The same contract and evidence give the same bytes. Exit codes: 0 written or current, 1 stale, 2 usage or
    an unusable contract.
    """
    if check and serve:
        raise UsageError("--check and --serve contradict each other; give one of them")
    path = contract_dir or default_directory()
    if serve:
        from opay_contract.docs.serving import LastGood, serving, watch  # noqa: PLC0415  as in _build

        last_good = LastGood(
            partial(_build, path, evidence, live=True), path, (evidence,) if evidence else ()
        )
        with serving(last_good, port) as url:
            click.echo(f"address: {url}")
            watch(last_good, partial(click.echo, err=True), threading.Event())
        return
    outputs = _build(path, evidence)
    contract = load_contract(path)
    print_notes(contract)
    used = name_contract(contract.schemas.root.value, contract_dir)
    click.echo(printable(str(used)))
    if not check:
        make_folder(output)
        for name, text in outputs.items():
            write_atomically(output / name, text)
            click.echo(f"{output / name}: {len(text.encode())} bytes")
        return
    options = (("--contract", contract_dir), ("--output", output), ("--evidence", evidence))
    words = [word for name, value in options if value for word in (name, str(value))]
    _hold(output, outputs, output, ["opay-contract", "docs", *words])


def _build(path: Path, evidence: Path | None, *, live: bool = False) -> Mapping[str, str]:
    from opay_contract.docs.outputs import build_outputs  # noqa: PLC0415  templates are of no use to others

    try:
        return build_outputs(path, partial(_gather, evidence) if evidence else None, live=live)
    except ContractError as error:
        raise ContractError(_locate(error, path)) from error


def _gather(path: Path, contract: Contract) -> "RunEvidence":
    from opay_contract.docs.evidence import build_evidence  # noqa: PLC0415  these are of use to this alone
    from opay_contract.drift.insight import draw_insight  # noqa: PLC0415
    from opay_contract.drift.saving import load_summary  # noqa: PLC0415

    summary = load_summary(path)
    try:
        return build_evidence(summary, draw_insight, contract)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _locate(error: ContractError, path: Path) -> str:
    """Return the reason with file, line and column; the contract's proof finds them where reading did not."""
    if _LOCATED.match(str(error)):
        return str(error)
    try:
        problem = next(iter(prove_contract(path).problems), None)
    except OpayContractError:
        problem = None
    if problem is None:
        return str(error)
    return f"{problem.file}:{problem.line}:{problem.column}: {problem.message}"


def _hold(folder: Path, texts: Mapping[str, str], named: Path, words: list[str]) -> None:
    """Tell what differs between files and their texts; where one is stale, the command that makes it anew."""
    from opay_contract.docs.outputs import iter_stale  # noqa: PLC0415  as in _build

    stale = list(iter_stale(folder, texts))
    for reason in stale:
        click.echo(reason)
    if stale:
        click.echo(f"stale; what makes it anew: {printable(shlex.join(words))}", err=True)
        raise click.exceptions.Exit(ExitCode.FINDINGS)
    click.echo(f"{printable(str(named))}: up to date")


@click.command(
    cls=Command,
    examples=[
        ("Join the files into one", "opay-contract bundle -o openapi.json"),
        (
            "For a tool that knows no references, no extensions and no 3.1",
            "opay-contract bundle --dereference --without-extensions --as 3.0 -o plain.yaml",
        ),
        ("Fail in CI where it is stale", "opay-contract bundle -o openapi.json --check"),
    ],
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=FILE,
    help="Where to: JSON if the name ends in .json, else YAML; by default standard output, as YAML.",
)
@click.option("--dereference", is_flag=True, help="Put what is referred to where it is referred to.")
@click.option("--without-extensions", is_flag=True, help="Leave out all `x-` members.")
@click.option(
    "--as",
    "version",
    type=click.Choice(["3.0", "3.1"]),
    help="The version of OpenAPI; by default the contract's own.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and tell what differs if FILE is stale.")
@contract_argument
def bundle(
    output: Path | None,
    contract_dir: Path | None,
    version: str | None,
    *,
    dereference: bool,
    without_extensions: bool,
    check: bool,
) -> None:
    """Join the contract into one file, for tools that read one.

    What other files hold becomes components; their names are the schemas' titles. The same contract gives the
    same bytes. What leads back to itself stays a reference, and what 3.0 has no words for is left out; both
    are said on standard error. Exit codes: 0 written or current, 1 stale, 2 usage or an unusable contract.
    """
    from opay_contract.docs.bundle import build_bundle, render_bundle  # noqa: PLC0415  of no use to others

    if check and output is None:
        raise UsageError("--check holds a file against the contract; name it with --output")
    documents = localise(load_documents(contract_dir or default_directory()))
    if read_version(documents[root_of(documents)]) == 0 and version == "3.1":
        documents = convert_documents(documents, SchemaPlaces(documents))
    made = build_bundle(
        documents, is_dereferenced=dereference, has_extensions=not without_extensions, is_3_0=version == "3.0"
    )
    for note in made.notes:
        click.echo(f"note: {printable(note)}", err=True)
    text = render_bundle(made, is_json=output is not None and output.suffix == ".json")
    if output is None:
        click.echo(text, nl=False)
    elif not check:
        write_atomically(output, text)
        click.echo(f"{printable(str(output))}: {len(text.encode())} bytes")
    else:
        words = ["opay-contract", "bundle", *(["--contract", str(contract_dir)] if contract_dir else [])]
        words += [
            f"--{name}"
            for name, is_given in (("dereference", dereference), ("without-extensions", without_extensions))
            if is_given
        ]
        words += [*(["--as", version] if version else []), "--output", str(output)]
        _hold(output.parent, {output.name: text}, output, words)


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
