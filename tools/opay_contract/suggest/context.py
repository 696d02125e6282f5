"""What a plan looks at: findings in groups with the evidence for them, the contract, and the draft."""

from collections.abc import Iterable, Iterator
from functools import cached_property, partial, reduce
from itertools import product
from typing import Any

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import Address, split_uri, tokens_of
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import (
    REQUEST_BODY,
    RESPONSE_BODY,
    Field,
    fields_of_scope,
    schemas_of_scope,
)
from opay_contract.drift.insight import parent_of
from opay_contract.jsontext import Tokens
from opay_contract.judge.table import (
    FIELD_MISSING,
    REQUEST_FIELD_INVALID,
    REQUEST_FIELD_MISSING,
    REQUEST_FIELD_UNDOCUMENTED,
    RESPONSE_FIELD_UNDOCUMENTED,
)
from opay_contract.model.finding import Area, ContractPlace, Finding, Outcome, Rule
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
from opay_contract.model.summary import DriftSummary
from opay_contract.suggest.editing import Add, Append, Edit
from opay_contract.suggest.suggestion import Draft, Frequency, Suggestion, Thresholds


class Places:
    """Answers what the contract says about places of exchanges."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.fields_of = partial(fields_of_scope, contract)
        """The documented members of a scope by their pointers in the exchange."""
        self._schemas_of = partial(schemas_of_scope, contract)

    @cached_property
    def scopes(self) -> list[Scope]:
        """Every operation with each form of its requests and each outcome."""
        return [
            (operation.id, form, outcome.value)
            for operation in self._contract.operations
            for form, outcome in product([form.id for form in operation.forms] or [""], Outcome)
        ]

    def field_at(self, location: FieldLocation) -> Field | None:
        """Return the documented member at a place."""
        return self.fields_of(location[:3]).get(location[3])

    def schemas_at(self, location: FieldLocation) -> list[Address]:
        """Return the schemas that speak about a place, whatever stands there."""
        return [split_uri(uri) for uri in self._schemas_of(location[:3]).get(location[3], ())]

    @cached_property
    def described_by(self) -> dict[Address, list[FieldLocation]]:
        """The places about which each schema speaks, whatever stands there, whether they were seen or not."""
        found: dict[Address, list[FieldLocation]] = {}
        for scope in self.scopes:
            for place, uris in self._schemas_of(scope).items():
                for uri in uris:
                    found.setdefault(split_uri(uri), []).append((*scope, place))
        return found

    def speaks_of(self, schema: Address, location: FieldLocation) -> bool:
        """Return whether a schema speaks about a place, in some case at least."""
        field = self.field_at(location)
        return schema in self.schemas_at(location) or (field is not None and str(schema) in field.statements)


_OF_REQUEST = (REQUEST_FIELD_INVALID, REQUEST_FIELD_MISSING, REQUEST_FIELD_UNDOCUMENTED)
_OF_PARENT = (FIELD_MISSING, REQUEST_FIELD_MISSING, REQUEST_FIELD_UNDOCUMENTED, RESPONSE_FIELD_UNDOCUMENTED)
_OF_NEW_MEMBERS = (REQUEST_FIELD_UNDOCUMENTED, RESPONSE_FIELD_UNDOCUMENTED)
_AREAS_OF_PLACES = (Area.BODY, Area.ENVELOPE)


class FindingGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Findings of one rule about one statement of the contract.

    `locations` are the places that the findings are about, in each scope that shows them; `observed` is what
    was seen there, None where observations do not reach. `place` is the statement, None where there is none.
    """

    rule: Rule
    findings: tuple[Finding, ...]
    place: ContractPlace | None
    locations: tuple[FieldLocation, ...]
    observed: Observed | None
    evidence: Frequency

    @property
    def pointer(self) -> str:
        """The pointer of the first finding."""
        return self.findings[0].pointer

    @property
    def pointers(self) -> tuple[str, ...]:
        """The pointers of all findings, each once."""
        return tuple(dict.fromkeys(one.pointer for one in self.findings))

    @property
    def own(self) -> list[Address]:
        """The schemas whose statements the findings name."""
        named = (one.contract for one in self.findings)
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
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in summary.findings.values():
        groups.setdefault(_group_of(finding), []).append(finding)
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
    findings = [finding for one in (*same, case) for finding in one.findings]
    return [*(one for one in cases if one not in same), _case(findings, summary.observations, places)]


