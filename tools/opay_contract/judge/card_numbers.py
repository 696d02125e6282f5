"""Finds full card numbers in text: digits that pass Luhn and begin as an issuer's numbers do.

Issuer prefixes and lengths are those that the card schemes publish and issue (ISO/IEC 7812 gives the frame);
they keep order numbers and timestamps, one in ten of which passes Luhn, from being taken for cards. So does
what digits say otherwise: a time with a counter behind it or an Egyptian national id, unless in groups that
neither is written in; an account number (IBAN), however it is written; and groups of a size that go on: they
are one number of another kind, unless cards are all that they are made of.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from opay_contract.jsontext import iter_long_rows

_SEPARATOR = r"[ \t\u00a0\u2009\u202f.\-_/\u2010-\u2015]{0,2}"
_SEPARATED = re.compile(f"[0-9]|{_SEPARATOR.removesuffix('{0,2}')}")
_RUN = re.compile(rf"[0-9](?:{_SEPARATOR}[0-9])*")
_GROUP = re.compile(r"[0-9]+")
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_HASH = r"[0-9a-f]{24}|[0-9A-F]{24}|[0-9a-f]{32,}|[0-9A-F]{32,}"
_IBAN = r"[A-Z]{2}[0-9]{2}(?:[ \u00a0-]?[0-9A-Z]{4}){2,7}(?:[ \u00a0-]?[0-9A-Z]{1,3})?"
_OTHERS = re.compile(rf"(?<![0-9A-Za-z])(?:{_UUID}|{_HASH}|({_IBAN}))(?![0-9A-Za-z])")
_LETTERS, _LEAST_LETTERS = frozenset("abcdef"), 4
"""A hash or a UUID has its digits by chance; fewer letters than it has of six are no chance."""

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_LENGTHS = range(13, 20)
LEAST_DIGITS = _LENGTHS[0]

_LONG = frozenset(range(16, 20))
_MAESTRO = frozenset({13, 16, 17, 18, 19})
_DINERS = frozenset({14, 16, 19})

_ISSUERS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 18, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),  # Mastercard
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),  # American Express
    ("300", "305", _DINERS),  # Diners Club
    ("36", "36", _DINERS),  # Diners Club
    ("38", "39", _DINERS),  # Diners Club
    ("3528", "3589", _LONG),  # JCB
    ("6011", "6011", _LONG),  # Discover
    ("644", "659", _LONG),  # Discover, RuPay, Verve
    ("62", "62", _LONG),  # UnionPay
    ("81", "82", _LONG),  # UnionPay, RuPay
    ("50", "50", _MAESTRO),  # Maestro, Verve, Meeza, RuPay
    ("56", "58", _MAESTRO),  # Maestro
    ("60", "60", frozenset({16})),  # RuPay
    ("63", "63", _MAESTRO),  # Maestro
    ("67", "67", _MAESTRO),  # Maestro
    ("2200", "2205", _LONG),  # Mir
    ("9792", "9792", frozenset({16})),  # Troy
)

_BY_FIRST_TWO = {
    first: tuple(one for one in _ISSUERS if one[0][:2] <= first[: len(one[0])] <= one[1][:2])
    for first in (f"{number:02}" for number in range(100))
}

_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_TIME = re.compile(rf"2[0-9]{_DAY}(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9][0-9]{{4,7}}")
"""Year, month, day, hour, minute and second of 2020 to 2029 and a counter, as order numbers are made."""

_GOVERNORATES = r"(?:0[1-4]|1[1-9]|2[1-9]|3[1-5]|88)"
_EGYPTIAN_ID = re.compile(rf"3[0-3][0-9]{_DAY}{_GOVERNORATES}[0-9]{{5}}")
"""Century, birthday, governorate, number and check digit, of people born from 2000 to 2039."""


_MONTH = "(?:0[1-9]|1[0-2])"
_BESIDE = re.compile(
    rf"(?:9{{4}}|(?:{_MONTH}[0-9]{{2}}|[0-9]{{2}}{_MONTH}|20[0-9]{{2}}{_DAY}?)(?:[0-9]{{3,4}})?|[0-9]{{3}})?"
)
"""What stands behind a card in groups of the same size: when it expires, its security code, or both."""

_LENGTHS_BESIDE = (0, 3, 4, 6, 7, 8, 9, 10, 11, 12)
_WORD_BEFORE = re.compile(r"[^\W\d_][^\w\n]{0,3}\Z")
_WORD_BEHIND = re.compile(r"[^\w\n]{0,3}[^\W\d_]")
_NEAR = 4

_ASCII = bytes(range(128))
_LONGEST_RUN = 64
"""Digits in a row among which card numbers are looked for without the text around them."""


class _Digits(dict[int, str]):
    """The digits of all scripts as 0 to 9, anything else as it is; learnt as they come."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        plain = self[code] = str(unicodedata.digit(character, character))
        return plain


