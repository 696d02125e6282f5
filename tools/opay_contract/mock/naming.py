"""Says that a name is not known, and which one was probably meant."""

import difflib
from collections.abc import Iterable

from opay_contract.errors import UsageError


def unknown_name(kind: str, name: str, known: Iterable[str], where: str) -> UsageError:
    """Return the error for a name that is none of `known`; `where` tells what lists them."""
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"{where} lists them"
    return UsageError(f"unknown {kind} '{name}'; {hint}")
