"""No recording takes more time than is linear in its size, or more memory than a multiple of its size."""

from collections.abc import Callable
from functools import partial
from itertools import cycle

import pytest
from contract_tests.tool.whole.hostile.entries import KINDS
from contract_tests.usual import one_in

SIZE = 12_000
"""Of so many bytes the smaller recording is at most; the larger has some times as many."""

TIMES = 4
MOST_TIMES = 9
"""What is linear takes four times as long for four times the size, what is quadratic sixteen times."""

LEAST = 0.05
"""Seconds of the processor under which a measurement says nothing."""

MEMORY_BASE, MEMORY_TIMES = 12 << 20, 400
"""Bytes that anything takes, and how many more for each byte of a recording."""

BOUNDED = "header fields that are aliases"
"""Of this kind a small recording is as much work as any may be, and a larger one is refused."""


Command = Callable[[bytes], object]


@pytest.fixture
def command(name: str, request: pytest.FixtureRequest) -> Command:
    """Return what a kind is given to: the one of two whose turn it is."""
    found: Command = request.getfixturevalue(name)
    return found


@pytest.mark.parametrize(
    ("kind", "name", "begin"),
    [
        *(
            (kind, name, SIZE // 16)
            for kind, name in zip(list(KINDS)[::13], cycle(["check", "redact"]), strict=False)
        ),
        *(
            pytest.param(kind, name, SIZE // 4, marks=pytest.mark.thorough)
            for kind, name in zip(KINDS, cycle(["redact", "check"]), strict=False)
        ),
    ],
)
def test_four_times_the_size_takes_about_four_times_as_long(
    kind: str, begin: int, command: Command, seconds: Callable[[Callable[[], object]], float]
) -> None:
    """The usual run begins small, and stops at the first size at which a measurement says something."""
    size = SIZE if kind == BOUNDED else begin
    least = min(seconds(partial(command, KINDS[kind](size))) for _ in range(2))
    while least < LEAST and size < SIZE:
        size *= 2
        least = seconds(partial(command, KINDS[kind](size)))
    large = partial(command, KINDS[kind](TIMES * size))
    most = MOST_TIMES * max(least, LEAST)
    assert any(seconds(large) < most for _ in range(3)), "the best of three tries is too slow"


@pytest.mark.parametrize(("kind", "name"), one_in(15, zip(KINDS, cycle(["check", "redact"]), strict=False)))
def test_memory_is_a_multiple_of_the_size(
    kind: str, command: Command, peak: Callable[[Callable[[], object]], int]
) -> None:
    data = KINDS[kind](SIZE)
    assert peak(partial(command, data)) < MEMORY_BASE + MEMORY_TIMES * len(data)
