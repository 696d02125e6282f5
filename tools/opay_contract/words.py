"""Words that everything printed is made of: counts with their noun, and texts that a terminal can take."""

import os
import re
from collections.abc import Iterable


def printable(text: str) -> str:
    """Return `text` with control characters as escapes: a file's name cannot drive a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def without_credentials(text: str) -> str:
    """Return a text whose URLs have no user, no password, and no query, which may be signed."""
    return re.sub(r"(:/[^\s'?]*)\?[^\s']*", r"\1", re.sub(r"(:/+)[^/@\s']*@", r"\1", text))


def on_one_line(text: str) -> str:
    """Return what a person wrote without its line breaks, in a form that a terminal can take."""
    return printable(" ".join(text.split()))


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def hanging(text: str, width: int, indent: int, more: int = 0) -> list[str]:
    """Return text broken at a width, what follows the first line `more` further in."""
    import textwrap  # noqa: PLC0415  for start-up time

    first, further = " " * indent, " " * (indent + more)
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=further, break_on_hyphens=False)


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.6, folder: str = "") -> str:
    """Return "did you mean …?" with the known name that is nearest, or nothing where none is near."""
    import difflib  # noqa: PLC0415  for start-up time

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"did you mean '{os.path.join(folder, near[0])}'?" if near else ""  # noqa: PTH118  as it was given
