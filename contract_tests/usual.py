"""How tests ask of many cases: what the usual run takes of a long list, and one test of many small ones."""

import functools
import inspect
import traceback
from collections.abc import Callable, Iterable
from typing import Any

import pytest

FEW_EXAMPLES, MANY_EXAMPLES = 10, 50
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


def each(
    names: str | tuple[str, ...], cases: Iterable[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Ask a test of case after case, where `parametrize` makes tests that cost more than their cases.

    All are asked, and each that fails is named. They share the fixtures of the test, `tmp_path` among them.
    """
    of_case = (names,) if isinstance(names, str) else names
    given = [(case,) if isinstance(names, str) else tuple(case) for case in cases]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def ask(**fixtures: Any) -> None:
            failures = []
            for values in given:
                try:
                    test(**fixtures, **dict(zip(of_case, values, strict=True)))
                except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001
                    told = "".join(traceback.format_exception(failure, limit=-3))
                    failures.append(f"{', '.join(map(repr, values)):.300}\n{told}")
            assert given, "no case"
            if failures:
                failures.insert(0, f"{len(failures)} of {len(given)} cases failed\n")
                pytest.fail("\n".join(failures), pytrace=False)

        signature = inspect.signature(test)
        others = [one for name, one in signature.parameters.items() if name not in of_case]
        vars(ask)["__signature__"] = signature.replace(parameters=others)
        return ask

    return decorate