def _schemas_around(case: FindingGroup, places: Places) -> set[Address]:
    return {schema for location in case.locations for schema in places.schemas_at(parent_of(location))}


def _group_of(finding: Finding) -> tuple[str, ...]:
    """Return what the findings of a case have in common: rule, statement, and the name it is about."""
    place = finding.contract
    if place is None:
        return finding.key
    name = finding.pointer.rpartition("/")[2] if finding.rule in _OF_PARENT else ""
    if finding.rule.area not in _AREAS_OF_PLACES:
        name = finding.pointer
    return (finding.rule.id, finding.operation or "", place.file, place.pointer, name)


def _case(findings: list[Finding], observations: Observations, places: Places) -> FindingGroup:
    first = findings[0]
    locations = tuple(
        dict.fromkeys(
            location for finding in findings for location in _locations_of(finding, observations, places)
        )
    )
    seen = [observations[location] for location in locations if location in observations]
    return FindingGroup(
        rule=first.rule,
        findings=tuple(findings),
        place=first.contract,
        locations=locations,
        observed=reduce(join_observed, seen) if seen else None,
        evidence=_evidence(findings, _opportunities(first.rule, locations, observations)),
    )


def _locations_of(finding: Finding, observations: Observations, places: Places) -> Iterator[FieldLocation]:
    """Yield the places of a finding in the scopes that the broken statement is about, or in all.

    A new member's are those that have no member of its name.
    """
    if finding.rule.area not in _AREAS_OF_PLACES:
        yield from (
            location
            for location in observations
            if location[0] == (finding.operation or "") and not location[3]
        )
        return
    place = (REQUEST_BODY if finding.rule in _OF_REQUEST else RESPONSE_BODY) + finding.pointer
    scopes = dict.fromkeys(
        location[:3]
        for location in observations
        if (location[0], location[2]) == (finding.operation or "", finding.outcome)
    )
    is_missing = finding.rule in (FIELD_MISSING, REQUEST_FIELD_MISSING)
    locations = [(*scope, place) for scope in scopes]
    locations = [
        location
        for location in locations
        if (parent_of(location) if is_missing else location) in observations
    ]
    if finding.rule in _OF_NEW_MEMBERS:
        chosen = [location for location in locations if places.field_at(location) is None]
    elif statement := finding.contract:
        schema = Address(statement.file, tokens_of(statement.pointer)[:-1])
        chosen = [
            location
            for location in locations
            if places.speaks_of(schema, parent_of(location) if is_missing else location)
        ]
    else:
        chosen = []
    yield from chosen or locations


def _opportunities(rule: Rule, locations: Iterable[FieldLocation], observations: Observations) -> Days:
    total: Days = {}
    for location in locations:
        if rule in _OF_PARENT:
            parent = observations.get(parent_of(location))
            total = add(total, parent.types.get("object", {}) if parent else {})
        elif location in observations:
            total = add(total, observations[location].days())
    return total


def _evidence(findings: list[Finding], opportunities: Days) -> Frequency:
    days = reduce(add, (finding.days for finding in findings))
    dated = sorted(day for day in days if day not in (UNDATED, EARLIER))
    first = "" if EARLIER in days or not dated else dated[0]
    earlier = (day for day in opportunities if day != UNDATED and (day == EARLIER or day < first))
    before = sum(opportunities[day] for day in earlier) if first else 0
    moments = [moment for finding in findings for moment in (finding.first_seen, finding.last_seen) if moment]
    count = sum(finding.count for finding in findings)
    return Frequency(
        count=count,
        of=max(count, sum(opportunities.values()) - before),
        before=before,
        days=len(dated) + (EARLIER in days),
        first_seen=min(moments, default=None),
        last_seen=max(moments, default=None),
    )


