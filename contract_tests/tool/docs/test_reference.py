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
from opay_contract.docs.outputs import MARKDOWN, OPENAPI, PAGE, build_outputs
from opay_contract.signing.signer import PUBLIC_TEST_KEY, verify

LEDGER = Path(__file__).parents[2] / "tool" / "whole" / "contracts" / "ledger"
CONTRACT = load_contract()


@pytest.fixture(scope="module")
def plain() -> Mapping[str, str]:
    return build_outputs(None, None)


@pytest.fixture(scope="module")
def verified(summary_file: Path) -> Mapping[str, str]:
    return build_outputs(None, gather(summary_file))


class _Tags(HTMLParser):
    """The tags of a page, and the places in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids |= {value for name, value in attrs if name == "id" and value}

    def links(self) -> list[str]:
        """Return where the page's links lead."""
        return [attributes["href"] or "" for tag, attributes in self.tags if tag == "a"]


def row(markdown: str, start: str, *, after: str = "") -> str:
    text = markdown[markdown.index(after) :]
    return next(line for line in text.splitlines() if line.startswith(f"| {start} "))


def test_every_code_and_question_and_source_is_there_with_its_source(plain: Mapping[str, str]) -> None:
    root = CONTRACT.schemas.documents["openapi.yaml"].value
    operation = next(iter(root["paths"].values()))["post"]
    for entry in operation["x-business-codes"]:
        line = row(plain[MARKDOWN], f"`{entry['code']}`", after="## Business codes")
        assert all(f"`{source}`" in line for source in entry["x-source"])
    assert row(plain[MARKDOWN], "`02000`").startswith(
        "| `02000` | authentication failed | “Authentication failed” |"
    )
    for question in CONTRACT.schemas.documents["schemas/open-questions.yaml"].value:
        text = plain[MARKDOWN][plain[MARKDOWN].index(f"#### `{question['id']}`") :]
        for reading in question["readings"]:
            line = row(text, f"`{reading['id']}`")
            assert all(f"`{source}`" in line for source in reading["x-source"])
    for name, source in root["x-sources"].items():
        assert f"| `{source['mark']}` | `{name}` |" in plain[MARKDOWN]


def test_the_form_that_the_contract_is_named_after_comes_first(plain: Mapping[str, str]) -> None:
    assert "\n## Business codes\n" in plain[MARKDOWN]  # of one operation, whose name need not be said
    titles = re.findall(r"^## (.*)$", plain[MARKDOWN], re.MULTILINE)
    assert titles[:3] == ["Overview", "Token Info By User", "Card Token Info"]
    assert re.findall(r"<h2 [^>]*>(.*?)</h2>", plain[PAGE])[:2] == titles[1:3]


def test_members_have_type_limits_requirement_and_sensitivity_in_each_case(plain: Mapping[str, str]) -> None:
    success, error = "Token Info By User: answer with success", "Token Info By User: answer with an error"
    code = row(plain[MARKDOWN], "`/code`", after=success)
    assert code.startswith(
        "| `/code` | string, one of `00000`, `00` | required | `public` | The business codes that"
    )
    data = row(plain[MARKDOWN], "`/data`", after=success)
    assert data.startswith("| `/data` | object | required | – | The data of a successful query by")  # noqa: RUF001
    digits = row(plain[MARKDOWN], "`/data/cardTokens/*/lastFourDigits`", after=success)
    assert "| string, 4 characters, `^[0-9]{4}$` | required | `card` |" in digits
    refused = row(plain[MARKDOWN], "`/data`", after=error)
    assert refused.startswith("| `/data` | null | optional | – | Null where it is present at all.")  # noqa: RUF001
    cases = plain[MARKDOWN][plain[MARKDOWN].index(success) : plain[MARKDOWN].index("#### Sample")]
    assert "With code `00000` or `00`." in cases
    assert "With any other code than `00000` or `00`." in cases


def test_a_member_stands_below_the_member_that_it_is_in(plain: Mapping[str, str]) -> None:
    depth = {attributes.get("id"): attributes.get("class") for _, attributes in _Tags(plain[PAGE]).tags}
    for number, place in enumerate(("code", "data-customer", "data-cardtokens-brand"), 1):
        assert depth[f"token-info-by-user-answer-with-success-{place}"] == f"member depth-{number}"


def test_a_source_of_a_member_is_quoted_where_it_is_cited(plain: Mapping[str, str]) -> None:
    says = "lastFourDigits String Card number last 4 digits."
    title = f"Token Info By User API, table of response parameters: “{says}”"
    assert plain[PAGE].count(f'title="{title}"') == 1


