"""Markdown: what a reader of CommonMark with tables makes of it."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import OpenQuestion
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.markdown_report import MAX_ROWS, render_markdown

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TAGS = {
    *("h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"),
    *("details", "summary", "code", "br"),
}
STEP_SUMMARY = 1 << 20
"""What GitHub takes from a step, in bytes."""


def test_the_report_is_the_golden_one(
    fixed: DriftSummary, contract: Contract, assert_golden: Callable[[str, str], None]
) -> None:
    assert_golden("drifted.md", render_markdown(CheckedRun(summary=fixed, questions=contract.questions)))


@pytest.mark.parametrize("name", ["drifted", "hostile", "capped"])
def test_every_row_of_a_table_has_all_its_columns(
    name: str, hostile_questions: tuple[OpenQuestion, ...], request: pytest.FixtureRequest
) -> None:
    text = render_markdown(CheckedRun(summary=request.getfixturevalue(name), questions=hostile_questions))
    for block in text.split("\n\n"):  # readers drop cells beyond those of the header
        lines = block.splitlines()
        assert len({line.count("|") for line in lines if lines[0].startswith("| ")}) <= 1
    html = READER.render(text)
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        assert len({len(re.findall(r"<t[hd]\b", row)) for row in rows}) == 1
        assert len(rows) > 1


def test_nothing_from_outside_formats_links_mentions_or_runs(
    hostile: DriftSummary, hostile_questions: tuple[OpenQuestion, ...]
) -> None:
    text = render_markdown(CheckedRun(summary=hostile, questions=hostile_questions))
    assert text.replace("\n", "").isprintable()
    assert not re.search(r"@|https?:|www\.|\$|~~|\]\(|<script|<img", text)
    html = READER.render(text)
    tags = re.findall(r"<([a-z0-9]+)", html)
    assert set(tags) <= TAGS
    assert tags.count("details") == html.count("</details>")
    assert len(re.findall("window.pwned=1&lt;/script&gt;", html)) > 3


def test_numbers_and_caps_are_told(capped: DriftSummary, contract: Contract) -> None:
    text = render_markdown(CheckedRun(summary=capped, questions=contract.questions))
    numbers = ["14", "7", "1", "31", "3", "100"]
    assert f"| {' | '.join(numbers)} |" in text
    assert "And 95 more." in text
    assert "4 occurrences of further findings kept by no report." in text


def test_nothing_checked_is_said(nothing: DriftSummary, clean: DriftSummary) -> None:
    assert "**Nothing was checked" in render_markdown(CheckedRun(summary=nothing))
    assert "**Checked 2 exchanges: no drift.**" in render_markdown(CheckedRun(summary=clean))


def test_a_step_summary_is_never_too_large(build: Callable[..., FoldedFinding], clean: DriftSummary) -> None:
    place = Place(source=0, entry=1, file="recordings/" + "|" * 100, line=1)
    folded = [build("type-mismatch", f"/data/{'*' * 100}/{n}", place) for n in range(2000)]
    many = replace(
        clean,
        findings={one.finding.key: one for one in folded},
        occurrences={Severity.ERROR: len(folded)},
    )
    text = render_markdown(CheckedRun(summary=many))
    assert len(text.encode()) < STEP_SUMMARY
    assert "Errors (2,000)" in text
    assert f"{2000 - MAX_ROWS:,} findings not listed here; the other formats have them." in text


def test_beside_a_baseline_the_report_is_the_golden_one(
    judged: CheckedRun, assert_golden: Callable[[str, str], None]
) -> None:
    assert_golden("judged.md", render_markdown(judged))


def test_accepted_findings_are_folded_and_unused_acceptances_are_not(judged: CheckedRun) -> None:
    text = render_markdown(judged)
    assert "<details>\n<summary>Accepted (1)</summary>" in text
    assert "<details open>\n<summary>Unused acceptances (1)</summary>" in text
    assert "<code>field-missing</code><br>**acceptance expired on 2026-11-22**" in text
    assert "They do not fail the run" not in text
    assert "They do not fail the run: --allow-unused." in render_markdown(replace(judged, allow_unused=True))


def test_nothing_of_a_baseline_formats_links_mentions_or_runs(hostile_judged: CheckedRun) -> None:
    text = render_markdown(hostile_judged)
    assert text.replace("\n", "").isprintable()
    assert not re.search(r"@|https?:|www\.|\$|~~|\]\(|<script|<img", text)
    html = READER.render(text)
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= TAGS
    assert [len(re.findall("<t[hd]", row)) for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)].count(
        4
    ) == 2


def test_a_step_summary_is_never_too_large_for_what_is_accepted(
    judged: CheckedRun, build: Callable[..., FoldedFinding]
) -> None:
    assert judged.judged
    (acceptance, _), place = judged.judged.matched.values(), Place(source=0, entry=1, file="f", line=1)
    folded = [build("type-mismatch", f"/data/{'*' * 100}/{n}", place) for n in range(MAX_ROWS + 9)]
    findings = {one.finding.key: one for one in folded}
    summary = DriftSummary(exchanges=1, findings=findings, occurrences={Severity.ERROR: len(folded)})
    wordy = replace(acceptance, reason="~" * 100_000)
    wide = replace(judged.judged, summary=summary, matched=dict.fromkeys(findings, wordy))
    text = render_markdown(replace(judged, summary=summary, judged=wide))
    assert len(text.encode()) < STEP_SUMMARY
    assert f"Accepted ({MAX_ROWS + 9})" in text
    assert "10 findings not listed here" in text  # one row is that of the unused acceptance
