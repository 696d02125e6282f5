"""Finds what is somebody's in a text and replaces it, so that its shape and the card numbers in it stay."""

import base64
import re
from collections.abc import Callable, Hashable, Iterator
from enum import StrEnum
from functools import lru_cache
from itertools import chain, islice, product
from typing import NamedTuple

import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract.jsontext import Tokens
from opay_contract.judge.describing import describe_value
from opay_contract.redact.pseudonyms import (
    CONSTANTS,
    FORM,
    Pseudonyms,
    card_hits,
    condense,
    is_digit_pseudonym,
    is_email_pseudonym,
    is_form,
    is_form_pseudonym,
    is_hex_pseudonym,
    is_reserved,
    is_test_number,
    iter_cards,
    plain_digits,
    replace_form,
    stand_in_number,
    write_digit,
)
from opay_contract.redact.vocabulary import NAME_WORDS, WORDS, split_words

_ODD = re.compile(r"[\W_]+")
_LEAST_LETTERS, _LEAST_WORD, _LONGEST_NAME, _MANY_DIGITS = 2, 4, 64, 5
_QUOTED = re.compile(r'"([^"\\]{2,64})"')
_JSON_IN_BASE64 = re.compile(r"(?:e[wy]|W[3wy])[A-Za-z0-9+/]{2,}={0,2}")
_MOST_QUOTED = 1000
_LONGEST_OWNED = 24
_CHOSEN = re.compile(r"[^\W_9]")
"""What makes one pseudonym differ from another; a longer one is no other value's by chance alone."""

_MOST_NAMES = 100_000
"""How many values are remembered, so that a file of any size needs flat memory."""


