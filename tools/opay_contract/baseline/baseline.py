"""The baseline: findings that are accepted until a day, kept in a TOML file beside the recordings.

`tomllib` gives values without places and cannot write, and a library that writes TOML moves the comments
above an entry to the entry before. So entries are found by their lines: everything else stays as it is, byte
for byte. Every fault of an entry is named by file and line.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from opay_contract.baseline.acceptance import Acceptance, Judged
from opay_contract.contract.change_kinds import CHANGE_KINDS_BY_ID
from opay_contract.drift.saving import FindingsSeen, findings_seen_in
from opay_contract.errors import UsageError
from opay_contract.files import parse_toml, read_text
from opay_contract.judge.card_numbers import has_card_number
from opay_contract.judge.describing import describe_name
from opay_contract.judge.table import CARD_NUMBER_EXPOSED, RULES_BY_ID
from opay_contract.model.finding import Outcome, fingerprint, key_of
from opay_contract.model.summary import DriftSummary
from opay_contract.words import did_you_mean

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


class EntryLines(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of one entry, as indexes: the comments directly above it, its header, its members."""

    first: int
    header: int
    end: int


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a baseline with their ends, those that begin inside a string, and the entries."""

    lines: tuple[str, ...]
    inside: frozenset[int]
    entries: tuple[EntryLines, ...]

    def line_of(self, entry: EntryLines, member: str) -> int:
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
        EntryLines(first=first, header=header, end=_end(lines, inside, header, end))
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
    members = {name: getattr(acceptance, name) for name in _MEMBERS}
    lines = [
        f"{name} = {value.isoformat() if isinstance(value, date) else _quote(value)}\n"
        for name, value in members.items()
        if value or name != _OPTIONAL
    ]
    return "".join([f"[[{TABLE}]]\n", *lines])


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


LONGEST = timedelta(days=366)
"""How far away an expiry may be: a year, so that everything accepted is looked at again."""

NEVER_ACCEPTED = frozenset({CARD_NUMBER_EXPOSED.id})
"""Rules whose findings cannot be accepted."""

_MEMBERS: dict[str, type] = {
    "fingerprint": str,
    "rule": str,
    "operation": str,
    "outcome": str,
    "pointer": str,
    "value": str,
    "reason": str,
    "expires": date,
    "accepted_by": str,
    "accepted_on": date,
}
_OPTIONAL = "value"
_KNOWN = f"known are {', '.join(_MEMBERS)}"
_WHERE_RULES_ARE = "`opay-contract rules` lists them"
_NAMES = {str: "a string", date: "a date, such as 2027-01-31 without quotes"}


def read_acceptance(
    values: Mapping[str, Any], file: str, layout: Layout, entry: EntryLines, today: date
) -> Acceptance:
    """Return the acceptance that an entry holds; raises UsageError."""
    # what rests on a sound member is looked at only then
    for member, fault in _find_shape_faults(values) or _find_value_faults(values, today):
        raise UsageError(f"{file}:{layout.line_of(entry, member)}: {fault}")
    told = {name: value for name, value in values.items() if name != "fingerprint"}
    return Acceptance(**told, file=file, line=entry.header + 1)


def find_rule_fault(rule: str) -> str | None:
    """Return why findings of a rule cannot be accepted, or None."""
    if rule in NEVER_ACCEPTED:
        return f"{rule} can never be accepted: take the card number out of where it is exposed"
    known = RULES_BY_ID.keys() | CHANGE_KINDS_BY_ID.keys()
    hint = _hint(rule, known, _WHERE_RULES_ARE)
    return None if rule in known else f"unknown rule '{describe_name(rule)}'{hint}"


def find_expiry_fault(expires: date, today: date) -> str | None:
    """Return what is wrong with the last day of an acceptance, or None; a day that is past is not wrong."""
    latest = today + LONGEST
    return f"expires {expires} is more than a year away; the latest is {latest}" if expires > latest else None


def find_text_fault(name: str, text: str) -> str | None:
    """Return what is wrong with words that a person wrote, or None."""
    if not text.strip():
        return f"{name} is empty; say it in a few words"
    return f"{name} holds a card number" if has_card_number(text) else None


def _find_shape_faults(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    unknown = [
        (name, f"unknown member '{describe_name(name)}'{_hint(name, _MEMBERS, _KNOWN)}")
        for name in values - _MEMBERS.keys()
    ]
    needed = [name for name in _MEMBERS if name != _OPTIONAL]
    missing = [(name, f"the acceptance has no '{name}'") for name in needed if name not in values]
    mistyped = [
        (name, f"'{name}' is not {_NAMES[kind]}")
        for name, kind in _MEMBERS.items()
        if name in values and type(values[name]) is not kind  # a date with a time is a date to isinstance
    ]
    return [*unknown, *missing, *mistyped]


def _find_value_faults(values: Mapping[str, Any], today: date) -> list[tuple[str, str]]:
    about = (values["rule"], values["operation"], values["outcome"], values["pointer"])
    right = fingerprint(key_of(*about, values.get("value", "")))
    outcomes = [""] if values["rule"] in CHANGE_KINDS_BY_ID else [outcome.value for outcome in Outcome]
    faults = {
        "rule": find_rule_fault(values["rule"]),
        "outcome": None
        if values["outcome"] in outcomes
        else f"unknown outcome '{describe_name(values['outcome'])}'; "
        f"known are {', '.join(outcomes) or 'none'}",
        "pointer": "pointer holds a card number" if has_card_number(values["pointer"]) else None,
        "value": "value holds a card number" if has_card_number(values.get("value", "")) else None,
        "reason": find_text_fault("reason", values["reason"]),
        "accepted_by": find_text_fault("accepted_by", values["accepted_by"]),
        "expires": find_expiry_fault(values["expires"], today),
        "fingerprint": None
        if values["fingerprint"] == right
        else "the fingerprint is not that of the rule, operation, outcome, pointer and value beside it, "
        f"which is '{right}'",
    }
    return [(name, fault) for name, fault in faults.items() if fault]


def _hint(name: str, known: Iterable[str], otherwise: str) -> str:
    return f"; {did_you_mean(name, known) or otherwise}"


VERSION = 1
"""The version of the file's members."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The acceptances of a file, in its order, and its text."""

    text: str
    acceptances: tuple[Acceptance, ...]


