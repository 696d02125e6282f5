"""Options that several commands share."""

from pathlib import Path

import click

from opay_contract.model.finding import Severity

contract_option = click.option(
    "--contract",
    "contract_dir",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with openapi.yaml and schemas/; by default the contract that the package carries.",
)

base_url_option = click.option(
    "--base-url",
    "base_urls",
    metavar="URL",
    multiple=True,
    help="A base URL that answers by the contract, besides its servers. May be repeated.",
)

fail_on_option = click.option(
    "--fail-on",
    type=click.Choice([severity.label for severity in reversed(Severity)]),
    default="error",
    show_default=True,
    help="The least severity of a finding that makes the exit code 1.",
)


def severity_of(label: str) -> Severity:
    """Return the severity that an option names."""
    return Severity[label.upper()]
