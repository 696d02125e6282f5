"""Keyed pseudonyms: the same value gets the same one under the same key, and nobody gets back without it.

Every form carries a mark that needs no key to be seen, so that a pseudonym is left alone by a second
redaction, and so that a file can be proved clean. A value that happens to carry the mark cannot be told
from a pseudonym, by us or by anyone who reads the file.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from ipaddress import IPv6Address

from opay_contract.judge.card_numbers import LEAST_DIGITS, is_card_number, iter_card_number_lengths
from opay_contract.model.exchange import Hidden

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
_LONE_HEX = re.compile(r"(?<![A-Za-z])b+(?![A-Za-z])", re.IGNORECASE)
"""Letters that would make hexadecimal digits of the digits around them."""

_OF_LONE = str.maketrans("bB", "kK")
_OTHER_LETTER = re.compile("[A-Za-z](?<![bjkqvwxzBJKQVWXZ])")
_DIGIT_NAMES = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
_KEPT_CATEGORIES = frozenset("PZC")
"""Punctuation, spaces and controls, with halves of surrogate pairs: structure, and nobody's data."""


@lru_cache(maxsize=4096)
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


ORDINARY_MARK, SMALL_MARK = "99", "10"
"""What the digits of a pseudonym begin with; the second where the first would make a number unsafe."""

SHORT = 4
"""Up to so many digits have no room for a mark; they become nines."""

FIRST_SIX = (
    "448407",
    "491761",
    "446203",
    "545454",
    "222240",
    "510118",
    "677179",
    "356999",
    "644564",
    "624303",
)
LAST_FOUR = ("5454", "0003", "0005", "0007", "0008", "5841", "6445", "0029", "8210", "9424")
"""Beginnings and ends of the card schemes' and acquirers' published test numbers."""

_AS_DIGITS = bytes(b"0123456789"[byte % 10] for byte in range(256))
_AS_HEX = bytes(b"0123456789abcdef"[byte % 16] for byte in range(256))
_EMAIL = re.compile(r"[bjkqvwxz]{8,40}@example\.com")
_DOMAIN = "@example.com"
_LOCAL = range(8, 41)
_HEX_CHECK = 6
_LONG = 4096
_SALT_ENCODING = "surrogatepass"


def _fingerprint(text: str) -> str:
    return hashlib.sha256(b"opay-contract pseudonym " + text.encode()).hexdigest()


def condense(text: str) -> str:
    """Return what stands for a text in the pseudonyms of its parts; short, as each of them takes it in."""
    return text if len(text) <= _LONG else hashlib.sha256(text.encode(errors=_SALT_ENCODING)).hexdigest()


def _check_length(count: int) -> int:
    return 2 if count < 10 else 3 if count < 12 else 4  # noqa: PLR2004  about a third of the digits


def _check_digits(marked: str, count: int) -> str:
    length = _check_length(count)
    return str(int(_fingerprint(marked)[:12], 16))[-length:].zfill(length)


def is_digit_pseudonym(digits: str) -> bool:
    """Return whether a row of ASCII digits carries the mark."""
    if len(digits) <= SHORT:
        return digits == "9" * len(digits)
    length = _check_length(len(digits))
    is_begun = digits.startswith((ORDINARY_MARK, SMALL_MARK))
    return is_begun and digits[-length:] == _check_digits(digits[:-length], len(digits))


def is_hex_pseudonym(text: str) -> bool:
    """Return whether a row of hexadecimal digits carries the mark."""
    lower = text.lower()
    return lower[-_HEX_CHECK:] == _fingerprint(lower[:-_HEX_CHECK])[:_HEX_CHECK]


def is_email_pseudonym(text: str) -> bool:
    """Return whether an address is one that was made here."""
    return _EMAIL.fullmatch(text) is not None


class Pseudonyms(Hidden, frozen=True):
    """Makes pseudonyms with one key, which is never shown; `salt` asks for another one for the same value."""

    _key: bytes

    def digits(
        self, digits: str, *, salt: int = 0, mark: str = ORDINARY_MARK, length: int | None = None
    ) -> str:
        """Return as many digits, or `length`."""
        count = length or len(digits)
        if count <= SHORT:
            return "9" * count
        drawn = self._draw("digits", digits, salt, count)
        payload = drawn[: count - len(mark) - _check_length(count)].translate(_AS_DIGITS).decode()
        return mark + payload + _check_digits(mark + payload, count)

    def hexes(self, text: str, *, salt: int = 0, kept: tuple[int, ...] = ()) -> str:
        """Return as many hexadecimal digits, in the same case, with those at `kept` places as they are."""
        drawn = self._draw("hex", text.lower(), salt, len(text))
        digits = drawn[: len(text) - _HEX_CHECK].translate(_AS_HEX).decode()
        payload = "".join(text[at].lower() if at in kept else digit for at, digit in enumerate(digits))
        made = payload + _fingerprint(payload)[:_HEX_CHECK]
        return made.upper() if text.isupper() else made

    def numbers(self, text: str, count: int, *, salt: int = 0) -> list[int]:
        """Return so many numbers of 0 to 65535 that belong to a text."""
        drawn = self._draw("numbers", text.lower(), salt, 2 * count)
        return [drawn[at] * 256 + drawn[at + 1] for at in range(0, 2 * count, 2)]

    def letters(self, text: str, whole: str, *, salt: int = 0) -> str:
        """Return a part of the text `whole` with every letter replaced by a reserved one of its script."""
        drawn = self._draw(f"letters {text}", whole, salt, len(text))
        rest = iter(drawn)
        picks = ((char, alphabet_of(char)) for char in text)
        made = "".join(letters[next(rest) % len(letters)] if letters else char for char, letters in picks)
        return _LONE_HEX.sub(lambda lone: lone[0].translate(_OF_LONE), made)

    def fill(self, text: str, count: int, *, salt: int = 0) -> str:
        """Return `count` reserved letters to make a short pseudonym longer."""
        return self.letters("a" * count, f"fill {text}", salt=salt)

    def email(self, address: str, *, salt: int = 0) -> str:
        """Return an address at example.com, as long as the given one where that can be."""
        length = min(max(len(address) - len(_DOMAIN), _LOCAL[0]), _LOCAL[-1])
        return self.letters("a" * length, address.lower(), salt=salt) + _DOMAIN

    def pick(self, choices: tuple[str, ...], value: str, *, salt: int = 0) -> str:
        """Return the one of `choices` that belongs to a value."""
        drawn = self._draw("pick", value, salt, 2)
        return choices[(drawn[0] * 256 + drawn[1]) % len(choices)]

    def _draw(self, kind: str, value: str, salt: int, count: int) -> bytes:
        text = f"{kind}\0{salt}\0{value}".encode(errors=_SALT_ENCODING)
        return hashlib.shake_256(hmac.digest(self._key, text, "sha256")).digest(max(count, 1))


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
_LONGEST_CARD = 19


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
        count = _card_length(text, groups[start : start + _LONGEST_CARD])
        if count:
            yield groups[start : start + count]
        start += count or 1


