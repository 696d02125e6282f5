"""The option that says what recordings are; apart from the others, as it takes longer to import."""

import click

from opay_contract.formats.table import Format

format_in_option = click.option(
    "--format-in",
    metavar="FORMAT",
    type=click.Choice([member.value for member in Format]),
    help="What the recordings are, where it cannot be recognised by their content: "
    + ", ".join(Format)
    + ".",
)