_DIGITS = _Digits()


def has_card_number(text: str) -> bool:
    """Return whether `text` has a full card number, alone, inside other text, or with separators."""
    return any(True for _ in iter_card_number_lengths(text))


def may_have_card_number(text: bytes) -> bool:
    """Return whether UTF-8 text may have a card number; where False there surely is none. Quick."""
    rows = list(iter_long_rows(text))
    if not rows and text.isascii():
        return False
    return any(True for _ in iter_with_numbers(text.split(b"\n"), rows))


def iter_with_numbers(lines: Sequence[bytes], rows: Iterable[tuple[int, bytes]]) -> Iterator[int]:
    """Yield the numbers of lines that may have a card number, given all long rows of digits in them.

    No card number goes over the end of a line, so only lines with a long row are looked at, and closely only
    where some of these digits would be a card number; and lines with characters of other scripts.
    """
    last = -1
    for number, row in rows:
        if number != last and _may_be_in_row(row):
            last = number
            if has_card_number(lines[number].decode(errors="replace")):
                yield number
    foreign = [(number, line) for number, line in enumerate(lines) if not line.isascii()]
    if foreign and _has_what_matters(b"".join([line for _, line in foreign])):
        for number, line in foreign:
            if _has_what_matters(line) and has_card_number(line.decode(errors="replace")):
                yield number


def _has_what_matters(text: bytes) -> bool:
    """Tell whether characters of other scripts in a text may play a part in a card number."""
    foreign = set(text.translate(None, _ASCII).decode(errors="replace"))
    return any(map(_MATTERS.__getitem__, foreign))


def _may_be_in_row(row: bytes) -> bool:
    """Tell whether some of the digits in a row would be a card number, wherever it is parted."""
    if len(row) > _LONGEST_RUN:
        return True
    digits = row.decode()
    return any(
        _is_issued(digits[start : start + length])
        for start in range(len(digits) - LEAST_DIGITS + 1)
        if _BY_FIRST_TWO[digits[start : start + 2]]
        for length in _LENGTHS[: len(digits) - start - LEAST_DIGITS + 1]
    )


class _Matters(dict[str, bool]):
    """Which characters of other scripts may be, or become, a digit or what stands between digits."""

    def __missing__(self, character: str) -> bool:
        plain = unicodedata.normalize("NFKC", character)
        matters = any(
            _SEPARATED.search(one) is not None or unicodedata.digit(one, None) is not None for one in plain
        )
        self[character] = matters
        return matters


_MATTERS = _Matters()


def iter_card_number_lengths(text: str) -> Iterator[int]:
    """Yield how many digits each card number in `text` has, but for those in a UUID, a hash or an IBAN."""
    found = list(_lengths(text))
    if found and _OTHERS.search(text) is not None:
        found = list(_lengths(_OTHERS.sub(_without_chance, text)))
    yield from found


def _without_chance(found: re.Match[str]) -> str:
    """Return nothing of an IBAN with right check digits (ISO 13616), nor of digits that are by chance."""
    if found[1]:
        plain = re.sub("[^0-9A-Z]", "", found[1])
        is_other = int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1
    else:
        is_other = len(_LETTERS.intersection(found[0].lower())) >= _LEAST_LETTERS
    return " | " if is_other else found[0]


def _lengths(text: str) -> Iterator[int]:
    if not text.isascii():
        text = _FOREIGN.sub(_with_plain_digits, unicodedata.normalize("NFKC", text))
    for run in _RUN.finditer(text):
        if run.end() - run.start() >= _LENGTHS[0]:
            groups = _GROUP.findall(run[0])
            yield from (
                _in_one_number(groups, run) if _is_one_number(groups, run) else _card_numbers_of(groups)
            )


