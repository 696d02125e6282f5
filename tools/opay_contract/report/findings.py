"""One finding as every report tells it: in words, from both sides, what to make of it."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
from msgspec import structs

from opay_contract.baseline.acceptance import Acceptance
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document
from opay_contract.jsontext import steps_of
from opay_contract.model.exchange import Place
from opay_contract.model.finding import Area, ContractPlace, Finding, Outcome, Rule
from opay_contract.model.observation import utc_of
from opay_contract.model.summary import MAX_FILES
from opay_contract.report.checked_run import CheckedRun
from opay_contract.words import count, on_one_line, printable

MAX_LINES = 6
"""Lines of the contract that a frame quotes at most."""

_EXAMPLES = re.compile("/examples?(/|$)")
"""What stands in examples looks like what was recorded, and is never quoted."""

_FIELD = re.compile(".*/properties/([^/]+)")
"""The field that a statement is about, from its pointer."""

_ENDED = {
    Outcome.SUCCESS: "a success",
    Outcome.BUSINESS_ERROR: "a business error",
    Outcome.TRANSPORT: "an answer without a business code",
}
"""How an exchange ended whose status and code nobody noted: that of an older summary."""


def describe_place(place: Place) -> str:
    """Return a place as an editor understands it, with the entry where it is not the line."""
    where = describe_file(place)
    return where if place.is_whole_run or place.entry in (0, place.line) else f"{where}: entry {place.entry}"


def describe_file(place: Place) -> str:
    """Return the file of a place with its line and column, as far as there are any."""
    if place.is_whole_run:
        return "run"
    parts = (printable(place.file), place.line, place.column)
    return ":".join(str(part) for part in parts if part is not None)


def describe_operation(operation: str | None) -> str:
    """Return the name of an operation, or that there is none."""
    return operation or "no operation"


def describe_call(finding: Finding) -> str:
    """Return the operation and the outcome that a finding is about."""
    if finding.place.is_whole_run and finding.operation is None:
        return "the whole run"
    return f"{describe_operation(finding.operation)}, {finding.outcome}"


def describe_field(finding: Finding) -> str:
    """Return what a finding is about as people write it: `data.cardTokens[].brand`, a header's name, a path.

    Where the rule is about a public value, the value is said with it.
    """
    is_route = finding.rule.area is Area.ROUTE
    place = printable(finding.pointer) if is_route else dotted(finding.pointer)
    return " ".join(part for part in (place, printable(finding.value)) if part)


def dotted(pointer: str) -> str:
    """Return a folded JSON pointer with dots and brackets; what is no pointer, or has odd names, as it is."""
    head, slash, rest = pointer.partition("/")
    if not slash or head not in ("", "request:") or not rest:
        return printable(pointer)
    names = rest.split("/")
    if not all(name == "*" or name.replace("_", "a").replace("-", "a").isalnum() for name in names):
        return printable(pointer)
    path = "".join("[]" if name == "*" else f".{name}" for name in names).removeprefix(".")
    return f"{head} {path}" if head else path


def describe_moment(utc: str) -> str:
    """Return UTC text without what says nothing."""
    return f"{utc.removesuffix('Z').rstrip('0').removesuffix('.')}Z"


def describe_minute(utc: str) -> str:
    """Return RFC 3339 text as a day and a minute, in UTC; what is none, as it is."""
    try:
        moment = datetime.fromisoformat(utc)
    except ValueError:
        return printable(utc)
    return f"{moment.day} {moment:%b %Y %H:%M}"


def describe_day(utc: str | None) -> str:
    """Return the day of UTC text, or nothing."""
    if not utc:
        return ""
    moment = datetime.fromisoformat(utc)
    return f"{moment.day} {moment:%b %Y}"


def describe_recorded(finding: Finding) -> str:
    """Return when a finding was first and last recorded, or nothing."""
    times = [describe_moment(time) for time in (finding.first_seen, finding.last_seen) if time]
    return f"recorded {' to '.join(dict.fromkeys(times))}" if times else ""


def describe_files(finding: Finding) -> str:
    """Return in how many files a finding was seen, as a number, or nothing where that was not counted."""
    return f"{MAX_FILES}+" if len(finding.files) > MAX_FILES else f"{len(finding.files) or ''}"


def describe_spread(finding: Finding, run: CheckedRun) -> str:
    """Return how often a finding was seen, and in how many of several files."""
    times, files = count(finding.count, "time"), describe_files(finding)
    if not files or not run.counts_files:
        return times
    of = f" of {run.recordings:,}" if run.recordings else ""
    return f"{times} in {files}{of} {'file' if files == '1' and not of else 'files'}"


def describe_acceptance(run: CheckedRun, finding: Finding) -> str:
    """Return how the acceptance of a finding stands, where, by whom it is and why, or nothing."""
    acceptance = run.acceptance(finding)
    if acceptance is None:
        return ""
    where = f"{acceptance.file}:{acceptance.line}"
    return on_one_line(
        f"{run.acceptance_status(finding)} ({where}) by {acceptance.accepted_by}: {acceptance.reason}"
    )


def describe_covered(acceptance: Acceptance) -> str:
    """Return what an acceptance covers as findings are named: the rule and the place."""
    return " ".join(
        filter(None, (acceptance.rule, printable(acceptance.pointer), printable(acceptance.value)))
    )


def describe_unused(acceptance: Acceptance) -> str:
    """Return why an acceptance is called unused, and what to do about it."""
    why = f"no finding has the fingerprint {acceptance.fingerprint}"
    return f"{why}; `opay-contract baseline prune` removes it"


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
    guides = tomllib.loads(Path(__file__).with_name("rule_guide.toml").read_text(encoding="utf-8"))
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


def build_frame(finding: Finding, run: CheckedRun) -> FindingFrame:
    """Return both sides of a finding."""
    statement, contract = finding.contract, run.contract
    document = contract.schemas.documents.get(statement.file) if contract and statement else None
    return FindingFrame(
        place=f"{statement.file}:{statement.line}" if statement else "",
        link=run.link_to(statement) if statement else "",
        lines=tuple(_quote(document, statement)) if document and statement else (),
        sources=find_sources(contract, statement) if contract and statement else (),
        seen_at=describe_seen(finding.place, run),
        ended=", ".join(_ended(finding)),
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


def _ended(finding: Finding) -> Iterator[str]:
    if utc := utc_of(finding.recorded_at):
        yield f"{describe_minute(utc)} UTC"
    if finding.status is not None:
        yield f"answered {finding.status}"
        yield from [f"code {finding.code}"] if finding.code else []
    elif not finding.place.is_whole_run:
        yield _ENDED[finding.outcome]
