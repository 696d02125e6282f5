"""Describes members that nobody documented, from what was observed of them; never by a value."""

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any

from opay_contract.contract.loading import tokens_of
from opay_contract.contract.scopes import fields_of_scope
from opay_contract.drift.suggestions.cases import Case
from opay_contract.drift.suggestions.work import SETTLED, Plan, Work
from opay_contract.model.edit import Add
from opay_contract.model.observation import MAX_SPOTS, Spot, join_observed

DESCRIPTION = "Seen in recordings. What it means is not documented."

SCALARS = frozenset(("string", "number", "integer", "boolean"))
"""Types whose values are data, so that they have a sensitivity."""

_DEEPEST = 6
_ODD = "("
"""What a described name begins with, as no name does that is shown."""


def add_member(case: Case, work: Work) -> Plan:
    """Plan the property of an undocumented member, with its observed types and, for now, the safest class."""
    if case.place is None or case.name.startswith(_ODD):
        return Plan(action="its name does not look like a name and may be data, so it is not kept")
    mapping = work.draft.value(case.place.file, case.tokens)
    if not isinstance(mapping, dict) or case.tokens[-1:] != ("properties",):
        return Plan(action="no schema there names members; describe it by hand")
    if case.name in mapping or _is_described_by_now(case, work):
        return SETTLED
    if case.observed is None:
        return Plan(action="its type was not kept, as too many places were observed")
    schema = _schema(case.spots, work, _DEEPEST)
    return Plan(
        action=f"add the property '{case.name}', {' or '.join(_listed(schema['type']))}; say what it means, "
        "give its source a name, and judge its sensitivity",
        edits=(
            Add(file=case.place.file, at=case.tokens, name=case.name, value=schema),
            *work.register_source(),
        ),
    )


def schema_types(types: Iterable[str]) -> list[str]:
    """Return JSON types as a schema names them: a number may be an integer."""
    found = set(types)
    return sorted(found - {"integer"} if "number" in found else found)


def _is_described_by_now(case: Case, work: Work) -> bool:
    """Tell whether an edit made before describes the member at every place, with the types that it has."""
    if not work.draft.moves or any(work.field_at(spot) for spot in case.spots):
        return False
    contract = work.draft.contract()
    for spot in case.spots:
        field = fields_of_scope(contract, spot[:3]).get(spot[3])
        seen = work.observations.get(spot)
        if field is None or seen is None or not set(schema_types(seen.types)) <= set(field.types):
            return False
    return True


def _schema(spots: Iterable[Spot], work: Work, depth: int, *, is_property: bool = True) -> dict[str, Any]:
    spots = [spot for spot in spots if spot in work.observations]
    types = schema_types(reduce(join_observed, (work.observations[spot] for spot in spots)).types)
    schema: dict[str, Any] = {"description": DESCRIPTION} if is_property else {}
    schema["type"] = types[0] if len(types) == 1 else types
    schema |= _inside(spots, types, work, depth)
    if is_property:
        schema |= work.source()
        schema |= {"x-sensitivity": work.safe_class} if work.safe_class and SCALARS & set(types) else {}
    return schema


def _inside(spots: list[Spot], types: list[str], work: Work, depth: int) -> dict[str, Any]:
    """Describe members and items too, unless some of them are not known by name."""
    if not depth or len(work.observations) >= MAX_SPOTS:
        return {}
    found: dict[str, list[Spot]] = {}
    for spot, name in _children(spots, work):
        found.setdefault(name, []).append(spot)
    items = found.pop("*", [])
    inside: dict[str, Any] = {}
    if "object" in types and found and not any(name.startswith(_ODD) for name in found):
        inside["properties"] = {name: _schema(children, work, depth - 1) for name, children in found.items()}
    if "array" in types and items:
        inside["items"] = _schema(items, work, depth - 1, is_property=False)
    return inside


def _children(spots: Iterable[Spot], work: Work) -> Iterator[tuple[Spot, str]]:
    parents = set(spots)
    for spot in work.observations:
        head, slash, _ = spot[3].rpartition("/")
        if slash and (*spot[:3], head) in parents:
            yield spot, str(tokens_of(spot[3])[-1])


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types
