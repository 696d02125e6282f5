"""Describes members that nobody documented, from what was observed of them; never by a value."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any

from opay_contract.contract.addresses import tokens_of
from opay_contract.drift.changes import parent_of
from opay_contract.model.observation import MAX_SPOTS, FieldLocation, join_observed
from opay_contract.suggest.allowing import SCALARS, schema_types
from opay_contract.suggest.edit import Add
from opay_contract.suggest.edit_context import SETTLED, EditContext, Plan
from opay_contract.suggest.finding_groups import FindingGroup
from opay_contract.suggest.places import Statement

DESCRIPTION = "Seen in recordings. What it means is not documented."

_DEEPEST, _PROPERTIES = 6, "properties"
_ODD = "("
"""What a described name begins with, as no name does that is shown."""


def add_member(case: FindingGroup, work: EditContext) -> Plan:
    """Plan the property of an undocumented member, with its observed types and, for now, the safest class."""
    if case.name.startswith(_ODD):
        return Plan(action="its name does not look like a name and may be data, so it is not kept")
    if case.observed is None:
        return Plan(action="its type was not kept, as too many places were observed")
    own = [(file, at[:-1]) for file, at in case.broken]
    lacking = list(_lacking(case, own, work))
    if not lacking:
        return SETTLED
    if not all(lacking):
        return Plan(action="no schema there names members; describe it by hand")
    schema = _schema(case.spots, work, _DEEPEST)
    targets = _fewest(lacking, own)
    adds = [Add(file=file, at=(*at, _PROPERTIES), name=case.name, value=schema) for file, at in targets]
    return Plan(
        action=f"add the property '{case.name}', {' or '.join(_listed(schema['type']))}; say what it means, "
        "give its source a name, and judge its sensitivity",
        edits=(*adds, *work.register_source()),
    )


def _lacking(case: FindingGroup, own: list[Statement], work: EditContext) -> Iterator[list[Statement]]:
    """Yield for each place that lacks the member the schemas around it to which it may be added.

    `own` are the schemas that were found to lack it; where they have it by now, the contract was changed.
    """
    for spot in case.spots:
        around = [one for one in work.places.schemas_at(parent_of(spot)) if _names_members(one, work)]
        around = around or [one for one in own if _names_members(one, work)]
        asked = [one for one in around if one in own] or around
        if not any(_has_member(one, case.name, work) for one in asked):
            yield around


def _fewest(lacking: list[list[Statement]], own: list[Statement]) -> Iterator[Statement]:
    """Choose schemas that reach every place, first those that reach most, and among equals the own ones."""
    while lacking:
        counts = Counter(one for around in lacking for one in around)
        best = max(counts, key=lambda one: (counts[one], one in own))
        yield best
        lacking = [around for around in lacking if best not in around]


def _names_members(schema: Statement, work: EditContext) -> bool:
    return isinstance(work.draft.value(schema[0], (*schema[1], _PROPERTIES)), dict)


def _has_member(schema: Statement, name: str, work: EditContext) -> bool:
    return name in work.draft.value(schema[0], (*schema[1], _PROPERTIES))


def _schema(
    spots: Iterable[FieldLocation], work: EditContext, depth: int, *, is_property: bool = True
) -> dict[str, Any]:
    spots = [spot for spot in spots if spot in work.observations]
    types = schema_types(reduce(join_observed, (work.observations[spot] for spot in spots)).types)
    schema: dict[str, Any] = {"description": DESCRIPTION} if is_property else {}
    schema["type"] = types[0] if len(types) == 1 else types
    schema |= _inside(spots, types, work, depth)
    if is_property:
        schema |= work.source()
        schema |= {"x-sensitivity": work.safe_class} if work.safe_class and SCALARS & set(types) else {}
    return schema


def _inside(spots: list[FieldLocation], types: list[str], work: EditContext, depth: int) -> dict[str, Any]:
    """Describe members and items too, unless some of them are not known by name."""
    if not depth or len(work.observations) >= MAX_SPOTS:
        return {}
    found: dict[str, list[FieldLocation]] = {}
    for child in (one for spot in spots for one in work.children.get(spot, ())):
        found.setdefault(str(tokens_of(child[3])[-1]), []).append(child)
    items = found.pop("*", [])
    inside: dict[str, Any] = {}
    if "object" in types and found and not any(name.startswith(_ODD) for name in found):
        inside["properties"] = {name: _schema(children, work, depth - 1) for name, children in found.items()}
    if "array" in types and items:
        inside["items"] = _schema(items, work, depth - 1, is_property=False)
    return inside


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types
