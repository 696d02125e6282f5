"""Changes, gaps and verdicts inform: formats that make alerts or test cases of findings only count them."""

import json
import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from opay_contract.model.finding import Insight
from opay_contract.model.summary import DriftSummary
from opay_contract.report.annotations import render_github, render_sarif
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.junit_report import render_junit


@pytest.fixture(scope="module")
def told(weeks: DriftSummary, explain: Callable[[DriftSummary], CheckedRun]) -> CheckedRun:
    run = explain(weeks)
    assert (len(run.insight.changes), len(run.insight.gaps)) == (11, 20)
    return run


@pytest.fixture(scope="module")
def untold(told: CheckedRun) -> CheckedRun:
    return replace(told, insight=Insight())


def test_sarif_counts_them_in_the_properties_of_the_run(told: CheckedRun, untold: CheckedRun) -> None:
    (run,), (bare,) = json.loads(render_sarif(told))["runs"], json.loads(render_sarif(untold))["runs"]
    numbers = {"outsideWindow": 5, "changes": 11, "neverSeen": 20, "narrower": 0}
    assert run["properties"].items() >= numbers.items()
    assert run | {"properties": {}} == bare | {"properties": {}}
    first = next(one for one in run["results"] if one["ruleId"] == "field-missing")
    assert first["properties"]["recordedFrom"] == "2026-06-03T08:00:00.000000Z"


def test_junit_counts_them_in_the_properties_of_the_suite(told: CheckedRun, untold: CheckedRun) -> None:
    text = render_junit(told)
    for name, number in {"outside_window": 5, "changes": 11, "never_seen": 20, "narrower": 0}.items():
        assert f'<property name="{name}" value="{number}"/>' in text
    assert re.findall("<testcase.*", text) == re.findall("<testcase.*", render_junit(untold))
    assert "recorded 2026-06-03T08:00:00Z to 2026-06-14T" in text


def test_github_gets_one_notice_of_changes_and_none_where_nothing_changed(
    told: CheckedRun, untold: CheckedRun
) -> None:
    lines, bare = render_github(told).splitlines(), render_github(untold).splitlines()
    (notice,) = [line for line in lines if line not in bare]
    message = "11 changes over time (2026-05-18 to 2026-06-04); the other formats show them."
    assert notice == f"::notice title=opay-contract%3A changes::{message}"
    assert [line for line in lines if line != notice] == bare