class Memory(msgspec.Struct):
    """Names by their letters and digits alone, in lower case: `FaridaHassan` is `farida-hassan`.

    A name that was kept before its value came is found when the file is done: the file is then redacted
    again, with the names that are `forced`. What is `known` is nobody's name.
    """

    known: frozenset[str]
    forced: frozenset[str] = frozenset()
    _kept: set[str] = field(default_factory=set)
    _replaced: set[str] = field(default_factory=set)
    _noted: dict[str, bool] = field(default_factory=dict)
    _made: dict[Hashable, str] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)
    _exhausted: set[str] = field(default_factory=set)

    def begin(self, forced: frozenset[str] = frozenset()) -> None:
        """Forget everything: a file begins."""
        self.forced = forced
        for known in (self._kept, self._replaced, self._noted, self._made, self._owners, self._exhausted):
            known.clear()

    def once(self, value: str, where: Hashable, make: Callable[[], str]) -> str:
        """Return what is made of a value; of a short one that came before in this file what was made then."""
        if len(value) > _SHORT_TEXT:
            return make()
        made = self._made.get((value, where))
        if made is None:
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            made = self._made[value, where] = make()
        return made

    def own(self, made: str, value: str) -> bool:
        """Return whether what takes a value's place may do so: it is no other value's in this file.

        It may be another's as well where there is no choice, or was none left of its shape.
        """
        if len(made) > _LONGEST_OWNED or _CHOSEN.search(made) is None:
            return True
        owner = self._owners.get(made)
        if owner is None and len(self._owners) < _MOST_NAMES:
            self._owners[made] = value
        return owner in (None, value) or _shape_of(made) in self._exhausted

    def share(self, made: str) -> str:
        """Note that no other pseudonym of its shape was found, and return it."""
        self._exhausted.add(_shape_of(made))
        return made

    def keep(self, name: str) -> bool:
        """Return whether a name may be kept, as far as is known now."""
        forms = self._forms(name, with_words=True)
        if not (self.forced.isdisjoint(forms) and self._replaced.isdisjoint(forms)):
            return False
        if len(self._kept) < _MOST_NAMES:
            self._kept |= forms
        return True

    def replace(self, value: str, *, with_words: bool = False) -> None:
        """Note that a value was replaced; `with_words` is for names of people, of which each word is one."""
        noted = self._noted.get(value)
        if len(value) > _LONGEST_NAME or noted or noted is with_words:
            return
        if len(self._noted) >= _REMEMBERED:
            self._noted.clear()
        self._noted[value] = with_words
        if len(self._replaced) < _MOST_NAMES:
            self._replaced |= self._forms(value, with_words=with_words)

    def replace_text(self, text: str) -> None:
        """Note that a text was replaced, and what is quoted in it, if it is JSON that nobody read."""
        self.replace(text)
        if _JSON_IN_BASE64.fullmatch(text):
            text = base64.b64decode(text[: len(text) // 4 * 4].encode(errors="replace") + b"====").decode(
                errors="replace"
            )
        if text.startswith(("{", "[")):
            for match in islice(_QUOTED.finditer(text), _MOST_QUOTED):
                self.replace(match[1])

    def clashes(self) -> frozenset[str]:
        """Return what was kept and replaced."""
        return frozenset(self._kept & self._replaced)

    def _forms(self, text: str, *, with_words: bool) -> set[str]:
        """Return what a name or value is known by; a number, or what is too long for a name, by nothing."""
        if len(text) > _LONGEST_NAME or sum(map(str.isdigit, text)) >= _MANY_DIGITS:
            return set()
        local = text.partition("@")[0]
        words = {word for word in split_words(local) if with_words and len(word) >= _LEAST_WORD}
        whole = {form for one in (text, local) if len(form := _ODD.sub("", one).lower()) >= _LEAST_LETTERS}
        return (whole | words) - self.known


def _shape_of(made: str) -> str:
    return re.sub(r"[^\W_]", "a", made)


class PartKind(StrEnum):
    """How a part of a text is replaced; what is `KEPT` is not."""

    KEPT = "text"
    EMAIL = "e-mail address"
    HEX = "hexadecimal digits"
    FORM = "a date, a UUID or an address of a machine"
    DIGITS = "digits"
    LETTERS = "free text"


class TextPart(NamedTuple):
    """A part of a text; `plain` is the same with every digit as an ASCII digit."""

    kind: PartKind
    text: str
    plain: str


_EMAIL = r"(?<![\w.+'-])[\w.!#$%&'*+/=?^`{|}~-]++@[\w-]++(?:\.[\w-]++)*"
_HEX = r"(?<![0-9A-Za-z])(?:(?=[0-9]*+[a-f])[0-9a-f]{16,}|(?=[0-9]*+[A-F])[0-9A-F]{16,})(?![0-9A-Za-z])"
_ROW = rf"[0-9]{{20,}}|[0-9](?:[0-9]|[\W_]{{1,3}}(?!{FORM}|{_HEX}|[0-9]{{20}})[0-9])*"
"""Groups of digits that may be one number: what is longer than a card's is a number of its own."""

_VERSION = r"(?<=[A-Za-z]/)[0-9]{1,4}(?:\.[0-9]{1,4}){0,4}(?![0-9])"
_KNOWN_NUMBERS = r"(?<![\w.-])Gecko/20100101(?!\w)"
_WORD = r"[A-Za-z]+"
_SCHEME = r"(?<![0-9A-Za-z])https?://"
_NOTHING = r"(?!)"
_TOKEN = re.compile("[A-Za-z0-9]+")
_NUMBERED = re.compile("([A-Za-z]+)[0-9]{0,2}")
_LONGEST_KNOWN = 64
_VERSION_DIGITS = 8
_REMEMBERED, _SHORT_TEXT = 8192, 256
"""How many texts it is remembered of what is in them, and how long they are at most."""

_SMALL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2}){0,2}")


