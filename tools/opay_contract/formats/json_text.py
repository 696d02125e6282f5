"""Rewrites the values in a JSON text and leaves everything else of it as it is.

Works on the text and not on what it means, so that white space, the order and number of members, NaN, and
the place where a broken text breaks all stay. Knows no recursion.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from opay_contract.jsontext import MAX_DEPTH, Tokens


class Visitor(Protocol):
    """Says what becomes of each value."""

    def text(self, tokens: Tokens, value: str) -> str:
        """Return the text that takes the place of the text at `tokens`."""

    def number(self, tokens: Tokens, token: str) -> str:
        """Return the number, as JSON has it, that takes the place of the one at `tokens`."""

    def name(self, tokens: Tokens, name: str, salt: int) -> str:
        """Return the name of the member at `tokens`; another `salt` asks for another one."""

    def renamed(self, tokens: Tokens) -> None:
        """Hear that the member at `tokens` has another name now."""

    def subtree(self, tokens: Tokens) -> str | None:
        """Return the JSON text that takes the place of a whole value, None to go into the value."""


_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+'
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\r\n]+)
    |(?P<bracket>[{{}}\[\],:])
    |(?P<string>{_STRING}")
    |(?P<open>{_STRING}\\?\Z)
    |(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+]))
    |(?P<word>(?:true|false|null|NaN|-?Infinity)(?!\w))
    |(?P<junk>[^\s{{}}\[\],:"]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ATTEMPTS = 16
_DIGITS, _FEW_DIGITS = "0123456789", 4
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_LOWER_HALF = re.compile("[\ud800-\udbff]")
_STRAY_BYTE = re.compile("[\udc80-\udcff]")
_LETTERS = "xbjkqvwz"  # of which pseudonyms are made
_CUT_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\(?:u[0-9A-Fa-f]{0,3})?)\Z")
_BROKEN_OFF_WORD = re.compile(r"-|t(?:ru?)?|f(?:a(?:ls?)?)?|n(?:ul?)?|N(?:aN?)?|-?I[nfinty]*")


@dataclass(slots=True)
class NewNames:
    """The new names of one object's members: names that differed in it still do, and equal ones are equal.

    Once all pseudonyms of one form are taken, those of the others are not looked through, either.
    """

    _made: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _spare: dict[str, Iterator[str]] = field(default_factory=dict)

    def take(self, name: str, make: Callable[[int], str]) -> str:
        """Return the new name of a member; `make` gives another candidate for another salt."""
        if name not in self._made:
            new = ""
            for salt in range(1 if self._spare else _ATTEMPTS):
                new = make(salt)
                if new not in self._taken:
                    break
            else:
                spare = self._spare.setdefault(new, _iter_spare_names(new))
                new = next(one for one in spare if one not in self._taken)
            self._made[name] = new
            self._taken.add(new)
        return self._made[name]


def _iter_spare_names(name: str) -> Iterator[str]:
    """Yield names like one that is taken: first those that count down from it, then longer ones.

    Short numbers have one pseudonym only, so that members `01` and `02` become `99` and `98`.
    """
    count = sum(char in _DIGITS for char in name)
    for number in range(10**count - 1 if 0 < count <= _FEW_DIGITS else 0, 0, -1):
        digits = iter(str(number).zfill(count))
        yield "".join(next(digits) if char in _DIGITS else char for char in name)
    for length in itertools.count(1):
        yield from (name + "".join(letters) for letters in itertools.product(_LETTERS, repeat=length))


@dataclass(slots=True)
class _Level:
    """An open object or list: where in it the text is, and the new names of its members."""

    is_object: bool
    at: str | int
    is_name_next: bool
    names: NewNames = field(default_factory=NewNames)


def read_text(data: bytes) -> str:
    """Return bytes as text; each that is no UTF-8 as the one that stands for all of them, and stays one."""
    text = data.decode(errors="surrogateescape")
    return text if text.isascii() else _STRAY_BYTE.sub("\udcff", text)


def write_text(text: str) -> bytes:
    """Return the bytes of text that was read here."""
    return text.encode(errors="surrogateescape")


def rewrite_json(text: str, visitor: Visitor) -> str:
    """Return `text` with its values and names as `visitor` wants them."""
    return _Rewriting(visitor).run(text)


class _Rewriting:
    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._levels: list[_Level] = []
        self._skip_from: int | None = None

    def run(self, text: str) -> str:
        written: list[str] = []
        for match in _TOKEN.finditer(text):
            kind, token = match.lastgroup, match[0]
            if self._skip_from is not None:
                self._skip(token if kind == "bracket" else "")
            elif kind in ("space", "word"):
                written.append(self._word(token) if kind == "word" else token)
            elif kind == "bracket":
                written.append(self._bracket(token))
            else:
                written.append(self._value(kind or "", token))
        return "".join(written)

    def _tokens(self) -> Tokens:
        """Return the place of a value; below what JSON may be nested there are no places of their own."""
        return tuple([level.at for level in self._levels[:MAX_DEPTH]])

    def _word(self, token: str) -> str:
        replacement = self._visitor.subtree(self._tokens())
        return token if replacement is None else replacement

    def _bracket(self, bracket: str) -> str:
        if bracket in "{[":
            replacement = self._visitor.subtree(self._tokens())
            if replacement is not None:
                self._skip_from = 1
                return replacement
            self._levels.append(_Level(bracket == "{", "" if bracket == "{" else 0, bracket == "{"))
        elif not self._levels:
            return bracket
        elif bracket in "}]":
            self._levels.pop()
        elif bracket == ",":
            level = self._levels[-1]
            level.is_name_next = level.is_object
            if isinstance(level.at, int):
                level.at += 1
        else:
            self._levels[-1].is_name_next = False
        return bracket

    def _skip(self, bracket: str) -> None:
        depth = (self._skip_from or 0) + (bracket in ("{", "[")) - (bracket in ("}", "]"))
        self._skip_from = depth or None

    def _value(self, kind: str, token: str) -> str:
        if kind in ("string", "open") and self._levels and self._levels[-1].is_name_next:
            return _edit_string(token, self._name)
        tokens = self._tokens()
        replacement = self._visitor.subtree(tokens)
        if replacement is not None:
            return replacement
        if kind == "number":
            return self._visitor.number(tokens, token)
        if kind == "junk":
            return token if _BROKEN_OFF_WORD.fullmatch(token) else self._visitor.text(tokens, token)
        return _edit_string(token, lambda value: self._visitor.text(tokens, value))

    def _name(self, name: str) -> str:
        level = self._levels[-1]
        level.at = name
        tokens = self._tokens()
        new = level.names.take(name, lambda salt: self._visitor.name(tokens, name, salt))
        if new != name:
            self._visitor.renamed(tokens)
        return new


def _edit_string(token: str, edit: Callable[[str], str]) -> str:
    """Edit the text of a string; one that breaks off still does, at the same kind of place.

    Bytes that are no UTF-8 stand in `token` as the upper half of surrogates, as `surrogateescape` reads them;
    one that the text itself escapes is another thing, and stays an escape.
    """
    is_whole = len(token) > 1 and token.endswith('"') and _is_closed(token)
    inner = token[1:-1] if is_whole else token[1:]
    cut = "" if is_whole else _cut_escape(inner)
    inner = inner[: len(inner) - len(cut)]
    end = '"' if is_whole else "\\" + cut[1:2] + "0" * (len(cut) - 2) if cut else ""
    try:
        value = json.loads(f'"{_ESCAPE.sub(_only_lower, inner)}"', strict=False) if "\\" in inner else inner
    except ValueError:
        return '"' + edit(inner) + end
    new = edit(value)
    if new == value:
        return '"' + inner + end
    written = json.dumps(new, ensure_ascii=token.isascii())[:-1]
    return _LOWER_HALF.sub(_escaped, written) + end


def _only_lower(match: re.Match[str]) -> str:
    """Return an escape; of half a surrogate pair that stands alone the half that no byte is read as."""
    return match[0] if match["half"] is None else r"\ud800"


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _is_closed(token: str) -> bool:
    backslashes = len(token[:-1]) - len(token[:-1].rstrip("\\"))
    return backslashes % 2 == 0


def _cut_escape(inner: str) -> str:
    match = _CUT_ESCAPE.search(inner)
    return match[1] if match else ""
