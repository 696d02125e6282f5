"""The site: its first page's command builds it, no link is broken, and nothing in it comes from elsewhere."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.thorough

REPOSITORY = Path(__file__).parents[3]
LOADING = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "srcset")}
"""What a browser loads without being asked."""


class Names(HTMLParser):
    """Collects the anchors and the links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the names of places, and what is linked."""
        for name, value in attrs:
            if name == "id":
                self.anchors.add(value or "")
            elif name in ("href", "src", "srcset") and value:
                self.links.append((tag, name, value))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Names]:
    found = {path: Names(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert len(found) > 20
    return found


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(pages: dict[Path, Names]) -> None:
    assert [problem for path, names in pages.items() for problem in iter_problems(path, names, pages)] == []


def iter_problems(path: Path, names: Names, pages: dict[Path, Names]) -> Iterator[str]:
    for tag, name, link in names.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            is_loaded = (tag, name) in LOADING and parts.scheme != "data"
            if is_loaded or parts.scheme not in ("https", "data", "mailto"):
                yield f"{path.name}: {tag} {name}={link} is from elsewhere"
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file():
            yield f"{path.name}: {link} is no file"
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"{path.name}: {link} is no place"


def test_no_style_or_script_names_an_address_to_fetch(site: Path) -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    assert len(texts) > 3
    fetched = re.compile(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//")
    assert [path.name for path, text in texts.items() if fetched.search(text)] == []


def test_the_site_has_the_page_and_the_reference_of_the_contract(site: Path) -> None:
    assert {path.name for path in (site / "api").iterdir()} == {"index.html", "openapi.json", "reference.md"}
    contract = (site / "reference" / "contract.html").read_text(encoding="utf-8")
    for text in (
        "../api/index.html",
        "customer-without-cards",
        "Business codes",
        "Where sources contradict",
    ):
        assert text in contract


def test_a_broken_link_fails(tmp_path: Path) -> None:
    docs = tmp_path / "tools" / "docs"
    shutil.copytree(REPOSITORY / "tools" / "docs", docs)
    with (docs / "reference" / "exit-codes.md").open("a", encoding="utf-8") as page:
        page.write("\n[page](gone.md) [place](../start/privacy.md#gone-place) ![picture](gone.png)\n")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "--builder",
        "dummy",
        "--fail-on-warning",
        str(docs),
        str(tmp_path / "site"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    for reason in ("gone.md", "gone-place", "gone.png"):
        assert reason in done.stderr
