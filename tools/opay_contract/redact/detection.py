"""Cuts a text into parts that are replaced in different ways: addresses, rows of digits, words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from opay_contract.redact.alphabets import plain_digits
from opay_contract.redact.vocabulary import NAME_WORDS, WORDS, split_words


class PartKind(StrEnum):
    """How a part of a text is replaced; what is `KEPT` is not."""

    KEPT = "text"
    EMAIL = "e-mail address"
    HEX = "hexadecimal digits"
    DIGITS = "digits"
    LETTERS = "free text"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text; `plain` is the same with every digit as an ASCII digit."""

    kind: PartKind
    text: str
    plain: str


_EMAIL = r"(?<![\w.+'-])[\w.!#$%&'*+/=?^`{|}~-]++@[\w-]++(?:\.[\w-]++)*+"
_HEX = r"(?<![0-9A-Za-z])(?:(?=[0-9]*+[a-f])[0-9a-f]{16,}|(?=[0-9]*+[A-F])[0-9A-F]{16,})(?![0-9A-Za-z])"
_DIGITS = r"[0-9](?:[\W_]{0,3}[0-9])*"
_VERSION = r"(?<=[A-Za-z]/)[0-9]{1,4}(?:\.[0-9]{1,4}){0,4}(?![0-9])"
_KNOWN_NUMBERS = r"(?<![\w.-])Gecko/20100101(?!\w)"
_WORD = r"[A-Za-z]+"
_NOTHING = r"(?!)"
_TOKEN = re.compile("[A-Za-z0-9]+")
_NUMBERED = re.compile("([A-Za-z]+)[0-9]{0,2}")
_LONGEST_NAME = 64
_VERSION_DIGITS = 8
_SMALL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2}){0,2}")


class Detector:
    """Finds the parts of texts; knows the contract's words, and the beginnings that its tokens have."""

    def __init__(self, words: frozenset[str], prefixes: tuple[str, ...]) -> None:
        self._words = WORDS | words
        self.known = NAME_WORDS | words
        prefix = "|".join(map(re.escape, prefixes)) or _NOTHING
        kept = rf"(?P<kept>(?<![0-9A-Za-z])(?:{prefix}))"
        found = rf"{kept}|(?P<email>{_EMAIL})|(?P<hex>{_HEX})"
        numbers = rf"(?P<known>{_KNOWN_NUMBERS})|(?P<version>{_VERSION})"
        self._strict = re.compile(rf"{found}|(?P<digits>{_DIGITS})")
        self._lenient = re.compile(rf"{found}|{numbers}|(?P<digits>{_DIGITS})")
        self._word = re.compile(_WORD)
        self._found = re.compile(rf"[@0-9]|{prefix}")

    def is_known(self, name: str) -> bool:
        """Return whether a name is made of nothing but known words, with numbers such as that of `v1`."""
        if not name.isascii() or "@" in name or len(name) > _LONGEST_NAME:
            return False
        if name.lower() in self.known:
            return True
        tokens = [_NUMBERED.fullmatch(token) for token in _TOKEN.findall(name)]
        letters = [token for token in tokens if token and len(token[1]) == 1]
        return len(letters) <= 1 and all(token and self._is_known_token(token[1]) for token in tokens)

    def _is_known_token(self, token: str) -> bool:
        return len(token) <= 1 or token.lower() in self.known or self.known.issuperset(split_words(token))

    def iter_parts(self, text: str, *, keep_words: bool) -> Iterator[Part]:
        """Yield the parts of `text` in order, without gaps."""
        plain = plain_digits(text)
        end = 0
        if self._found.search(plain) is None:
            yield from self._rest(text, plain, 0, len(text), keep_words=keep_words)
            return
        for match in (self._lenient if keep_words else self._strict).finditer(plain):
            yield from self._rest(text, plain, end, match.start(), keep_words=keep_words)
            kind = self._kind(match, keep_words=keep_words)
            yield Part(kind, text[match.start() : match.end()], match[0])
            end = match.end()
        yield from self._rest(text, plain, end, len(text), keep_words=keep_words)

    def _kind(self, match: re.Match[str], *, keep_words: bool) -> PartKind:
        if match.lastgroup == "email":
            return PartKind.EMAIL
        if match.lastgroup == "hex":
            return PartKind.HEX
        is_version = match.lastgroup == "version" and sum(map(str.isdigit, match[0])) <= _VERSION_DIGITS
        is_small = match.lastgroup == "digits" and keep_words and _SMALL.fullmatch(match[0]) is not None
        is_kept = match.lastgroup in ("kept", "known") or is_version or is_small
        return PartKind.KEPT if is_kept else PartKind.DIGITS

    def _rest(self, text: str, plain: str, start: int, end: int, *, keep_words: bool) -> Iterator[Part]:
        """Yield what stands between the parts that are found by their form."""
        if keep_words:
            for match in self._word.finditer(text, start, end):
                if match[0].lower() in self._words:
                    if start < match.start():
                        yield Part(
                            PartKind.LETTERS, text[start : match.start()], plain[start : match.start()]
                        )
                    yield Part(PartKind.KEPT, match[0], match[0])
                    start = match.end()
        if start < end:
            yield Part(PartKind.LETTERS, text[start:end], plain[start:end])
