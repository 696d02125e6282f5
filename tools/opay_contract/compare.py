"""Compares two summaries, of periods, environments, or sandbox and mock, and says what differs."""

import json
import textwrap
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import click
import msgspec
from msgspec import to_builtins

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import ContractUsed
from opay_contract.contract.fields import REQUEST_BODY, RESPONSE_BODY, fields_of_scope
from opay_contract.drift.insight import LEAST_DIFFERENCE, LEAST_EVIDENCE, evidence_of_change, share_of
from opay_contract.drift.saving import findings_seen_in
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.finding import Finding, Outcome, Share
from opay_contract.model.observation import FieldLocation, Observations, Observed, Range
from opay_contract.model.summary import DriftSummary, count_outcome
from opay_contract.report import findings as tell
from opay_contract.report import sentences as say
from opay_contract.report.checked_run import rank
from opay_contract.report.json_report import build_elsewhere, build_finding, build_location, build_outcomes
from opay_contract.words import count, hanging, printable

SCHEMA_VERSION = 1
_LEAST_CELL, _MOST_CELL, _MOST_PLACE = 8, 44, 36
_NOTHING = Observed(is_documented=False)
_TOLD = (
    "rule", "severity", "operation", "outcome", "pointer", "value", "expected", "actual", "fingerprint",
    "count", "first_seen", "last_seen",
)  # fmt: skip
"""What the JSON has of a finding."""
_COMPARED = ("", "/response/status", "/response/headers/content-type")
_COMPARED_BELOW = (f"{REQUEST_BODY}/", f"{RESPONSE_BODY}/")
_RANGES = (("lengths", "characters"), ("items", "items"))


class DifferenceKind(StrEnum):
    """In which way a place differs between two runs."""

    APPEARED = "appeared"
    VANISHED = "vanished"
    RATE = "rate"
    TYPES = "types"
    VALUES = "values"
    RANGE = "range"
    READINGS = "readings"


_WITH_WORDS = {DifferenceKind.TYPES, DifferenceKind.VALUES, DifferenceKind.RANGE, DifferenceKind.READINGS}


class RunDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference: `old` and `new` say in words what there was, the shares how often.

    `location` is the place; of an open question it is empty but for the question's id as the pointer.
    """

    kind: DifferenceKind
    location: FieldLocation
    old: str
    new: str
    old_share: Share
    new_share: Share


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two summaries, the findings that only one of them has, and everything else that differs.

    `unsure` are findings of the old run that the new one may have beyond the number that a summary keeps.
    """

    old: DriftSummary
    new: DriftSummary
    appeared: tuple[Finding, ...]
    vanished: tuple[Finding, ...]
    unsure: tuple[Finding, ...]
    differences: tuple[RunDifference, ...]


def compare(old: DriftSummary, new: DriftSummary) -> Comparison:
    """Return what differs; findings are the same where their fingerprints are."""
    seen = findings_seen_in(new)
    gone = [finding for key, finding in old.findings.items() if key not in new.findings]
    return Comparison(
        old=old,
        new=new,
        appeared=tuple(finding for key, finding in new.findings.items() if key not in old.findings),
        vanished=tuple(finding for finding in gone if seen.excludes(finding.key)),
        unsure=tuple(finding for finding in gone if not seen.excludes(finding.key)),
        differences=(*_iter_places(old.observations, new.observations), *_iter_readings(old, new)),
    )


def _iter_places(old: Observations, new: Observations) -> Iterator[RunDifference]:
    """Yield how places differ that are the contract's matter: exchanges, statuses, media types and bodies."""
    for location in sorted({*old, *new}):
        shares = (share_of(location, old), share_of(location, new))
        is_compared = location[3] in _COMPARED or location[3].startswith(_COMPARED_BELOW)
        if is_compared and all(share.of for share in shares):  # else what is around it is said to differ
            sides = old.get(location, _NOTHING), new.get(location, _NOTHING)
            for kind, was, now in _iter_ways(location[3], *sides, *shares):
                yield _difference(kind, location, shares, was, now)


