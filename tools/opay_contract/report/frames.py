"""Both sides of a finding, the contract's and the recording's, what to make of it, and what comes next."""

import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from textwrap import dedent
from typing import Any

import msgspec
from msgspec import structs

from opay_contract.baseline.acceptance import State
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document
from opay_contract.jsontext import steps_of
from opay_contract.judge.table import CARD_NUMBER_EXPOSED, RULES_OF_A_RUN
from opay_contract.model.exchange import Place
from opay_contract.model.finding import ContractPlace, Outcome, Rule
from opay_contract.model.summary import FoldedFinding
from opay_contract.model.timestamps import utc_of
from opay_contract.report.checked_run import TOOL, CheckedRun, Verdict, by_gravity
from opay_contract.report.sentences import describe_file, describe_minute
from opay_contract.words import printable

MAX_LINES = 6
"""Lines of the contract that a frame quotes at most."""

_EXAMPLES = re.compile("/examples?(/|$)")
"""What stands in examples looks like what was recorded, and is never quoted."""

_FIELD = re.compile(".*/properties/([^/]+)")
"""The field that a statement is about, from its pointer."""

_ACCEPTED_FOR = timedelta(days=90)
_ENDED = {
    Outcome.SUCCESS: "a success",
    Outcome.BUSINESS_ERROR: "a business error",
    Outcome.TRANSPORT: "an answer without a business code",
}
"""How an exchange ended whose status and code nobody noted: that of an older summary."""


