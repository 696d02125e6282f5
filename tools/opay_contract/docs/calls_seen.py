"""Finds in a run what it shows of the headers, request forms, statuses and business codes of an operation."""

from collections.abc import Callable

from opay_contract.contract.operation import BusinessCode, Envelope, Operation, RequiredHeader
from opay_contract.contract.scopes import RESPONSE_BODY
from opay_contract.docs.evidence import Evidence
from opay_contract.docs.public_part import STATUS
from opay_contract.docs.seen import Seen, latest_day
from opay_contract.jsontext import pointer
from opay_contract.judge.describing import describe_name
from opay_contract.model.finding import Area
from opay_contract.model.observation import UNDATED, Days, Observed, add, join_observed

_HEADERS = "/request/headers"


def header_seen(evidence: Evidence, operation: Operation, header: RequiredHeader) -> Seen:
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
            if one.finding.operation == operation.id
            and one.finding.rule.area is Area.HEADER
            and one.finding.pointer.lower() == name
        },
        may_have_more=evidence.summary.omitted > 0,
    )


def status_seen(evidence: Evidence, operation: Operation, status: str) -> Seen:
    """Return how often a documented status was seen; one may stand for several numbers (`4XX`)."""
    response = operation.responses[status]
    return _value_seen(
        evidence,
        operation,
        STATUS,
        lambda value: operation.response(int(value)) is response,
        response.uri,
    )


def other_statuses_seen(evidence: Evidence, operation: Operation) -> dict[str, Seen]:
    """Return what was seen of each status that is not documented."""
    seen = _values_at(evidence, operation, STATUS)
    others = [value for value in seen if operation.response(int(value)) is None]
    return {status: _value_seen(evidence, operation, STATUS, status.__eq__, None) for status in others}


def code_seen(evidence: Evidence, operation: Operation, envelope: Envelope, code: BusinessCode) -> Seen:
    """Return how often a business code was seen."""
    return _value_seen(evidence, operation, _code_place(envelope), code.code.__eq__, code.uri)


def unknown_codes_seen(evidence: Evidence, operation: Operation, envelope: Envelope) -> dict[str, Seen]:
    """Return what was seen of each business code that is not in the catalogue."""
    place = _code_place(envelope)
    unknown = [value for value in _values_at(evidence, operation, place) if value not in envelope.codes]
    return {code: _value_seen(evidence, operation, place, code.__eq__, None) for code in unknown}


def form_seen(evidence: Evidence, operation: Operation, form: str) -> tuple[Seen, dict[str, int]]:
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


def _value_seen(
    evidence: Evidence, operation: Operation, place: str, is_wanted: Callable[[str], bool], uri: str | None
) -> Seen:
    found = [evidence.at((*scope, place)) for scope in evidence.scopes(operation.id)]
    wanted = [(one, value) for one in found for value in one.values if is_wanted(value)]
    return Seen(
        unit="answers",
        of=sum(one.count for one in found),
        count=sum(one.values[value] for one, value in wanted),
        day=max((one.value_days.get(value, UNDATED) for one, value in wanted), default=UNDATED),
        findings={one.finding.key: one for one in evidence.about(uri)} if uri else None,
        is_uncounted=any(one.has_many_values for one in found),
        may_have_more=evidence.summary.omitted > 0,
    )


def _values_at(evidence: Evidence, operation: Operation, place: str) -> list[str]:
    found = [evidence.at((*scope, place)).values for scope in evidence.scopes(operation.id)]
    return sorted({value for values in found for value in values})


def _code_place(envelope: Envelope) -> str:
    return RESPONSE_BODY + pointer(envelope.code)
