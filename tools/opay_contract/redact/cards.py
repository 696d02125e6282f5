"""Replaces card numbers by published test numbers of the same length, so that they are still found."""

import re
from collections.abc import Iterator

from opay_contract.judge.card_numbers import is_card_number, iter_card_number_lengths
from opay_contract.redact.pseudonyms import Pseudonyms

TEST_NUMBERS: dict[int, tuple[str, ...]] = {
    13: ("5000550000009",),
    14: ("36006666333344",),
    15: ("370000000000002",),
    16: (
        "4484070000000000",
        "4917610000000000",
        "4462030000000000",
        "5454545454545454",
        "2222400070000005",
        "5101180000000007",
        "6771798021000008",
        "3569990010095841",
        "6445644564456445",
        "6243030000000001",
        "5000550000000029",
        "5200828282828210",
    ),
    17: ("50005500000008192",),
    18: ("500055000000004096",),
    19: ("5000550000000008192",),
}
"""Test numbers that Adyen, Worldpay and Stripe publish; for 13 and for 17 digits or more the test
prefix 500055 is filled up, with numbers that a double keeps, as a card number may come as one."""

_PUBLISHED = frozenset(number for numbers in TEST_NUMBERS.values() for number in numbers)
_GROUP = re.compile("[0-9]+")
_LONGEST = 19


def card_hits(text: str) -> list[int]:
    """Return what the rule `card-number-exposed` finds in a text: the length of each number."""
    return list(iter_card_number_lengths(text))


def is_test_number(digits: str) -> bool:
    """Return whether a card number is one that stands in for others."""
    return digits in _PUBLISHED


def stand_in_number(pseudonyms: Pseudonyms, digits: str, salt: int = 0) -> str:
    """Return the test number that stands in for a card number."""
    return pseudonyms.pick(TEST_NUMBERS[len(digits)], digits, salt=salt)


def iter_cards(text: str) -> Iterator[list[tuple[int, int]]]:
    """Yield the groups of digits, as start and end, of each card number in a text of ASCII digits."""
    groups = [match.span() for match in _GROUP.finditer(text)]
    start = 0
    while start < len(groups):
        count = _card_length(text, groups[start : start + _LONGEST])
        if count:
            yield groups[start : start + count]
        start += count or 1


def _card_length(text: str, groups: list[tuple[int, int]]) -> int:
    """Return of how many groups the longest card number at the first is, or 0."""
    digits, longest = "", 0
    for count, (begin, end) in enumerate(groups, start=1):
        digits += text[begin:end]
        if len(digits) > _LONGEST:
            break
        if is_card_number(digits, is_parted=count > 1):
            longest = count
    return longest
