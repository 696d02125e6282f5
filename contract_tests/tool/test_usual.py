"""One test of many cases asks all of them, and names those that fail."""

import pytest
from contract_tests.usual import each


def test_every_case_is_asked_and_each_that_fails_is_named() -> None:
    asked: list[tuple[int, str]] = []

    @each("number", [1, 2, 3])
    @each(("word", "found"), [("a", [1]), ("b", [3])])
    def test(number: int, word: str, found: list[int]) -> None:
        asked.append((number, word))
        assert number not in found

    with pytest.raises(pytest.fail.Exception) as told:
        test()
    assert asked == [(number, word) for number in (1, 2, 3) for word in "ab"]
    heads = ["2 of 3 cases failed", "1 of 2 cases failed", "'a', [1]", "'b', [3]"]
    assert [str(told.value).count(head) for head in heads] == [1, 2, 1, 1]


def test_a_list_without_a_case_is_no_success() -> None:
    with pytest.raises(AssertionError, match="no case"):
        each("number", [])(print)()
