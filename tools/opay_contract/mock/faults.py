"""Scenarios that happen by chance, at given rates, in an order that a seed repeats."""

from collections.abc import Iterable
from itertools import accumulate
from random import Random

from opay_contract.errors import UsageError
from opay_contract.mock.scenarios import Scenario, find_scenario


class Faults:
    """Draws, for each request in turn, whether something happens to it and what."""

    def __init__(self, rates: Iterable[tuple[str, float]] = (), seed: int = 0) -> None:
        pairs = tuple(rates)
        self._names = tuple(name for name, _ in pairs)
        self._limits = tuple(accumulate(rate for _, rate in pairs))
        self._random = Random(seed)  # noqa: S311  chance to be repeated, not a secret
        if self._limits and self._limits[-1] > 1:
            raise UsageError(f"the rates of all faults come to {self._limits[-1]:g}; at most 1 is possible")

    def draw(self) -> str | None:
        """Return the name of the scenario that happens to the next request, None for most."""
        if not self._names:
            return None
        drawn = self._random.random()
        return next(
            (name for name, limit in zip(self._names, self._limits, strict=True) if drawn < limit), None
        )


def parse_faults(texts: Iterable[str], scenarios: dict[str, Scenario], seed: int) -> Faults:
    """Read faults written as NAME=RATE."""
    return Faults([_parse_fault(text, scenarios) for text in texts], seed)


def _parse_fault(text: str, scenarios: dict[str, Scenario]) -> tuple[str, float]:
    name, _, number = text.partition("=")
    find_scenario(scenarios, name)
    try:
        rate = float(number)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise UsageError(f"fault '{text}' has no rate from 0 to 1; write it as NAME=RATE, such as slow=0.05")
    return name, rate