def test_a_member_is_described_once_and_linked_to_from_wherever_it_comes_again(
    plain: Mapping[str, str],
) -> None:
    for text in ("The last four digits of the card number.", "Null where it is present at all."):
        assert [output.count(text) for output in (plain[PAGE], plain[MARKDOWN])] == [1, 1]
    again = row(plain[MARKDOWN], "`/data/lastFourDigits`", after="### Card Token Info")
    assert again.endswith("| as above | – |")  # noqa: RUF001
    first = "token-info-by-user-answer-with-success-data-cardtokens-lastfourdigits"
    assert f'<a class="same" href="#{first}">as above</a>' in plain[PAGE]


def test_sources_that_say_different_things_are_told_apart_from_what_nobody_says(
    plain: Mapping[str, str],
) -> None:
    text = plain[MARKDOWN]
    contradictions = text[text.index("### Where sources") : text.index("### What nobody says")]
    assert "| `string` | A string of digits. | – | `DOC` `page-response-table` |" in contradictions  # noqa: RUF001
    assert "| `number` | A JSON number. | yes | `DOC` `page-example` |" in contradictions
    for one_says_something_or_none in ("opay-token-form", "customer-without-cards"):
        assert f"#### `{one_says_something_or_none}`" not in contradictions


def test_the_mocks_choice_is_the_assumed_reading(plain: Mapping[str, str]) -> None:
    for question in CONTRACT.questions:
        assumed = next(one.id for one in question.readings if one.assumed)
        line = row(plain[MARKDOWN], f"`{assumed}`", after=f"#### `{question.id}`")
        assert re.search(r"[^|] \| yes \| `", line)


def test_without_evidence_the_page_says_that_nothing_was_verified(plain: Mapping[str, str]) -> None:
    assert all("Nothing has been verified yet." in plain[name] for name in (PAGE, MARKDOWN))
    assert "Recordings |" not in plain[MARKDOWN]


def test_each_sample_request_has_the_signature_of_the_public_test_key(plain: Mapping[str, str]) -> None:
    scheme = CONTRACT.signature
    assert scheme
    found = re.findall(
        r"'(Authorization: Bearer) ([0-9a-f]{128})' .*?--data-binary '(.*?)'$",
        plain[MARKDOWN],
        re.DOTALL | re.MULTILINE,
    )
    assert [body for *_, body in found][:2] == [
        '{"customerId":"121111113"}',
        '{"opayToken":"OPAY_TOKEN_bf8593c1693546ea83743e4d433c5bf5"}',
    ]
    assert len(found) == plain[MARKDOWN].count("#### Sample request: ")
    assert len({body for *_, body in found}) == len(found)
    for _, signature, body in found:
        assert verify(body.encode(), f"Bearer {signature}", PUBLIC_TEST_KEY, scheme)
    assert found[0][1].startswith("241fe541e76fd4a3b0b13a2e322bbe8063513849eb5de0b56373af626d8b726b302f7c50")


def test_the_contract_in_one_file_refers_to_nothing_outside_itself(plain: Mapping[str, str]) -> None:
    bundle = json.loads(plain[OPENAPI])
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
    assert len(page.links()) > 100
    assert not [href for href in page.links() if href.removeprefix("#") not in page.ids]


def test_every_anchor_is_one_whatever_things_are_called(contract_dir: Path) -> None:
    spec = contract_dir / "openapi.yaml"
    text = spec.read_text(encoding="utf-8").replace("title: Card Token Info\n", "title: Sources\n")
    text = text.replace("title: Token Info By User\n", "title: بطاقات\n", 2)
    calls = "".join(
        f"  /{path}:\n    get:\n      summary: Odd.\n      responses: {{'200': {{description: All.}}}}\n"
        for path in ("a/b", "a-b")
    )
    spec.write_text(text.replace("\ncomponents:\n", f"\n{calls}\ncomponents:\n"), encoding="utf-8")
    outputs = build_outputs(contract_dir, None)
    page = _Tags(outputs[PAGE])
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {"sources", "sources-2", "بطاقات", "get-a-b", "get-a-b-2"} <= page.ids
    assert not [href for href in page.links() if href.removeprefix("#") not in page.ids]
    assert "Odd." in outputs[MARKDOWN]


def test_another_api_needs_no_code() -> None:
    outputs = build_outputs(LEDGER, None)
    assert "## GET /accounts/{id}/balance" in outputs[MARKDOWN]
    assert "| `/currency` | one of `EGP`, `NGN` | required |" in outputs[MARKDOWN]
    assert "| `/amount` | number, at least 0 | required |" in outputs[MARKDOWN]
    assert "Sample request" not in outputs[MARKDOWN]
    assert "How to sign" not in outputs[MARKDOWN]


def test_nothing_in_a_contract_becomes_a_tag_of_the_page(hostile_dir: Path) -> None:
    page = _Tags(build_outputs(hostile_dir, None)[PAGE])
    assert not [tag for tag, _ in page.tags if tag in {"img", "svg", "iframe", "object", "form"}]
    assert [tag for tag, _ in page.tags].count("script") == 1
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
    assert "unsafe" not in policy
