"""What every part of the HTML page is made of."""

from dataclasses import dataclass
from html import escape

from opay_contract.model.finding import Severity
from opay_contract.words import printable

LABELS = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Information"}
"""What one finding of a severity is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page: what its link in the contents leads to, and its HTML below the heading."""

    id: str
    title: str
    body: str


def plural(severity: Severity) -> str:
    """Return what several findings of a severity are called."""
    return "Information" if severity is Severity.INFO else f"{LABELS[severity]}s"


def as_text(text: str) -> str:
    """Return what came from outside as text that is no markup."""
    return escape(printable(text))
