"""Makes one site of these pages and the contract's reference.

    sphinx-build --fail-on-warning tools/docs build/site

The site opens from the disk and asks for nothing from any network.
"""

from importlib import metadata
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from opay_contract.contract.documents import default_directory
from opay_contract.docs.outputs import MARKDOWN, PAGE, build_outputs

project = "opay-contract"
release = metadata.version("opay-contract")
extensions = ["myst_parser"]
myst_heading_anchors = 4  # as GitHub names them, so that a link works there and here
nitpicky = True

html_theme = "furo"
html_title = f"opay-contract {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # it would fetch each page, which a browser refuses on the disk

CONTRACT = "reference/contract"
"""The page that the reference of the contract is appended to."""

FOLDER = "api"
"""Where the files of `opay-contract docs` are, as it writes them."""

NAVIGATION = {
    "Start": ("start/install", "start/privacy"),
    "How to": (
        "how-to/validate-recordings",
        "how-to/test-in-ci",
        "how-to/make-documentation",
        "how-to/add-an-operation",
        "how-to/review-a-change",
    ),
    "Reference": (
        CONTRACT,
        "reference/commands",
        "reference/settings",
        "reference/rules",
        "reference/exit-codes",
        "reference/recordings",
        "reference/outputs",
        "reference/report-v1",
        "reference/observations",
        "reference/baseline",
        "reference/suggest",
        "reference/changes",
        "reference/pytest",
        "reference/mock",
        "reference/signature",
        "reference/record",
        "reference/redaction",
        "reference/cluster",
        "reference/integrations",
        "reference/contract-tests",
        "reference/extensions",
        "reference/other-tools",
    ),
    "Inside": (
        "inside/design",
        "inside/performance",
        "inside/comparison",
        "inside/documents-of-others",
        "inside/mutation",
        "changelog",
    ),
}
"""The pages under their headings. One that is not named here comes last."""


_AFTER_THE_THEME = 900

ACCESSIBLE = (
    ("body", "<pre>", '<pre tabindex="0">'),  # what scrolls can be reached by keyboard
    ("body", '<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
    ("furo_navigation_tree", 'role="heading"', 'role="heading" aria-level="2"'),
)
"""What the theme leaves out: the part of a page, what it writes there, and what is written instead."""


def setup(app: Sphinx) -> None:
    """Add what this site does beyond Sphinx."""
    app.connect("source-read", _complete)
    app.connect("html-page-context", _make_accessible, priority=_AFTER_THE_THEME)
    app.connect("build-finished", _write_reference)


def _complete(app: Sphinx, name: str, source: list[str]) -> None:
    """Append the contents to the first page, and the reference to its page; on GitHub both are without."""
    if name == "index":
        source[0] += _contents(app.env)
    elif name == CONTRACT:
        source[0] += _reference()
        directory = default_directory()
        for file in (directory / "openapi.yaml", *(directory / "schemas").iterdir()):
            app.env.note_dependency(str(file), docname=name)  # so that an edit makes the page again


def _contents(env: BuildEnvironment) -> str:
    named = {page for pages in NAVIGATION.values() for page in pages}
    others = tuple(sorted(env.found_docs - named - {"index"}))
    parts = [*NAVIGATION.items(), *([("More", others)] if others else [])]
    return "".join(_toctree(caption, pages) for caption, pages in parts)


def _toctree(caption: str, pages: tuple[str, ...]) -> str:
    return "\n".join(["\n```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""])


def _reference() -> str:
    """Return the reference without its title and contents, which the page has of its own."""
    sections = build_outputs(None, None)[MARKDOWN].partition("\n## ")[2]
    link = f'<a href="../{FOLDER}/{PAGE}">The page with each operation and its schemas</a>'
    return f"\n{link}\n\n## {sections}"


def _make_accessible(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    for part, old, new in ACCESSIBLE:
        context[part] = context.get(part, "").replace(old, new)


def _write_reference(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(exist_ok=True)
    for name, text in build_outputs(None, None).items():
        (folder / name).write_text(text, encoding="utf-8")
