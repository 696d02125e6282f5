"""Rewrites the values in a JSON text and leaves everything else of it as it is.

Works on the text and not on what it means, so that white space, the order and number of members, NaN, and
the place where a broken text breaks all stay. Knows no recursion.
"""

import codecs
import itertools
import json
import re
from collections.abc import Callable, Iterator
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

    def subtree(self, tokens: Tokens, token: str) -> str | None:
        """Return the JSON text that takes the place of a whole value, None to go into it; it begins so."""


_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+'
_JUNK = r'[^\s{}\[\],:"]'
_END = f"(?!{_JUNK})"  # a number or word with anything beside it is neither
_TOKEN = re.compile(
    rf"""(?P<joint>[ \t\r\n]*+[,:][ \t\r\n]*+)
    |(?P<space>[ \t\r\n]+)
    |(?P<bracket>[{{}}\[\]])
    |(?P<string>{_STRING}")
    |(?P<open>{_STRING}\\?\Z)
    |(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?{_END})
    |(?P<word>(?:true|false|null|NaN|-?Infinity){_END})
    |(?P<junk>{_JUNK}+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ATTEMPTS = 16
_DIGITS, _FEW_DIGITS = "0123456789", 4
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_BEHIND_BACKSLASH = re.compile(r"(?<=\\)(?=[0-9A-Za-z])")
_LOWER_HALF = re.compile("[\ud800-\udbff]")
_ASCII, _ANY = json.JSONEncoder().encode, json.JSONEncoder(ensure_ascii=False).encode
_LETTERS = "xbjkqvwz"  # of which pseudonyms are made
_CUT_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\(?:u[0-9A-Fa-f]{0,3})?)\Z")
_BROKEN_OFF_WORD = re.compile(r"-|t(?:ru?)?|f(?:a(?:ls?)?)?|n(?:ul?)?|N(?:aN?)?|-?I[nfinty]*")


class NewNames:
    """The new names of one object's members: names that differed in it still do, and equal ones are equal.

    Once all pseudonyms of one form are taken, those of the others are not looked through, either.
    """

    __slots__ = ("_made", "_spare", "_taken")

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        self._taken: set[str] = set()
        self._spare: dict[str, Iterator[str]] = {}

    def take(self, name: str, make: Callable[[int], str]) -> str:
        """Return the new name of a member; `make` gives another candidate for another salt."""
        known = self._made.get(name)
        if known is not None:
            return known
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
        return new


def _iter_spare_names(name: str) -> Iterator[str]:
    """Yield names like one that is taken: of a number first those that count down from it, then longer ones.

    Short numbers have one pseudonym only, so that members `01` and `02` become `99` and `98`.
    """
    count = sum(char in _DIGITS for char in name)
    for number in range(10**count - 1 if name.isdigit() and count <= _FEW_DIGITS else 0, 0, -1):
        digits = iter(str(number).zfill(count))
        yield "".join(next(digits) if char in _DIGITS else char for char in name)
    for length in itertools.count(1):
        yield from (name + "".join(letters) for letters in itertools.product(_LETTERS, repeat=length))


class _Level:
    """An open object or list: the place of it, where in it the text is, and the new names of its members."""

    __slots__ = ("at", "before", "is_name_next", "is_object", "names")

    def __init__(self, before: Tokens, *, is_object: bool) -> None:
        self.before = before
        self.is_object = self.is_name_next = is_object
        self.at: str | int = "" if is_object else 0
        self.names = NewNames()


def _stray(error: UnicodeError) -> tuple[str, int]:
    return "\udcff", error.end if isinstance(error, UnicodeDecodeError) else 0


codecs.register_error("opay-contract", _stray)


def read_text(data: bytes) -> str:
    """Return bytes as text; what is no UTF-8 as as many bytes as `replace` would make characters of it."""
    return data.decode(errors="opay-contract")


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
        self._skipped = 0

    def run(self, text: str) -> str:
        written: list[str] = []
        levels = self._levels
        for match in _TOKEN.finditer(text):
            kind, token = match.lastgroup, match[0]
            if self._skipped:
                self._skipped += (token in ("{", "[")) - (token in ("}", "]"))
            elif kind == "joint":
                if levels:
                    level, is_comma = levels[-1], "," in token
                    level.is_name_next = is_comma and level.is_object
                    if is_comma and isinstance(level.at, int):
                        level.at += 1
                written.append(token)
            elif kind == "string":
                is_name = bool(levels) and levels[-1].is_name_next
                written.append(_edit_string(token, self._new_name) if is_name else self._value(kind, token))
            elif kind == "space":
                written.append(token)
            elif kind == "bracket":
                written.append(self._bracket(token))
            elif kind == "open" and levels and levels[-1].is_name_next:
                written.append(_edit_open_string(token, self._new_name))
            else:
                written.append(self._value(kind or "", token))
        return "".join(written)

    def _tokens(self) -> Tokens:
        """Return the place of a value; below what JSON may be nested there are no places of their own."""
        if not self._levels:
            return ()
        level = self._levels[-1]
        return level.before if len(self._levels) > MAX_DEPTH else (*level.before, level.at)

    def _bracket(self, bracket: str) -> str:
        if bracket in "{[":
            tokens = self._tokens()
            replacement = self._visitor.subtree(tokens, bracket)
            if replacement is not None:
                self._skipped = 1
                return replacement
            self._levels.append(_Level(tokens, is_object=bracket == "{"))
        elif self._levels:
            self._levels.pop()
        return bracket

    def _value(self, kind: str, token: str) -> str:
        tokens, visitor = self._tokens(), self._visitor
        replacement = visitor.subtree(tokens, token)
        if replacement is not None:
            return replacement
        if kind == "string":
            return _edit_string(token, lambda value: visitor.text(tokens, value))
        if kind == "number":
            return visitor.number(tokens, token)
        if kind == "word" or (kind == "junk" and _BROKEN_OFF_WORD.fullmatch(token)):
            return token
        if kind == "junk":
            return visitor.text(tokens, token)
        return _edit_open_string(token, lambda value: visitor.text(tokens, value))

    def _new_name(self, name: str) -> str:
        level = self._levels[-1]
        level.at = name
        tokens = self._tokens()
        new = level.names.take(name, lambda salt: self._visitor.name(tokens, name, salt))
        if new != name:
            self._visitor.renamed(tokens)
        return new


def _edit_string(token: str, edit: Callable[[str], str]) -> str:
    """Edit the text of a string; what is no text in it, such as an escape that is none, stays.

    Bytes that are no UTF-8 stand in `token` as the upper half of surrogates, as `surrogateescape` reads them;
    one that the text itself escapes is another thing, and stays an escape.
    """
    inner = token[1:-1]
    if "\\" not in inner:
        new = edit(inner)
        return token if new == inner else _written(new, token) + '"'
    # of half a surrogate pair that stands alone, the half that no byte is read as
    lower = _ESCAPE.sub(lambda found: found[0] if found["half"] is None else r"\ud800", inner)
    try:
        value = json.loads(f'"{lower}"', strict=False)
    except ValueError:
        new = edit(inner)  # behind a backslash a new letter would make an escape of what was none
        return token if new == inner else f'"{_BEHIND_BACKSLASH.sub(" ", new)}"'
    new = edit(value)
    return token if new == value else _written(new, token) + '"'


def _written(new: str, token: str) -> str:
    """Return the beginning of a string with another text, in the manner of the old one."""
    if token.isascii():
        return _ASCII(new)[:-1]
    return _LOWER_HALF.sub(lambda found: f"\\u{ord(found[0]):04x}", _ANY(new)[:-1])


def _edit_open_string(token: str, edit: Callable[[str], str]) -> str:
    """Edit the text of a string that breaks off: it still does, at the same kind of place."""
    found = _CUT_ESCAPE.search(token[1:])
    cut = found[1] if found else ""
    edited = _edit_string(f'{token[: len(token) - len(cut)]}"', edit)
    end = "\\" + cut[1:2] + "0" * (len(cut) - 2) if cut else ""
    return edited[:-1] + end
