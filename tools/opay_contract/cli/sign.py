"""The command `sign`: the Authorization header of a body."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from opay_contract.cli.help import Command
from opay_contract.cli.options import FILE, contract_option
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.exit_codes import ExitCode
from opay_contract.signing.doctor import diagnose
from opay_contract.signing.signer import SignatureScheme, documented_forms
from opay_contract.signing.signer import sign as sign_body

KEY_VARIABLE = "OPAY_PRIVATE_KEY"
MERCHANT_VARIABLE = "OPAY_MERCHANT_ID"
PUBLIC_KEY_VARIABLE = "OPAY_PUBLIC_KEY"


@click.command(
    cls=Command,
    examples=[
        ("Sign a body", 'opay-contract sign \'{"customerId": "121111113"}\''),
        ("Sign a file", "opay-contract sign --file body.json"),
        (
            "Find out why a signature is refused",
            'opay-contract sign --explain "Bearer 241fe5…" --file body.json',
        ),
    ],
)
@click.argument("body", required=False)
@click.option("--file", "path", metavar="FILE", type=FILE, help="Read the body from FILE.")
@click.option(
    "--non-ascii", metavar="FORM", help="How text outside ASCII is signed: raw (default) or escaped."
)
@click.option(
    "--explain",
    "header_value",
    metavar="HEADER",
    help="Say what is wrong with a header's value that somebody else made for BODY; sign nothing.",
)
@click.option(
    "--url", metavar="URL", help="With --explain: where the request went, if that was signed by mistake."
)
@contract_option
def sign(
    *,
    body: str | None,
    path: Path | None,
    non_ascii: str | None,
    header_value: str | None,
    url: str | None,
    contract_dir: Path | None,
) -> None:
    """Print the header that signs BODY, a JSON object.

    The body comes from the argument, from --file, or from standard input. The key comes from
    OPAY_PRIVATE_KEY in the environment, never from an argument. The header goes to standard output; what
    text was signed goes to standard error.

    With --explain, known mistakes are tried until one gives the signature in HEADER; exit code 1 if it does
    not verify. OPAY_MERCHANT_ID and OPAY_PUBLIC_KEY in the environment are tried as well. No value is
    printed.
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
    if header_value is None and url is not None:
        raise UsageError("--url goes with --explain")
    if header_value is not None:
        _explain(_read_body(body, path), header_value, key, scheme, url)
    signature = sign_body(_read_body(body, path), key, scheme, non_ascii=non_ascii)
    click.echo(f"signed text ({signature.non_ascii}): {signature.text}", err=True)
    click.echo(f"{scheme.header}: {signature.header}")


def _explain(body: bytes, header_value: str, key: str, scheme: SignatureScheme, url: str | None) -> NoReturn:
    name, colon, value = header_value.partition(": ")
    if not colon or name.lower() != scheme.header.lower():
        value = header_value
    public_key = os.environ.get(PUBLIC_KEY_VARIABLE)
    diagnosis = diagnose(
        body,
        value,
        key,
        scheme,
        url=url,
        merchant_id=os.environ.get(MERCHANT_VARIABLE),
        other_keys={"the public key": public_key} if public_key else None,
    )
    if diagnosis.is_sound:
        click.echo(f"\u2713 {scheme.header} signs the body.")
        sys.exit(ExitCode.CLEAN)
    click.echo(f"\u2717 {scheme.header} does not sign the body: it was {diagnosis.describe()}.")
    click.echo(f"  What to do: {diagnosis.advice}.")
    sys.exit(ExitCode.FINDINGS)


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
