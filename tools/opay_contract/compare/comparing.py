"""Compares two summaries: two periods, two environments, or the sandbox and the mock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from opay_contract.contract.scopes import REQUEST_BODY, RESPONSE_BODY
from opay_contract.drift.changes import LEAST_DIFFERENCE, LEAST_EVIDENCE, evidence_of_change, share_of
from opay_contract.drift.findings_seen import sightings_of
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.insight import Share
from opay_contract.model.observation import FieldLocation, Observations, Observed, Range
from opay_contract.model.summary import DriftSummary, FoldedFinding

_NOTHING = Observed(is_documented=False)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference: `old` and `new` say in words what there was, the shares how often.

    `spot` is the place; of an open question it is empty but for the question's id as the pointer.
    """

    kind: DifferenceKind
    spot: FieldLocation
    old: str
    new: str
    old_share: Share
    new_share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two summaries, the findings that only one of them has, and everything else that differs.

    `unsure` are findings of the old run that the new one may have beyond the number that a summary keeps.
    """

    old: DriftSummary
    new: DriftSummary
    appeared: tuple[FoldedFinding, ...]
    vanished: tuple[FoldedFinding, ...]
    unsure: tuple[FoldedFinding, ...]
    differences: tuple[Difference, ...]


def compare(old: DriftSummary, new: DriftSummary) -> Comparison:
    """Return what differs; findings are the same where their fingerprints are."""
    seen = sightings_of(new)
    gone = [folded for key, folded in old.findings.items() if key not in new.findings]
    return Comparison(
        old=old,
        new=new,
        appeared=tuple(folded for key, folded in new.findings.items() if key not in old.findings),
        vanished=tuple(folded for folded in gone if seen.excludes(folded.finding.key)),
        unsure=tuple(folded for folded in gone if not seen.excludes(folded.finding.key)),
        differences=(*_iter_places(old.observations, new.observations), *_iter_readings(old, new)),
    )


def _iter_places(old: Observations, new: Observations) -> Iterator[Difference]:
    for spot in sorted({*old, *new}):
        before, after = old.get(spot, _NOTHING), new.get(spot, _NOTHING)
        if not _is_compared(spot):
            continue
        shares = (share_of(spot, old), share_of(spot, new))
        if not shares[0].of or not shares[1].of:
            continue  # the object that it is in, or the whole scope, is on one side alone, and said to be
        yield from _presence(spot, shares)
        if before.count and after.count:
            yield from _types(spot, before, after, shares)
            yield from _values(spot, before, after, shares)
            yield from _ranges(spot, before, after, shares)


def _is_compared(spot: FieldLocation) -> bool:
    """Tell whether a place is part of the contract's matter: exchanges, statuses, media types and bodies."""
    place = spot[3]
    return place in ("", "/response/status", "/response/headers/content-type") or place.startswith(
        (f"{REQUEST_BODY}/", f"{RESPONSE_BODY}/")
    )


def _presence(spot: FieldLocation, shares: tuple[Share, Share]) -> Iterator[Difference]:
    before, after = shares
    if bool(before.count) is not bool(after.count):
        kind = DifferenceKind.VANISHED if before.count else DifferenceKind.APPEARED
        yield _difference(
            kind, spot, shares, "there" if before.count else "never", "there" if after.count else "never"
        )
    elif (
        spot[3]
        and abs(before.rate - after.rate) >= LEAST_DIFFERENCE
        and evidence_of_change(before, after) > LEAST_EVIDENCE
    ):
        yield _difference(DifferenceKind.RATE, spot, shares, "there", "there")


def _types(
    spot: FieldLocation, before: Observed, after: Observed, shares: tuple[Share, Share]
) -> Iterator[Difference]:
    if before.types.keys() != after.types.keys():
        yield _difference(DifferenceKind.TYPES, spot, shares, _list(before.types), _list(after.types))


def _values(
    spot: FieldLocation, before: Observed, after: Observed, shares: tuple[Share, Share]
) -> Iterator[Difference]:
    if before.has_many_values or after.has_many_values:
        return
    gone, come = before.values.keys() - after.values.keys(), after.values.keys() - before.values.keys()
    if gone or come:
        yield _difference(
            DifferenceKind.VALUES, spot, shares, f"only here: {_list(gone)}", f"only here: {_list(come)}"
        )


def _ranges(
    spot: FieldLocation, before: Observed, after: Observed, shares: tuple[Share, Share]
) -> Iterator[Difference]:
    if min(before.count, after.count) < MIN_OBSERVATIONS:
        return
    for attribute, unit in _RANGES:
        old: Range | None = getattr(before, attribute)
        new: Range | None = getattr(after, attribute)
        if old and new and (new[0] < old[0] or new[1] > old[1]):
            yield _difference(DifferenceKind.RANGE, spot, shares, _words(old, unit), _words(new, unit))


def _iter_readings(old: DriftSummary, new: DriftSummary) -> Iterator[Difference]:
    for question in sorted({key[0] for key in (*old.readings, *new.readings)}):
        before = {reading: count for (of, reading), count in old.readings.items() if of == question}
        after = {reading: count for (of, reading), count in new.readings.items() if of == question}
        if before and after and before.keys() != after.keys():
            shares = (
                Share(count=sum(before.values()), of=sum(before.values())),
                Share(count=sum(after.values()), of=sum(after.values())),
            )
            spot = ("", "", "", question)
            yield _difference(DifferenceKind.READINGS, spot, shares, _list(before), _list(after))


def _difference(
    kind: DifferenceKind, spot: FieldLocation, shares: tuple[Share, Share], old: str, new: str
) -> Difference:
    return Difference(kind=kind, spot=spot, old=old, new=new, old_share=shares[0], new_share=shares[1])


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _words(found: Range, unit: str) -> str:
    return f"{found[0]:,} to {found[1]:,} {unit}"
