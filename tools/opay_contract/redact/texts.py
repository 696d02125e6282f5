"""Replaces a text by its pseudonym, part by part, so that its shape and the card numbers in it stay."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from opay_contract.jsontext import Tokens
from opay_contract.judge.describing import describe_value
from opay_contract.redact.alphabets import is_reserved, write_digit
from opay_contract.redact.cards import card_hits, is_test_number, iter_cards, stand_in_number
from opay_contract.redact.detection import Detector, Part, PartKind
from opay_contract.redact.memory import Memory
from opay_contract.redact.pseudonyms import (
    ORDINARY_MARK,
    Pseudonyms,
    condense,
    is_digit_pseudonym,
    is_email_pseudonym,
    is_hex_pseudonym,
)

ATTEMPTS = 12
"""How many pseudonyms of a value are tried until one keeps all that the value showed."""

_OTHER_DIGIT = re.compile(r"[^\D9]")

_LONG = 4096
"""A longer text is tried once: few of its pseudonyms keep all that it showed, if any does."""

_LEAST = 8
"""An identifier shorter than this gets a longer pseudonym where that may be: there are too few short ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a text is treated.

    `keep_words` keeps known words and small numbers. `cards` is false where nobody searches for card
    numbers. `exact` keeps the length whatever it is; `lengthen` makes short ones longer.
    """

    keep_words: bool = False
    cards: bool = True
    exact: bool = False
    lengthen: bool = False


STRICT = Manner()
FREE_TEXT = Manner(keep_words=True)
NAME = Manner(exact=True)


def accept_all(_text: str) -> bool:
    """Accept any candidate."""
    return True


@dataclass(frozen=True, slots=True)
class Texts:
    """Tells clean texts from others and makes these clean."""

    pseudonyms: Pseudonyms
    detector: Detector
    memory: Memory

    def is_known(self, name: str) -> bool:
        """Return whether a name is made of nothing but known words, with numbers such as that of `v1`."""
        return self.detector.is_known(name)

    def say(self, tokens: Tokens) -> str:
        """Return a place in words: names of known words, and of any other the shape alone."""
        return "/".join(map(self._say, tokens))

    def _say(self, token: str | int) -> str:
        if isinstance(token, int):
            return "*"
        return token if self.is_known(token) else f"({describe_value(token)})"

    def is_clean(self, text: str, manner: Manner = STRICT) -> bool:
        """Return whether a text is made of nothing but pseudonyms and what may be kept."""
        parts = self.detector.iter_parts(text, keep_words=manner.keep_words)
        return all(_is_clean(part, manner) for part in parts)

    def found_in(self, text: str, manner: Manner = STRICT) -> str:
        """Say what kind of data a text has; never the data."""
        if manner.cards and card_hits(text):
            return "card number"
        parts = self.detector.iter_parts(text, keep_words=manner.keep_words)
        return next(
            (part.kind.value for part in parts if not _is_clean(part, manner)), PartKind.LETTERS.value
        )

    def redact(self, text: str, manner: Manner = STRICT, accept: Callable[[str], bool] = accept_all) -> str:
        """Return the pseudonym of a text, or the text itself where it is clean."""
        if self.is_clean(text, manner):
            return text
        self.memory.replace_text(text)
        hits = card_hits(text) if manner.cards else []
        for candidate in self._candidates(text, manner):
            keeps = not manner.cards or card_hits(candidate) == hits
            if keeps and accept(candidate) and self.is_clean(candidate, manner):
                return candidate
        return self._last_resort(text, hits)

    def variant(self, text: str, manner: Manner, salt: int) -> str:
        """Return one of the possible pseudonyms of a text, whether it keeps what the text showed or not."""
        return self._replace(text, manner, salt)

    def _candidates(self, text: str, manner: Manner) -> "list[str] | map[str]":
        exact = Manner(keep_words=manner.keep_words, cards=manner.cards, exact=True)
        salts = range(ATTEMPTS if len(text) <= _LONG else 1)
        manners = [(manner, salt) for salt in salts] + [(exact, salt) for salt in salts]
        return map(lambda pair: self._replace(text, *pair), manners)  # noqa: C417  made one at a time

    def _replace(self, text: str, manner: Manner, salt: int) -> str:
        parts = list(self.detector.iter_parts(text, keep_words=manner.keep_words))
        whole = condense(text)
        made = "".join(self._replace_part(part, whole, manner, salt) for part in parts)
        missing = _LEAST - sum(map(str.isalnum, text)) if manner.lengthen else 0
        if missing <= 0:
            return made
        if text.isascii() and text.isdigit():
            return self.pseudonyms.digits(text, salt=salt, length=_LEAST)
        return made + self.pseudonyms.fill(text, missing, salt=salt)

    def _replace_part(self, part: Part, whole: str, manner: Manner, salt: int) -> str:
        if part.kind is PartKind.KEPT:
            return part.text
        if part.kind is PartKind.HEX:
            return self.pseudonyms.hexes(part.text, salt=salt)
        if part.kind is PartKind.DIGITS:
            return self._replace_digits(part, manner, salt)
        if part.kind is PartKind.EMAIL and not manner.exact:
            return self.pseudonyms.email(part.text, salt=salt)
        made = self.pseudonyms.letters(part.text, whole, salt=salt)
        return "".join(write_digit(char, "9") if char.isdigit() else char for char in made)

    def _replace_digits(self, part: Part, manner: Manner, salt: int) -> str:
        places = [index for index, char in enumerate(part.plain) if char in "0123456789"]
        digits = "".join(part.plain[index] for index in places)
        groups = list(iter_cards(part.plain)) if manner.cards else []
        if not groups:
            new = dict(
                zip(places, self.pseudonyms.digits(digits, salt=salt, mark=ORDINARY_MARK), strict=True)
            )
        else:
            new = dict.fromkeys(places, "9")
        for spans in groups:
            card = [index for begin, end in spans for index in range(begin, end)]
            number = "".join(part.plain[index] for index in card)
            new |= dict(zip(card, stand_in_number(self.pseudonyms, number, salt), strict=True))
        return "".join(
            write_digit(char, new[index]) if index in new else char for index, char in enumerate(part.text)
        )

    def _last_resort(self, text: str, hits: list[int]) -> str:
        """Keep the card numbers and as much of the length as can be, and nothing else."""
        numbers = " x ".join(stand_in_number(self.pseudonyms, "0" * length) for length in hits)
        room = len(text) - len(numbers) - 3
        filler = self.pseudonyms.fill(text, max(room, 0)) if room > 0 or not hits else ""
        return " x ".join(part for part in (filler, numbers) if part)


def _is_clean(part: Part, manner: Manner) -> bool:
    if part.kind is PartKind.KEPT:
        return True
    if part.kind is PartKind.HEX:
        return is_hex_pseudonym(part.text)
    if part.kind is PartKind.EMAIL:
        return is_email_pseudonym(part.text) or _is_clean_letters(part.text)
    if part.kind is PartKind.LETTERS:
        return _is_clean_letters(part.text)
    return _is_clean_row(part.plain, manner)


def _is_clean_letters(text: str) -> bool:
    return is_reserved(text) and _OTHER_DIGIT.search(text) is None


def _is_clean_row(plain: str, manner: Manner) -> bool:
    digits = "".join(char for char in plain if char in "0123456789")
    if is_digit_pseudonym(digits):
        return True
    rest = list(plain)
    found = False
    for spans in iter_cards(plain) if manner.cards else ():
        number = "".join(plain[begin:end] for begin, end in spans)
        if not is_test_number(number):
            return False
        found = True
        for begin, end in spans:
            rest[begin:end] = "9" * (end - begin)
    return found and all(char == "9" for char in rest if char in "0123456789")