def _card_length(text: str, groups: list[tuple[int, int]]) -> int:
    """Return of how many groups the longest card number at the first is, or 0."""
    parts, longest = [text[begin:end] for begin, end in groups], 0
    length = 0
    for count, part in enumerate(parts, start=1):
        length += len(part)
        if length > _LONGEST_CARD:
            break
        if length >= LEAST_DIGITS and is_card_number(parts[:count]):
            longest = count
    return longest


# Values whose form alone says what they are, which a pseudonym has as well, so that a format in a schema
# still holds. The mark is in the value: years from 9900 on, networks that are kept for documentation
# (RFC 5737, RFC 3849), and the check digits of hexadecimal pseudonyms.
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}"
_DATE = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[Tt ]{_CLOCK})?"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_IPV6 = r"(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{3,39}"
FORM = rf"(?<![0-9A-Za-z.:-])(?:{_UUID}|{_DATE}|{_IPV4}|{_IPV6})(?![0-9A-Za-z:-]|\.[0-9])"
"""What may be such a value; `is_form` tells."""

CONSTANTS = ("09:09:09Z", "09:09:09", "P9D")
"""What stands for a time of the day and for a span, which have no room for a mark, where a schema asks."""

_NETWORK_4, _NETWORK_6 = "192.0.2.", "2001:db8:"
_FORM_MARK = "99"
_DATE_LENGTH = len("2026-05-01")


def is_form(text: str) -> bool:
    """Tell whether a text that looks like such a value is one."""
    if text.count("-") == 4:  # noqa: PLR2004  a UUID
        return True
    try:
        if ":" in text and "-" not in text[:_DATE_LENGTH]:
            IPv6Address(text)
        elif "-" in text:
            date.fromisoformat(text[:_DATE_LENGTH])
    except ValueError:
        return False
    return True


def is_form_pseudonym(text: str) -> bool:
    """Tell whether such a value is one that was made here."""
    if text.count("-") == 4:  # noqa: PLR2004  a UUID
        return is_hex_pseudonym(text.replace("-", ""))
    if "-" in text[:_DATE_LENGTH]:
        return text.startswith(_FORM_MARK)
    return text.startswith((_NETWORK_4, _NETWORK_6))


def replace_form(pseudonyms: Pseudonyms, text: str, salt: int) -> str:
    """Return another value of the same form."""
    if text.count("-") == 4:  # noqa: PLR2004  a UUID
        return _uuid(pseudonyms, text, salt)
    if "-" in text[:_DATE_LENGTH]:
        return _moment(pseudonyms, text, salt)
    drawn = pseudonyms.numbers(text, 6, salt=salt)
    if ":" in text:
        return _NETWORK_6 + ":".join(f"{number:x}" for number in drawn)
    return f"{_NETWORK_4}{drawn[0] % 254 + 1}"


def _uuid(pseudonyms: Pseudonyms, text: str, salt: int) -> str:
    """Return a UUID of the same version and variant."""
    digits = text.replace("-", "")
    made = pseudonyms.hexes(digits, salt=salt, kept=(12, 16))
    return "-".join((made[:8], made[8:12], made[12:16], made[16:20], made[20:]))


def _moment(pseudonyms: Pseudonyms, text: str, salt: int) -> str:
    """Return a date, and a time of the day with the same precision and offset, where there is one."""
    year, month, day, hour, minute, second = pseudonyms.numbers(text, 6, salt=salt)
    made = f"{_FORM_MARK}{year % 100:02}-{month % 12 + 1:02}-{day % 28 + 1:02}"
    if len(text) == _DATE_LENGTH:
        return made
    rest = text[_DATE_LENGTH + 9 :]
    digits = re.match(r"\.[0-9]+", rest)
    shown = "." + "9" * (len(digits[0]) - 1) if digits else ""
    clock = f"{hour % 24:02}:{minute % 60:02}:{second % 60:02}"
    return made + text[_DATE_LENGTH] + clock + shown + rest[len(shown) :]
