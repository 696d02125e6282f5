"""Tells what was named more than once on a command line."""

import click

from opay_contract.recordings.inputs import Repeats
from opay_contract.words import printable


def tell_repeats(repeats: Repeats) -> None:
    """Print a note on standard error where something was named again."""
    if said := repeats.describe():
        click.echo(f"note: {printable(said)}", err=True)
