"""The command `sign`: the Authorization header of a body."""

import os
import sys
from pathlib import Path

import click

from opay_contract.cli.options import contract_option
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.signing.canonical import documented_forms
from opay_contract.signing.signer import sign as sign_body

KEY_VARIABLE = "OPAY_PRIVATE_KEY"


@click.command()
@click.argument("body", required=False)
@click.option(
    "--file",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read the body from FILE.",
)
@click.option(
    "--non-ascii", metavar="FORM", help="How text outside ASCII is signed: raw (default) or escaped."
)
@contract_option
def sign(body: str | None, path: Path | None, non_ascii: str | None, contract_dir: Path | None) -> None:
    """Print the header that signs BODY, a JSON object.

    The body comes from the argument, from --file, or from standard input. The key comes from
    OPAY_PRIVATE_KEY in the environment, never from an argument. The header goes to standard output; what
    text was signed goes to standard error.
    """
    key = os.environ.get(KEY_VARIABLE)
    if not key:
        raise UsageError(f"no key: set {KEY_VARIABLE} in the environment to the merchant's private key")
    scheme = load_contract(contract_dir).signature
    if scheme is None:
        raise UsageError("the contract has no x-signature; nothing says how a body is signed")
    if non_ascii is not None and non_ascii not in documented_forms(scheme):
        raise UsageError(
            f"unknown form '{non_ascii}'; the contract has {' and '.join(documented_forms(scheme))}"
        )
    signature = sign_body(_read_body(body, path), key, scheme, non_ascii=non_ascii)
    click.echo(f"signed text ({signature.non_ascii}): {signature.text}", err=True)
    click.echo(f"{scheme.header}: {signature.header}")


def _read_body(body: str | None, path: Path | None) -> bytes:
    if body is not None and path is not None:
        raise UsageError("the body is given twice; give BODY or --file")
    if body is not None:
        return body.encode(errors="surrogateescape")
    if path is None:
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
