"""What the reference says, and that nothing in a contract can make the page do something."""

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.docs.conftest import gather
from markdown_it import MarkdownIt

from opay_contract.contract.loading import load_contract
from opay_contract.docs.outputs import MARKDOWN, PAGE, build_outputs

LEDGER = Path(__file__).parents[2] / "tool" / "whole" / "contracts" / "ledger"
CONTRACT = load_contract()


@pytest.fixture(scope="module")
def plain() -> Mapping[str, str]:
    return build_outputs(None, None)


@pytest.fixture
def verified(summary_file: Path) -> Mapping[str, str]:
    return build_outputs(None, gather(summary_file))


class _Tags(HTMLParser):
    """The tags of a page, and the text of its data block."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids |= {value for name, value in attrs if name == "id" and value}


def specification(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="openapi">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found.group(1))


def row(markdown: str, start: str, *, after: str = "") -> str:
    text = markdown[markdown.index(after) :]
    return next(line for line in text.splitlines() if line.startswith(f"| {start} "))


def test_every_code_and_question_and_source_is_there_with_its_source(plain: Mapping[str, str]) -> None:
    root = CONTRACT.schemas.documents["openapi.yaml"].value
    operation = next(iter(root["paths"].values()))["post"]
    for entry in operation["x-business-codes"]:
        line = row(plain[MARKDOWN], f"`{entry['code']}`", after="## Business codes")
        assert all(f"`{source}`" in line for source in entry["x-source"])
    for question in root["x-open-questions"]:
        text = plain[MARKDOWN][plain[MARKDOWN].index(f"### `{question['id']}`") :]
        for reading in question["readings"]:
            line = row(text, f"`{reading['id']}`")
            assert all(f"`{source}`" in line for source in reading["x-source"])
    for name, source in root["x-sources"].items():
        assert f"| `{source['mark']}` | `{name}` |" in plain[MARKDOWN]


def test_members_have_type_requirement_and_sensitivity(plain: Mapping[str, str]) -> None:
    table = "### Token Info By User: answer"
    assert row(plain[MARKDOWN], "`/code`", after=table).startswith("| `/code` | string | yes | `public` |")
    data = row(plain[MARKDOWN], "`/data`", after=table)
    assert data.startswith("| `/data` | object or null | in some cases | – |")  # noqa: RUF001
    digits = row(plain[MARKDOWN], "`/data/cardTokens/*/lastFourDigits`", after=table)
    assert "| yes | `card` |" in digits


def test_sources_that_say_different_things_are_told_apart_from_what_nobody_says(
    plain: Mapping[str, str],
) -> None:
    text = plain[MARKDOWN]
    contradictions = text[text.index("## Where sources") : text.index("## Open questions")]
    assert "`page-response-table`: A string of digits. `DOC` `page-example`: A JSON number." in contradictions
    assert "`customer-without-cards`" not in contradictions


def test_the_mocks_choice_is_the_assumed_reading(plain: Mapping[str, str]) -> None:
    for question in CONTRACT.questions:
        line = row(plain[MARKDOWN], f"`{question.id}`", after="## What the mock does")
        assert f"| `{next(one.id for one in question.readings if one.assumed)}` |" in line


def test_without_evidence_the_page_says_that_nothing_was_verified(plain: Mapping[str, str]) -> None:
    assert all("Nothing has been verified yet." in text for text in plain.values())
    assert "x-recordings" not in json.dumps(specification(plain[PAGE]))


def test_the_embedded_document_refers_to_nothing_outside_itself(plain: Mapping[str, str]) -> None:
    bundle = specification(plain[PAGE])
    references = list(_references(bundle))
    assert references
    for reference in references:
        node = bundle
        for token in reference.removeprefix("#/").split("/"):
            node = node[token.replace("~1", "/").replace("~0", "~")]
    assert bundle["components"]["schemas"]["CardToken"]["title"] == "Card token"


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from _references(child)


def test_every_link_within_the_page_leads_somewhere(verified: Mapping[str, str]) -> None:
    page = _Tags(verified[PAGE])
    anchors = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
    assert len(anchors) > 100
    assert not [anchor for anchor in anchors if anchor.removeprefix("#") not in page.ids]


def test_another_api_needs_no_code() -> None:
    outputs = build_outputs(LEDGER, None)
    assert "### `GET /accounts/{id}/balance`" in outputs[MARKDOWN]
    assert "| `/currency` | one of a list | yes |" in outputs[MARKDOWN]
    assert "How to sign" not in outputs[MARKDOWN]


def test_nothing_in_a_contract_becomes_a_tag_of_the_page(hostile_dir: Path) -> None:
    page = _Tags(build_outputs(hostile_dir, None)[PAGE])
    assert not [tag for tag, _ in page.tags if tag in {"img", "svg", "iframe", "object", "form"}]
    assert [tag for tag, _ in page.tags].count("script") == 3
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    links = [attributes.get("href") or "#" for _, attributes in page.tags]
    assert all(link.startswith("#") or link == "data:," for link in links)


def test_nothing_in_a_contract_becomes_a_tag_or_a_picture_of_the_markdown(hostile_dir: Path) -> None:
    text = build_outputs(hostile_dir, None)[MARKDOWN]
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    kinds = {child.type for token in tokens for child in [token, *(token.children or [])]}
    assert not kinds & {"html_inline", "html_block", "image"}


def test_the_policy_allows_these_scripts_and_no_other(plain: Mapping[str, str]) -> None:
    page = plain[PAGE]
    policy = next(
        attributes["content"] or ""
        for _, attributes in _Tags(page).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src" not in policy
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
