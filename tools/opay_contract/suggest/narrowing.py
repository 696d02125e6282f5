"""Plans what takes back what the contract allows and no recording shows; only on demand."""

from collections.abc import Iterator
from functools import reduce
from typing import Any

from opay_contract.contract.addresses import Address, split_uri, tokens_of
from opay_contract.contract.fields import REQUEST_BODY, RESPONSE_BODY
from opay_contract.drift.insight import parent_of
from opay_contract.jsontext import Tokens
from opay_contract.judge.gap_table import NULL_UNOBSERVED, PRESENCE_NARROWER, TYPE_UNOBSERVED
from opay_contract.model.finding import Rule
from opay_contract.model.observation import UNDATED, FieldLocation, Observed, join_observed
from opay_contract.suggest.context import EditContext, EditPlan
from opay_contract.suggest.suggestion import Add, Append, Frequency, Judgement, Put, Suggestion

_ALTERNATIVES = frozenset(("anyOf", "oneOf"))


def suggest_narrower(work: EditContext) -> Iterator[Suggestion]:
    """Yield what could be required, and types that could go, carrying each out in the draft where that holds.

    A schema is narrowed only if every place that it describes was observed, and agrees.
    """
    for statement, spots in _places_by_statement(work).items():
        opportunities = sum(_opportunities(spot, work) for spot in spots)
        seen = [work.observations[spot] for spot in spots if spot in work.observations]
        if not seen or opportunities < work.limits.enough:
            continue
        observed = reduce(join_observed, seen)
        for rule, plan in _plans(statement, spots, observed, work):
            yield _carry_out(rule, plan, statement, spots, observed, work)


def _carry_out(  # noqa: PLR0913, PLR0917  what a suggestion is made of
    rule: Rule,
    plan: EditPlan,
    statement: Address,
    spots: list[FieldLocation],
    observed: Observed,
    work: EditContext,
) -> Suggestion:
    seen_forms = {spot[:2] for spot in work.observations}
    if unseen := next((spot[1] for spot in spots if spot[:2] not in seen_forms), None):
        plan = EditPlan(action=f"the form '{unseen}', which shares the schema, was not recorded")
    days = [day for day in observed.days() if day != UNDATED]
    return work.carry_out(
        Suggestion(
            judgement=Judgement.TOO_WIDE,
            because=f"so in all of {observed.count:,}, where at least {work.limits.enough} are asked for",
            action=plan.action,
            edits=plan.edits,
            evidence=Frequency(count=observed.count, of=observed.count, days=len(days)),
            rule=rule.id,
            scopes=tuple(dict.fromkeys(", ".join(part for part in spot[:3] if part) for spot in spots)),
            pointers=tuple(dict.fromkeys(_inside_body(spot) for spot in spots)),
            contract=work.contract.schemas.place(statement.uri),
        )
    )


def _inside_body(spot: FieldLocation) -> str:
    """Return a place as findings have it: a pointer into its body."""
    return spot[3].removeprefix(REQUEST_BODY).removeprefix(RESPONSE_BODY)


def _places_by_statement(work: EditContext) -> dict[Address, list[FieldLocation]]:
    """Return for each schema every place that it describes, observed or not."""
    found: dict[Address, list[FieldLocation]] = {}
    for scope in work.places.scopes:
        for place, field in work.places.fields_of(scope).items():
            for text in field.statements:
                file, _, pointer = text.partition("#")
                found.setdefault(Address(file, tokens_of(pointer)), []).append((*scope, place))
    return {statement: spots for statement, spots in found.items() if _ALTERNATIVES.isdisjoint(statement[1])}


def _plans(
    statement: Address, spots: list[FieldLocation], observed: Observed, work: EditContext
) -> Iterator[tuple[Rule, EditPlan]]:
    file, at = statement
    schema = work.draft.value(file, at)
    types = schema.get("type") if isinstance(schema, dict) else None
    if isinstance(types, list) and len(types) > 1:
        yield from _unseen_types(file, at, types, observed)
    if at[-2:-1] == ("properties",) and _could_be_required(spots, work):
        yield from _requirement(file, at, work)


def _unseen_types(
    file: str, at: Tokens, types: list[Any], observed: Observed
) -> Iterator[tuple[Rule, EditPlan]]:
    seen = {"number" if one == "integer" and "integer" not in types else one for one in observed.types}
    kept = [one for one in types if one in seen]
    unseen = [str(one) for one in types if one not in seen]
    if kept and unseen:
        rule = NULL_UNOBSERVED if unseen == ["null"] else TYPE_UNOBSERVED
        edit = Put(file=file, at=(*at, "type"), value=kept if len(kept) > 1 else kept[0])
        yield rule, EditPlan(action=f"no longer allow {' and '.join(unseen)}", edits=(edit,))


def _requirement(file: str, at: Tokens, work: EditContext) -> Iterator[tuple[Rule, EditPlan]]:
    holder, name = at[:-2], str(at[-1])
    requests = {split_uri(form.request) for one in work.contract.operations for form in one.forms}
    required = work.draft.value(file, (*holder, "required"))
    if (file, holder) in requests or name in (required or ()):
        return
    edit = (
        Append(file=file, at=(*holder, "required"), value=name)
        if required
        else Add(file=file, at=holder, name="required", value=[name], after="type")
    )
    yield PRESENCE_NARROWER, EditPlan(action=f"require '{name}'", edits=(edit,))


def _could_be_required(spots: list[FieldLocation], work: EditContext) -> bool:
    fields = [work.places.field_at(spot) for spot in spots]
    return all(field is not None and field.required == "no" for field in fields) and all(
        (work.observations[spot].count if spot in work.observations else 0) == _opportunities(spot, work)
        for spot in spots
    )


def _opportunities(spot: FieldLocation, work: EditContext) -> int:
    parent = work.observations.get(parent_of(spot))
    return parent.count_of("object") if parent else 0
