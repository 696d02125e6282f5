"""Turns a section's Markdown into HTML; tags in the Markdown are shown, never obeyed."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from opay_contract.docs.reference import Reference, Section

_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
_MARKS = {"DOC", "OBS", "UNKNOWN"}
_NO_BREAK = "\N{NO-BREAK SPACE}"
"""Keeps a mark on the line of the source that it marks."""

Links = Mapping[str, tuple[str, str]]
"""Where a name that is written as code leads: the anchor, and a sentence on what it is."""


def build_links(reference: Reference) -> Links:
    """Return the names of sources and of open questions, which the page links wherever they stand."""
    sources = {
        str(name): ("#sources", f"{entry['mark']}: {entry['title']}")
        for name, entry in reference.root.get("x-sources", {}).items()
    }
    questions = {
        question.id: (f"#{_anchor('questions', question.id)}", question.question)
        for question in reference.contract.questions
    }
    return sources | questions


def render_section(section: Section, links: Links) -> str:
    """Return a section with its heading."""
    title = f'<h2 id="{section.id}-title">{escape(section.title)}</h2>'
    body = render_markdown(section.markdown, links, section.id)
    labelled = f'id="{section.id}" class="text" aria-labelledby="{section.id}-title"'
    return f"<section {labelled}>\n{title}\n{body}</section>"


def render_markdown(markdown: str, links: Links, prefix: str) -> str:
    """Return Markdown as HTML; the anchors of its headings begin with `prefix`."""
    tokens = _READER.parse(markdown)
    _name_headings(tokens, prefix)
    _label_cells(tokens)
    for token, linkable in _inline(tokens):
        token.children = [*_decorate(token.children or [], links if linkable else {})]
    return str(_READER.renderer.render(tokens, _READER.options, {}))


def _name_headings(tokens: list[Token], prefix: str) -> None:
    taken: set[str] = set()
    for token, content in pairwise(tokens):
        if token.type == "heading_open":
            anchor = base = _anchor(prefix, content.content)
            number = 2
            while anchor in taken:
                anchor, number = f"{base}-{number}", number + 1
            taken.add(anchor)
            token.attrSet("id", anchor)


def _anchor(prefix: str, text: str) -> str:
    return f"{prefix}-{'-'.join(re.findall(r'[a-z0-9]+', text.lower()))}"


def _label_cells(tokens: list[Token]) -> None:
    """Write each column's title on its cells, where a narrow screen shows it instead of the header."""
    labels: list[str] = []
    column = 0
    for token, content in pairwise(tokens):
        if token.type == "table_open":
            labels = []
        elif token.type == "th_open":
            labels.append(content.content)
            token.attrSet("scope", "col")
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            token.attrSet("data-label", labels[column])
            column += 1


def _inline(tokens: list[Token]) -> Iterator[tuple[Token, bool]]:
    heading = False
    for token in tokens:
        heading = token.type == "heading_open" or (heading and token.type != "heading_close")
        if token.type == "inline":
            yield token, not heading


def _decorate(children: list[Token], links: Links) -> Iterator[Token]:
    depth = 0
    before = ""
    for token in children:
        if before in _MARKS and token.content == " ":
            token.content = _NO_BREAK
        before = token.content
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type != "code_inline":
            yield token
        elif token.content in _MARKS:
            token.attrSet("class", f"mark {token.content.lower()}")
            yield token
        elif token.content in links and not depth:
            href, title = links[token.content]
            yield Token("link_open", "a", 1, attrs={"href": href, "title": title})
            yield from (token, Token("link_close", "a", -1))
        else:
            yield token
