"""What the usual run takes of a long list of cases; `pytest -m thorough` takes the others."""

from collections.abc import Iterable
from typing import Any

import pytest

FEW_EXAMPLES, MANY_EXAMPLES = 15, 50
"""So many examples a property tries at most in the usual run, and in the thorough one if it wants more."""


def one_in(number: int, cases: Iterable[Any], *, first: int = 0) -> list[Any]:
    """Return all cases for `parametrize`, of which the usual run takes one in so many, from the first on."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if at % number == first else pytest.mark.thorough,
        )
        for at, case in enumerate(cases)
    ]
