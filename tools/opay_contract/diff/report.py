"""What has changed, in text, Markdown, JSON and GitHub's annotations; one value that each format renders."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any

import click
import msgspec
from msgspec import to_builtins

from opay_contract import __version__
from opay_contract.baseline.acceptance import Acceptance
from opay_contract.contract.change_kinds import CHANGE_KINDS_BY_ID, Level, Side
from opay_contract.contract.documents import name_contract
from opay_contract.diff.changes import ContractChange, ContractDiff, describe_traffic
from opay_contract.diff.versions import FIRST, Version
from opay_contract.errors import ExitCode
from opay_contract.model.finding import Key
from opay_contract.model.observation import Observations
from opay_contract.report.annotations import command
from opay_contract.report.checked_run import TOOL
from opay_contract.report.findings import dotted
from opay_contract.report.markdown_report import code, prose
from opay_contract.report.sentences import describe_place_in_exchange
from opay_contract.words import count, printable

SCHEMA_VERSION = 1
_MOST_USES, _MOST_DETAILED, _LONGEST = 3, 12, 160
_SIGNS = {Level.BREAKING: "✗", Level.RISKY: "!", Level.HARMLESS: "·"}
_COLOURS = {Level.BREAKING: "red", Level.RISKY: "yellow", Level.HARMLESS: "blue"}
_ANNOTATIONS = {Level.BREAKING: "error", Level.RISKY: "warning", Level.HARMLESS: "notice"}
_NAMED = (
    "code-", "status-", "success-", "operation-", "media-type-", "server-added", "server-removed",
    "question-", "form-added", "form-removed", "reading-", "security-removed", "security-added",
)  # fmt: skip
_WORDS = frozenset(("words-changed", "examples-changed"))


class ReportedDiff(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The changes, the side they are told for, what recordings show and what is accepted.

    `fail_on` is the least level that fails, None where none does.
    """

    diff: ContractDiff
    side: Side = Side.CLIENT
    fail_on: Level | None = Level.BREAKING
    observations: Observations | None = None
    acceptances: tuple[Acceptance, ...] = ()
    today: date | None = None

    @cached_property
    def accepted(self) -> Mapping[Key, Acceptance]:
        """The acceptances that hold today, by what they cover."""
        return {
            one.key: one
            for one in self.acceptances
            if self.today is not None and not one.is_expired(self.today)
        }

    @cached_property
    def unused(self) -> tuple[Acceptance, ...]:
        """Acceptances of changes of which there is none."""
        keys = {one.key for one in self.diff.changes}
        return tuple(
            one for one in self.acceptances if one.rule in CHANGE_KINDS_BY_ID and one.key not in keys
        )

    def changes(self, level: Level) -> list[ContractChange]:
        """Return the changes of a level that are not accepted."""
        return [one for one in self.diff.changes if self.level(one) is level and one.key not in self.accepted]

    def level(self, change: ContractChange) -> Level:
        """Return how bad a change is for the side that is asked about."""
        return change.levels[self.side]

    def traffic(self, change: ContractChange) -> str:
        """Return what recordings say of a change, nothing where there are none."""
        return "" if self.observations is None else describe_traffic(change, self.observations)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the comparison."""
        if not self.diff.operations:
            return ExitCode.NOTHING_CHECKED
        levels = [level for level in Level if self.fail_on is not None and level >= self.fail_on]
        return ExitCode.FINDINGS if any(map(self.changes, levels)) else ExitCode.CLEAN

    def describe_numbers(self) -> str:
        """Return how many changes there are of each level."""
        told = [
            f"{len(found):,} {level.label}" for level in reversed(Level) if (found := self.changes(level))
        ]
        hidden = sum(one.key in self.accepted for one in self.diff.changes)
        return ", ".join([*told, *([f"{hidden:,} accepted"] if hidden else [])]) or "no change"

    def describe_verdict(self) -> str:
        """Return the verdict in one sentence."""
        if not self.diff.operations:
            return "NOTHING COMPARED  neither version has an operation"
        word = "FAILED" if self.exit_code else "PASSED"
        where = count(self.diff.operations, "operation")
        return f"{word}  {self.describe_numbers()} for {self.side}s in {where}"

    def describe_versions(self) -> str:
        """Return which versions were compared."""
        old, new = self.diff.old, self.diff.new
        names = [name_contract(one.values.get(FIRST), None) for one in (old, new)]
        first = f"{names[0].name} ({old.name})"
        same = names[0].title == names[1].title
        return f"{first} → {names[1].version if same else names[1].name} ({new.name})"


def render_text(run: ReportedDiff, *, width: int = 100, shows_all: bool = False) -> str:
    """Return the changes for a terminal: the worst first, harmless ones folded, the verdict last."""
    blocks = [click.style(printable(run.describe_versions()), dim=True)]
    for level in reversed(Level):
        found = run.changes(level)
        if found:
            blocks.append(_section(run, level, found, width, shows_all=shows_all))
    blocks += [
        "\n".join(f"unused acceptance {one.file}:{one.line}: {one.rule}" for one in run.unused),
        click.style(f"{'✗' if run.exit_code else '✓'} {run.describe_verdict()}", bold=True),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _section(
    run: ReportedDiff, level: Level, found: list[ContractChange], width: int, *, shows_all: bool
) -> str:
    title = f"{_SIGNS[level]} {len(found):,} {level.label}"
    if level is Level.HARMLESS and not shows_all:
        numbers = Counter(one.kind.id for one in found).most_common(6)
        kinds = click.style(f"  {', '.join(f'{kind} {number:,}' for kind, number in numbers)}", dim=True)
        return click.style(f"{title}: --all", fg=_COLOURS[level], bold=True) + kinds
    shown = found if shows_all else found[:_MOST_DETAILED]
    other = Side.SERVER if run.side is Side.CLIENT else Side.CLIENT
    lines = [click.style(title, fg=_COLOURS[level], bold=True)]
    for one in shown:
        aside = click.style(f"  {one.levels[other].label} for {other}s", dim=True)
        subject = click.style(_subject(one), bold=True)
        lines.append(f"  {click.style(one.kind.id, fg=_COLOURS[level])}  {subject}{aside}")
        for name, text in _details(run, one):
            told = f"      {name:<9} {printable(text)}"
            lines += textwrap.wrap(told, width, subsequent_indent=" " * 16, break_on_hyphens=False)
    if more := len(found) - len(shown):
        lines.append(click.style(f"  … {more:,} more: --all", dim=True))
    return "\n".join(lines)


def _details(run: ReportedDiff, change: ContractChange) -> Iterator[tuple[str, str]]:
    sides = (("was", change.was, change.old, 0), ("now", change.now, change.new, 1))
    for name, words, place, index in sides:
        if words or place:
            told = words or ("" if change.statements[index] else "not there")
            yield name, "   ".join(filter(None, (_cut(told), f"{place.file}:{place.line}" if place else "")))
    if change.uses[0].operation:
        yield "where", _describe_uses(change)
    if said := run.traffic(change):
        yield "recorded", said


def _subject(change: ContractChange) -> str:
    """Return what a change is about, in few words: a thing that has a name, or else its place."""
    names = (change.now or change.was) if change.kind.id.startswith(_NAMED) else ""
    return names or describe_pointer(change.uses[0].pointer) or change.value or "the contract"


def describe_pointer(pointer: str) -> str:
    """Return a pointer into an exchange as people write it."""
    _, way, part, *rest = [*pointer.split("/"), "", ""]
    if part != "body" or not any(rest):
        words = (
            f"{'answer' if way == 'response' else 'request'} {part}" if part in ("body", "status") else part
        )
        words = {"headers": "answer's header" if way == "response" else "header"}.get(part, words)
        return " ".join(filter(None, (words, *rest)))
    return dotted(describe_place_in_exchange(pointer))


def _describe_uses(change: ContractChange) -> str:
    """Return where a change is used: the first places, and how many there are more."""
    shown = change.uses[:_MOST_USES]
    texts = [
        f"{', '.join(filter(None, one[:3]))}: {describe_pointer(one.pointer)}".rstrip(": ") for one in shown
    ]
    more = len(change.uses) - len(shown)
    return "; ".join([*texts, *([f"{more:,} more"] if more else [])])


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def render_markdown(run: ReportedDiff) -> str:
    """Return the changes as an entry of a changelog: by level, each a line of a list."""
    names = [name_contract(one.values.get(FIRST), None) for one in (run.diff.old, run.diff.new)]
    title = f"## {names[1].version or run.diff.new.name} (from {names[0].version or run.diff.old.name})"
    blocks = [prose(title).replace("&#35;", "#"), prose(run.describe_verdict().partition("  ")[2]) + "."]
    for level in reversed(Level):
        found = run.changes(level)
        told = [one for one in found if one.kind.id not in _WORDS]
        lines = [_item(run, one) for one in told]
        if words := len(found) - len(told):
            lines.append(
                f"- {count(words, 'title, description or example', 'titles, descriptions and examples')}"
            )
        if lines:
            blocks.append("\n".join([f"### {level.label.capitalize()}", "", *lines]))
    return "\n\n".join(blocks) + "\n"


def _item(run: ReportedDiff, change: ContractChange) -> str:
    parts = [f"- {code(change.kind.id)} {prose(_subject(change))}:"]
    told = (
        f"{prose(_cut(change.was))} → {prose(_cut(change.now))}"
        if change.was and change.now
        else prose(_cut(change.was or change.now))
    )
    parts.append(f"{told}." if told else prose(change.kind.explanation))
    if change.uses[0].operation:
        parts.append(f"In {prose(_describe_uses(change))}.")
    if said := run.traffic(change):
        parts.append(f"Recorded: {prose(said)}.")
    if place := change.place:
        parts.append(code(f"{place.file}:{place.line}"))
    return " ".join(parts)


def render_github(run: ReportedDiff) -> str:
    """Return an annotation for each change that is not harmless, at its line in the new version."""
    lines = []
    for level in (Level.BREAKING, Level.RISKY):
        for one in run.changes(level):
            told = [f"{name}: {text}" for name, text in _details(run, one)]
            message = f"{_subject(one)}: {'; '.join(told)} (fingerprint {one.fingerprint})"
            at = one.new
            place: dict[str, str | int | None] = {}
            folder = run.diff.new.folder
            if (
                at and ":" not in folder and not folder.startswith(("/", "../"))
            ):  # files of the working folder
                place = {"file": at.file, "line": at.line, "col": at.column}
            lines.append(command(_ANNOTATIONS[level], message, **place, title=f"{TOOL}: {one.kind.id}"))
    lines += [
        f"{TOOL}: {run.describe_versions()}",
        f"{TOOL}: {run.describe_verdict()}; exit code {int(run.exit_code)}",
    ]
    return "\n".join(map(printable, lines)) + "\n"


def render_json(run: ReportedDiff) -> str:
    """Return the changes for programs; `changes-v1.schema.json` describes it."""
    report = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": TOOL, "version": __version__},
        "old": _version(run.diff.old),
        "new": _version(run.diff.new),
        "side": run.side.value,
        "fail_on": run.fail_on.label if run.fail_on is not None else "none",
        "exit_code": int(run.exit_code),
        "operations": run.diff.operations,
        "notes": run.diff.notes,
        "changes": [_change(run, one) for one in run.diff.changes],
        "unused_acceptances": [
            {"fingerprint": one.fingerprint, "file": one.file, "line": one.line} for one in run.unused
        ],
    }
    return json.dumps(report, indent=2) + "\n"


def _version(version: Version) -> dict[str, str]:
    named = name_contract(version.values.get(FIRST), None)
    return {"name": version.name, "title": named.title, "version": named.version}


def _change(run: ReportedDiff, change: ContractChange) -> dict[str, Any]:
    rule, _, _, pointer, *value = change.key
    return {
        "rule": rule,
        "client": change.levels[Side.CLIENT].label,
        "server": change.levels[Side.SERVER].label,
        "operation": None,
        "outcome": None,
        "pointer": pointer,
        "value": "".join(value) or None,
        "fingerprint": change.fingerprint,
        "accepted": change.key in run.accepted,
        "was": change.was,
        "now": change.now,
        "old": to_builtins(change.old) if change.old else None,
        "new": to_builtins(change.new) if change.new else None,
        "uses": [
            {name: getattr(one, name) for name in ("operation", "form", "outcome", "way", "pointer")}
            for one in change.uses
            if one.operation
        ],
        "recorded": run.traffic(change) or None,
    }
