"""The command `test`: the API's contract tests against a target, from wherever the package is installed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opay_contract.cli.help import Command
from opay_contract.cli.options import FILE, contract_option
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.exit_codes import ExitCode

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
    from opay_contract.suite.probe import probe  # noqa: PLC0415
    from opay_contract.suite.targets import asking  # noqa: PLC0415

    policy = RatePolicy(pace=pace, budget=budget, tries=2)
    with asking(name, os.environ, contract, policy, allow_production=allow_production) as api:
        result = probe(api)
    for step in result.steps:
        mark = "\u2717" if step.trouble else "\u2713"
        click.echo(f"{mark} {step.name}: {step.trouble or step.doubt or step.said}")
    if not result.trouble:
        return ExitCode.CLEAN
    return ExitCode.UNUSABLE if result.is_reached else ExitCode.INCOMPLETE
