"""What a run found, in a form that joins: any split of the input, in any order, gives the same summary."""

import heapq
from collections import Counter
from collections.abc import Iterable
from functools import reduce

import msgspec
from msgspec import field, structs

from opay_contract.model.exchange import Place, Unreadable
from opay_contract.model.finding import Finding, Key, Outcome, Severity, fingerprint
from opay_contract.model.observation import (
    MAX_VALUES,
    Days,
    Observations,
    add,
    join_observations,
    latest_days,
)

MAX_DETAILS = 64
"""Codes of a scope that are counted apart: the first in their order; the others count as not named."""

NOT_NAMED = ""
"""Stands for codes that are not public, that do not look like codes, and for those beyond the cap."""

_NAMED = 5
"""Ways to end that are named in a sentence."""

_WORDS = {Outcome.BUSINESS_ERROR: "code {}", Outcome.TRANSPORT: "HTTP {} and no code"}

OutcomeKey = tuple[str, str, str, str]
"""Operation, request form and outcome, and what tells more: a business code, or a class such as `5xx`.

Operation and form are empty where there is none; nothing tells more about a success.
"""

Outcomes = dict[OutcomeKey, int]


MAX_DIAGNOSED = 8
"""Signatures that do not verify of which the mistake is looked for: the first by place."""


