"""Full card numbers are found in any text, and what merely looks like one is left alone."""

import random
import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from contract_tests.usual import each
from hypothesis import given, settings
from hypothesis import strategies as st

from opay_contract.judge.card_numbers import (
    has_card_number,
    iter_card_number_lengths,
    may_have_card_number,
    passes_luhn,
)

QUICK = settings(deadline=None, derandomize=True, max_examples=100)


def with_check_digit(digits: str) -> str:
    return next(digits + last for last in "0123456789" if passes_luhn(digits + last))


TEST_CARDS = {
    "visa": "4111111111111111",
    "visa of 13": "4222222222222",
    "visa of 19": "4000000000000000006",
    "mastercard": "5555555555554444",
    "mastercard of the 2 series": "2223003122003222",
    "mastercard at the end of the 2 series": "2720992593319364",
    "american express": "378282246310005",
    "american express 34": "343434343434343",
    "diners club": "30569309025904",
    "diners club 36": "36227206271667",
    "diners club 38": "38520000023237",
    "discover": "6011111111111117",
    "discover 65": "6500000000000002",
    "jcb": "3530111333300000",
    "unionpay": "6200000000000005",
    "unionpay of 19": "6205500000000000004",
    "maestro": "6759649826438453",
    "maestro of 13": with_check_digit("501800000000"),
    "verve": "5060990580000217499",
    "verve 650": with_check_digit("650002000000000"),
    "mir": "2200000000000053",
    "troy": "9792030000000000",
    "rupay": "6062821086773091",
    "meeza": "5078031089641006",
}
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda digits: digits,
    "spaces": lambda digits: " ".join(fours(digits)),
    "hyphens": lambda digits: "-".join(fours(digits)),
    "dots": lambda digits: ".".join(fours(digits)),
    "slashes": lambda digits: "/".join(fours(digits)),
    "underscores": lambda digits: "_".join(fours(digits)),
    "two spaces": lambda digits: "  ".join(fours(digits)),
    "no-break spaces": lambda digits: "\u00a0".join(fours(digits)),
    "en dashes": lambda digits: "\u2013".join(fours(digits)),
    "every digit apart": " ".join,
    "full-width digits": lambda digits: "".join(chr(ord(digit) + 0xFEE0) for digit in digits),
    "arabic-indic digits": lambda digits: "".join(chr(ord(digit) - 48 + 0x660) for digit in digits),
}


def fours(digits: str) -> list[str]:
    return [digits[start : start + 4] for start in range(0, len(digits), 4)]


PREFIXES = [
    ("4", 13), ("4", 16), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15),
    ("37", 15), ("305", 14), ("36", 14), ("38", 16), ("3528", 16), ("3589", 19), ("6011", 16), ("649", 16),
    ("62", 16), ("62", 19), ("50", 13), ("67", 19),
]  # fmt: skip


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    prefix, length = draw(st.sampled_from(PREFIXES))
    rest = length - len(prefix) - 1
    return with_check_digit(prefix + draw(st.text("0123456789", min_size=rest, max_size=rest)))


NOT_DIGITS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Nd", "No", "Nl"], exclude_characters=" \t.-_/"),
    max_size=12,
).filter(lambda text: not any(char.isdigit() for char in text))


def test_luhn_holds_for_the_known_vectors() -> None:
    right = ["79927398713", "0", "18", "00000000000000", "4111111111111111"]  # the first is the literature's
    wrong = [*(f"7992739871{last}" for last in "012456789"), "4111111111111112", "1"]
    assert [digits for digits in right + wrong if passes_luhn(digits)] == right


@each("spelling", SPELLINGS)
def test_a_card_of_each_scheme_is_found_in_each_spelling(spelling: str) -> None:
    spelt = {scheme: SPELLINGS[spelling](digits) for scheme, digits in TEST_CARDS.items()}
    found = {scheme: list(iter_card_number_lengths(text)) for scheme, text in spelt.items()}
    assert not [scheme for scheme, lengths in found.items() if len(TEST_CARDS[scheme]) not in lengths]


INSIDE = [
    "card {}.",
    "x{}y",
    '{{"n":"{}"}}',
    "pan={}&cvv",
    "a\n{}\nb",
    "é{}é",
    "1, {}",
    "+{}",
    "#{}#",
    "n° {}",
    "\x00{}",
]
NONE = [
    "",
    "411111111111111",
    "41111111111111111",
    "94111111111111111",
    "41111111111111110",
    "000041111111111111110000",
    "411111111111",
    "4111111111111112",
    "1111111111111117",
    "9111111111111119",
    "4111 1111 1111",
    "4111x1111x1111x1111",
    "4111,1111,1111,1111",
    "4111   1111   1111   1111",
    "12345678901234567894",
    "411111111111 ",
    "1700000000000",
    "1790000000",
    "2026-11-23T10:00:00.000000Z",
    "2026-11-23 17:35:47",
    "20261123173547",
    "OPAY_TOKEN_0123456789abcdef0123456789abcdef",
    "+20 120 000 0001",
    "256612345678901",
    "a1b2c3d4-e5f6-4789-8abc-def012345678",
]