class Quoted(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the contract with its number; `is_after_gap` if lines before it are left out."""

    number: int
    text: str
    is_after_gap: bool = False


class CitedSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where a statement comes from, with its mark: DOC, OBS or UNKNOWN; `says` quotes it, if it is quoted."""

    mark: str
    name: str
    title: str
    says: str = ""

    def __str__(self) -> str:
        """Return it as a line."""
        return f"{self.mark} {self.title}" + (f': "{self.says}"' if self.says else "")


def cite(root: Any, names: Iterable[str], about: str = "") -> tuple[CitedSource, ...]:
    """Return sources that a contract lists, with their words about a field if it has a name here."""
    listed = root.get("x-sources", {})
    return tuple(
        CitedSource(
            mark=str(entry.get("mark", "UNKNOWN")),
            name=str(name),
            title=str(entry.get("title", name)),
            says=str(entry.get("says", {}).get(about, "")),
        )
        for name, entry in ((name, listed.get(name, {})) for name in names)
    )


class RuleGuide(msgspec.Struct, frozen=True, kw_only=True):
    """Help with the findings of a rule: `before` keeps it, `after` breaks it."""

    sentence: str
    fault: str
    advice: str
    before: str
    after: str


def guide_of(rule: Rule) -> RuleGuide:
    """Return the help with a rule's findings."""
    return _read_guides()[rule.id]


@cache
def _read_guides() -> dict[str, RuleGuide]:
    """Read the table of guides; a fault or an advice there may be the name of one that several rules have."""
    file = resources.files("opay_contract.report") / "rule_guide.toml"
    guides = tomllib.loads(file.read_text(encoding="utf-8"))
    words = guides.pop("words")
    return {
        rule: RuleGuide(**{name: words.get(text, text) for name, text in told.items()})
        for rule, told in guides.items()
    }


class FindingFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A finding from both sides; `place` and what follows of the contract are empty where it says nothing."""

    place: str
    link: str
    lines: tuple[Quoted, ...]
    sources: tuple[CitedSource, ...]
    seen_at: str
    ended: str
    advice: str


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """A command that comes next, and what for."""

    purpose: str
    command: str


def build_frame(folded: FoldedFinding, run: CheckedRun) -> FindingFrame:
    """Return both sides of a finding."""
    finding = folded.finding
    statement, contract = finding.contract, run.contract
    document = contract.schemas.documents.get(statement.file) if contract and statement else None
    return FindingFrame(
        place=f"{statement.file}:{statement.line}" if statement else "",
        link=run.link_to(statement) if statement else "",
        lines=tuple(_quote(document, statement)) if document and statement else (),
        sources=find_sources(contract, statement) if contract and statement else (),
        seen_at=describe_seen(folded.finding.place, run),
        ended=", ".join(_ended(folded)),
        advice=guide_of(finding.rule).advice,
    )


def find_sources(contract: Contract, statement: ContractPlace) -> tuple[CitedSource, ...]:
    """Return where a statement comes from, as it says itself or the nearest one around it does."""
    document = contract.schemas.documents.get(statement.file)
    field = _FIELD.search(statement.pointer)
    for node in reversed(_nodes_to(document, statement.pointer) if document else []):
        if isinstance(node, dict) and (names := node.get("x-source")):
            return cite(contract.schemas.root.value, names, field[1] if field else "")
    return ()


def _nodes_to(document: Document, pointer: str) -> list[Any]:
    """Return the value of a document and those on the way to a pointer, as far as it leads."""
    nodes = [document.value]
    for name in steps_of(pointer):
        last = nodes[-1]
        try:
            nodes.append(last[int(name)] if isinstance(last, list) else last[name])
        except (KeyError, IndexError, ValueError, TypeError):
            break
    return nodes


def _quote(document: Document, statement: ContractPlace) -> Iterator[Quoted]:
    """Yield a statement's own lines, before them the line of the field that it is about.

    Nothing where it stood elsewhere when the finding was made: a saved summary may be of another version.
    """
    text, positions, pointer = document.text.splitlines(), document.positions, statement.pointer
    if pointer not in positions or positions[pointer].line != statement.line:
        return
    below = {key: place.line for key, place in positions.items() if key.startswith(f"{pointer}/")}
    inner = [line for key, line in below.items() if not _EXAMPLES.search(key.removeprefix(pointer))]
    numbers = [*range(statement.line, max([statement.line, *inner]) + 1)]
    above = pointer.rpartition("/")[0]
    if above.rpartition("/")[0].endswith("/properties") and above in positions:
        numbers = sorted({positions[above].line, *numbers})
    is_cut = len(numbers) > MAX_LINES
    numbers = [number for number in numbers[: MAX_LINES - is_cut] if number <= len(text)]
    lines = dedent("\n".join(text[number - 1] for number in numbers)).split("\n") if numbers else []
    gaps = [False, *(after - before > 1 for before, after in pairwise(numbers))]
    for number, line, is_after_gap in zip(numbers, lines, gaps, strict=True):
        yield Quoted(number=number, text=printable(line.rstrip()), is_after_gap=is_after_gap)
    if is_cut:
        yield Quoted(number=numbers[-1] + 1, text="…")


def describe_seen(place: Place, run: CheckedRun) -> str:
    """Return where something was recorded, below the folder that was named, as the report says that."""
    if place.is_whole_run:
        return "the run as a whole"
    folder = f"{run.named[0].rstrip('/')}/" if len(run.named) == 1 else ""
    below = structs.replace(place, file=place.file.removeprefix(folder))
    entry = "" if place.entry in (0, place.line) else f" (entry {place.entry})"
    return describe_file(below) + entry


def _ended(folded: FoldedFinding) -> Iterator[str]:
    """Yield when the first exchange of a finding was recorded, and what was answered."""
    if utc := utc_of(folded.finding.recorded_at):
        yield f"{describe_minute(utc)} UTC"
    if folded.finding.status is not None:
        yield f"answered {folded.finding.status}"
        yield from [f"code {folded.finding.code}"] if folded.finding.code else []
    elif not folded.finding.place.is_whole_run:
        yield _ENDED[folded.finding.outcome]


def next_steps(run: CheckedRun) -> list[NextStep]:
    """Return the commands that come next, with the run's own arguments."""
    open_ = [
        one
        for one in by_gravity(run.counted)
        if one.finding.rule.severity >= run.fail_on and run.state(one) is not State.ACCEPTED
    ]
    if not open_ or run.verdict is not Verdict.FAILED:
        return []
    steps = [NextStep(purpose="what it means", command=f"{TOOL} rules {open_[0].finding.rule.id}")]
    if not run.named:
        return steps
    inputs = shlex.join([*run.named, *run.options])
    if any(one.finding.rule.id == CARD_NUMBER_EXPOSED.id for one in open_):
        steps.append(
            NextStep(purpose="hide the cards", command=f"{TOOL} redact {shlex.join(run.named)} -o redacted")
        )
    of_a_run = {rule.id for rule in RULES_OF_A_RUN}
    told = [one for one in open_ if one.finding.rule.id not in of_a_run]
    if told:
        steps.append(NextStep(purpose="tell the vendor", command=f"{TOOL} check {inputs} --format ticket"))
    acceptable = [one for one in open_ if one.finding.rule.id != CARD_NUMBER_EXPOSED.id]
    if acceptable:
        which = f"--fingerprint {acceptable[0].fingerprint}" if len(acceptable) == 1 else "--all-open"
        today = datetime.fromtimestamp(run.started_at or 0, UTC)
        until = f"{today + _ACCEPTED_FOR:%Y-%m-%d}"
        accept = f"{TOOL} baseline add baseline.toml {inputs} {which} --expires {until} --reason …"
        steps.append(NextStep(purpose="accept it", command=accept))
    return [NextStep(purpose=one.purpose, command=printable(one.command)) for one in steps]
