"""The text of a baseline: where its entries stand, how one is written, how some are taken out.

`tomllib` gives values without places and cannot write, and a library that writes TOML moves the comments
above an entry to the entry before. So entries are found by their lines: everything else stays as it is, byte
for byte.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from opay_contract.baseline.acceptance import Acceptance

TABLE = "acceptance"

PREAMBLE = """\
# Accepted findings of `opay-contract check`, each until a day and with a reason.
# An entry covers one rule at one place; `opay-contract baseline --help` says how to add and remove.

version = 1
"""

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*",
    re.DOTALL,
)
_HEADER = re.compile(rf"""\[\[[ \t]*(?P<quote>["']?){TABLE}(?P=quote)[ \t]*\]\][ \t]*(?:#.*)?""")
_COMMENT = "#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The lines of one entry, as indexes: the comments directly above it, its header, its members."""

    first: int
    header: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The lines of a baseline with their ends, those that begin inside a string, and the entries."""

    lines: tuple[str, ...]
    inside: frozenset[int]
    entries: tuple[Entry, ...]

    def line_of(self, entry: Entry, member: str) -> int:
        """Return the 1-based line of a member of an entry, of its header where the member is not found."""
        pattern = re.compile(rf"""[ \t]*(?P<quote>["']?){re.escape(member)}(?P=quote)[ \t]*=""")
        for index in range(entry.header + 1, entry.end):
            if index not in self.inside and pattern.match(self.lines[index]):
                return index + 1
        return entry.header + 1


def lay_out(text: str) -> Layout:
    """Find the entries of a text that is TOML."""
    lines = tuple(re.findall(r"[^\n]*\n|[^\n]+", text))
    inside = _lines_inside_strings(text)
    headers = [
        index for index, line in enumerate(lines) if index not in inside and _HEADER.fullmatch(line.strip())
    ]
    firsts = [_first_line(lines, inside, header) for header in headers]
    ends = [*firsts, len(lines)][1:]
    entries = tuple(
        Entry(first=first, header=header, end=_end(lines, inside, header, end))
        for first, header, end in zip(firsts, headers, ends, strict=True)
    )
    return Layout(lines=lines, inside=inside, entries=entries)


def append_entries(text: str, acceptances: Iterable[Acceptance]) -> str:
    """Return the text with acceptances at its end."""
    added = "".join(f"\n{render_entry(acceptance)}" for acceptance in acceptances)
    if text and not text.endswith("\n"):
        added = f"\n{added}"
    return (text or PREAMBLE) + (added.replace("\n", "\r\n") if "\r\n" in text else added)


def remove_entries(text: str, numbers: Iterable[int]) -> str:
    """Return the text without the entries of these numbers (from 0) and the blank line before each."""
    layout = lay_out(text)
    lines = list(layout.lines)
    for number in sorted(numbers, reverse=True):
        entry = layout.entries[number]
        is_spaced = entry.first > 0 and not lines[entry.first - 1].strip()
        del lines[entry.first - is_spaced : entry.end]
    return "".join(lines)


def render_entry(acceptance: Acceptance) -> str:
    """Return an acceptance as an entry."""
    value = f"value = {_quote(acceptance.value)}\n" if acceptance.value else ""
    return (
        f"[[{TABLE}]]\n"
        f"fingerprint = {_quote(acceptance.fingerprint)}\n"
        f"rule = {_quote(acceptance.rule)}\n"
        f"operation = {_quote(acceptance.operation)}\n"
        f"outcome = {_quote(acceptance.outcome)}\n"
        f"pointer = {_quote(acceptance.pointer)}\n"
        f"{value}"
        f"reason = {_quote(acceptance.reason)}\n"
        f"expires = {acceptance.expires.isoformat()}\n"
        f"accepted_by = {_quote(acceptance.accepted_by)}\n"
        f"accepted_on = {acceptance.accepted_on.isoformat()}\n"
    )


def _quote(text: str) -> str:
    """Return a basic string: JSON's, with DEL escaped and no lone surrogates, which TOML forbids."""
    whole = text.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines_inside_strings(text: str) -> frozenset[int]:
    inside: set[int] = set()
    line = at = 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", at, token.start())
        at = token.end()
        begun = line
        line += token[0].count("\n")
        inside.update(range(begun + 1, line + 1))
    return frozenset(inside)


def _first_line(lines: tuple[str, ...], inside: frozenset[int], header: int) -> int:
    first = header
    while first and first - 1 not in inside and lines[first - 1].lstrip().startswith(_COMMENT):
        first -= 1
    return first


def _end(lines: tuple[str, ...], inside: frozenset[int], header: int, limit: int) -> int:
    """Return the index after the last member and the comments directly below it."""

    def is_comment(index: int) -> bool:
        return index not in inside and lines[index].lstrip().startswith(_COMMENT)

    members = (
        index
        for index in range(header, limit)
        if index in inside or (lines[index].strip() and not is_comment(index))
    )
    end = max(members) + 1
    while end < limit and is_comment(end):
        end += 1
    return end