class Detector:
    """Finds the parts of texts; knows the contract's words, and the beginnings that its tokens have."""

    def __init__(self, words: frozenset[str], prefixes: tuple[str, ...]) -> None:
        self._words = WORDS | words
        self.known = NAME_WORDS | words
        prefix = "|".join(map(re.escape, prefixes)) or _NOTHING
        kept = rf"(?P<kept>(?<![0-9A-Za-z])(?:{prefix}))"
        found = rf"{kept}|(?P<scheme>{_SCHEME})|(?P<email>{_EMAIL})|(?P<form>{FORM})|(?P<hex>{_HEX})"
        numbers = rf"(?P<known>{_KNOWN_NUMBERS})|(?P<version>{_VERSION})"
        self._strict = re.compile(rf"{found}|(?P<digits>{_ROW})")
        self._lenient = re.compile(rf"{found}|{numbers}|(?P<digits>{_ROW})")
        self._word = re.compile(_WORD)
        self._found = re.compile(rf"[@0-9]|::|://|{prefix}")
        self.is_known = lru_cache(_REMEMBERED)(self._is_known)
        self.say = lru_cache(_REMEMBERED)(self._say)
        self._short_parts = lru_cache(_REMEMBERED)(self._parts)
        self._is_short_clean = lru_cache(_REMEMBERED)(self._is_clean)

    def parts(self, text: str, *, keep_words: bool) -> tuple[TextPart, ...]:
        """Return the parts of `text` in order, without gaps."""
        return (self._short_parts if len(text) <= _SHORT_TEXT else self._parts)(text, keep_words)

    def is_clean(self, text: str, *, keep_words: bool, cards: bool) -> bool:
        """Return whether a text is made of nothing but pseudonyms and what may be kept."""
        return (self._is_short_clean if len(text) <= _SHORT_TEXT else self._is_clean)(text, keep_words, cards)

    def _parts(self, text: str, keep_words: bool) -> tuple[TextPart, ...]:  # noqa: FBT001  a key of memory
        return tuple(self._iter_parts(text, keep_words=keep_words))

    def _is_clean(self, text: str, keep_words: bool, cards: bool) -> bool:  # noqa: FBT001  the same
        return all(_is_clean_part(part, cards=cards) for part in self.parts(text, keep_words=keep_words))

    def _is_known(self, name: str) -> bool:
        """Return whether a name is made of nothing but known words, with numbers such as that of `v1`."""
        if not name.isascii() or "@" in name or len(name) > _LONGEST_KNOWN:
            return False
        if name.lower() in self.known:
            return True
        tokens = [_NUMBERED.fullmatch(token) for token in _TOKEN.findall(name)]
        letters = [token for token in tokens if token and len(token[1]) == 1]
        return len(letters) <= 1 and all(token and self._is_known_token(token[1]) for token in tokens)

    def _is_known_token(self, token: str) -> bool:
        return len(token) <= 1 or token.lower() in self.known or self.known.issuperset(split_words(token))

    def _say(self, name: str) -> str:
        return name if self.is_known(name) else f"({describe_value(name)})"

    def _iter_parts(self, text: str, *, keep_words: bool) -> Iterator[TextPart]:
        plain = plain_digits(text)
        end = 0
        if self._found.search(plain) is None:
            yield from self._rest(text, plain, 0, len(text), keep_words=keep_words)
            return
        for match in (self._lenient if keep_words else self._strict).finditer(plain):
            yield from self._rest(text, plain, end, match.start(), keep_words=keep_words)
            kind = self._kind(match, keep_words=keep_words)
            yield TextPart(kind, text[match.start() : match.end()], match[0])
            end = match.end()
        yield from self._rest(text, plain, end, len(text), keep_words=keep_words)

    def _kind(self, match: re.Match[str], *, keep_words: bool) -> PartKind:
        if match.lastgroup == "email":
            return PartKind.EMAIL
        if match.lastgroup == "hex":
            return PartKind.HEX
        if match.lastgroup == "form" and is_form(match[0]):
            return PartKind.FORM
        is_version = match.lastgroup == "version" and sum(map(str.isdigit, match[0])) <= _VERSION_DIGITS
        is_small = match.lastgroup == "digits" and keep_words and _SMALL.fullmatch(match[0]) is not None
        is_kept = match.lastgroup in ("kept", "known", "scheme") or is_version or is_small
        return PartKind.KEPT if is_kept else PartKind.DIGITS

    def _rest(self, text: str, plain: str, start: int, end: int, *, keep_words: bool) -> Iterator[TextPart]:
        """Yield what stands between the parts that are found by their form."""
        if keep_words:
            for match in self._word.finditer(text, start, end):
                if match[0].lower() in self._words:
                    if start < match.start():
                        yield TextPart(
                            PartKind.LETTERS, text[start : match.start()], plain[start : match.start()]
                        )
                    yield TextPart(PartKind.KEPT, match[0], match[0])
                    start = match.end()
        if start < end:
            yield TextPart(PartKind.LETTERS, text[start:end], plain[start:end])