def _with_plain_digits(found: re.Match[str]) -> str:
    return found[0].translate(_DIGITS)


_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))


def passes_luhn(digits: str) -> bool:
    """Return whether a string of digits has a right check digit (ISO/IEC 7812-1, annex B)."""
    raw = digits.encode()
    return (sum(raw[-2::-2].translate(_DOUBLED)) + sum(raw[-1::-2].translate(_PLAIN))) % 10 == 0


def is_card_number(groups: Sequence[str]) -> bool:
    """Return whether ASCII digits, in groups as they are written, are a card number."""
    digits = "".join(groups)
    is_parted = [len(group) for group in groups[:2]] in ([1, 1], [4, 6])
    return _is_issued(digits) and (is_parted or not _is_something_else(digits))


def _is_issued(digits: str) -> bool:
    """Return whether digits begin as an issuer's of their length do, and have a right check digit."""
    length = len(digits)
    is_any = length in _LENGTHS and any(
        length in lengths and low <= digits[: len(low)] <= high
        for low, high, lengths in _BY_FIRST_TWO[digits[:2]]
    )
    return is_any and passes_luhn(digits)


def _is_something_else(digits: str) -> bool:
    return _TIME.fullmatch(digits) is not None or _EGYPTIAN_ID.fullmatch(digits) is not None


def _card_numbers_of(groups: list[str]) -> Iterator[int]:
    """Try every row of whole groups: a card number never begins or ends inside a group of digits."""
    for start in range(len(groups)):
        length = 0
        for end, group in enumerate(groups[start : start + _LENGTHS[-1]], start=start + 1):
            length += len(group)
            if length > _LENGTHS[-1]:
                break
            if length >= _LENGTHS[0] and is_card_number(groups[start:end]):
                yield length


def _is_one_number(groups: list[str], run: re.Match[str]) -> bool:
    """Tell groups of one size, the last of which may be shorter, with one and the same separator.

    The first may be shorter as well where letters stand before it, as in an account number.
    """
    first, size, last = len(groups[0]), len(groups[1]) if len(groups) > 1 else 0, len(groups[-1])
    is_even = first == size or (first < size and run.string[: run.start()][-1:].isalpha())
    return (
        0 < size < _LENGTHS[0]
        and is_even
        and last <= size
        and all(len(group) == size for group in groups[1:-1])
        and len(set(filter(None, _GROUP.split(run[0])))) == 1
    )


def _in_one_number(groups: list[str], run: re.Match[str]) -> Iterator[int]:
    """Yield the cards that even groups are made of; in a sentence one group more may be a word of its own."""
    found = _cards_one_after_another(groups)
    if not found and " " in run[0]:
        before = run.string[max(run.start() - _NEAR, 0) : run.start()]
        if _WORD_BEFORE.search(before) or _WORD_BEHIND.match(run.string, run.end()):
            is_full = len(groups[-1]) == len(groups[1])
            found = _cards_one_after_another(groups[:-1]) or _cards_one_after_another(groups[is_full:])
    yield from found


def _cards_one_after_another(groups: list[str]) -> list[int]:
    """Return the lengths of all cards of which digits may be made, with what stands beside each."""
    digits, bounds = "".join(groups), list(accumulate(map(len, groups), initial=0))
    places = {bound: at for at, bound in enumerate(bounds)}
    reached, cards = {0}, dict[tuple[int, int], list[int]]()
    for at, start in enumerate(bounds):
        for end in range(start + _LENGTHS[0], start + _LENGTHS[-1] + 1) if start in reached else ():
            if end in places and is_card_number(groups[at : places[end]]):
                cards[start, end] = [
                    end + more
                    for more in _LENGTHS_BESIDE
                    if end + more in places and _BESIDE.fullmatch(digits, end, end + more)
                ]
                reached.update(cards[start, end])
    whole, found = {len(digits)}, list[int]()
    for (start, end), following in reversed(cards.items()):
        if not whole.isdisjoint(following):
            whole.add(start)
            found.append(end - start)
    return found[::-1]
