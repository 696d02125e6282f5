"""Keyed pseudonyms: the same value gets the same one under the same key, and nobody gets back without it.

Every form carries a mark that needs no key to be seen, so that a pseudonym is left alone by a second
redaction, and so that a file can be proved clean. A value that happens to carry the mark cannot be told
from a pseudonym, by us or by anyone who reads the file.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from opay_contract.redact.alphabets import alphabet_of

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


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Makes pseudonyms with one key, which is never shown; `salt` asks for another one for the same value."""

    _key: bytes = field(repr=False)

    def digits(
        self, digits: str, *, salt: int = 0, mark: str = ORDINARY_MARK, length: int | None = None
    ) -> str:
        """Return as many digits, or `length`."""
        count = length or len(digits)
        if count <= SHORT:
            return "9" * count
        drawn = self._draw("digits", digits, salt, count)
        payload = "".join(str(next(drawn) % 10) for _ in range(count - len(mark) - _check_length(count)))
        return mark + payload + _check_digits(mark + payload, count)

    def hexes(self, text: str, *, salt: int = 0) -> str:
        """Return as many hexadecimal digits, in the same case."""
        drawn = self._draw("hex", text.lower(), salt, len(text))
        payload = "".join(f"{next(drawn) % 16:x}" for _ in range(len(text) - _HEX_CHECK))
        made = payload + _fingerprint(payload)[:_HEX_CHECK]
        return made.upper() if text.isupper() else made

    def letters(self, text: str, whole: str, *, salt: int = 0) -> str:
        """Return a part of the text `whole` with every letter replaced by a reserved one of its script."""
        drawn = self._draw(f"letters {text}", whole, salt, len(text))
        picks = ((char, alphabet_of(char)) for char in text)
        return "".join(letters[next(drawn) % len(letters)] if letters else char for char, letters in picks)

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
        return choices[(next(drawn) * 256 + next(drawn)) % len(choices)]

    def _draw(self, kind: str, value: str, salt: int, count: int) -> Iterator[int]:
        text = f"{kind}\0{salt}\0{value}".encode(errors=_SALT_ENCODING)
        return iter(hashlib.shake_256(hmac.digest(self._key, text, "sha256")).digest(max(count, 1)))
