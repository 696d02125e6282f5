"""A value is described by type, length and shape; what it says is never shown."""

import re
from typing import Any

from contract_tests.usual import each
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opay_contract.jsontext import Tokens
from opay_contract.judge.describing import (
    describe_media_type,
    describe_name,
    describe_value,
    fold_pointer,
)

QUICK = settings(deadline=None, derandomize=True, max_examples=50)
VOCABULARY = re.compile(
    "null|boolean|very long integer|number|empty string|(integer|string|array|object) of [0-9]+ "
    "(characters?|digits?|items?|members?)|, (digits|letters|letters and digits|white space|mixed characters)"
)
TEXTS = (
    st.text(max_size=40)
    | st.text("0123456789 -", min_size=5, max_size=24)
    | st.emails()
    | st.from_regex(r"[0-9]{5,20}")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXTS, children, max_size=3),
    max_leaves=6,
)


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts_in(part)]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return [value if isinstance(value, str) else repr(value)]


def shows(description: str, value: Any) -> bool:
    """Return whether four characters in a row of a value stand in what is not the fixed vocabulary."""
    rest = VOCABULARY.sub("\0", description)
    return any(text[start : start + 4] in rest for text in texts_in(value) for start in range(len(text) - 3))


@each(
    ("value", "words"),
    [
        (None, "null"),
        (True, "boolean"),
        (0, "integer of 1 digit"),
        (-12, "integer of 2 digits"),
        (10**19, "integer of 20 digits"),
        (10**20, "very long integer"),
        (10**3999, "very long integer"),
        (1.5, "number"),
        ("", "empty string"),
        ("7", "string of 1 character, digits"),
        ("abc", "string of 3 characters, letters"),
        ("ab1", "string of 3 characters, letters and digits"),
        (" \n", "string of 2 characters, white space"),
        ("a b", "string of 3 characters, mixed characters"),
        ("٣", "string of 1 character, mixed characters"),
        ("12\n", "string of 3 characters, mixed characters"),
        ([], "array of 0 items"),
        ([1], "array of 1 item"),
        ({"a": 1, "b": 2}, "object of 2 members"),
    ],
)
def test_a_value_is_put_into_words(value: Any, words: str) -> None:
    assert describe_value(value) == words


@QUICK
@given(VALUES)
@example("characters")
@example("4111111111111111")
def test_the_words_never_have_the_value(value: Any) -> None:
    assert not shows(describe_value(value), value)


@each(
    "name",
    ["code", "customerId", "card_tokens", "$ref", "x-unit", "a.b", "Content-Type", "v1", "iso8601", "a"],
)
def test_what_looks_like_a_name_is_shown(name: str) -> None:
    assert describe_name(name) == name


@each(
    ("name", "words"),
    [
        ("", "(empty string)"),
        ("4111111111111111", "(string of 16 characters, digits)"),
        ("person@example.com", "(string of 18 characters, mixed characters)"),
        ("@type5", "(string of 6 characters, mixed characters)"),
        ("token12345", "(string of 10 characters, letters and digits)"),
        ("a b", "(string of 3 characters, mixed characters)"),
        ("a/b", "(string of 3 characters, mixed characters)"),
        ("name\n", "(string of 5 characters, mixed characters)"),
        ("é", "(string of 1 character, mixed characters)"),
        ("1a", "(string of 2 characters, letters and digits)"),
        ("a" * 65, "(string of 65 characters, letters)"),
        ("\ud800", "(string of 1 character, mixed characters)"),
    ],
)
def test_what_does_not_look_like_a_name_is_described(name: str, words: str) -> None:
    assert describe_name(name) == words


def looks_like_a_name(text: str) -> bool:
    return (
        re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_.:$-]{0,63}", text) is not None
        and len(re.findall("[0-9]", text)) < 5
    )


@QUICK
@given(TEXTS)
def test_a_name_is_shown_only_if_it_looks_like_one(name: str) -> None:
    assert describe_name(name) == name if looks_like_a_name(name) else not shows(describe_name(name), name)


@each(
    ("tokens", "folded"),
    [
        ((), ""),
        (("data", "cardTokens", 3, "brand"), "/data/cardTokens/*/brand"),
        ((0, 1), "/*/*"),
        (("4111111111111111", "x"), "/(string of 16 characters, digits)/x"),
        (("a/b",), "/(string of 3 characters, mixed characters)"),
        (("*",), "/(string of 1 character, mixed characters)"),
        (("~",), "/(string of 1 character, mixed characters)"),
    ],
)
def test_a_pointer_folds_indexes_and_describes_odd_names(tokens: Tokens, folded: str) -> None:
    assert fold_pointer(tokens) == folded


@QUICK
@given(st.lists(st.integers(0, 99) | TEXTS, max_size=4))
def test_a_folded_pointer_shows_names_only(tokens: list[str | int]) -> None:
    odd = [token for token in tokens if isinstance(token, str) and not looks_like_a_name(token)]
    names = [token for token in tokens if isinstance(token, str) and looks_like_a_name(token)]
    folded = fold_pointer(tuple(tokens))
    for name in sorted(names, key=len, reverse=True):
        folded = folded.replace("/" + name, "/\0")
    assert not shows(folded, odd)


@each(
    ("header", "words"),
    [
        (None, "no Content-Type"),
        ("Application/JSON; charset=utf-8", "application/json"),
        ("text/html", "text/html"),
        ("text/4111111111", "text/(string of 10 characters, digits)"),
        ("text", "text/(empty string)"),
        ("", "(empty string)"),
        ("4111111111111111", "(string of 16 characters, digits)"),
        ("amira-canarywood; charset=utf-8", "(string of 16 characters, mixed characters)"),
    ],
)
def test_a_media_type_is_shown_without_parameters_and_nothing_else_is(header: str | None, words: str) -> None:
    assert describe_media_type(header) == words
