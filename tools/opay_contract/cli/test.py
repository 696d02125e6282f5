"""The commands for who calls the API: sign a body, and ask a server what the contract promises."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from opay_contract.cli.help import Command
from opay_contract.cli.options import FILE, contract_option
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.errors import ExitCode, UsageError
from opay_contract.signing.doctor import diagnose
from opay_contract.signing.signer import SignatureScheme, documented_forms
from opay_contract.signing.signer import sign as sign_body

if TYPE_CHECKING:
    from opay_contract.suite.plugin import SuiteRun


@click.command(
    cls=Command,
    examples=[
        ("See whether address and credentials are right", "opay-contract test --target sandbox --probe"),
        ("Ask the sandbox all, and record it", "opay-contract test --target sandbox --record-to a.ndjson"),
        (
            "Ask a server of yours about signatures",
            "opay-contract test --target http://127.0.0.1:8000 --only signature",
        ),
    ],
)
@click.option(
    "--target",
    default="mock",
    show_default=True,
    help="mock, an environment of the contract (sandbox), or a URL. Any but the mock takes OPAY_MERCHANT_ID, "
    "OPAY_PRIVATE_KEY and OPAY_CUSTOMER_ID from the environment.",
)
@contract_option
@click.option("--allow-production", is_flag=True, help="Let --target be production.")
@click.option("--probe", "only_probe", is_flag=True, help="Ask five requests, say what is right, and leave.")
@click.option("--pace", metavar="N", default=2.0, show_default=True, help="Requests a second.")
@click.option("--budget", metavar="N", default=500, show_default=True, help="Requests in all.")
@click.option(
    "--only", "expression", metavar="EXPRESSION", help="Only tests whose names match, as for pytest -k."
)
@click.option("--record-to", metavar="FILE", type=FILE, help="Append what the target answers, redacted.")
@click.option("--junit", metavar="FILE", type=FILE, help="Write a JUnit report.")
@click.option("--markdown", metavar="FILE", type=FILE, help="Write the findings as Markdown.")
def test(
    target: str,
    contract_dir: Path | None,
    only_probe: bool,  # noqa: FBT001  click's
    allow_production: bool,  # noqa: FBT001
    pace: float,
    budget: int,
    expression: str | None,
    record_to: Path | None,
    junit: Path | None,
    markdown: Path | None,
) -> None:
    """Ask a target what the contract promises, and say what it does not keep.

    Starts with a probe of five requests, which tells whether address, credentials and customer are right,
    and goes on only if they are. Each finding is told once, whatever number of tests it makes fail, with a
    command that asks the same again. No value of an answer is shown. Exit code 1 for findings, 2 where the
    credentials or the customer are not right, 4 where the target cannot be reached or the budget is used up.

    Another --contract is asked by what it says: its operations, forms and keys, its signature or other
    credentials (OPAY_CREDENTIAL), and what a test needs and it does not have is left out, and said.
    """
    try:  # heavy, optional, and of no use to the other commands
        import pytest  # noqa: PLC0415

        from opay_contract.suite import schemathesis_teaching as _  # noqa: F401, PLC0415
        from opay_contract.suite.plugin import SuiteRun  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(
            "test needs pytest, hypothesis, schemathesis and requests: pip install 'opay-contract[suite]'"
        ) from error
    if only_probe:
        contract = load_contract(contract_dir)
        raise click.exceptions.Exit(_probe(target, contract, pace, budget, allow_production=allow_production))
    folder = Path(__file__).parents[1] / "suite"
    files = {"--record-to": record_to, "--junitxml": junit, "--markdown": markdown}
    arguments = [
        f"--config-file={folder / 'pytest.ini'}",
        f"--rootdir={folder}",
        "--disable-plugin-autoload",
        f"--target={target}",
        f"--pace={pace}",
        f"--budget={budget}",
        *(f"{option}={path.absolute()}" for option, path in files.items() if path is not None),
        *([f"--contract={contract_dir.absolute()}"] if contract_dir is not None else []),
        *(["--allow-production"] if allow_production else []),
        *([f"-k={expression}"] if expression else []),  # one that begins with @ is no file of arguments
        str(folder),
    ]
    run = SuiteRun(is_alone=True)
    added = os.environ.pop("PYTEST_ADDOPTS", None)  # meant for the tests of the project at hand
    try:
        code = pytest.main(arguments, plugins=[run])
    finally:
        if added is not None:
            os.environ["PYTEST_ADDOPTS"] = added
    raise click.exceptions.Exit(_exit_code(pytest.ExitCode(code).name, run))


def _exit_code(ended: str, run: "SuiteRun") -> ExitCode:
    """Return our code for how pytest ended; what was not asked to the end is not clean."""
    if run.failed:
        return ExitCode.FINDINGS
    if (run.probed is not None and not run.probed.is_reached) or run.was_cut_short:
        return ExitCode.INCOMPLETE
    return {
        "OK": ExitCode.CLEAN,
        "TESTS_FAILED": ExitCode.FINDINGS,
        "INTERRUPTED": ExitCode.INTERRUPTED,
        "USAGE_ERROR": ExitCode.UNUSABLE,
        "NO_TESTS_COLLECTED": ExitCode.NOTHING_CHECKED,
    }.get(ended, ExitCode.DEFECT)


def _probe(name: str, contract: Contract, pace: float, budget: int, *, allow_production: bool) -> ExitCode:
    from opay_contract.suite.client import RatePolicy  # noqa: PLC0415  heavy
    from opay_contract.suite.targets import asking, probe  # noqa: PLC0415

    policy = RatePolicy(pace=pace, budget=budget, tries=2)
    with asking(name, os.environ, contract, policy, allow_production=allow_production) as api:
        result = probe(api)
    for step in result.steps:
        mark = "\u2717" if step.trouble else "\u2713"
        click.echo(f"{mark} {step.name}: {step.trouble or step.doubt or step.said}")
    if not result.trouble:
        return ExitCode.CLEAN
    return ExitCode.UNUSABLE if result.is_reached else ExitCode.INCOMPLETE


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
    key = os.environ.get("OPAY_PRIVATE_KEY")
    if not key:
        raise UsageError("no key: set OPAY_PRIVATE_KEY in the environment to the merchant's private key")
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
    public_key = os.environ.get("OPAY_PUBLIC_KEY")
    diagnosis = diagnose(
        body,
        value,
        key,
        scheme,
        url=url,
        merchant_id=os.environ.get("OPAY_MERCHANT_ID"),
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
