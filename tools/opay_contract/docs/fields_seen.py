"""Finds in a run what it shows of each member of a body: observations, findings, changes and gaps."""

from collections.abc import Iterator

from opay_contract.contract.addresses import split_uri
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Body, Field, iter_fields
from opay_contract.contract.loading import ROOT
from opay_contract.contract.operation import Operation
from opay_contract.contract.scopes import REQUEST_BODY, RESPONSE_BODY, fields_of_scope
from opay_contract.docs.evidence import Evidence
from opay_contract.docs.public_part import folded
from opay_contract.docs.seen import Seen, latest_day
from opay_contract.judge.gap_table import NARROWER_RULES
from opay_contract.model.finding import Key, Outcome
from opay_contract.model.observation import Observed, Scope, join_observed
from opay_contract.model.summary import FoldedFinding

_ABOUT_REQUESTS = "request-"
"""How the rules about the body of a request begin."""


def iter_fields_seen(
    contract: Contract, evidence: Evidence, operation: Operation, body: Body
) -> Iterator[tuple[Field, Seen]]:
    """Yield the members of a body with what was seen of each, whatever the outcome."""
    scopes: list[Scope] = [(operation.id, body.form, outcome.value) for outcome in Outcome]
    documented = {scope: fields_of_scope(contract, scope) for scope in scopes}
    fields = list(iter_fields(contract.schemas, body.schema))
    files = {statement.partition("#")[0] for field in fields for statement in field.statements} | {ROOT}
    files.add(split_uri(body.schema)[0])
    for field in fields:
        place = _place(body, field)
        own = [scope for scope, known in documented.items() if _is_in(field, known.get(place))]
        yield field, _field_seen(evidence, body, field, own, files)


def _field_seen(evidence: Evidence, body: Body, field: Field, scopes: list[Scope], files: set[str]) -> Seen:
    place = folded(_place(body, field))
    look, of = Observed(is_documented=True), 0
    for scope in scopes:
        look = join_observed(look, evidence.at((*scope, place)))
        of += evidence.at((*scope, place.rpartition("/")[0])).count_of("object")
    spots = {(*scope, place) for scope in scopes}
    return Seen(
        unit=_unit(body, field),
        of=of,
        count=look.count,
        day=latest_day(look.days()),
        look=look,
        findings=_findings_at(evidence, body, folded(field.pointer), scopes, files),
        changes=tuple(change for change in evidence.insight.changes if change.spot in spots),
        gaps=tuple(
            gap for gap in evidence.insight.gaps if gap.spot in spots and gap.rule.id in NARROWER_RULES
        ),
        may_have_more=evidence.summary.omitted > 0,
    )


def _findings_at(
    evidence: Evidence, body: Body, place: str, scopes: list[Scope], files: set[str]
) -> dict[Key, FoldedFinding]:
    """Return the findings at a member; of two forms with the member, those whose schemas are meant."""
    heads = {(scope[0], scope[2]) for scope in scopes if evidence.at((*scope, "")).count}
    return {
        key: found
        for key, found in evidence.summary.findings.items()
        if (found.finding.operation, found.finding.outcome.value) in heads
        and found.finding.pointer in (place, f"{place}/*")
        and found.finding.rule.id.startswith(_ABOUT_REQUESTS) is body.in_request
        and (found.finding.contract is None or found.finding.contract.file in files)
    }


def _place(body: Body, field: Field) -> str:
    return (REQUEST_BODY if body.in_request else RESPONSE_BODY) + field.pointer


def _is_in(field: Field, known: Field | None) -> bool:
    return known is not None and not set(field.statements).isdisjoint(known.statements)


def _unit(body: Body, field: Field) -> str:
    if field.pointer.count("/") > 1:
        return "objects"
    return "requests" if body.in_request else "answers"
