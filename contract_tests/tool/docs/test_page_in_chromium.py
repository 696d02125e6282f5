"""The page in Debian's Chromium without a network: it asks for nothing, and everyone can read it."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.docs.conftest import gather

from opay_contract.docs.outputs import PAGE, build_outputs
from opay_contract.docs.serving import LastGood, serving, watch

pytestmark = pytest.mark.external

BROWSER = Path(__file__).parent / "browser"
PATIENCE = 300


def drive(script: str | Path, *arguments: object) -> Any:
    """Run a script, one of `browser/` or one elsewhere by its whole path, and return what it prints."""
    programs = {"chromium": "chromium", "node": "nodejs"}
    for name, package in programs.items():
        if shutil.which(name) is None:
            pytest.fail(f"{name} is missing: apt-get install {package}")
    for package in ("playwright-core", "axe-core"):
        if not (BROWSER / "node_modules" / package).is_dir():
            pytest.fail(f"the npm package {package} is missing: npm install --prefix {BROWSER}")
    command = ["node", str(BROWSER / script), *map(str, arguments)]
    environment = os.environ | {"CHROMIUM": str(shutil.which("chromium"))}
    done = subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, summary_file: Path) -> Any:
    """What a browser saw of our own page with evidence."""
    page = tmp_path_factory.mktemp("page") / PAGE
    page.write_text(build_outputs(None, gather(summary_file))[PAGE], encoding="utf-8")
    return drive("look.mjs", page.as_uri()) | {"url": page.as_uri()}


def test_the_page_asks_for_nothing_and_complains_about_nothing(seen: Any) -> None:
    for look in seen["looks"]:
        assert look["requests"] == [seen["url"]]
        assert look["errors"] == []


def test_the_page_shows_the_call_its_members_in_each_case_and_what_drifted(seen: Any) -> None:
    for look in seen["looks"]:
        for text in (
            "POST",
            "Answer with success",
            "Answer with an error",
            "lastFourDigits",
            "type-mismatch",
        ):
            assert text in look["shown"]


def test_the_page_is_short_enough_to_be_read(seen: Any) -> None:
    assert {look["height"] <= 12_000 for look in seen["looks"] if look["width"] == 1280} == {True}


def test_a_language_that_is_chosen_holds_for_all_samples_and_can_be_copied(seen: Any) -> None:
    samples = seen["samples"]
    assert [text.partition(" ")[0] for text in samples["first"]] == ["curl", "curl"]
    assert all("node:crypto" in text for text in samples["chosen"])
    assert samples["copied"] == samples["chosen"][0]
    assert samples["said"] == "Copied"


def test_a_link_to_an_open_question_opens_it(seen: Any) -> None:
    assert seen["samples"]["opened"] == ""


def test_nothing_is_cut_at_any_width(seen: Any) -> None:
    for look in seen["looks"]:
        assert look["overflow"] == 0
        assert look["cut"] == []


def test_the_page_follows_the_readers_colours(seen: Any) -> None:
    backgrounds = {look["colorScheme"]: look["background"] for look in seen["looks"]}
    assert backgrounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}


def test_axe_finds_no_serious_or_critical_problem(seen: Any) -> None:
    for look in seen["looks"]:
        assert look["grave"] == []


def test_the_contents_of_a_narrow_page_open_and_lead_to_a_section(seen: Any) -> None:
    navigation = seen["navigation"]
    assert (navigation["before"], navigation["opened"], navigation["after"]) == (False, True, False)
    assert navigation["hash"] == "#how-to-sign"
    assert 0 <= navigation["top"] < 200


def test_a_dark_page_is_printed_black_on_white(seen: Any) -> None:
    printed = seen["print"]
    assert (printed["header"], printed["background"]) == ("none", "rgb(255, 255, 255)")
    for color in printed["colors"]:
        assert max(map(int, re.findall(r"[0-9]+", color))) <= 0x40
    assert printed["begins"] == "%PDF-"


def test_a_hostile_contract_runs_nothing_and_fetches_nothing(hostile_dir: Path, tmp_path: Path) -> None:
    page = tmp_path / PAGE
    page.write_text(build_outputs(hostile_dir, None)[PAGE], encoding="utf-8")
    visit = drive("visit.mjs", page.as_uri())
    assert visit["pwned"] is None
    assert visit["requests"] == [page.as_uri()]
    assert visit["errors"] == []


@pytest.fixture
def live_url(contract_dir: Path) -> Iterator[str]:
    """A live page over a contract that can be edited."""
    build = partial(build_outputs, contract_dir, None, live=True)
    last_good, stop = LastGood(build, contract_dir), threading.Event()
    last_good.look()
    heard: list[str] = []
    watcher = threading.Thread(target=watch, args=(last_good, heard.append, stop))
    watcher.start()
    with serving(last_good, 0) as url:
        yield url
    stop.set()
    watcher.join()


def test_a_live_page_follows_edits_and_tells_what_is_wrong(live_url: str, contract_dir: Path) -> None:
    first, renamed, broken, mended = drive("live.mjs", live_url, contract_dir / "openapi.yaml")
    assert first == mended == ["OPay Token Info By User 0.1.0", ""]
    assert renamed == ["Renamed Token Info By User 0.1.0", ""]
    assert broken[0] == renamed[0]
    assert "openapi.yaml:10:" in broken[1]
