"""Remembers names that were kept and values that were replaced: what was replaced once is kept nowhere."""

import base64
import re
from dataclasses import dataclass, field
from itertools import islice

from opay_contract.redact.vocabulary import split_words

_ODD = re.compile(r"[\W_]+")
_LEAST, _LEAST_WORD, _LONGEST, _MANY_DIGITS = 2, 4, 64, 5
_QUOTED = re.compile(r'"([^"\\]{2,64})"')
_JSON_IN_BASE64 = re.compile(r"(?:e[wy]|W[3wy])[A-Za-z0-9+/]{2,}={0,2}")
_MOST_QUOTED = 1000
_MOST = 100_000
"""How many values are remembered, so that a file of any size needs flat memory."""


@dataclass(slots=True)
class Memory:
    """Names by their letters and digits alone, in lower case: `FaridaHassan` is `farida-hassan`.

    A name that was kept before its value came is found when the file is done: the file is then redacted
    again, with the names that are `forced`. What is `known` is nobody's name.
    """

    known: frozenset[str]
    forced: frozenset[str] = frozenset()
    _kept: set[str] = field(default_factory=set)
    _replaced: set[str] = field(default_factory=set)

    def begin(self, forced: frozenset[str] = frozenset()) -> None:
        """Forget everything: a file begins."""
        self.forced = forced
        self._kept.clear()
        self._replaced.clear()

    def keep(self, name: str) -> bool:
        """Return whether a name may be kept, as far as is known now."""
        forms = self._forms(name, with_words=True)
        if not (self.forced.isdisjoint(forms) and self._replaced.isdisjoint(forms)):
            return False
        if len(self._kept) < _MOST:
            self._kept |= forms
        return True

    def replace(self, value: str, *, with_words: bool = False) -> None:
        """Note that a value was replaced; `with_words` is for names of people, of which each word is one."""
        if len(self._replaced) < _MOST:
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
        if len(text) > _LONGEST or sum(map(str.isdigit, text)) >= _MANY_DIGITS:
            return set()
        local = text.partition("@")[0]
        words = {word for word in split_words(local) if with_words and len(word) >= _LEAST_WORD}
        whole = {form for one in (text, local) if len(form := _ODD.sub("", one).lower()) >= _LEAST}
        return (whole | words) - self.known