class WrongSignature(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Where a signature stands that does not verify, its mistake ("made over the URL") and what to do."""

    place: Place
    mistake: str
    advice: str


class Signatures(msgspec.Struct, frozen=True, kw_only=True):
    """The signatures that were verified, those of refused requests apart: these are no findings.

    `diagnosed` are the first of those that do not verify.
    """

    verified: int = 0
    failed: int = 0
    refused_verified: int = 0
    refused_failed: int = 0
    diagnosed: tuple[WrongSignature, ...] = ()

    def __add__(self, other: "Signatures") -> "Signatures":
        """Join two counts."""
        return Signatures(
            verified=self.verified + other.verified,
            failed=self.failed + other.failed,
            refused_verified=self.refused_verified + other.refused_verified,
            refused_failed=self.refused_failed + other.refused_failed,
            diagnosed=tuple(heapq.nsmallest(MAX_DIAGNOSED, (*self.diagnosed, *other.diagnosed))),
        )

    @property
    def total(self) -> int:
        """How many were verified, whatever came of it."""
        return self.verified + self.failed + self.refused_verified + self.refused_failed


def describe_mistakes(signatures: Signatures) -> str:
    """Return in words what is wrong with signatures that do not verify, the most frequent mistakes first."""
    failed, looked_at = signatures.failed + signatures.refused_failed, len(signatures.diagnosed)
    if not looked_at:
        return ""
    mistakes = Counter((one.mistake, one.advice) for one in signatures.diagnosed)
    ranked = sorted(mistakes.items(), key=lambda one: (-one[1], one[0]))
    counted = ", ".join(
        f"{count} {'is' if count == 1 else 'are'} {mistake} ({advice})" for (mistake, advice), count in ranked
    )
    return f"of the first {looked_at} that do not, {counted}" if looked_at < failed else counted


def join_outcomes(left: Outcomes, right: Outcomes) -> Outcomes:
    """Join two counts; associative, commutative, with nothing as zero."""
    return limit_details(add(left, right))


def limit_details(outcomes: Outcomes) -> Outcomes:
    """Keep the cap. What is kept depends on the keys alone, so that every split keeps the same."""
    if len(outcomes) <= MAX_DETAILS:
        return outcomes
    details: dict[tuple[str, str, str], list[str]] = {}
    for *scope, detail in outcomes:
        if detail:
            operation, form, outcome = scope
            details.setdefault((operation, form, outcome), []).append(detail)
    kept = {
        (*scope, detail) for scope, found in details.items() for detail in heapq.nsmallest(MAX_DETAILS, found)
    }
    limited: Outcomes = {}
    for key, count in outcomes.items():
        own = key if key in kept else (*key[:3], NOT_NAMED)
        limited[own] = limited.get(own, 0) + count
    return limited


def count_outcome(outcomes: Outcomes, outcome: Outcome) -> int:
    """Return how many calls ended in a way."""
    return sum(count for key, count in outcomes.items() if key[2] == outcome)


def describe_failures(outcomes: Outcomes) -> str:
    """Return in words how the calls ended that did not succeed, the most frequent ways first."""
    ways: Counter[str] = Counter()
    for (_, _, outcome, detail), count in outcomes.items():
        if outcome != Outcome.SUCCESS:
            ways[_WORDS[Outcome(outcome)].format(detail) if detail else "a code that is not named"] += count
    ranked = sorted(ways.items(), key=lambda way: (-way[1], way[0]))
    named = [f"{count:,} with {way}" for way, count in ranked[:_NAMED]]
    rest = sum(count for _, count in ranked[_NAMED:])
    return ", ".join([*named, *([f"{rest:,} with something else"] if rest else [])])


MAX_FINDINGS = 2000
"""Distinct findings that a summary keeps: the most severe, among equals those of the smallest fingerprint.

Of those that differ in nothing but a value it keeps `MAX_VALUES`.
"""

MAX_FILES = 200
"""Files that a finding is told to be in; where it is in one more, it is in more than these."""

MAX_UNREADABLE = 1000
"""Unreadable things, and files passed over, that a summary names: the first by place."""

MAX_ELSEWHERE = 500
"""Places out of scope that a summary tells apart: likely gateways, then those of the smallest fingerprint."""


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Where requests went that are none of the contract's: `reason` is `host`, `path` or `preflight`.

    `host` is empty where none was recorded. `path` has `*` for what may be somebody's. `base_url` is what a
    contract's server would have to be for the path to be the contract's, or empty.
    """

    reason: str
    host: str
    path: str
    base_url: str = ""


class DriftSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run or of a part of one.

    `exchanges` counts the exchanges that were judged, `outcomes` counts these by how they ended.
    `out_of_scope` counts those that are none of the contract's, `elsewhere` most of these by where they went.
    `out_of_window` counts those that were not judged because of the time at which they were recorded, which
    of `undated` is not known; `zoneless` counts those whose time has no zone. `passed_over_count` counts the
    files of folders that are no recordings.
    `occurrences` counts findings by severity, kept or not; it tells when the cap on `findings` bit.
    `readings` counts evidence by question and reading, `observations` has what was seen at each place.
    `is_partial` if the run was interrupted.
    """

    exchanges: int = 0
    outcomes: Outcomes = field(default_factory=dict)
    signatures: Signatures = field(default_factory=Signatures)
    out_of_scope: int = 0
    elsewhere: dict[Elsewhere, int] = field(default_factory=dict)
    out_of_window: int = 0
    undated: int = 0
    zoneless: int = 0
    unreadable_count: int = 0
    unreadable: tuple[Unreadable, ...] = ()
    passed_over_count: int = 0
    passed_over: tuple[Unreadable, ...] = ()
    findings: dict[Key, Finding] = field(default_factory=dict)
    occurrences: dict[Severity, int] = field(default_factory=dict)
    readings: dict[tuple[str, str], int] = field(default_factory=dict)
    observations: Observations = field(default_factory=dict)
    is_partial: bool = False

    @property
    def successes(self) -> int:
        """How many exchanges succeeded."""
        return count_outcome(self.outcomes, Outcome.SUCCESS)

    @property
    def is_vacuous(self) -> bool:
        """Whether exchanges were judged and none of them succeeded."""
        return 0 < self.exchanges == sum(self.outcomes.values()) and not self.successes

    def days(self) -> Days:
        """Return how many exchanges were judged, by day."""
        whole = (one.days() for location, one in self.observations.items() if not location[3])
        return reduce(add, whole, Days())

    @property
    def omitted(self) -> int:
        """Occurrences of findings beyond the cap."""
        return sum(self.occurrences.values()) - sum(finding.count for finding in self.findings.values())


def rank_of(severity: Severity, key: Key) -> tuple[int, str]:
    """Return what orders the findings of which a summary keeps the first."""
    return (-severity, fingerprint(key))


def merge(left: DriftSummary, right: DriftSummary) -> DriftSummary:
    """Join two summaries; associative, commutative, with the empty summary as zero."""
    findings = dict(left.findings)
    for key, finding in right.findings.items():
        findings[key] = join(findings[key], finding) if key in findings else finding
    return DriftSummary(
        exchanges=left.exchanges + right.exchanges,
        outcomes=join_outcomes(left.outcomes, right.outcomes),
        signatures=left.signatures + right.signatures,
        out_of_scope=left.out_of_scope + right.out_of_scope,
        elsewhere=first_elsewhere(add(left.elsewhere, right.elsewhere)),
        out_of_window=left.out_of_window + right.out_of_window,
        undated=left.undated + right.undated,
        zoneless=left.zoneless + right.zoneless,
        unreadable_count=left.unreadable_count + right.unreadable_count,
        unreadable=first_unreadable([*left.unreadable, *right.unreadable]),
        passed_over_count=left.passed_over_count + right.passed_over_count,
        passed_over=first_unreadable([*left.passed_over, *right.passed_over]),
        findings=most_severe(findings),
        occurrences=add(left.occurrences, right.occurrences),
        readings=add(left.readings, right.readings),
        observations=join_observations(left.observations, right.observations),
        is_partial=left.is_partial or right.is_partial,
    )


def join(left: Finding, right: Finding) -> Finding:
    """Join what two parts of the input have of the same key."""
    last = max(left, right, key=lambda finding: finding.last_place)
    return structs.replace(
        min(left, right, key=lambda finding: finding.place),
        count=left.count + right.count,
        last_place=last.last_place,
        last_recorded_at=last.last_recorded_at,
        first_seen=min((left.first_seen, right.first_seen), key=lambda moment: moment or "~"),
        last_seen=max((left.last_seen, right.last_seen), key=lambda moment: moment or ""),
        days=latest_days(add(left.days, right.days)),
        files=first_files({*left.files, *right.files}),
    )


def first_files(files: Iterable[int]) -> tuple[int, ...]:
    """Keep the cap, and whether there are more."""
    return tuple(sorted(files)[: MAX_FILES + 1])


def most_severe(findings: dict[Key, Finding]) -> dict[Key, Finding]:
    """Keep the caps. What is kept depends on the keys alone, so that every split keeps the same."""
    if len(findings) <= min(MAX_VALUES, MAX_FINDINGS):
        return findings
    kept: list[Key] = []
    by_value: dict[Key, list[Key]] = {}
    for key, finding in findings.items():
        if finding.value:
            by_value.setdefault(key[:-1], []).append(key)
        else:
            kept.append(key)
    for keys in by_value.values():
        kept += keys if len(keys) <= MAX_VALUES else heapq.nsmallest(MAX_VALUES, keys, key=fingerprint)
    if len(kept) > MAX_FINDINGS:
        kept = heapq.nsmallest(MAX_FINDINGS, kept, key=lambda key: rank_of(findings[key].rule.severity, key))
    return findings if len(kept) == len(findings) else {key: findings[key] for key in kept}


def first_elsewhere(elsewhere: dict[Elsewhere, int]) -> dict[Elsewhere, int]:
    """Keep the cap. What is kept depends on the places alone, so that every split keeps the same."""
    if len(elsewhere) <= MAX_ELSEWHERE:
        return elsewhere
    kept = heapq.nsmallest(
        MAX_ELSEWHERE,
        elsewhere,
        key=lambda one: (not one.base_url, fingerprint((one.reason, one.host, one.path, one.base_url))),
    )
    return {one: elsewhere[one] for one in kept}


def first_unreadable(unreadable: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    """Keep the first by place."""
    return tuple(heapq.nsmallest(MAX_UNREADABLE, unreadable, key=lambda one: one.place))
