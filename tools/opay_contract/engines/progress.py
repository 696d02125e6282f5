"""How an engine says how far it is."""

from typing import Protocol


class OnProgress(Protocol):
    """Hears how much was seen, and how many distinct findings there are where that is known."""

    def __call__(self, seen: int, findings: int | None = None, /) -> None:
        """Take the numbers so far."""


def no_progress(_seen: int, _findings: int | None = None, /) -> None:
    """Let progress go unheard."""
