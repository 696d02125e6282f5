"""Puts the page together: one file that asks for nothing, whatever the contract says in its texts."""

import base64
import hashlib
import json
from collections.abc import Iterable
from html import escape
from importlib import resources

from opay_contract.docs.assets import Renderer
from opay_contract.docs.bundle import build_bundle
from opay_contract.docs.html import Links, build_links, render_markdown, render_section
from opay_contract.docs.reference import Reference, Section, recorded_notes
from opay_contract.docs.sections.contents import OPERATIONS

_TOGGLE = '<button id="toggle" type="button" aria-controls="contents" aria-expanded="false">Contents</button>'


def render_page(
    reference: Reference, sections: tuple[Section, ...], renderer: Renderer, *, live: bool = False
) -> str:
    """Return the page; with `live` it asks its server for news."""
    scripts = [renderer.script, _asset("page.js"), *([_asset("live.js")] if live else [])]
    links = build_links(reference)
    info = reference.root.get("info", {})
    title, version = escape(str(info.get("title", "API"))), escape(str(info.get("version", "")))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            *_head(title, scripts, live=live),
            "<body>",
            '<a class="skip" href="#main">Skip to the content</a>',
            "<header>",
            f'<p class="name">{title} <span class="version">{version}</span></p>',
            _TOGGLE,
            _contents(sections),
            "</header>",
            '<main id="main" tabindex="-1">',
            f"<h1>{title}</h1>",
            *(_section(section, links) for section in sections),
            "</main>",
            _footer(renderer),
            f'<script type="application/json" id="openapi">{_specification(reference)}</script>',
            *(f"<script>{script}</script>" for script in scripts),
            "</body>",
            "</html>",
            "",
        ]
    )


def render_waiting() -> str:
    """Return the page that is shown while there is no good one yet; it asks its server for news."""
    script = _asset("live.js")
    head = "\n".join(_head("opay-contract docs", [script], live=True))
    body = "<body>\n<main><h1>No good contract yet</h1></main>"
    return f'<!doctype html>\n<html lang="en">\n{head}\n{body}\n<script>{script}</script>\n</body>\n</html>\n'


def _head(title: str, scripts: Iterable[str], *, live: bool) -> list[str]:
    return [
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts, live=live)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{title}</title>",
        '<link rel="icon" href="data:,">',
        f"<style>{_asset('page.css')}</style>",
        "</head>",
    ]


def _policy(scripts: Iterable[str], *, live: bool) -> str:
    """Allow these very scripts and no other; Redoc writes its styles while it runs."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:"
    return policy + "; base-uri 'none'; form-action 'none'" + ("; connect-src 'self'" if live else "")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _contents(sections: Iterable[Section]) -> str:
    items = "\n".join(f'<li><a href="#{section.id}">{escape(section.title)}</a></li>' for section in sections)
    return f'<nav id="contents" aria-label="Contents"><ul>\n{items}\n</ul></nav>'


def _section(section: Section, links: Links) -> str:
    if section.id != OPERATIONS:
        return render_section(section, links)
    fallback = render_markdown(section.markdown, links, section.id)
    return (
        f'<section id="{section.id}" aria-labelledby="{section.id}-title">\n'
        f'<h2 id="{section.id}-title">{escape(section.title)}</h2>\n'
        f'<div id="redoc"></div>\n<noscript><div class="text">\n{fallback}</div></noscript>\n</section>'
    )


def _footer(renderer: Renderer) -> str:
    return (
        "<footer>\n<p>Made from openapi.yaml and schemas/ by <code>opay-contract docs</code>. The operations "
        f"are shown by Redoc, from {escape(renderer.origin)}.</p>\n"
        f"<details><summary>Licences of Redoc and its parts</summary>\n<pre>{escape(renderer.licences)}</pre>"
        "</details>\n</footer>"
    )


def _specification(reference: Reference) -> str:
    bundle = build_bundle(reference.contract.schemas.documents, recorded_notes(reference))
    bundle["info"] = {key: value for key, value in bundle["info"].items() if key in ("title", "version")}
    shown = {key: value for key, value in bundle.items() if not key.startswith("x-")}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (resources.files("opay_contract.docs") / "page" / name).read_text(encoding="utf-8")
