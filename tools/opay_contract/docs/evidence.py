"""What recordings say about a contract: a run with public values alone, statement by statement, in words."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import split_uri
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import (
    REQUEST_BODY,
    RESPONSE_BODY,
    Body,
    Field,
    fields_of_scope,
    find_operation,
)
from opay_contract.contract.operation import BusinessCode, Envelope, Operation, RequiredHeader
from opay_contract.errors import UsageError
from opay_contract.jsontext import pointer
from opay_contract.judge.describing import describe_name, folded_place
from opay_contract.judge.gap_table import NARROWER_RULES
from opay_contract.judge.table import CARD_NUMBER_EXPOSED
from opay_contract.model.finding import Answer, Change, ChangeKind, Finding, Gap, Insight, Key, Outcome, Rule
from opay_contract.model.observation import (
    EARLIER,
    UNDATED,
    Days,
    FieldLocation,
    Observed,
    Range,
    Scope,
    add,
    join_observed,
)
from opay_contract.model.summary import DriftSummary

STATUS, MEDIA_TYPE = "/response/status", "/response/headers/content-type"
PUBLIC = "public"
_STATUSES = frozenset(map(str, range(100, 1000)))
_NOTHING = Observed(is_documented=True)


class RunEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """The summary of a run, with public values alone, and what was drawn from it: gaps, changes, answers."""

    summary: DriftSummary
    insight: Insight

    def at(self, location: FieldLocation) -> Observed:
        """Return what was seen at a place, an empty observation where nothing was."""
        return self.summary.observations.get(location, _NOTHING)

    def scopes(self, operation: str) -> list[Scope]:
        """Return the scopes of an operation that were seen."""
        return sorted({location[:3] for location in self.summary.observations if location[0] == operation})

    def answer(self, question: str) -> Answer:
        """Return the counts of an open question's readings, and the verdict."""
        return next(one for one in self.insight.answers if one.question == question)

    def about(self, uri: str) -> Iterator[Finding]:
        """Yield the findings about the statement at an address and about what stands below it."""
        file, tokens = split_uri(uri)
        statement = f"{file}#{pointer(tuple(tokens))}"
        for finding in self.summary.findings.values():
            place = finding.contract
            if place and f"{place.file}#{place.pointer}/".startswith(f"{statement}/"):
                yield finding


def build_evidence(
    summary: DriftSummary, draw: Callable[[DriftSummary, Contract], Insight], contract: Contract
) -> RunEvidence:
    """Return a run as evidence; raises UsageError where it has none: nothing checked proves nothing."""
    public = public_part(summary, contract)
    evidence = RunEvidence(summary=public, insight=draw(public, contract))
    if not any(evidence.scopes(operation.id) for operation in contract.operations):
        raise UsageError(
            "the run has no exchange that calls an operation of this contract, and proves nothing about it"
        )
    return evidence


def public_part(summary: DriftSummary, contract: Contract) -> DriftSummary:
    """Return a summary without the values that today's contract does not call public.

    A summary may be older than the contract, or another's: values of fields of every other class, and of
    places that nobody documented, are dropped.
    """
    public: dict[Scope, frozenset[str]] = {}
    kept = {}
    for location, observed in summary.observations.items():
        scope, place = location[:3], location[3]
        if scope not in public:
            fields = fields_of_scope(contract, scope).items()
            named = (folded_place(place) for place, field in fields if field.sensitivity == PUBLIC)
            public[scope] = frozenset({MEDIA_TYPE, *named})
        if place not in public[scope]:
            observed = _only(observed, _stated(find_operation(contract, scope[0]), place))  # noqa: PLW2901
        kept[location] = observed
    return replace(summary, observations=kept)


def _stated(operation: Operation | None, place: str) -> Collection[str]:
    """Return the values of a place that are nobody's: statuses, and the business codes that are known."""
    if place == STATUS:
        return _STATUSES
    envelope = operation.envelope if operation else None
    return envelope.codes if envelope and place == RESPONSE_BODY + pointer(envelope.code) else ()