def test_a_card_is_found_inside_other_text() -> None:
    texts = [text.format("4111111111111111") for text in INSIDE]
    assert not [text for text in texts if not has_card_number(text)]


def test_what_is_no_card_number_is_left_alone() -> None:
    assert not [text for text in NONE if has_card_number(text)]


@pytest.mark.parametrize("length", [12, 20, 32])
@given(data=st.data())
@QUICK
def test_a_run_of_another_length_is_none(length: int, data: st.DataObject) -> None:
    digits = data.draw(st.text("0123456789", min_size=length - 2, max_size=length - 2))
    assert not has_card_number(with_check_digit("4" + digits))


@QUICK
@given(st.integers(1_000_000_000_000, 2_099_999_999_999))
def test_a_time_in_milliseconds_is_none(milliseconds: int) -> None:
    assert not has_card_number(str(milliseconds))


@QUICK
@given(NOT_DIGITS, card_numbers(), st.sampled_from([*SPELLINGS]), NOT_DIGITS)
def test_a_made_card_number_is_found_in_any_text(before: str, digits: str, spelling: str, after: str) -> None:
    text = before + SPELLINGS[spelling](digits) + after
    assert len(digits) in list(iter_card_number_lengths(text))


@QUICK
@given(card_numbers(), st.data())
def test_a_card_number_is_found_with_any_separators(digits: str, data: st.DataObject) -> None:
    separators = st.lists(
        st.text(" \t-._/\u2013\u2009", max_size=2), min_size=len(digits), max_size=len(digits)
    )
    text = "".join(digit + between for digit, between in zip(digits, data.draw(separators), strict=True))
    assert has_card_number(text)


@QUICK
@given(card_numbers(), st.data())
def test_a_number_with_one_other_digit_is_none(digits: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(digits) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != digits[place]]))
    assert not has_card_number(digits[:place] + other + digits[place + 1 :])


@each("piece", ["1 ", "4 ", "4111 ", "4-", "4. ", "0", "4", "4111111111111112 ", "4\u00a0", "1  1   "])
def test_the_time_it_takes_grows_with_the_text(piece: str) -> None:
    def seconds(times: int) -> float:
        text, spent = piece * times, []
        for _ in range(2):
            started = time.process_time()
            list(iter_card_number_lengths(text))
            spent.append(time.process_time() - started)
        return min(spent)

    assert seconds(2_000) < 30 * max(seconds(200), 1e-4)


def _order(source: random.Random) -> str:
    made = datetime(2022, 1, 1, tzinfo=UTC) + timedelta(seconds=source.randrange(6 * 365 * 86_400))
    return f"{made:%y%m%d%H%M%S}{source.randrange(10_000):04}"


def _egyptian_id(source: random.Random) -> str:
    born = date(1950, 1, 1) + timedelta(days=source.randrange(27_000))
    governorate = source.choice(("01", "02", "12", "21", "25", "34", "88"))
    return f"{2 if born.year < 2000 else 3}{born:%y%m%d}{governorate}{source.randrange(10**5):05}"


def _iban(source: random.Random) -> str:
    """Return an account number of an Egyptian, British or French bank, as people write it."""
    bank, digits = source.choice((("EG", 25), ("GB", 14), ("FR", 23)))
    account = "NWBK" * (bank == "GB") + f"{source.randrange(10**digits):0{digits}}"
    number = int("".join(str(int(one, 36)) for one in f"{account}{bank}00"))
    return " ".join(fours(f"{bank}{98 - number % 97:02}{account}"))


def _even(source: random.Random, count: int) -> str:
    return source.choice((" ", "-")).join(fours(f"{source.randrange(10**count):0{count}}"))