SOURCE = "observed-in-recordings"
"""The source that edited statements get; a person gives it a name of its own."""

_TITLE = "Recordings of our own traffic. Name here which, and of when"
_SOURCES, _CLASSES = ("x-sources",), ("x-sensitivity-classes",)
_SAFE_CLASS, _SHOWN_CLASS = "customer", "public"


class EditPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done in words, and the edits that do it; without edits the words say why.

    `is_settled` if the contract says already what it would.
    """

    action: str
    edits: tuple[Edit, ...] = ()
    is_settled: bool = False


SETTLED = EditPlan(action="the contract allows it already", is_settled=True)


class EditContext:
    """The contract as it was read, the draft as it is by now, and what was observed."""

    def __init__(
        self, contract: Contract, draft: Draft, observations: Observations, limits: Thresholds
    ) -> None:
        self.contract = contract
        self.draft = draft
        self.observations = observations
        self.limits = limits
        self.places = Places(contract)
        self._changes = 0
        self._wrong_examples = draft.count_wrong_examples()

    def carry_out(self, suggestion: Suggestion) -> Suggestion:
        """Make a suggestion's edits in the draft; one whose edits cannot be made says why and has none."""
        if not suggestion.edits:
            return suggestion
        is_full = self._changes >= self.limits.changes
        edited = None if is_full else self.draft.edited(suggestion.edits)
        if is_full:
            why = "so many changes at once are not suggested; make the others first"
        elif edited is None:
            why = "the text is laid out so that this edit cannot be written; make it by hand"
        elif edited.count_wrong_examples() > self._wrong_examples:
            why = "an example of the contract shows otherwise; change both by hand"
        else:
            made = tuple(move.edit for move in edited.moves[len(self.draft.moves) :])
            self.draft, self._changes = edited, self._changes + 1
            return replace(suggestion, edits=made)
        return replace(suggestion, edits=(), action=f"{suggestion.action}: {why}")

    def statements(self, case: FindingGroup, *, around: bool = False) -> list[Address]:
        """Return the schemas that speak about the places of a case, or about the objects `around` them.

        First the one that was broken.
        """
        locations = map(parent_of, case.locations) if around else case.locations
        return list(
            dict.fromkeys(
                [*case.own, *(one for location in locations for one in self.places.schemas_at(location))]
            )
        )

    @cached_property
    def children(self) -> dict[FieldLocation, list[FieldLocation]]:
        """The places that were observed inside of each place."""
        found: dict[FieldLocation, list[FieldLocation]] = {}
        for location in self.observations:
            found.setdefault(parent_of(location), []).append(location)
        return found

    @cached_property
    def has_sources(self) -> bool:
        """Whether the contract names sources at all."""
        return isinstance(self.draft.value(self.draft.root, _SOURCES), dict)

    @cached_property
    def safe_class(self) -> str | None:
        """The class for what nobody has judged yet, which shows nothing; None where there are no classes."""
        classes = self.draft.value(self.draft.root, _CLASSES) or {}
        return (
            _SAFE_CLASS if _SAFE_CLASS in classes else next((c for c in classes if c != _SHOWN_CLASS), None)
        )

    def source(self) -> dict[str, Any]:
        """Return the source that a new statement has."""
        return {"x-source": [SOURCE]} if self.has_sources else {}

    def register_source(self) -> list[Edit]:
        """Return the edits that make the source known, none where it is."""
        known = self.draft.value(self.draft.root, _SOURCES)
        if not isinstance(known, dict) or SOURCE in known:
            return []
        return [Add(file=self.draft.root, at=_SOURCES, name=SOURCE, value={"mark": "OBS", "title": _TITLE})]

    def cite_source(self, file: str, at: Tokens) -> list[Edit]:
        """Return the edits that add the source to those of a statement, none where it names none."""
        named = self.draft.value(file, (*at, "x-source"))
        if not self.has_sources or not isinstance(named, list) or SOURCE in named:
            return []
        return [Append(file=file, at=(*at, "x-source"), value=SOURCE), *self.register_source()]