def _only(observed: Observed, stated: Collection[str]) -> Observed:
    return replace(
        observed,
        values={value: count for value, count in observed.values.items() if value in stated},
        value_days={value: day for value, day in observed.value_days.items() if value in stated},
        other_values=0,
        numbers=None,
    )


DRIFTED, NO_DRIFT, NEVER_SEEN = "drifted", "no drift", "never seen"
"""How the parts begin that a page colours."""

_SHOWN_VALUES = 5
"""Values of a public field that are named; the others are counted."""

_HEADERS = "/request/headers"

_ABOUT_REQUESTS = "request-"
"""How the rules about the body of a request begin."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """In how many of how many requests, answers or objects something was, and how it looked and drifted.

    `day` is the latest day, empty where no time was recorded. `look` has types, lengths and the values that
    may be shown, None where there is nothing but the presence. `findings` is None where findings do not tell
    what they are about. `is_uncounted` if there were too many different values to count any, `may_have_more`
    if the run kept only some of its findings.
    """

    unit: str
    of: int
    count: int
    day: str
    look: Observed | None = None
    findings: Mapping[Key, Finding] | None = None
    changes: tuple[Change, ...] = ()
    gaps: tuple[Gap, ...] = ()
    is_uncounted: bool = False
    may_have_more: bool = False

    def parts(self) -> list[str]:
        """Return what recordings show, each thing in plain text; what drifted with `DRIFTED` in front."""
        return [part for part in _iter_parts(self) if part]


def latest_day(days: Days) -> str:
    """Return the latest of the days that are told apart, `UNDATED` where there is none."""
    return max((day for day in days if day != EARLIER), default=UNDATED)


def describe_findings(findings: Iterable[Finding]) -> str:
    """Return how often which rule found something, and when last."""
    by_rule: dict[Rule, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    said = []
    for rule, found in by_rule.items():
        day, count = max(map(day_of, found)), sum(finding.count for finding in found)
        when = f", last on {day}" if day else ""
        said.append(f"{count:,} × {rule.id} ({rule.severity.label}{when})")  # noqa: RUF001  times
    return ", ".join(said)


def day_of(finding: Finding) -> str:
    """Return the day on which a finding was last seen, empty where no time was recorded."""
    return (finding.last_seen or "").partition("T")[0]


def describe_change(change: Change) -> str:
    """Return what is another way since which day, with both shares."""
    before, after = (f"{share.count:,} of {share.of:,}" for share in (change.before, change.after))
    what = {
        ChangeKind.APPEARED: "appeared",
        ChangeKind.VANISHED: "vanished",
        ChangeKind.RATE: "there at another rate",
        ChangeKind.TYPE: f"{change.type} at another rate",
    }
    return f"{what[change.kind]} since {change.day} ({after}, before {before})"


def iter_fields_seen(  # noqa: PLR0913, PLR0917  where a body is told apart from others
    contract: Contract,
    evidence: RunEvidence,
    operation: Operation,
    body: Body,
    fields: Sequence[Field],
    outcomes: Iterable[Outcome],
) -> Iterator[Seen]:
    """Yield what was seen of each member of a body, in the exchanges of some outcomes."""
    scopes: list[Scope] = [(operation.id, body.form, outcome.value) for outcome in outcomes]
    documented = {scope: fields_of_scope(contract, scope) for scope in scopes}
    files = {statement.partition("#")[0] for field in fields for statement in field.statements} | {
        contract.schemas.root.name
    }
    files.add(split_uri(body.schema)[0])
    for field in fields:
        place = _place(body, field)
        own = [
            scope
            for scope, known in documented.items()
            if (one := known.get(place)) and not set(field.statements).isdisjoint(one.statements)
        ]
        yield _field_seen(evidence, body, field, own, files)


def header_seen(evidence: RunEvidence, operation: Operation, header: RequiredHeader) -> Seen:
    """Return what was seen of a header that every request must have."""
    name = header.name.lower()
    found, of = Observed(is_documented=True), 0
    for scope in evidence.scopes(operation.id):
        found = join_observed(found, evidence.at((*scope, f"{_HEADERS}/{describe_name(name)}")))
        of += evidence.at((*scope, _HEADERS)).count
    return Seen(
        unit="requests",
        of=of,
        count=found.count,
        day=latest_day(found.days()),
        findings={
            key: one
            for key, one in evidence.summary.findings.items()
            if one.operation == operation.id
            and one.pointer.lower() in (name, f"request-header:{name}")
            and one.rule is not CARD_NUMBER_EXPOSED
        },
        may_have_more=evidence.summary.omitted > 0,
    )


def status_seen(evidence: RunEvidence, operation: Operation, status: str) -> Seen:
    """Return how often a documented status was seen; one may stand for several numbers (`4XX`)."""
    response = operation.responses[status]
    return _value_seen(
        evidence, operation, STATUS, lambda value: operation.response(int(value)) is response, response.uri
    )


def other_statuses_seen(evidence: RunEvidence, operation: Operation) -> dict[str, Seen]:
    """Return what was seen of each status that is not documented."""
    seen = _values_at(evidence, operation, STATUS)
    others = [value for value in seen if operation.response(int(value)) is None]
    return {status: _value_seen(evidence, operation, STATUS, status.__eq__, None) for status in others}


def code_seen(evidence: RunEvidence, operation: Operation, envelope: Envelope, code: BusinessCode) -> Seen:
    """Return how often a business code was seen."""
    return _value_seen(evidence, operation, _code_place(envelope), code.code.__eq__, code.uri)


def unknown_codes_seen(evidence: RunEvidence, operation: Operation, envelope: Envelope) -> dict[str, Seen]:
    """Return what was seen of each business code that is not in the catalogue."""
    place = _code_place(envelope)
    unknown = [value for value in _values_at(evidence, operation, place) if value not in envelope.codes]
    return {code: _value_seen(evidence, operation, place, code.__eq__, None) for code in unknown}


def form_seen(evidence: RunEvidence, operation: Operation, form: str) -> tuple[Seen, dict[str, int]]:
    """Return in how many exchanges a request form was seen, and how many of each outcome."""
    scopes = evidence.scopes(operation.id)
    days: Days = {}
    outcomes: dict[str, int] = {}
    for scope in scopes:
        if scope[1] == form:
            of_scope = evidence.at((*scope, "")).days()
            days, outcomes[scope[2]] = add(days, of_scope), sum(of_scope.values())
    of = sum(evidence.at((*scope, "")).count for scope in scopes)
    return Seen(unit="exchanges", of=of, count=sum(days.values()), day=latest_day(days)), outcomes


def _iter_parts(seen: Seen) -> Iterator[str]:
    yield _presence(seen)
    if seen.look and seen.count:
        yield from _looks(seen.look)
    if seen.findings:
        yield f"{DRIFTED}: {describe_findings(seen.findings.values())}"
    elif seen.count and seen.findings is not None:
        yield f"{NO_DRIFT} among the findings that were kept" if seen.may_have_more else NO_DRIFT
    yield from map(describe_change, seen.changes)
    narrower = dict.fromkeys(f"{gap.seen} ({gap.rule.id})" for gap in seen.gaps)
    if narrower:
        yield f"narrower than documented: {', '.join(narrower)}"


def _presence(seen: Seen) -> str:
    if seen.is_uncounted:
        return "not counted: too many different values"
    if not seen.count:
        return f"{NEVER_SEEN} in {seen.of:,} {seen.unit}"
    when = f"last on {seen.day}" if seen.day else "on no recorded day"
    return f"seen in {seen.count:,} of {seen.of:,} {seen.unit}, {when}"


def _looks(look: Observed) -> Iterator[str]:
    counts = {type_: look.count_of(type_) for type_ in look.types}
    several = len(counts) > 1
    types = ", ".join(f"{type_} {count:,}" if several else type_ for type_, count in counts.items())
    extents = (_extent(look.lengths, "character"), _extent(look.items, "item"), _extent(look.numbers, ""))
    yield ", ".join([types, *filter(None, extents)])
    yield _values(look)


def _extent(extent: Range | None, noun: str) -> str:
    if extent is None:
        return ""
    least, greatest = extent
    span = f"{least}" if least == greatest else f"{least} to {greatest}"
    return f"{span} {noun}{'' if greatest == 1 else 's'}" if noun else span


def _values(look: Observed) -> str:
    if look.has_many_values:
        return "too many different values to name"
    often = sorted(look.values.items(), key=lambda item: (-item[1], item[0]))
    named = [f"“{value}” {count:,}" for value, count in often[:_SHOWN_VALUES]]
    others = sum(count for _, count in often[_SHOWN_VALUES:]) + look.other_values
    return ", ".join([*named, *([f"other values {others:,}"] if others and named else [])])


def _field_seen(
    evidence: RunEvidence, body: Body, field: Field, scopes: list[Scope], files: set[str]
) -> Seen:
    place = folded_place(_place(body, field))
    look, of = Observed(is_documented=True), 0
    for scope in scopes:
        look = join_observed(look, evidence.at((*scope, place)))
        of += evidence.at((*scope, place.rpartition("/")[0])).count_of("object")
    locations = {(*scope, place) for scope in scopes}
    return Seen(
        unit="objects" if field.pointer.count("/") > 1 else "requests" if body.in_request else "answers",
        of=of,
        count=look.count,
        day=latest_day(look.days()),
        look=look,
        findings=_findings_at(evidence, body, folded_place(field.pointer), scopes, files),
        changes=tuple(change for change in evidence.insight.changes if change.location in locations),
        gaps=tuple(
            gap
            for gap in evidence.insight.gaps
            if gap.location in locations and gap.rule.id in NARROWER_RULES
        ),
        may_have_more=evidence.summary.omitted > 0,
    )


def _findings_at(
    evidence: RunEvidence, body: Body, place: str, scopes: list[Scope], files: set[str]
) -> dict[Key, Finding]:
    """Return the findings at a member; of two forms with the member, those whose schemas are meant."""
    heads = {(scope[0], scope[2]) for scope in scopes if evidence.at((*scope, "")).count}
    return {
        key: found
        for key, found in evidence.summary.findings.items()
        if (found.operation, found.outcome.value) in heads
        and found.pointer in (place, f"{place}/*")
        and found.rule.id.startswith(_ABOUT_REQUESTS) is body.in_request
        and (found.contract is None or found.contract.file in files)
    }


def _place(body: Body, field: Field) -> str:
    return (REQUEST_BODY if body.in_request else RESPONSE_BODY) + field.pointer


def _value_seen(
    evidence: RunEvidence, operation: Operation, place: str, is_wanted: Callable[[str], bool], uri: str | None
) -> Seen:
    found = [evidence.at((*scope, place)) for scope in evidence.scopes(operation.id)]
    wanted = [(one, value) for one in found for value in one.values if is_wanted(value)]
    return Seen(
        unit="answers",
        of=sum(one.count for one in found),
        count=sum(one.values[value] for one, value in wanted),
        day=max((one.value_days.get(value, UNDATED) for one, value in wanted), default=UNDATED),
        findings={one.key: one for one in evidence.about(uri)} if uri else None,
        is_uncounted=any(one.has_many_values for one in found),
        may_have_more=evidence.summary.omitted > 0,
    )


def _values_at(evidence: RunEvidence, operation: Operation, place: str) -> list[str]:
    found = [evidence.at((*scope, place)).values for scope in evidence.scopes(operation.id)]
    return sorted({value for values in found for value in values})


def _code_place(envelope: Envelope) -> str:
    return RESPONSE_BODY + pointer(envelope.code)