def load_baseline(path: Path, today: date) -> Baseline:
    """Read a baseline; raises UsageError with file and line where it is not one."""
    return parse_baseline(read_text(path), str(path), today)


def load_or_start_baseline(path: Path, today: date) -> Baseline:
    """Read a baseline; begin one where there is no file."""
    return load_baseline(path, today) if path.exists() else Baseline(text=PREAMBLE, acceptances=())


def parse_baseline(text: str, file: str, today: date) -> Baseline:
    """Read the text of a baseline; `file` is what errors call it."""
    values, layout = parse_toml(text, file), lay_out(text)
    entries = values.pop(TABLE, [])
    version = values.pop("version", None)
    if type(version) is not int or version != VERSION:
        raise UsageError(f"{file}:1: no baseline of version {VERSION}; begin it with 'version = {VERSION}'")
    if values:
        unknown = describe_name(next(iter(values)))
        raise UsageError(f"{file}:1: unknown member '{unknown}'; known are version and {TABLE}")
    if not isinstance(entries, list) or len(entries) != len(layout.entries):
        raise UsageError(f"{file}:1: write every acceptance as a table of its own that begins [[{TABLE}]]")
    acceptances = tuple(
        read_acceptance(entry, file, layout, lines, today)
        for entry, lines in zip(entries, layout.entries, strict=True)
    )
    _refuse_duplicates(acceptances, layout)
    return Baseline(text=text, acceptances=acceptances)


def apply_baseline(summary: DriftSummary, baseline: Baseline, today: date) -> Judged:
    """Tell which findings of a run are accepted, which were, and which acceptances have no finding."""
    findings_seen = findings_seen_in(summary)
    return Judged(
        summary=summary,
        today=today,
        matched={
            acceptance.key: acceptance
            for acceptance in baseline.acceptances
            if acceptance.key in summary.findings and acceptance.rule not in NEVER_ACCEPTED
        },
        unused=tuple(
            one
            for one in baseline.acceptances
            if findings_seen.excludes(one.key) and one.rule not in CHANGE_KINDS_BY_ID
        ),
    )


def add_acceptances(baseline: Baseline, acceptances: Iterable[Acceptance]) -> str:
    """Return the baseline's text with more acceptances; raises UsageError where one is there already."""
    known = {acceptance.fingerprint: acceptance for acceptance in baseline.acceptances}
    added = list(acceptances)
    for acceptance in added:
        if there := known.get(acceptance.fingerprint):
            raise UsageError(
                f"{there.file}:{there.line}: '{there.fingerprint}' stands here, until {there.expires}; "
                "edit this entry, or prune it first"
            )
    return append_entries(baseline.text, added)


def find_prunable(baseline: Baseline, findings_seen: FindingsSeen, today: date) -> dict[int, str]:
    """Return the numbers of entries that are of no use, with why: expired, or unused by a whole run."""
    found: dict[int, str] = {}
    for number, acceptance in enumerate(baseline.acceptances):
        if acceptance.is_expired(today):
            found[number] = acceptance.status(today)
        elif (
            findings_seen.is_whole
            and findings_seen.excludes(acceptance.key)
            and (acceptance.rule in CHANGE_KINDS_BY_ID) is findings_seen.are_changes
        ):
            found[number] = f"unused, no finding has the fingerprint {acceptance.fingerprint}"
    return found


def _refuse_duplicates(acceptances: tuple[Acceptance, ...], layout: Layout) -> None:
    lines: dict[str, int] = {}
    for acceptance, entry in zip(acceptances, layout.entries, strict=True):
        line = layout.line_of(entry, "fingerprint")
        if first := lines.get(acceptance.fingerprint):
            raise UsageError(
                f"{acceptance.file}:{line}: '{acceptance.fingerprint}' stands in line {first} already"
            )
        lines[acceptance.fingerprint] = line
