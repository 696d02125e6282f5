"""Texts as Markdown and Markdown as HTML: what is linked, what is escaped, and what stays one cell."""

from opay_contract.docs.outputs import code, fenced, plain, row, to_html

LINKS = {"page": ("#source-page", "DOC: a page")}


def test_a_name_that_stands_as_code_is_linked() -> None:
    assert to_html("See `page`.", LINKS) == (
        '<p>See <a href="#source-page" title="DOC: a page"><code>page</code></a>.</p>\n'
    )
    assert "<a" not in to_html("See `pages` and page.", LINKS)


def test_a_name_within_a_link_is_not_linked_again() -> None:
    assert to_html("[see `page`](#there)", LINKS).count("<a ") == 1


def test_a_cell_with_a_bar_stays_one_cell_and_an_empty_one_is_a_dash() -> None:
    assert row(["a|b", r"c\|d", ""]) == r"| a\|b | c\|d | – |"  # noqa: RUF001  a dash


def test_code_holds_any_backticks_and_a_block_any_fence() -> None:
    assert [code(text) for text in ("a", "`a", "a``b", "")] == ["`a`", "`` `a ``", "```a``b```", ""]
    assert fenced("```\n") == "````\n```\n````"
    assert fenced("``\n") == "```\n``\n```"


def test_words_that_would_begin_a_list_or_name_a_tag_stay_words() -> None:
    assert [plain(text) for text in ("- a", "1. a", "1.5", "<b> & _c_")] == [
        r"\- a",
        r"1\. a",
        "1.5",
        r"\<b\> \& \_c\_",
    ]
