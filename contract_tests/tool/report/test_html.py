"""The HTML page as text: whole, escaped, asking for nothing, with the numbers of the summary."""

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from contract_tests.tool.running import run_command
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.model.finding import Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_report import render_html
from opay_contract.words import on_one_line, printable

DATA = Path(__file__).parents[1] / "whole" / "acceptance" / "data"
VOID = {"meta", "link", "input", "br", "wbr"}


class Page(HTMLParser):
    """The elements of a page, its text, and what is left open or closed twice."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Fail where another element is open."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.texts.append(data)

    def tags(self, name: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a name."""
        return [attributes for tag, attributes in self.elements if tag == name]


def without_assets(html: str) -> str:
    """Scrub the page's own style, script, and their hashes."""
    html = re.sub(r"<(style|script)>.*?</\1>", r"<\1></\1>", html, flags=re.DOTALL)
    return re.sub(r"'sha256-[^']+'", "'sha256-HASH'", html)


def test_the_page_is_the_golden_one(
    drifted: DriftSummary,
    explain: Callable[[DriftSummary], CheckedRun],
    assert_golden: Callable[[str, str], None],
) -> None:
    assert_golden("drifted.html", without_assets(render_html(explain(drifted))))


@pytest.mark.parametrize("name", ["drifted", "weeks", "nothing", "clean", "capped", "hostile_explained"])
def test_it_is_whole_and_asks_for_nothing(
    name: str, explain: Callable[[DriftSummary], CheckedRun], request: pytest.FixtureRequest
) -> None:
    given = request.getfixturevalue(name)
    html = render_html(explain(given) if isinstance(given, DriftSummary) else given)
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in {"src", "style", "action"}]
        assert tag not in {"iframe", "object", "embed", "base", "img"}
        for reference in (attributes.get("href"), attributes.get("aria-labelledby")):
            if reference and reference != "data:,":
                assert reference.removeprefix("#") in ids


