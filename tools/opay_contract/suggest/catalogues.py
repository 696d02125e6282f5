"""Plans what adds to lists with an open end: codes, statuses, media types; and headers that may be absent."""

import copy
import re

from opay_contract.contract.contract import at as value_of
from opay_contract.contract.scopes import find_operation
from opay_contract.jsontext import Tokens
from opay_contract.judge.table import JSON_MISLABELLED
from opay_contract.suggest.edit import Add, Append, Edit, Put
from opay_contract.suggest.edit_context import SETTLED, EditContext, Plan
from opay_contract.suggest.finding_groups import FindingGroup

_CODES = "x-business-codes"
_STATUS = re.compile(r"[1-5][0-9]{2}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_DESCRIPTION = "Seen in recordings. When it is sent is not documented."


def add_codes(case: FindingGroup, work: EditContext) -> Plan:
    """Plan entries for business codes that are not in the catalogue, without messages."""
    operation = find_operation(work.contract, case.findings[0].finding.operation or "")
    observed = case.observed
    if operation is None or operation.envelope is None or case.place is None or observed is None:
        return Plan(action="which codes there were was not observed; check the recordings again")
    listed = work.draft.value(case.place.file, case.tokens) or []
    known = {entry["code"] for entry in listed} | operation.envelope.success
    if observed.has_many_values or observed.other_values:
        return Plan(action="some of the codes do not look like codes and are not kept; add them by hand")
    new = {code: count for code, count in sorted(observed.values.items()) if code not in known}
    if not new:
        return SETTLED
    if len(new) > work.limits.values:
        return Plan(action=f"{len(new)} new codes at once; look at what they are before they are listed")
    entries = [{"code": code, "messages": [], **work.source()} for code in new]
    edits: list[Edit] = [Append(file=case.place.file, at=case.tokens, value=entry) for entry in entries]
    if not listed:
        edits = [Add(file=case.place.file, at=case.tokens[:-1], name=_CODES, value=entries)]
    words = ", ".join(f"'{code}' (seen {count:,}x)" for code, count in new.items())
    return Plan(action=f"add to the known codes {words}", edits=(*edits, *work.register_source()))


def add_status(case: FindingGroup, work: EditContext) -> Plan:
    """Plan a response for a status that is not documented, without a body."""
    responses = work.draft.value(case.place.file, case.tokens) if case.place else None
    if case.place is None or not isinstance(responses, dict) or not _STATUS.fullmatch(case.name):
        return Plan(action="OpenAPI has no place for such a status")
    if case.name in responses:
        return SETTLED
    value = {"description": _DESCRIPTION, **work.source()}
    return Plan(
        action=f"add the status {case.name}; what its body holds is not described",
        edits=(
            Add(file=case.place.file, at=case.tokens, name=case.name, value=value),
            *work.register_source(),
        ),
    )


def add_media_type(case: FindingGroup, work: EditContext) -> Plan:
    """Plan a media type of a response: that of the documented body where JSON came under another name."""
    content = work.draft.value(case.place.file, case.tokens) if case.place else None
    if case.place is None or not _MEDIA_TYPE.fullmatch(case.name):
        return Plan(action="the answers have no media type that a contract can name")
    if not isinstance(content, dict) or not content:
        return Plan(action="the response is described elsewhere; add the media type by hand")
    if case.name in content:
        return SETTLED
    schema = next(iter(content.values())).get("schema") if case.rule is JSON_MISLABELLED else None
    value = {"schema": copy.deepcopy(schema)} if schema else {}
    edits = [Add(file=case.place.file, at=case.tokens, name=case.name, value=value)]
    return Plan(
        action=f"add the media type {case.name}",
        edits=(*edits, *work.cite_source(case.place.file, case.tokens[:-1])),
    )


def let_header_be_absent(case: FindingGroup, work: EditContext) -> Plan:
    """Plan that a header is no longer required."""
    place = _find_header(case, work)
    if place is None or case.place is None:
        return Plan(action="the header belongs to the signature or to the body; change it by hand")
    if not work.draft.value(case.place.file, (*place, "required")):
        return SETTLED
    edits = (
        Put(file=case.place.file, at=(*place, "required"), value=False),
        *work.cite_source(case.place.file, place),
    )
    return Plan(action=f"let the header {case.name} be absent", edits=edits)


def _find_header(case: FindingGroup, work: EditContext) -> Tokens | None:
    """Return where the parameter of a header stands, by itself or among those of an operation."""
    node = work.draft.value(case.place.file, case.tokens) if case.place else None
    for tokens, one in enumerate(node) if isinstance(node, list) else ():
        if value_of(one, ("in",)) == "header" and value_of(one, ("name",)) == case.name:
            return (*case.tokens, tokens)
    return case.tokens if value_of(node, ("in",)) == "header" else None
