"""Finds full card numbers in text: digits that pass Luhn and begin as an issuer's numbers do.

Issuer prefixes and lengths are those that the card schemes publish (ISO/IEC 7812 gives the frame); they keep
order numbers and timestamps, one in ten of which passes Luhn, from being taken for cards.
"""

import re
import unicodedata
from collections.abc import Iterator

_SEPARATOR = r"[ \t\u00a0\u2009\u202f.\-_/\u2010-\u2015]{0,2}"
_SEPARATED = re.compile(f"[0-9]|{_SEPARATOR.removesuffix('{0,2}')}")
_RUN = re.compile(rf"[0-9](?:{_SEPARATOR}[0-9])*")
_GROUP = re.compile(r"[0-9]+")
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_LENGTHS = range(13, 20)

_ISSUERS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 18, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),  # Mastercard
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),  # American Express
    ("300", "305", frozenset({14, 16, 19})),  # Diners Club
    ("36", "36", frozenset(range(14, 20))),  # Diners Club
    ("38", "39", frozenset(range(14, 20))),  # Diners Club
    ("3528", "3589", frozenset(range(16, 20))),  # JCB
    ("6011", "6011", frozenset(range(16, 20))),  # Discover
    ("644", "659", frozenset(range(16, 20))),  # Discover, RuPay, Verve
    ("62", "62", frozenset(range(16, 20))),  # UnionPay
    ("81", "82", frozenset(range(16, 20))),  # UnionPay, RuPay
    ("50", "50", frozenset(range(13, 20))),  # Maestro, Verve, Meeza
    ("56", "58", frozenset(range(13, 20))),  # Maestro
    ("60", "60", frozenset({16})),  # RuPay
    ("63", "63", frozenset(range(13, 20))),  # Maestro
    ("67", "67", frozenset(range(13, 20))),  # Maestro
    ("2200", "2205", frozenset(range(16, 20))),  # Mir
    ("9792", "9792", frozenset({16})),  # Troy
)


_DIGITS_AS_ZERO = bytes(ord("0") if byte in b"0123456789" else byte for byte in range(256))
_ASCII_SEPARATORS = b" \t.-_/"
_ASCII = bytes(range(128))
_LONG_RUN = b"0" * _LENGTHS[0]


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
    if _LONG_RUN not in text.translate(_DIGITS_AS_ZERO, _ASCII_SEPARATORS):
        if text.isascii():
            return False
        foreign = set(text.translate(None, _ASCII).decode(errors="replace"))
        if not any(_MATTERS[character] for character in foreign):
            return False
    return has_card_number(text.decode(errors="replace"))


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
    """Yield the number of digits of each card number in `text`."""
    if not text.isascii():
        text = _FOREIGN.sub(_with_plain_digits, unicodedata.normalize("NFKC", text))
    for run in _RUN.finditer(text):
        if run.end() - run.start() >= _LENGTHS[0]:
            yield from _card_numbers_of(_GROUP.findall(run[0]))


def _with_plain_digits(found: re.Match[str]) -> str:
    return found[0].translate(_DIGITS)


def passes_luhn(digits: str) -> bool:
    """Return whether a string of digits has a right check digit (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _card_numbers_of(groups: list[str]) -> Iterator[int]:
    """Try every row of whole groups: a card number never begins or ends inside a group of digits."""
    for start in range(len(groups)):
        digits = ""
        for group in groups[start : start + _LENGTHS[-1]]:
            digits += group
            if len(digits) > _LENGTHS[-1]:
                break
            if len(digits) in _LENGTHS and _has_issuer(digits) and passes_luhn(digits):
                yield len(digits)


def _has_issuer(digits: str) -> bool:
    return any(
        low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in _ISSUERS
    )