def _iter_ways(
    place: str, before: Observed, after: Observed, old_share: Share, new_share: Share
) -> Iterator[tuple[DifferenceKind, str, str]]:
    """Yield in which ways a place differs, with both sides in words."""
    was, now = ("there" if share.count else "never" for share in (old_share, new_share))
    if was != now:
        yield DifferenceKind.VANISHED if old_share.count else DifferenceKind.APPEARED, was, now
    elif (
        place
        and abs(old_share.rate - new_share.rate) >= LEAST_DIFFERENCE
        and evidence_of_change(old_share, new_share) > LEAST_EVIDENCE
    ):
        yield DifferenceKind.RATE, was, now
    if not before.count or not after.count:
        return
    if before.types.keys() != after.types.keys():
        yield DifferenceKind.TYPES, _list(before.types), _list(after.types)
    gone, come = before.values.keys() - after.values.keys(), after.values.keys() - before.values.keys()
    if (gone or come) and not (before.has_many_values or after.has_many_values):
        yield DifferenceKind.VALUES, f"only here: {_list(gone)}", f"only here: {_list(come)}"
    if min(before.count, after.count) < MIN_OBSERVATIONS:
        return
    for attribute, unit in _RANGES:
        old: Range | None = getattr(before, attribute)
        new: Range | None = getattr(after, attribute)
        if old and new and (new[0] < old[0] or new[1] > old[1]):
            was, now = (f"{least:,} to {most:,} {unit}" for least, most in (old, new))
            yield DifferenceKind.RANGE, was, now


def _iter_readings(old: DriftSummary, new: DriftSummary) -> Iterator[RunDifference]:
    for question in sorted({key[0] for key in (*old.readings, *new.readings)}):
        before = {reading: count for (of, reading), count in old.readings.items() if of == question}
        after = {reading: count for (of, reading), count in new.readings.items() if of == question}
        if before and after and before.keys() != after.keys():
            shares = (
                Share(count=sum(before.values()), of=sum(before.values())),
                Share(count=sum(after.values()), of=sum(after.values())),
            )
            location = ("", "", "", question)
            yield _difference(DifferenceKind.READINGS, location, shares, _list(before), _list(after))


