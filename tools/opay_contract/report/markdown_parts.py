"""What every part of the Markdown report is made of."""

import re
from collections.abc import Iterable

from opay_contract.words import printable

NONE_LISTED = "None of them is listed here."

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#|~@:$&!\"']|(?<=www)\.")


def details(title: str, body: str, *, is_open: bool) -> str:
    """Return what folds away; the empty lines make GitHub read the body as Markdown."""
    return f"<details{' open' * is_open}>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def table(titles: Iterable[str], rows: Iterable[Iterable[str]], right: int = 0) -> str:
    """Return a table; the numbers of the first columns stand to the right."""
    titles = list(titles)
    rule = ["---:"] * right + ["---"] * (len(titles) - right)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rule, *rows))


def code(text: str) -> str:
    """Return text as code; a tag and not backticks, so that the same escapes hold in it."""
    return f"<code>{prose(text)}</code>"


def prose(text: str) -> str:
    """Return text with everything that Markdown reads as a reference to the character, which it does not."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group())};", printable(text))


def cut(text: str, length: int) -> str:
    """Return text of a bounded length, as a row of a table has to be."""
    return f"{text[:length]} ..." if len(text) > length else text
