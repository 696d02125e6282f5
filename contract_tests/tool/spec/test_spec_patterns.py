"""Patterns: what the two engines read differently is refused, and what is allowed they read alike."""

import jsonschema
import jsonschema_rs
from contract_tests.usual import each
from hypothesis import given
from hypothesis import strategies as st

from opay_contract.spec.openapi import describe_pattern

REFUSED: tuple[str, ...] = (
    r"\d", r"\D", r"\w", r"\S", r"\bid", "a.b", "(?<=a)b", "(?<!a)b", "(?P<n>a)", "(?<n>a)", "(?i)a",
    "(?i:a)", "a*+", "a++", "a?+", "a{2}+", "(?:a)*+", "(?>a)", "(a", "a)", "a{,2}", "a{", "}", "a]",
    "[]a]", "[^]", "[a[b]", "[a&&b]", "[z-a]", r"[\d]", r"(a)\1", r"\Z", r"\A", r"\p{L}", r"\k<n>",
    "^*", "a{2,1}", "^a*$", "^a$", "(a$)", "(?:)*",
)  # fmt: skip
ALLOWED = (
    "^OPAY_TOKEN_[0-9a-f]{32}$(?!\\n)", "[^ ]", "^Bearer [^ ]", r"^[0-9]*$(?!\n)", r"\.", r"[\-\]]",
    "(?:a|b)+?c", "(?=a)a", "(?!a)b", "^(/([^~/]|~[01])*)*$(?!\\n)", "é", r"\u00e9", "",
)  # fmt: skip
PIECES = st.sampled_from(
    ["a", "b", "\\n", "[ab]", "[^a]", "[0-9]", "\\.", "^", "$", "$(?!\\n)", "*", "+", "?", "{2}",
    "{1,}", "|", "(", "(?:", "(?=", "(?!", ")", ".", "\\d", "\\s", "+?", "é", "\\u00e9"]
)  # fmt: skip
TEXTS = st.text(alphabet="ab0.٣é\n\r\u2028 ", max_size=6)


@each("pattern", REFUSED)
def test_a_pattern_that_is_read_in_two_ways_is_refused(pattern: str) -> None:
    assert describe_pattern(pattern, None)


@each("pattern", ALLOWED)
def test_a_pattern_of_the_common_language_is_allowed(pattern: str) -> None:
    assert describe_pattern(pattern, None) is None


@each(
    ("pattern", "limit", "allowed"),
    [
        ("^a$", 1, True),
        ("^a$", 2, False),
        ("^[ab]{3}$", 3, True),
        ("^a*$", 1, False),
        ("^(a|)$", 1, False),
        ("^a$[^b]$", 2, False),
    ],
)
def test_an_open_end_is_allowed_where_no_room_is_left_for_a_line_feed(
    pattern: str, limit: int, *, allowed: bool
) -> None:
    assert (describe_pattern(pattern, limit) is None) is allowed


@given(st.lists(PIECES, max_size=6).map("".join), st.lists(TEXTS, min_size=5, max_size=20), st.integers(0, 4))
def test_both_engines_read_an_allowed_pattern_alike(pattern: str, texts: list[str], limit: int) -> None:
    if describe_pattern(pattern, limit) is None:
        schema = {"pattern": pattern, "maxLength": limit}
        ours, oracle = jsonschema_rs.Draft202012Validator(schema), jsonschema.Draft202012Validator(schema)
        assert [ours.is_valid(text) for text in texts] == [oracle.is_valid(text) for text in texts]
