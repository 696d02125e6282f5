"""Gathers the findings that one change of the contract would settle, with the evidence for them."""

from collections.abc import Iterable, Iterator
from functools import cache, cached_property, partial, reduce
from itertools import product

import msgspec

from opay_contract.contract.addresses import Address, split_uri, tokens_of
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Field
from opay_contract.contract.scopes import REQUEST_BODY, RESPONSE_BODY, fields_of_scope, schemas_of_scope
from opay_contract.drift.changes import parent_of
from opay_contract.jsontext import Tokens
from opay_contract.judge.table import (
    FIELD_MISSING,
    REQUEST_FIELD_INVALID,
    REQUEST_FIELD_MISSING,
    REQUEST_FIELD_UNDOCUMENTED,
    RESPONSE_FIELD_UNDOCUMENTED,
)
from opay_contract.model.finding import Area, ContractPlace, Outcome, Rule
from opay_contract.model.observation import (
    EARLIER,
    UNDATED,
    Days,
    FieldLocation,
    Observations,
    Observed,
    Scope,
    add,
    join_observed,
)
from opay_contract.model.summary import DriftSummary, FoldedFinding
from opay_contract.suggest.suggestion import Frequency


class Places:
    """Answers what the contract says about places of exchanges, each scope read once."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.fields_of = cache(partial(fields_of_scope, contract))
        """The documented members of a scope by their pointers in the exchange."""
        self._schemas_of = cache(partial(schemas_of_scope, contract))

    @cached_property
    def scopes(self) -> list[Scope]:
        """Every operation with each form of its requests and each outcome."""
        return [
            (operation.id, form, outcome.value)
            for operation in self._contract.operations
            for form, outcome in product([form.id for form in operation.forms] or [""], Outcome)
        ]

    def field_at(self, spot: FieldLocation) -> Field | None:
        """Return the documented member at a place."""
        return self.fields_of(spot[:3]).get(spot[3])

    def schemas_at(self, spot: FieldLocation) -> list[Address]:
        """Return the schemas that speak about a place, whatever stands there."""
        return [split_uri(uri) for uri in self._schemas_of(spot[:3]).get(spot[3], ())]

    @cached_property
    def described_by(self) -> dict[Address, list[FieldLocation]]:
        """The places about which each schema speaks, whatever stands there, whether they were seen or not."""
        found: dict[Address, list[FieldLocation]] = {}
        for scope in self.scopes:
            for place, uris in self._schemas_of(scope).items():
                for uri in uris:
                    found.setdefault(split_uri(uri), []).append((*scope, place))
        return found

    def speaks_of(self, schema: Address, spot: FieldLocation) -> bool:
        """Return whether a schema speaks about a place, in some case at least."""
        field = self.field_at(spot)
        return schema in self.schemas_at(spot) or (field is not None and str(schema) in field.statements)


_OF_REQUEST = (REQUEST_FIELD_INVALID, REQUEST_FIELD_MISSING, REQUEST_FIELD_UNDOCUMENTED)
_OF_PARENT = (FIELD_MISSING, REQUEST_FIELD_MISSING, REQUEST_FIELD_UNDOCUMENTED, RESPONSE_FIELD_UNDOCUMENTED)
_OF_NEW_MEMBERS = (REQUEST_FIELD_UNDOCUMENTED, RESPONSE_FIELD_UNDOCUMENTED)
_AREAS_OF_PLACES = (Area.BODY, Area.ENVELOPE)


class FindingGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Findings of one rule about one statement of the contract.

    `spots` are the places that the findings are about, in each scope that shows them; `observed` is what was
    seen there, None where observations do not reach. `place` is the statement, None where there is none.
    """

    rule: Rule
    findings: tuple[FoldedFinding, ...]
    place: ContractPlace | None
    spots: tuple[FieldLocation, ...]
    observed: Observed | None
    evidence: Frequency

    @property
    def pointer(self) -> str:
        """The pointer of the first finding."""
        return self.findings[0].finding.pointer

    @property
    def pointers(self) -> tuple[str, ...]:
        """The pointers of all findings, each once."""
        return tuple(dict.fromkeys(one.finding.pointer for one in self.findings))

    @property
    def own(self) -> list[Address]:
        """The schemas whose statements the findings name."""
        named = (one.finding.contract for one in self.findings)
        return list(dict.fromkeys(Address(one.file, tokens_of(one.pointer)[:-1]) for one in named if one))

    def holds(self, pointers: Iterable[str]) -> bool:
        """Return whether a pointer, as the search for card numbers has it, leads into the case."""
        prefix = "request:" if self.rule in _OF_REQUEST else ""
        owns = [f"{prefix}{own}/" for own in self.pointers if own]
        return any(f"{one}/".startswith(own) for one in pointers for own in owns)

    @property
    def name(self) -> str:
        """The last step of it: the member's name, a status, a media type."""
        return str(tokens_of(self.pointer)[-1]) if self.pointer.startswith("/") else self.pointer

    @property
    def tokens(self) -> Tokens:
        """Where the statement stands in its document."""
        return tokens_of(self.place.pointer) if self.place else ()


