"""Writes texts as Markdown and Markdown as HTML; nothing that comes from the contract becomes a tag."""

import re
from collections.abc import Iterable, Iterator, Mapping

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~#!])")
_LIST_START = re.compile(r"^(\s*\d*)([-+.)])(?=\s|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BAR = re.compile(r"(?<!\\)\|")
_HTML = {"html_inline", "html_block"}
_RAW = MarkdownIt("commonmark", {"html": True}).enable("table")
_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

Links = Mapping[str, tuple[str, str]]
"""Where a name that is written as code leads: the anchor, and a sentence on what it is."""


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


def row(cells: Iterable[str]) -> str:
    """Return a row of a table from cells that are Markdown of one line each, whose bars are not escaped."""
    escaped = (_BAR.sub(r"\\|", cell) or "–" for cell in cells)  # noqa: RUF001  a dash for an empty cell
    return f"| {' | '.join(escaped)} |"


def fenced(text: str, language: str = "") -> str:
    """Return a block of code."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def to_html(markdown: str, links: Links, *, inline: bool = False) -> Markup:
    """Return Markdown as HTML, in which the names of `links` that stand as code lead somewhere."""
    tokens = _READER.parseInline(markdown) if inline else _READER.parse(markdown)
    for token in tokens:
        if token.type == "inline":
            token.children = [*_linked(token.children or [], links)]
    return Markup(_READER.renderer.render(tokens, _READER.options, {}))  # noqa: S704  the reader escapes tags


def _linked(children: list[Token], links: Links) -> Iterator[Token]:
    depth = 0
    for token in children:
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type == "code_inline" and token.content in links and not depth:
            href, title = links[token.content]
            yield Token("link_open", "a", 1, attrs={"href": href, "title": title})
            yield from (token, Token("link_close", "a", -1))
        else:
            yield token


def _one_line(text: object) -> str:
    """Return text in one line, without what could steer a terminal that shows it."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).split()))


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
