"""Says that a name is not known, and which one was probably meant."""

from collections.abc import Iterable

from opay_contract.errors import UsageError
from opay_contract.words import did_you_mean


def unknown_name(kind: str, name: str, known: Iterable[str], where: str) -> UsageError:
    """Return the error for a name that is none of `known`; `where` tells what lists them."""
    return UsageError(f"unknown {kind} '{name}'; {did_you_mean(name, known) or f'{where} lists them'}")
