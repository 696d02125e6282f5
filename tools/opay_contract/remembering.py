"""Remembers what was said of short texts, a bounded number of them."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

_LONGEST = 300

T = TypeVar("T")


def remembering(count: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Make a function of texts remember what it said of `count` of them, as what is read has the same often.

    Of texts with more than 300 characters nothing is kept. What it raises is not remembered.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        known = lru_cache(count)(function)

        @wraps(function)
        def answer(*texts: str) -> T:
            return (known if sum(map(len, texts)) <= _LONGEST else function)(*texts)

        return answer

    return decorate
