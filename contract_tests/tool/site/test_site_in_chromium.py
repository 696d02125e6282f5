"""The site in Debian's Chromium, from the disk and without a network: narrow and light, wide and dark."""

from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.docs.test_page_in_chromium import drive

pytestmark = pytest.mark.external

LOOK = Path(__file__).with_name("look.mjs")
PAGES = (
    "index",
    "reference/contract",
    "reference/commands",
    "reference/extensions",
    "how-to/make-documentation",
    "how-to/add-an-operation",
)


@pytest.fixture(scope="module")
def seen(site: Path) -> Any:
    """What a browser saw of some pages."""
    looked = drive(LOOK, site.as_uri(), *PAGES)
    assert [look["name"] for look in looked["looks"]] == [name for name in PAGES for _ in range(2)]
    return looked


def test_everything_comes_from_the_disk_and_nothing_complains(seen: Any, site: Path) -> None:
    for look in [*seen["looks"], seen["search"]]:
        assert look["errors"] == []
        assert [url for url in look["requests"] if not url.startswith((f"{site.as_uri()}/", "data:"))] == []


def test_nothing_is_wider_than_the_screen(seen: Any) -> None:
    assert {look["overflow"] for look in seen["looks"]} == {0}


def test_the_site_follows_the_readers_colours(seen: Any) -> None:
    backgrounds = {(look["colorScheme"], look["background"]) for look in seen["looks"]}
    assert backgrounds == {("light", "rgb(255, 255, 255)"), ("dark", "rgb(19, 20, 22)")}


def test_axe_finds_no_serious_or_critical_problem(seen: Any) -> None:
    looked_at = [look["grave"] for look in seen["looks"] if "grave" in look]
    assert looked_at == [[]] * len(PAGES)


def test_search_finds_pages_without_a_server(seen: Any) -> None:
    assert seen["search"]["found"] > 3