OTHERS: dict[str, tuple[Callable[[random.Random], str], float]] = {
    "a time in seconds": (lambda source: str(source.randrange(1_500_000_000, 1_900_000_000)), 0),
    "a time in milliseconds": (lambda source: str(source.randrange(1_500_000_000_000, 1_900_000_000_000)), 0),
    "a phone": (lambda source: f"+20 10 {source.randrange(10**8):08}", 0),
    "an order number made of a time and four digits": (_order, 0),
    "an Egyptian national id": (_egyptian_id, 0),
    "an IBAN in groups of four": (_iban, 0),
    "an IMEI": (
        lambda source: with_check_digit(f"{source.choice(('35', '86', '01'))}{source.randrange(10**12):012}"),
        0,
    ),
    "a UUID": (lambda source: str(UUID(int=source.getrandbits(128), version=4)), 0),
    "an account number with wrong check digits": (
        lambda source: " ".join(fours(f"EG{source.randrange(10**27):027}")),
        0.007,
    ),
    "an order number in groups of four": (lambda source: "-".join(fours(_order(source))), 0),
    "an order number whose date, time and counter stand apart": (
        lambda source: re.sub("([0-9]{6})([0-9]{6})", r"\1-\2-", _order(source)),
        0,
    ),
    "18 digits in groups of four": (lambda source: _even(source, 18), 0.026),
    "20 digits in groups of four": (lambda source: _even(source, 20), 0.010),
    "22 digits in groups of four": (lambda source: _even(source, 22), 0),
    "24 digits in groups of four": (lambda source: _even(source, 24), 0.011),
    "26 digits in groups of four": (lambda source: _even(source, 26), 0.001),
    "a product code of 13 digits": (lambda source: f"{source.randrange(10**13):013}", 0.018),
    "a waybill of 15 digits": (lambda source: str(source.randrange(10**14, 10**15)), 0.005),
    "16 digits": (lambda source: f"{source.randrange(10**16):016}", 0.036),
}
"""What merely looks like a card number, and how often it may be taken for one where nothing else is known."""


@each("kind", OTHERS)
def test_other_numbers_are_rarely_taken_for_cards(kind: str) -> None:
    make, most = OTHERS[kind]
    source = random.Random(7)  # noqa: S311  not for secrets
    rate = sum(has_card_number(make(source)) for _ in range(4_000)) / 4_000
    print(f"{kind}: {rate:.2%}")  # noqa: T201  figures for the docs
    assert rate <= most


BESIDE = [
    "{0} 1226", "{0} 2612", "{0} 123", "{0} 1226 123", "{0} 1226 1234", "{0} 2026 12", "{0} 12 26",
    "{0} 9999", "{0} 12/26 123", "{0} {1}", "{0} 0130 {1} 999", "{1} 123 {0}", "{0}  1500 2", "5 {0}",
    "paid 1500 {0}", "{0} 1500 EGP", "{0} 3 times", "{0}\t1234 5678 9012",
]  # fmt: skip
NOT_BESIDE = [
    "{0} 1326", "{0} 12", "1226 {0}", "{0} 1500 2", "{0} 1500 20 EGP", "{0} 1567 234",
    "no {0} 1567 5678 9012",
]  # fmt: skip


def test_a_card_is_found_beside_its_expiry_and_code_another_card_and_a_word_of_a_sentence() -> None:
    spelt = [text.format("4111 1111 1111 1111", "5555 5555 5555 4444") for text in BESIDE]
    dashed = [text.replace(" ", "-") for text in spelt[:9]]
    assert not [text for text in spelt + dashed if not has_card_number(text)]


def test_even_groups_that_are_not_made_of_cards_are_one_number_of_another_kind() -> None:
    spelt = [text.format("4111 1111 1111 1111") for text in NOT_BESIDE]
    dashed = "no 4111-1111-1111-1111-1500 is paid"
    assert not [text for text in (*spelt, dashed) if has_card_number(text)]


@pytest.mark.parametrize(
    ("digits", "parted"),
    [
        (with_check_digit("241231173547123"), "2 4 1 2 3 1 1 7 3 5 4 7 1 2 3 {}"),
        (with_check_digit("3050101123456"), "3050 101123 {}"),
    ],
)
def test_a_time_or_a_national_id_is_a_card_number_only_in_the_groups_of_a_card(
    digits: str, parted: str
) -> None:
    assert not has_card_number(digits)
    assert not has_card_number(" ".join(fours(digits)))
    start = sum(map(str.isdigit, parted))
    assert has_card_number(parted.format(digits[start:]))


PIECES = [
    "4111111111111111",
    "4111 1111",
    " 1111 1111",
    "1234567890123",
    "\n",
    "\n",
    "abc",
    "é",
    "٤",
    "12",
    "-",
]


@QUICK
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_many_lines_are_searched_at_once_as_one_by_one(text: str) -> None:
    assert may_have_card_number(text.encode()) == has_card_number(text)
    assert has_card_number(text) == any(map(has_card_number, text.split("\n")))