def test_the_policy_allows_the_page_s_own_script_and_style_and_nothing_else(drifted: DriftSummary) -> None:
    html = render_html(CheckedRun(summary=drifted))
    policy = next(meta for meta in Page(html).tags("meta") if "http-equiv" in meta)["content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (asset,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(asset.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy


def test_everything_from_outside_is_text(hostile_explained: CheckedRun, hostile_text: str) -> None:
    html = render_html(hostile_explained)
    html.encode()
    page = Page(html)
    assert len(page.tags("script")) == len(page.tags("style")) == 1
    assert sum(printable(hostile_text) in text for text in page.texts) > 20
    assert not [c for text in page.texts for c in text if not c.isprintable() and c != "\n"]


def test_every_finding_is_there_with_what_filters_look_at(drifted: DriftSummary) -> None:
    items = [one for one in Page(render_html(CheckedRun(summary=drifted))).tags("li") if "data-rule" in one]
    wanted = {
        (f"finding-{folded.fingerprint}", folded.rule.id, folded.rule.kind.value)
        for folded in drifted.findings.values()
    }
    assert {(one["id"], one["data-rule"], one["data-kind"]) for one in items} == wanted


def test_a_question_has_one_bar_whose_parts_are_as_wide_as_the_shares_beside_it(
    drifted: DriftSummary, contract: Contract
) -> None:
    page = render_html(CheckedRun(summary=drifted, questions=contract.questions))
    html = page.partition('<section id="questions"')[2].partition("</section>")[0]
    shares = [float(share) for share in re.findall(r", ([0-9.]+) %</span>", html)]
    parts = [one for one in Page(html).tags("rect") if (one["class"] or "").startswith("part")]
    assert [float(one["width"] or "") for one in parts] == pytest.approx(shares, abs=0.06)
    assert max(shares) == 100
    assert html.count("<svg") == html.count('<p class="verdict">')


def test_caps_and_nothing_checked_are_told(capped: DriftSummary, nothing: DriftSummary) -> None:
    html = render_html(CheckedRun(summary=capped))
    assert "4 occurrences of further findings not listed" in html
    assert "<li>and 95 more</li>" in html
    assert '<h1 class="error">NOTHING CHECKED  none of the 3' in render_html(CheckedRun(summary=nothing))


def test_beside_a_baseline_the_page_is_the_golden_one(
    judged: CheckedRun, assert_golden: Callable[[str, str], None]
) -> None:
    assert_golden("judged.html", without_assets(render_html(judged)))


def test_accepted_findings_are_folded_away_and_out_of_the_filters_reach(judged: CheckedRun) -> None:
    html = render_html(judged)
    listed, _, rest = html.partition('<section id="unused"')
    accepted = rest.partition('<section id="accepted"')[2]
    assert ("data.<wbr>open" in listed, "data.<wbr>expired" in listed, "data.<wbr>accepted" in listed) == (
        True,
        True,
        False,
    )
    assert listed.count('<span class="chip">Acceptance expired</span>') == 1
    assert accepted.index("<details><summary>1 finding, 3 occurrences</summary>") < accepted.index(
        "data.<wbr>accepted"
    )
    assert "by Mona: ticket 12: they mend it in March" in accepted
    assert "They do not fail the run: --allow-unused." in render_html(replace(judged, allow_unused=True))


def test_a_page_on_which_nothing_counts_is_as_calm_as_one_without_drift(judged: CheckedRun) -> None:
    assert judged.judged
    (accepted, _) = judged.judged.matched.values()
    findings = {accepted.key: judged.summary.findings[accepted.key]}
    summary = replace(judged.summary, findings=findings, occurrences={Severity.ERROR: 3})
    calm = replace(judged, summary=summary, judged=replace(judged.judged, summary=summary, unused=()))
    assert '<h1 class="clean">9 exchanges keep the contract; 1 accepted</h1>' in render_html(calm)


def test_everything_of_a_baseline_is_text(hostile_judged: CheckedRun, hostile_text: str) -> None:
    page = Page(render_html(hostile_judged))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert len(page.tags("script")) == len(page.tags("style")) == 1
    assert sum(on_one_line(hostile_text) in text for text in page.texts) > 1
    assert not [c for text in page.texts for c in text if not c.isprintable() and c != "\n"]


def test_a_place_of_the_contract_links_to_where_the_reference_says_it(tmp_path: Path) -> None:
    assert run_command("docs", "--output", "reference", cwd=tmp_path).returncode == 0
    reference = Page((tmp_path / "reference" / "index.html").read_text(encoding="utf-8"))
    anchors = {attributes.get("id") for _, attributes in reference.elements}
    url = "https://docs.shop.example/opay/"
    check = ("check", DATA / "drifted", "--format", "html")
    assert url not in run_command(*check, cwd=tmp_path).stdout
    page = Page(run_command(*check, "--docs-url", f"{url}#x", cwd=tmp_path).stdout)
    links = [str(link["href"]).partition(url)[2] for link in page.tags("a") if url in str(link["href"])]
    assert len(links) > 20
    assert {link.removeprefix("#") for link in links} <= anchors
    assert any("lastfourdigits" in link for link in links)
    assert "#how-to-sign" in links
    for refused in ("javascript:alert(1)", "data:text/html,x", "JavaScript:x"):
        assert run_command(*check, "--docs-url", refused, cwd=tmp_path).returncode == 2


def test_files_are_counted_where_there_may_be_several(
    drifted: DriftSummary, explain: Callable[[DriftSummary], CheckedRun]
) -> None:
    """A finding in the one file of several that has it says more than in the only one."""
    one = next(iter(drifted.findings.items()))
    summary = replace(drifted, findings={one[0]: replace(one[1], files=(0,))}, passed_over_count=1)
    counted = [replace(explain(summary), inputs=inputs).counts_files for inputs in (None, 2, 3)]
    assert counted == [False, False, True]
