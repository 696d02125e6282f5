"""A run that was interrupted: every format says that its report is a part."""

from msgspec.structs import replace

from opay_contract.model.summary import DriftSummary
from opay_contract.report.annotations import render_github, render_sarif
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_report import render_html
from opay_contract.report.junit_report import render_junit
from opay_contract.report.markdown_report import render_markdown


def test_every_format_says_that_not_everything_was_checked(clean: DriftSummary) -> None:
    for render in (render_github, render_html, render_junit, render_markdown, render_sarif):
        assert "was interrupted: not everything was checked" in render(
            CheckedRun(summary=replace(clean, is_partial=True))
        )
        assert "interrupted" not in render(CheckedRun(summary=clean))


def test_what_decides_by_the_report_does_not_take_a_part_for_a_success(clean: DriftSummary) -> None:
    partial = CheckedRun(summary=replace(clean, is_partial=True))
    assert '"executionSuccessful": false' in render_sarif(partial)
    assert 'errors="1"' in render_junit(partial)
    assert render_github(partial).startswith("::error ")