def _difference(
    kind: DifferenceKind, location: FieldLocation, shares: tuple[Share, Share], old: str, new: str
) -> RunDifference:
    return RunDifference(
        kind=kind, location=location, old=old, new=new, old_share=shares[0], new_share=shares[1]
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class _Fact(msgspec.Struct, frozen=True):
    """One difference, said once for all operations, forms and outcomes that have it alike."""

    kind: DifferenceKind
    place: str
    old: str
    new: str
    where: str


def render_comparison(
    comparison: Comparison,
    used: ContractUsed | None = None,
    contract: Contract | None = None,
    width: int = 100,
) -> str:
    """Return what differs, totals first; `used` is the contract that recordings were judged by."""
    alone = (
        ("red", "+", "of the new run alone", comparison.appeared),
        ("green", "-", "of the old run alone", comparison.vanished),
        ("yellow", "?", "of the old run, which the new one may have beyond its cap", comparison.unsure),
    )
    blocks = [
        click.style(printable(str(used)), dim=True) if used else "",
        *_totals(comparison),
        *(_findings(mark, where, found, width, colour) for colour, mark, where, found in alone),
        _differences([*_iter_facts(comparison, contract)], width),
        click.style(f"{', '.join(_iter_counts(comparison)) or 'No difference'}.", bold=True),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def render_comparison_json(comparison: Comparison, used: ContractUsed | None = None) -> str:
    """Return what differs, for programs; one ASCII text that ends in a line feed."""
    report = {
        "schema_version": SCHEMA_VERSION,
        "contract": to_builtins(used) if used else None,
        "old": _run(comparison.old),
        "new": _run(comparison.new),
        "findings_appeared": _told(comparison.appeared),
        "findings_vanished": _told(comparison.vanished),
        "findings_unsure": _told(comparison.unsure),
        "differences": [_difference_json(difference) for difference in comparison.differences],
    }
    return json.dumps(report, indent=2) + "\n"


def _totals(comparison: Comparison) -> Iterator[str]:
    """Yield the numbers of both runs side by side, and why nothing was checked where that is so."""
    old, new = comparison.old, comparison.new
    errors = [count_outcome(run.outcomes, Outcome.BUSINESS_ERROR) for run in (old, new)]
    rows = [
        ("exchanges", old.exchanges, new.exchanges),
        ("successes", old.successes, new.successes),
        ("business errors", *errors),
        ("findings", len(old.findings), len(new.findings)),
        ("occurrences", sum(old.occurrences.values()), sum(new.occurrences.values())),
        ("out of scope", old.out_of_scope, new.out_of_scope),
        ("unreadable", old.unreadable_count, new.unreadable_count),
    ]
    shown = [(str(name), f"{before:,}", f"{after:,}") for name, before, after in rows if before or after]
    first = max((len(row[0]) for row in shown), default=0)
    side = max([6, *(len(cell) for row in shown for cell in row[1:])])
    head = click.style(f"{'':<{first}}  {'old':>{side}}  {'new':>{side}}", dim=True)
    lines = [f"{name:<{first}}  {before:>{side}}  {after:>{side}}" for name, before, after in shown]
    for name, run in (("old", old), ("new", new)):
        lines += [f"{name}: {words}" for words in _shortcomings(run)]
    yield "\n".join([head, *lines])


def _shortcomings(run: DriftSummary) -> Iterator[str]:
    if not run.exchanges:
        reasons = " ".join(say.describe_out_of_scope(run))
        yield f"nothing was checked: {say.describe_nothing(run, None)}. {reasons}".rstrip()
    if run.is_vacuous:
        yield f"{count(run.exchanges, 'exchange')}, none of which succeeded"
    if run.is_partial:
        yield "interrupted: not everything was checked"


def _findings(mark: str, where: str, findings: Iterable[Finding], width: int, colour: str) -> str:
    """Return findings that one run has alone, each fact once, whatever the outcomes it was seen with."""
    facts: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in rank(findings):
        key = (finding.rule.id, tell.describe_field(finding), finding.expected, finding.actual)
        facts.setdefault(key, []).append(finding)
    if not facts:
        return ""
    rule, field = (max(len(key[at]) for key in facts) for at in (0, 1))
    title = f"{mark} {count(len(facts), 'finding')} {where}"
    head = f"{'':<{max(0, rule + field + 6 - len(title))}}{'times':>7}  {'since':<11}  contract"
    lines = [click.style(title, fg=colour, bold=True) + click.style(head, dim=True)]
    for key, found in facts.items():
        finding = found[0]
        days = sorted(one.first_seen for one in found if one.first_seen)
        times, since = f"{sum(one.count for one in found):,}", tell.describe_day(days[0]) if days else ""
        place = f"{finding.contract.file}:{finding.contract.line}" if finding.contract else ""
        name = click.style(f"{key[0]:<{rule}}", fg=say.COLOURS[finding.rule.severity])
        lines.append(f"  {name}  {key[1]:<{field}}  {times:>7}  {since:<11}  {place}".rstrip())
        said = f"{finding.expected}; seen: {finding.actual}   {tell.describe_place(finding.place)}"
        lines += [click.style(line, dim=True) for line in hanging(printable(said), width, 6, 4)]
    return "\n".join(lines)


def _iter_facts(comparison: Comparison, contract: Contract | None) -> Iterator[_Fact]:
    """Yield the other differences, each once: what scopes have alike is joined, and shares are summed."""
    groups: dict[tuple[str, ...], list[RunDifference]] = {}
    for one in comparison.differences:
        operation, _, _, pointer = one.location
        groups.setdefault((one.kind, operation, pointer, one.old, one.new), []).append(one)
    for (_, _, pointer, old, new), alike in groups.items():
        first = alike[0]
        before, after = old, new
        if first.kind not in _WITH_WORDS:
            shares = ([one.old_share for one in alike], [one.new_share for one in alike])
            before, after = (say.describe_share(_sum(side)) for side in shares)
        place = tell.dotted(say.describe_location(first.location)) if pointer else _scopes(alike)
        where = _statement(first, contract)
        yield _Fact(first.kind, place, printable(before), printable(after), where)


def _sum(shares: Iterable[Share]) -> Share:
    pairs = [(share.count, share.of) for share in shares]
    return Share(count=sum(number for number, _ in pairs), of=sum(of for _, of in pairs))


def _scopes(alike: list[RunDifference]) -> str:
    scopes = dict.fromkeys(" ".join(filter(None, one.location[1:3])) for one in alike)
    return f"exchanges ({', '.join(filter(None, scopes)) or 'of no operation'})"


def _statement(difference: RunDifference, contract: Contract | None) -> str:
    operation, form, outcome, pointer = difference.location
    if contract is None or not operation or not outcome:
        return ""
    field = fields_of_scope(contract, (operation, form, outcome)).get(pointer)
    if field is None:
        return ""
    file, _, at = field.statements[0].partition("#")
    position = contract.schemas.documents[file].positions.get(at)
    return f"{file}:{position.line}" if position else file


def _differences(facts: list[_Fact], width: int) -> str:
    if not facts:
        return ""
    place = min(_MOST_PLACE, max(len(one.place) for one in facts))
    kind = max(len(one.kind) for one in facts)
    where = max(len("contract"), *(len(one.where) for one in facts))
    cell = max(_LEAST_CELL, min(_MOST_CELL, (width - place - kind - where - 10) // 2))
    title = click.style(f"~ {count(len(facts), 'other difference')}", bold=True)
    head = f"  {'':<{kind}}  {'':<{place}}  {'old':<{cell}}  {'new':<{cell}}  contract"
    lines = [title, click.style(head, dim=True)]
    for one in facts:
        cells = ((one.place, place), (one.old, cell), (one.new, cell))
        columns = [textwrap.wrap(text, size, break_on_hyphens=False) or [""] for text, size in cells]
        for number in range(max(map(len, columns))):
            first, old, new = (column[number] if number < len(column) else "" for column in columns)
            shown = one.kind.value if number == 0 else ""
            last = one.where if number == 0 else ""
            lines.append(
                f"  {shown:<{kind}}  {first:<{place}}  {old:<{cell}}  {new:<{cell}}  {last}".rstrip()
            )
    return "\n".join(lines)


def _iter_counts(comparison: Comparison) -> Iterator[str]:
    if comparison.appeared:
        yield count(len(comparison.appeared), "new finding")
    if comparison.vanished:
        yield f"{len(comparison.vanished):,} gone"
    if comparison.unsure:
        yield f"{len(comparison.unsure):,} unsure"
    if comparison.differences:
        yield count(len([*_iter_facts(comparison, None)]), "other difference")


def _run(summary: DriftSummary) -> dict[str, Any]:
    return {
        "exchanges_checked": summary.exchanges,
        "outcomes": build_outcomes(summary.outcomes),
        "out_of_scope": summary.out_of_scope,
        "elsewhere": build_elsewhere(summary),
        "findings": len(summary.findings),
        "unreadable": summary.unreadable_count,
        "partial": summary.is_partial,
    }


def _told(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [{name: told[name] for name in _TOLD} for told in map(build_finding, findings)]


def _difference_json(difference: RunDifference) -> dict[str, Any]:
    return {
        "kind": difference.kind.value,
        **build_location(difference.location),
        "old": difference.old,
        "new": difference.new,
        "old_share": to_builtins(difference.old_share),
        "new_share": to_builtins(difference.new_share),
    }
