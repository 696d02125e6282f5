"""Writes Markdown that reads the same everywhere: nothing that comes from the contract becomes HTML."""

import re
from collections.abc import Iterable, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~#!])")
_LIST_START = re.compile(r"^(\s*)([-+]|\d+[.)])(?=\s|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HTML = {"html_inline", "html_block"}
_RAW = MarkdownIt("commonmark", {"html": True}).enable("table")


def plain(text: object) -> str:
    """Return words that are not Markdown as Markdown, in one line."""
    line = _SPECIAL.sub(r"\\\1", _one_line(text))
    return _LIST_START.sub(r"\1\\\2", line)


def code(text: object) -> str:
    """Return a code span that holds any text, in one line."""
    line = _one_line(text)
    if not line:
        return ""
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def codes(texts: Iterable[object]) -> str:
    """Return code spans with commas between them."""
    return ", ".join(code(text) for text in texts)


def prose(text: object) -> str:
    """Return the contract's own Markdown, a description, with tags and pictures shown as text."""
    source = str(text or "").strip()
    escaped = "".join(_without_tags(source))
    if not any(token.type in _HTML for token in _flat(_RAW.parse(escaped))):
        return escaped
    return source.replace("&", "&amp;").replace("<", "&lt;")


def line(text: object) -> str:
    """Return a description for a cell of a table: one line."""
    return prose(" ".join(str(text or "").split()))


def fenced(text: str, language: str = "") -> str:
    """Return a block of code."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown of one line each, in which a bar is still to be escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in lines)


def document(blocks: Iterable[str]) -> str:
    """Return blocks with an empty line between them."""
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip()) + "\n"


def _one_line(text: object) -> str:
    """Return text in one line, without what could steer a terminal that shows it."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).split()))


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text) or "–"  # noqa: RUF001  a dash for an empty cell


def _without_tags(text: str) -> Iterable[str]:
    end = 0
    for span in _SPAN.finditer(text):
        yield _disarm(text[end : span.start()])
        yield span.group()
        end = span.end()
    yield _disarm(text[end:])


def _disarm(text: str) -> str:
    return text.replace("<", "\\<").replace("![", "!\\[")


def _flat(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or ())
