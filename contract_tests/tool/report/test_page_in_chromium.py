"""The page in Debian's Chromium without a network: narrow, wide, light, dark, with and without script."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.docs.test_page_in_chromium import drive
from msgspec.structs import replace

from opay_contract.model.summary import DriftSummary, merge
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_report import render_html

pytestmark = pytest.mark.external

LOOK = Path(__file__).with_name("look.mjs")
LOOKS = ("390-dark", "768-light", "1280-light")


def look(html: str, folder: Path, *looks: str) -> Any:
    """Open a page at widths, light or dark, and return what the browser saw."""
    page = folder / "report.html"
    page.write_text(html, encoding="utf-8")
    return drive(LOOK, page.as_uri(), *looks) | {"url": page.as_uri()}


@pytest.fixture(scope="module")
def busy(drifted: DriftSummary, weeks: DriftSummary) -> DriftSummary:
    """Findings of every kind, and six weeks in which much changes."""
    return merge(drifted, weeks)


@pytest.fixture(scope="module")
def seen(
    busy: DriftSummary,
    explain: Callable[[DriftSummary], CheckedRun],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    return look(render_html(explain(busy)), tmp_path_factory.mktemp("page"), *LOOKS)


def test_the_page_asks_for_nothing_and_complains_about_nothing(seen: Any) -> None:
    for one in seen["looks"]:
        assert one["requests"] == [seen["url"]]
        assert one["errors"] == []


def test_nothing_is_cut_at_any_width(seen: Any) -> None:
    assert [(one["overflow"], one["cut"]) for one in seen["looks"]] == [(0, [])] * len(LOOKS)


def test_charts_have_room_at_any_width(seen: Any) -> None:
    for one in seen["looks"]:
        assert min(one["charts"].values()) >= 150


def test_what_is_folded_away_is_printed(seen: Any) -> None:
    assert [one["unprinted"] for one in seen["looks"]] == [[]] * len(LOOKS)


def test_the_page_follows_the_readers_colours(seen: Any) -> None:
    backgrounds = {one["colorScheme"]: one["background"] for one in seen["looks"]}
    assert backgrounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}


def test_axe_finds_no_serious_or_critical_problem(seen: Any) -> None:
    assert [one["grave"] for one in seen["looks"]] == [[]] * len(LOOKS)


def test_filters_show_what_they_say(seen: Any, busy: DriftSummary) -> None:
    rules = [folded.rule for folded in busy.findings.values()]
    expected = {
        "all": len(rules),
        "withoutErrors": sum(rule.severity.label != "error" for rule in rules),
        "undocumented": sum(rule.kind == "undocumented" for rule in rules),
        "headerMissing": 2,
        "merchantId": 1,
        "reset": len(rules),
    }
    assert seen["filters"] == {
        name: [number, f"{number} of {len(rules)} shown"] for name, number in expected.items()
    }


def test_without_script_everything_is_there_but_the_filters(seen: Any, busy: DriftSummary) -> None:
    shown = {"findings": len(busy.findings), "filters": False, "charts": 5, "errors": []}
    assert seen["withoutScript"] == shown


def test_a_hostile_summary_runs_nothing_and_is_not_cut(
    hostile_explained: CheckedRun, drifted: DriftSummary, tmp_path: Path
) -> None:
    hostile = hostile_explained.summary
    both = hostile.findings | drifted.findings  # the filters that the browser tries are for the latter
    page = render_html(replace(hostile_explained, summary=replace(hostile, findings=both)))
    shown = look(page, tmp_path, "390-light")
    for one in shown["looks"]:
        assert (one["pwned"], one["requests"], one["errors"]) == (None, [shown["url"]], [])
        assert (one["overflow"], one["cut"], one["grave"]) == (0, [], [])
