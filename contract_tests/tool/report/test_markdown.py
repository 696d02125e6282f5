"""Markdown: what a reader of CommonMark with tables makes of it."""

import re
from collections.abc import Callable

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Finding, Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.markdown_report import MAX_ROWS, render_markdown

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TAGS = {
    *("h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"),
    *("details", "summary", "code", "br"),
}
STEP_SUMMARY = 1 << 20
"""What GitHub takes from a step, in bytes."""


@pytest.mark.parametrize("name", ["drifted", "weeks"])
def test_the_report_is_the_golden_one(
    name: str,
    explain: Callable[[DriftSummary], CheckedRun],
    assert_golden: Callable[[str, str], None],
    request: pytest.FixtureRequest,
) -> None:
    assert_golden(f"{name}.md", render_markdown(explain(request.getfixturevalue(name))))


@pytest.mark.parametrize("name", ["drifted", "weeks", "hostile_explained", "capped"])
def test_every_row_of_a_table_has_all_its_columns(
    name: str, explain: Callable[[DriftSummary], CheckedRun], request: pytest.FixtureRequest
) -> None:
    given = request.getfixturevalue(name)
    text = render_markdown(explain(given) if isinstance(given, DriftSummary) else given)
    for block in text.split("\n\n"):  # readers drop cells beyond those of the header
        lines = block.splitlines()
        assert len({line.count("|") for line in lines if lines[0].startswith("| ")}) <= 1
    html = READER.render(text)
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        assert len({len(re.findall(r"<t[hd]\b", row)) for row in rows}) == 1
        assert len(rows) > 1


def test_nothing_from_outside_formats_links_mentions_or_runs(hostile_explained: CheckedRun) -> None:
    text = render_markdown(hostile_explained)
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
    assert "4 occurrences of further findings not listed: the report keeps 22 findings." in text


def test_nothing_checked_is_said(nothing: DriftSummary, clean: DriftSummary) -> None:
    assert "**Nothing was checked" in render_markdown(CheckedRun(summary=nothing))
    assert "**Checked 2 exchanges: no drift.**" in render_markdown(CheckedRun(summary=clean))


def test_a_step_summary_is_never_too_large(build: Callable[..., Finding], clean: DriftSummary) -> None:
    place = Place(source=0, entry=1, file="recordings/" + "|" * 100, line=1)
    folded = [build("type-mismatch", f"/data/{'*' * 100}/{n}", place) for n in range(2000)]
    many = replace(
        clean,
        findings={one.key: one for one in folded},
        occurrences={Severity.ERROR: len(folded)},
    )
    text = render_markdown(CheckedRun(summary=many))
    assert len(text.encode()) < STEP_SUMMARY
    assert "Errors (2,000)" in text
    assert f"{2000 - MAX_ROWS:,} findings not listed here; the other formats have them." in text


def test_a_step_summary_is_never_too_large_for_what_was_observed(hostile_explained: CheckedRun) -> None:
    insight = hostile_explained.insight
    long = "/" + "~" * 9999
    wide = [
        replace(
            gap,
            location=(*gap.location[:3], f"{gap.location[3]}/{n}{long}"),
            documented=gap.documented + long,
        )
        for gap in insight.gaps
        for n in range(999)
    ]
    many = replace(insight, changes=insight.changes * 999, gaps=tuple(wide), limits=("~" * 99_999,))
    text = render_markdown(replace(hostile_explained, insight=many))
    assert len(text.encode()) < STEP_SUMMARY
    found = len(hostile_explained.summary.findings)
    assert f"And {999 - (MAX_ROWS - found)} more." in text
    assert text.count("None of them is listed here.") == 2
    for some in (wide[:1998], wide[1998:]):
        fewer = replace(many, changes=(), gaps=tuple(some))
        text = render_markdown(replace(hostile_explained, insight=fewer))
        assert len(text.encode()) < STEP_SUMMARY
        assert ("and 959 more" in text) is (some == wide[:1998])


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
    html = html.partition("</table>")[2].partition("Open questions")[0]  # behind the numbers of the run
    assert [len(re.findall("<t[hd]", row)) for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)].count(
        4
    ) == 2


def test_a_step_summary_is_never_too_large_for_what_is_accepted(
    judged: CheckedRun, build: Callable[..., Finding]
) -> None:
    assert judged.judged
    (acceptance, _), place = judged.judged.matched.values(), Place(source=0, entry=1, file="f", line=1)
    folded = [build("type-mismatch", f"/data/{'*' * 100}/{n}", place) for n in range(MAX_ROWS + 9)]
    findings = {one.key: one for one in folded}
    summary = DriftSummary(exchanges=1, findings=findings, occurrences={Severity.ERROR: len(folded)})
    wordy = replace(acceptance, reason="~" * 100_000)
    wide = replace(judged.judged, summary=summary, matched=dict.fromkeys(findings, wordy))
    text = render_markdown(replace(judged, summary=summary, judged=wide))
    assert len(text.encode()) < STEP_SUMMARY
    assert f"Accepted ({MAX_ROWS + 9})" in text
    assert "10 findings not listed here" in text  # one row is that of the unused acceptance
