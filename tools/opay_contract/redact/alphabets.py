"""The letters and digits that pseudonyms are made of: each character is replaced by one of its own script.

The reserved letters are so rare in their script that words made of nothing else do not occur, so that a
pseudonym is known without the key that made it. A replacement takes as many bytes in UTF-8 as what it
replaces, so that lengths stay.
"""

import re
import unicodedata

_LOWER = "bjkqvwxz"
_ARABIC = "ڄڇڏڞڟڢڬڮ"
_CYRILLIC_LOWER, _CYRILLIC_UPPER = "ѡѣѧѩѫѭѯѱ", "ѠѢѦѨѪѬѮѰ"
_TWO_BYTES = "ƍƕƛƣƨƪƹƽ"
_IDEOGRAPHS = "㐀㐁㐂㐃㐄㐅㐆㐇"
_THREE_BYTES = "ꀀꀁꀂꀃꀄꀅꀆꀇ"
_FOUR_BYTES = "𐌰𐌱𐌲𐌳𐌴𐌵𐌶𐌷"

_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x0600, 0x06FF, _ARABIC),
    (0x0400, 0x052F, _CYRILLIC_LOWER),
    (0x2E80, 0x9FFF, _IDEOGRAPHS),
    (0x0000, 0x07FF, _TWO_BYTES),
    (0x0800, 0xFFFF, _THREE_BYTES),
)
_RESERVED = frozenset(
    f"{_LOWER}{_LOWER.upper()}{_ARABIC}{_CYRILLIC_LOWER}{_CYRILLIC_UPPER}"
    f"{_TWO_BYTES}{_IDEOGRAPHS}{_THREE_BYTES}{_FOUR_BYTES}"
)
_OTHER_LETTER = re.compile("[A-Za-z](?<![bjkqvwxzBJKQVWXZ])")
_DIGIT_NAMES = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
_KEPT_CATEGORIES = frozenset("PZC")
"""Punctuation, spaces and controls, with halves of surrogate pairs: structure, and nobody's data."""


def alphabet_of(char: str) -> str | None:
    """Return the reserved letters that stand in for a character; None for one that stays."""
    if char.isascii():
        if not char.isalpha():
            return None
        return _LOWER if char.islower() else _LOWER.upper()
    category = unicodedata.category(char)
    if category[0] in _KEPT_CATEGORIES and category not in ("Cn", "Co"):
        return None
    code = ord(char)
    for low, high, letters in _RANGES:
        if low <= code <= high:
            return _CYRILLIC_UPPER if letters is _CYRILLIC_LOWER and char.isupper() else letters
    return _FOUR_BYTES


def is_reserved(text: str) -> bool:
    """Return whether every letter of `text` is one that pseudonyms are made of."""
    if text.isascii():
        return _OTHER_LETTER.search(text) is None
    return all(char in _RESERVED or alphabet_of(char) is None for char in text)


def plain_digits(text: str) -> str:
    """Return `text` with every digit of any script as an ASCII digit; the length stays."""
    return text if text.isascii() else "".join(map(_plain_digit, text))


def write_digit(like: str, digit: str) -> str:
    """Return a digit in the script of the digit `like`: superscripts stay superscripts, too."""
    if like.isascii():
        return digit
    value = unicodedata.digit(like, 0)
    if unicodedata.category(like) == "Nd":
        return chr(ord(like) - value + int(digit))
    name = unicodedata.name(like, "")
    try:
        return unicodedata.lookup(name.replace(_DIGIT_NAMES[value], _DIGIT_NAMES[int(digit)]))
    except KeyError:
        return digit


def _plain_digit(char: str) -> str:
    if char.isascii():
        return char
    return str(unicodedata.digit(char)) if char.isdigit() else char
