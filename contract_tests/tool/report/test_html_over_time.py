"""What the HTML page shows of time and presence: charts with the numbers that were counted, and words."""

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import date

import pytest
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.model.finding import Severity
from opay_contract.model.observation import EARLIER, Observed
from opay_contract.model.summary import DriftSummary
from opay_contract.report.charts import MAX_COLUMNS, build_timeline
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_report import MAX_CHANGES, render_html
from opay_contract.report.markdown_report import render_markdown

Explain = Callable[[DriftSummary], CheckedRun]
SENSITIVE = (
    *("/request/body/customerId", "/request/body/opayToken", "/response/body/data/opayToken"),
    *("customerName", "customerEmail", "customerMobile", "lastFourDigits", "firstSixDigits"),
)


@pytest.fixture(scope="module")
def page(weeks: DriftSummary, explain: Explain) -> str:
    return render_html(explain(weeks))


def section(page: str, id_: str) -> str:
    """Return a part of the page."""
    found = re.search(rf'<section id="{id_}".*?</section>', page, re.DOTALL)
    assert found, id_
    return found.group()


def charts(html: str, kind: str) -> list[str]:
    return re.findall(rf'<svg[^>]*class="{kind}".*?</svg>', html)


def test_columns_and_table_have_the_counts_of_the_days(page: str, lines_of_weeks: list[str]) -> None:
    recorded = [json.loads(line).get("recorded_at", "")[:10] for line in lines_of_weeks]
    days = Counter(day for day in recorded if day >= "2026-05-01")
    exchanges = charts(section(page, "time"), "columns")[0]
    assert "<title>Exchanges over time</title>" in exchanges
    labels = re.findall(r"<title>([0-9]+) on ([0-9-]+)</title>", exchanges)
    assert {day: int(number) for number, day in labels} == days
    rows = re.findall(r'<tr><th scope="row">([0-9-]+)</th><td>([0-9]+)</td>', section(page, "time"))
    assert {day: int(number) for day, number in rows} == days


def test_occurrences_are_counted_by_severity_and_day(page: str, weeks: DriftSummary) -> None:
    rows = re.findall(r'<tr><th scope="row">[0-9-]+</th>((?:<td>[0-9]+</td>)+)</tr>', section(page, "time"))
    counts = [list(map(int, re.findall(r"[0-9]+", row))) for row in rows]
    _, *severities, changes = map(sum, zip(*counts, strict=True))
    assert severities == [weeks.occurrences[severity] for severity in reversed(Severity)]
    assert changes == 11


def test_a_chart_is_as_high_as_its_numbers_and_the_least_can_be_seen(page: str) -> None:
    for chart in charts(section(page, "time"), "columns"):
        numbers = [int(number) for number in re.findall(r"<title>([0-9]+) on", chart)]
        heights = [float(height) for height in re.findall(r'width="0.8" height="([0-9.]+)"', chart)]
        wanted = [max(5.0, 100 * number / max(numbers)) for number in numbers]
        assert heights == pytest.approx(wanted, abs=0.01)


def test_what_is_accepted_is_left_out_of_the_time_line(judged: CheckedRun) -> None:
    assert judged.judged
    days = {"2026-05-01": 1, "2026-05-02": 2}
    findings = {key: replace(folded, days=days) for key, folded in judged.summary.findings.items()}
    summary = replace(judged.summary, findings=findings)
    run = replace(judged, summary=summary, judged=replace(judged.judged, summary=summary))
    html = section(render_html(run), "time")
    assert re.findall(r'<tr><th scope="row">([0-9-]+)</th><td>([0-9]+)</td></tr>', html) == [
        ("2026-05-01", "2"),
        ("2026-05-02", "4"),
    ]
    assert "What is accepted is left out." in html


def test_findings_say_when_they_were_first_and_last_seen_and_on_how_many_days(page: str) -> None:
    items = re.findall(r'<li class="finding error".*?</details>', page, re.DOTALL)
    found = next(item for item in items if "customerMobile</code>" in item)
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", found))
    assert re.sub("<.*?>", "", facts["First seen"]).startswith("2026-06-03T")
    assert re.sub("<.*?>", "", facts["Last seen"]).startswith("2026-06-14T")
    assert facts["Days"].startswith("12 days, most on 2026-06-")
    assert len(charts(facts["Days"], "spark")) == 1


def test_a_change_is_dated_in_words_and_marked_in_its_chart(page: str) -> None:
    items = re.findall(r'<li class="change">.*?</li>', section(page, "changes"), re.DOTALL)
    assert len(items) == 11
    (country,) = [item for item in items if "cardTokens/*/issuerCountry" in item]
    assert '<time datetime="2026-05-18">2026-05-18</time> <span class="chip">appeared</span>' in country
    assert "Present in 100 % (891 of 891) from then on, in 0 % (0 of 522) before." in country
    (chart,) = charts(country, "rates")
    column = (date(2026, 5, 18) - date(2026, 5, 4)).days
    assert f'x1="{column}" ' in chart
    assert f'<polygon class="value" points="0,100 {column}.1,100 {column}.1,0 ' in chart
    (stamp,) = [item for item in items if "cardTokens/*/createTimestamp" in item]
    assert "String in 52 % (266 of 509) from then on, in 0 % (0 of 904) before." in stamp


def test_bars_of_presence_are_as_wide_as_the_shares_beside_them(page: str, weeks: DriftSummary) -> None:
    html = section(page, "presence")
    shares = re.findall(r"\(([0-9,]+) of ([0-9,]+)\)</span>", html)
    rates = [100 * int(n.replace(",", "")) / int(of.replace(",", "")) for n, of in shares]
    widths = [float(w) for w in re.findall(r'<rect class="value" width="([0-9.]+)"', html)]
    assert widths == pytest.approx(rates, abs=0.01)
    counted = weeks.observations["queryCardTokens", "by-customer", "success", "/response/body/data/risk"]
    assert (str(counted.count), "946") in shares