def gather_groups(summary: DriftSummary, places: Places) -> list[FindingGroup]:
    """Return the cases of a run, those with most evidence first."""
    groups: dict[tuple[str, ...], list[FoldedFinding]] = {}
    for folded in summary.findings.values():
        groups.setdefault(_group_of(folded), []).append(folded)
    cases: dict[tuple[str, ...], list[FindingGroup]] = {}
    for group, findings in groups.items():
        case = _case(findings, summary.observations, places)
        alike = (case.rule.id, case.name) if case.rule in _OF_NEW_MEMBERS else group
        cases[alike] = _join_members(cases.get(alike, []), case, summary, places)
    return sorted(
        (case for alike in cases.values() for case in alike),
        key=lambda case: (-case.evidence.count, case.rule.id, case.pointer),
    )


def _join_members(
    cases: list[FindingGroup], case: FindingGroup, summary: DriftSummary, places: Places
) -> list[FindingGroup]:
    """Add a case to those about a new member of its name, joined with those of a schema that they share."""
    around = _schemas_around(case, places)
    same = [one for one in cases if around & _schemas_around(one, places)]
    if not same:
        return [*cases, case]
    findings = [folded for one in (*same, case) for folded in one.findings]
    return [*(one for one in cases if one not in same), _case(findings, summary.observations, places)]


def _schemas_around(case: FindingGroup, places: Places) -> set[Address]:
    return {schema for spot in case.spots for schema in places.schemas_at(parent_of(spot))}


def _group_of(folded: FoldedFinding) -> tuple[str, ...]:
    """Return what the findings of a case have in common: rule, statement, and the name it is about."""
    finding, place = folded.finding, folded.finding.contract
    if place is None:
        return finding.key
    name = finding.pointer.rpartition("/")[2] if finding.rule in _OF_PARENT else ""
    if finding.rule.area not in _AREAS_OF_PLACES:
        name = finding.pointer
    return (finding.rule.id, finding.operation or "", place.file, place.pointer, name)


def _case(findings: list[FoldedFinding], observations: Observations, places: Places) -> FindingGroup:
    first = findings[0].finding
    spots = tuple(
        dict.fromkeys(spot for folded in findings for spot in _spots_of(folded, observations, places))
    )
    seen = [observations[spot] for spot in spots if spot in observations]
    return FindingGroup(
        rule=first.rule,
        findings=tuple(findings),
        place=first.contract,
        spots=spots,
        observed=reduce(join_observed, seen) if seen else None,
        evidence=_evidence(findings, _opportunities(first.rule, spots, observations)),
    )


def _spots_of(folded: FoldedFinding, observations: Observations, places: Places) -> Iterator[FieldLocation]:
    """Yield the places of a finding in the scopes that the broken statement is about, or in all.

    A new member's are those that have no member of its name.
    """
    finding = folded.finding
    if finding.rule.area not in _AREAS_OF_PLACES:
        yield from _exchanges_of(finding.operation or "", observations)
        return
    place = (REQUEST_BODY if finding.rule in _OF_REQUEST else RESPONSE_BODY) + finding.pointer
    scopes = dict.fromkeys(
        spot[:3] for spot in observations if (spot[0], spot[2]) == (finding.operation or "", finding.outcome)
    )
    is_missing = finding.rule in (FIELD_MISSING, REQUEST_FIELD_MISSING)
    spots = [(*scope, place) for scope in scopes]
    spots = [spot for spot in spots if (parent_of(spot) if is_missing else spot) in observations]
    if finding.rule in _OF_NEW_MEMBERS:
        chosen = [spot for spot in spots if places.field_at(spot) is None]
    elif statement := finding.contract:
        schema = Address(statement.file, tokens_of(statement.pointer)[:-1])
        chosen = [spot for spot in spots if places.speaks_of(schema, parent_of(spot) if is_missing else spot)]
    else:
        chosen = []
    yield from chosen or spots


def _exchanges_of(operation: str, observations: Observations) -> Iterator[FieldLocation]:
    return (spot for spot in observations if spot[0] == operation and not spot[3])


def _opportunities(rule: Rule, spots: Iterable[FieldLocation], observations: Observations) -> Days:
    """Return by day how often the findings of a rule could have been."""
    total: Days = {}
    for spot in spots:
        if rule in _OF_PARENT:
            parent = observations.get(parent_of(spot))
            total = add(total, parent.types.get("object", {}) if parent else {})
        elif spot in observations:
            total = add(total, observations[spot].days())
    return total


def _evidence(findings: list[FoldedFinding], opportunities: Days) -> Frequency:
    days = reduce(add, (folded.days for folded in findings))
    dated = sorted(day for day in days if day not in (UNDATED, EARLIER))
    first = "" if EARLIER in days or not dated else dated[0]
    before = sum(n for day, n in opportunities.items() if first and _is_before(day, first))
    moments = [moment for folded in findings for moment in (folded.first_seen, folded.last_seen) if moment]
    count = sum(folded.count for folded in findings)
    return Frequency(
        count=count,
        of=max(count, sum(opportunities.values()) - before),
        before=before,
        days=len(dated) + (EARLIER in days),
        first_seen=min(moments, default=None),
        last_seen=max(moments, default=None),
    )


def _is_before(day: str, first: str) -> bool:
    return day == EARLIER or (day != UNDATED and day < first)
