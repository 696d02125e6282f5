"""The site in Debian's Chromium, from the disk and without a network: narrow and wide, light and dark."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.external

HERE = Path(__file__).parent
BROWSER = HERE.parent / "docs" / "browser"
PAGES = (
    "index",
    "reference/contract",
    "reference/commands",
    "reference/extensions",
    "how-to/make-documentation",
    "how-to/add-an-operation",
)
PATIENCE = 400


@pytest.fixture(scope="module")
def seen(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a browser saw of some pages; its pictures go where SITE_PICTURES says."""
    for name, package in {"chromium": "chromium", "node": "nodejs"}.items():
        if shutil.which(name) is None:
            pytest.fail(f"{name} is missing: apt-get install {package}")
    if not (BROWSER / "node_modules" / "axe-core").is_dir():
        pytest.fail(f"npm packages are missing: npm install --prefix {BROWSER}")
    pictures = Path(os.environ.get("SITE_PICTURES") or tmp_path_factory.mktemp("pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    command = ["node", str(HERE / "look.mjs"), site.as_uri(), str(pictures), *PAGES]
    done = subprocess.run(
        command,
        env=os.environ | {"CHROMIUM": str(shutil.which("chromium"))},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    looked = json.loads(done.stdout)
    assert [look["name"] for look in looked["looks"]] == [name for name in PAGES for _ in range(4)]
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
    assert [look["grave"] for look in seen["looks"] if look["grave"]] == []


def test_search_finds_pages_without_a_server(seen: Any) -> None:
    assert seen["search"]["found"] > 3