ATTEMPTS = 12
"""How many pseudonyms of a value are tried until one keeps all that the value showed."""

_ALIKE = 2 * ATTEMPTS
"""So many are tried for all that; more only where other values of the file have those."""

_OTHER_DIGIT = re.compile(r"[^\D9]")

_LONG = 4096
"""A longer text is tried once: few of its pseudonyms keep all that it showed, if any does."""

_LEAST = 8
"""An identifier shorter than this gets a longer pseudonym where that may be: there are too few short ones."""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
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


class Texts(msgspec.Struct, frozen=True):
    """Tells clean texts from others and makes these clean."""

    pseudonyms: Pseudonyms
    detector: Detector
    memory: Memory

    def say(self, tokens: Tokens) -> str:
        """Return a place in words: names of known words, and of any other the shape alone."""
        return "/".join("*" if isinstance(token, int) else self.detector.say(token) for token in tokens)

    def is_clean(self, text: str, manner: Manner = STRICT) -> bool:
        """Return whether a text is made of nothing but pseudonyms and what may be kept."""
        return text in CONSTANTS or self.detector.is_clean(
            text, keep_words=manner.keep_words, cards=manner.cards
        )

    def found_in(self, text: str, manner: Manner = STRICT) -> str:
        """Say what kind of data a text has; never the data."""
        if manner.cards and card_hits(text):
            return "card number"
        parts = self.detector.parts(text, keep_words=manner.keep_words)
        found = (part.kind.value for part in parts if not _is_clean_part(part, cards=manner.cards))
        return next(found, PartKind.LETTERS.value)

    def redact(self, text: str, manner: Manner = STRICT, accept: Callable[[str], bool] = accept_all) -> str:
        """Return the pseudonym of a text, or the text itself where it is clean."""
        if accept is accept_all:
            return self.memory.once(text, manner, lambda: self._redact(text, manner, accept))
        return self._redact(text, manner, accept)

    def _redact(self, text: str, manner: Manner, accept: Callable[[str], bool]) -> str:
        if self.is_clean(text, manner):
            self.memory.own(text, text)
            return text
        self.memory.replace_text(text)
        hits, doubled = card_hits(text) if manner.cards else [], ""
        for number, candidate in enumerate(self._candidates(text, manner)):
            if number >= _ALIKE and not doubled:
                break
            keeps = not manner.cards or card_hits(candidate) == hits
            if keeps and accept(candidate) and self.is_clean(candidate, manner):
                if self.memory.own(candidate, text):
                    return candidate
                doubled = doubled or candidate
        if doubled:
            return self.memory.share(doubled)
        constants = CONSTANTS if accept is not accept_all and not hits else ()
        return next(filter(accept, constants), None) or self._last_resort(text, hits)

    def _candidates(self, text: str, manner: Manner) -> Iterator[str]:
        salts = range(ATTEMPTS if len(text) <= _LONG else 1)
        exact = Manner(keep_words=manner.keep_words, cards=manner.cards, exact=True)
        more = range(ATTEMPTS, _ALIKE * 4) if len(text) <= _LONGEST_OWNED else ()
        for each, salt in chain(product((manner, exact), salts), product((manner,), more)):
            yield self.variant(text, each, salt)

    def variant(self, text: str, manner: Manner, salt: int) -> str:
        """Return one of the possible pseudonyms of a text, whether it keeps what the text showed or not."""
        parts = self.detector.parts(text, keep_words=manner.keep_words)
        whole = condense(text)
        if manner.cards and not card_hits(text):  # what looks like one in it is part of something else
            manner = replace(manner, cards=False)
        made = "".join(self._replace_part(part, whole, manner, salt) for part in parts)
        missing = _LEAST - sum(map(str.isalnum, text)) if manner.lengthen else 0
        if missing <= 0:
            return made
        if text.isascii() and text.isdigit():
            return self.pseudonyms.digits(text, salt=salt, length=_LEAST)
        return made + self.pseudonyms.fill(text, missing, salt=salt)

    def _replace_part(self, part: TextPart, whole: str, manner: Manner, salt: int) -> str:
        if part.kind is PartKind.KEPT:
            return part.text
        if part.kind is PartKind.HEX:
            return self.pseudonyms.hexes(part.text, salt=salt)
        if part.kind is PartKind.FORM:
            made = replace_form(self.pseudonyms, part.plain, salt)
            if not manner.exact or len(made) == len(part.text):
                return made
            return self.pseudonyms.letters(re.sub("[0-9]", "a", part.plain), whole, salt=salt)
        if part.kind is PartKind.DIGITS:
            return self._replace_digits(part, manner, salt)
        if part.kind is PartKind.EMAIL and not manner.exact:
            return self.pseudonyms.email(part.text, salt=salt)
        made = self.pseudonyms.letters(part.text, whole, salt=salt)
        return "".join(write_digit(char, "9") if char.isdigit() else char for char in made)

    def _replace_digits(self, part: TextPart, manner: Manner, salt: int) -> str:
        groups = list(iter_cards(part.plain)) if manner.cards else []
        if not groups and part.text.isascii() and part.text.isdigit():
            return self.pseudonyms.digits(part.text, salt=salt)
        places = [index for index, char in enumerate(part.plain) if char in "0123456789"]
        digits = "".join(part.plain[index] for index in places)
        if not groups:
            new = dict(zip(places, self.pseudonyms.digits(digits, salt=salt), strict=True))
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
        room = len(text) - (len(numbers) + 3 if hits else 0)
        filler = self.pseudonyms.fill(text, max(room, 0)) if room > 0 or not hits else ""
        return " x ".join(part for part in (filler, numbers) if part)


def _is_clean_part(part: TextPart, *, cards: bool) -> bool:
    if part.kind is PartKind.KEPT:
        return True
    if part.kind is PartKind.HEX:
        return is_hex_pseudonym(part.text)
    if part.kind is PartKind.FORM:
        return is_form_pseudonym(part.plain)
    if part.kind is PartKind.EMAIL:
        return is_email_pseudonym(part.text) or _is_clean_letters(part.text)
    if part.kind is PartKind.LETTERS:
        return _is_clean_letters(part.text)
    return _is_clean_row(part.plain, cards=cards)


def _is_clean_letters(text: str) -> bool:
    return is_reserved(text) and _OTHER_DIGIT.search(text) is None


def _is_clean_row(plain: str, *, cards: bool) -> bool:
    digits = "".join(char for char in plain if char in "0123456789")
    if is_digit_pseudonym(digits):
        return True
    rest = list(plain)
    found = False
    for spans in iter_cards(plain) if cards else ():
        number = "".join(plain[begin:end] for begin, end in spans)
        if not is_test_number(number):
            return False
        found = True
        for begin, end in spans:
            rest[begin:end] = "9" * (end - begin)
    return found and all(char == "9" for char in rest if char in "0123456789")
