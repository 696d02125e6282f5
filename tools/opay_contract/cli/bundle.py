"""The command `bundle`: the contract in one file."""

import shlex
from pathlib import Path

import click

from opay_contract.cli.help import Command
from opay_contract.cli.options import contract_argument
from opay_contract.cli.output import write_atomically
from opay_contract.contract.loading import default_directory, load_documents, localise
from opay_contract.contract.openapi import SchemaPlaces, convert_documents, read_version, root_of
from opay_contract.errors import UsageError
from opay_contract.exit_codes import ExitCode
from opay_contract.words import printable


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
    type=click.Path(path_type=Path, dir_okay=False),
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
    from opay_contract.docs.outputs import iter_stale  # noqa: PLC0415  templates

    if check and output is None:
        raise UsageError("--check holds a file against the contract; name it with --output")
    documents = localise(load_documents(contract_dir or default_directory()))
    if read_version(documents[root_of(documents)]) == 0 and version == "3.1":
        documents = convert_documents(documents, SchemaPlaces(documents))
    made = build_bundle(
        documents,
        is_dereferenced=dereference,
        has_extensions=not without_extensions,
        is_3_0=version == "3.0",
    )
    for note in made.notes:
        click.echo(f"note: {printable(note)}", err=True)
    text = render_bundle(made, is_json=output is not None and output.suffix == ".json")
    if output is None:
        click.echo(text, nl=False)
    elif not check:
        write_atomically(output, text)
        click.echo(f"{printable(str(output))}: {len(text.encode())} bytes")
    elif reasons := list(iter_stale(output.parent, {output.name: text})):
        click.echo("\n".join(reasons))
        words = ["opay-contract", "bundle", *(["--contract", str(contract_dir)] if contract_dir else [])]
        words += [
            f"--{name}"
            for name, is_given in (("dereference", dereference), ("without-extensions", without_extensions))
            if is_given
        ]
        words += [*(["--as", version] if version else []), "--output", str(output)]
        click.echo(f"stale; what makes it anew: {printable(shlex.join(words))}", err=True)
        raise click.exceptions.Exit(ExitCode.FINDINGS)
    else:
        click.echo(f"{printable(str(output))}: up to date")
