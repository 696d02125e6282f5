"""No recording takes more time than is linear in its size, or more memory than a multiple of its size."""

from collections.abc import Callable
from functools import partial

import pytest
from contract_tests.hostile.entries import KINDS

SMALL = 12_000
TIMES = 4
MOST_TIMES = 9
"""What is linear takes four times as long for four times the size, what is quadratic sixteen times."""

LEAST = 0.02
"""Seconds of the processor under which a measurement says nothing."""

MEMORY_BASE, MEMORY_TIMES = 12 << 20, 400
"""Bytes that anything takes, and how many more for each byte of a recording."""


@pytest.mark.parametrize("kind", KINDS)
def test_four_times_the_size_takes_about_four_times_as_long(
    kind: str,
    check: Callable[[bytes], object],
    redact: Callable[[bytes], object],
    seconds: Callable[[Callable[[], object]], float],
) -> None:
    small, large = KINDS[kind](SMALL), KINDS[kind](TIMES * SMALL)
    for command in (check, redact):
        least = max(seconds(partial(command, small)), LEAST)
        assert seconds(partial(command, large)) < MOST_TIMES * least


@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_a_multiple_of_the_size(
    kind: str,
    check: Callable[[bytes], object],
    redact: Callable[[bytes], object],
    peak: Callable[[Callable[[], object]], int],
) -> None:
    data = KINDS[kind](SMALL)
    for command in (check, redact):
        assert peak(partial(command, data)) < MEMORY_BASE + MEMORY_TIMES * len(data)
