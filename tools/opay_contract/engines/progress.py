"""How an engine says how far it is."""

from typing import Protocol


class OnProgress(Protocol):
    """Hears how much was seen, and how many distinct findings there are."""

    def __call__(self, seen: int, findings: int, /) -> None:
        """Take the numbers so far."""


def no_progress(_seen: int, _findings: int, /) -> None:
    """Let progress go unheard."""