def test_members_that_nobody_documents_or_that_were_never_there_are_marked(
    weeks: DriftSummary, contract: Contract
) -> None:
    location = ("queryCardTokens", "by-customer", "success", "/response/body/data/cardTokens")
    kept = {key: one for key, one in weeks.observations.items() if not key[3].startswith(location[3])}
    page = render_html(CheckedRun(summary=replace(weeks, observations=kept), contract=contract))
    tree = section(page, "presence")
    assert re.search(
        r'<li class="member undocumented">\n<div class="name"><code>risk</code> '
        r'<span class="chip tag">undocumented</span></div>',
        tree,
    )
    never = r'<li class="member unseen">\n<div class="name"><code>{}</code> <span class="chip tag">never seen</span></div>\n<span class="number">{}</span><svg'  # noqa: E501
    assert re.search(never.format("cardTokens", r"0 % \(0 of 946\)"), tree)
    assert re.search(never.format("brand", "nothing could have it"), tree)


def test_nothing_recorded_is_shown_but_words_of_public_members(
    page: str, weeks: DriftSummary, explain: Explain, lines_of_weeks: list[str]
) -> None:
    assert "values &#39;VISA&#39; " in page
    shown = page + render_markdown(explain(weeks))
    for line in lines_of_weeks:
        exchange = json.loads(line)
        texts = re.findall(
            r'"(?:customerId|opayToken|customerName|customerEmail|customerMobile|traceId)": "(.*?)"', line
        )
        texts.append(exchange["request"]["headers"]["Authorization"].split()[1])
        assert [text for text in texts if text in shown] == []
    assert "411111" not in shown


def test_every_chart_has_words(page: str) -> None:
    images = re.findall(r"<svg[^>]*>(?:<title>.*?</title>)?(?:<desc>.*?</desc>)?", page)
    for image in images:
        assert 'aria-hidden="true"' in image or re.search(
            r'role="img"><title>.+</title><desc>.+</desc>$', image
        )
    assert len(images) > 50


@each(
    ("first", "last", "step"),
    [
        ("2026-05-01", "2026-05-01", 1),
        ("2026-01-01", "2026-05-10", 1),
        ("2026-01-01", "2026-05-11", 7),
        ("2020-02-29", "2026-05-10", 28),
        ("0001-01-01", "9999-12-31", 36400),
    ],
)
def test_a_chart_has_columns_enough_and_not_too_many(first: str, last: str, step: int) -> None:
    timeline = build_timeline({first: 1, EARLIER: 7, "": 9}, {last: 2})
    assert timeline is not None
    assert timeline.step == step
    assert timeline.columns <= MAX_COLUMNS
    for day, column in ((first, 0), (last, -1)):
        counts = timeline.counts({day: 2, EARLIER: 7, "": 9})
        assert (counts[column], sum(counts), len(counts)) == (2, 2, timeline.columns)
    assert timeline.label(timeline.columns - 1).endswith(last)


def test_there_is_a_time_line_only_where_there_is_more_than_a_day(contract: Contract) -> None:
    root = ("queryCardTokens", "by-customer", "success", "")
    for days, has_section in (
        ({"": 3}, False),
        ({"2026-05-01": 3}, False),
        ({"2026-05-01": 2, "2026-05-02": 1}, True),
    ):
        observed = Observed(is_documented=True, types={"exchange": days})
        summary = DriftSummary(exchanges=3, observations={root: observed})
        page = render_html(CheckedRun(summary=summary, contract=contract))
        assert ('<section id="time"' in page) is has_section
        assert ("<svg" in page) is has_section


def test_caps_that_bit_and_what_is_outside_the_window_are_told(weeks: DriftSummary, explain: Explain) -> None:
    run = explain(weeks)
    change = run.insight.changes[0]
    insight = replace(run.insight, changes=(change,) * (MAX_CHANGES + 7), limits=("Only so many <days>.",))
    page = render_html(replace(run, insight=insight))
    assert section(page, "changes").count('<li class="change">') == MAX_CHANGES
    assert f"The latest {MAX_CHANGES:,}; 7 before them are left out." in page
    assert "<p>Only so many &lt;days&gt;.</p>" in section(page, "summary")
    assert "<dt>Outside the window</dt><dd>5</dd>" in page
    assert "Outside --since and --until: 5 exchanges, 2 of them without a time." in page
    assert "Outside --since and --until: 5 exchanges" in render_markdown(run)


def test_questions_have_a_verdict_or_say_why_they_have_none(page: str) -> None:
    html = section(page, "questions")
    assert "<strong>Verdict: <code>00000</code></strong>, alone in 1,181 observations." in html
    assert "No verdict: more than one reading holds, in 1,648 observations." in html
    assert "No verdict yet: 43 observations; it takes 100." in html


def test_a_body_as_deep_as_a_reader_allows_does_not_nest_the_page_too_deep(weeks: DriftSummary) -> None:
    deep = "/response/body" + "/a" * 900
    locations = {
        ("o", "", "success", deep[:end]): end for end in range(len("/response/body"), len(deep) + 1, 2)
    }
    observed = Observed(is_documented=False, types={"object": {"2026-05-01": 1}})
    summary = replace(weeks, observations=dict.fromkeys(locations, observed))
    html = section(render_html(CheckedRun(summary=summary)), "presence")
    assert html.count('<li class="member') == 901
    depth = deepest = 0
    for tag in re.findall(r"</?ul", html):
        depth += 1 if tag == "<ul" else -1
        deepest = max(deepest, depth)
    assert deepest < 15
