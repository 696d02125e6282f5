"""Plans edits that let a schema allow more: types, absence, ranges, lengths and values."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opay_contract.contract.addresses import split_uri
from opay_contract.jsontext import Tokens
from opay_contract.judge.describing import describe_name
from opay_contract.judge.table import FIELD_NULL
from opay_contract.model.observation import Observed, Range
from opay_contract.suggest.context import SETTLED, EditContext, EditPlan
from opay_contract.suggest.finding_groups import FindingGroup
from opay_contract.suggest.suggestion import Add, Append, Edit, Put, Remove, Rename

SCALARS = frozenset(("string", "number", "integer", "boolean"))
"""Types whose values are data, so that they have a sensitivity."""


def schema_types(types: Iterable[str]) -> list[str]:
    """Return JSON types as a schema names them: a number may be an integer."""
    found = set(types)
    return sorted(found - {"integer"} if "number" in found else found)


def missing_types(declared: Any, wanted: list[str]) -> list[str]:
    """Return the types that a schema's `type` leaves out; none where it has no `type`."""
    known = [declared] if isinstance(declared, str) else declared
    if not isinstance(known, list):
        return []
    return [
        type_ for type_ in wanted if type_ not in known and not (type_ == "integer" and "number" in known)
    ]


def allow_types_at(file: str, at: Tokens, declared: Any, missing: list[str]) -> Iterator[Edit]:
    """Add types to those of a schema; a number takes the place of an integer, which it includes."""
    known = [declared] if isinstance(declared, str) else list(declared)
    place = (*at, "type")
    if "number" in missing and "integer" in known:
        index = known.index("integer")
        known[index] = "number"
        missing = [type_ for type_ in missing if type_ != "number"]
        if not isinstance(declared, str):
            yield Put(file=file, at=(*place, index), value="number")
        elif not missing:
            yield Put(file=file, at=place, value="number")
    if isinstance(declared, str):
        if missing:
            yield Put(file=file, at=place, value=[*known, *missing])
    else:
        yield from (Append(file=file, at=place, value=type_) for type_ in missing)


NOT_KEPT = "values are kept only of members that the contract calls public"
_NOT_OBSERVED = "what stands there was not observed; check the recordings again"

_Limit = tuple[str, Callable[[Range, Any], Any]]

_LENGTHS: tuple[_Limit, ...] = (
    ("minLength", lambda seen, limit: min(int(seen[0]), limit)),
    ("maxLength", lambda seen, limit: max(int(seen[1]), limit)),
)
_ITEMS: tuple[_Limit, ...] = (
    ("minItems", lambda seen, limit: min(int(seen[0]), limit)),
    ("maxItems", lambda seen, limit: max(int(seen[1]), limit)),
)
_NUMBERS: tuple[_Limit, ...] = (
    ("minimum", lambda seen, limit: min(_plain(seen[0]), limit)),
    ("maximum", lambda seen, limit: max(_plain(seen[1]), limit)),
    ("exclusiveMinimum", lambda seen, limit: limit if seen[0] > limit else math.ceil(seen[0]) - 1),
    ("exclusiveMaximum", lambda seen, limit: limit if seen[1] < limit else math.floor(seen[1]) + 1),
)


def allow_types(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan that null, or the other types that were seen, are allowed."""
    if case.rule is FIELD_NULL:
        wanted = ["null"]
    elif case.observed is not None:
        wanted = [type_ for type_ in schema_types(case.observed.types) if type_ != "null"]
    else:
        return EditPlan(action=_NOT_OBSERVED)
    edits: list[Edit] = []
    added: dict[str, None] = {}
    for file, at in work.statements(case):
        declared = work.draft.value(file, (*at, "type"))
        missing = missing_types(declared, wanted)
        if missing:
            added |= dict.fromkeys(missing)
            edits += [*allow_types_at(file, at, declared, missing), *work.cite_source(file, at)]
            edits += _classify(case, file, at, missing, work)
    return EditPlan(action=f"allow {' and '.join(added)}", edits=tuple(edits)) if edits else SETTLED


def drop_required(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan that a member may be absent, whichever schemas require it."""
    requests = {split_uri(form.request) for one in work.contract.operations for form in one.forms}
    edits: list[Edit] = []
    for file, at in work.statements(case, around=True):
        names = work.draft.value(file, (*at, "required"))
        found = [i for i, name in enumerate(names or ()) if describe_name(name) == case.name]
        if found and (file, at) in requests:
            return EditPlan(
                action="the required members of a request form tell the forms apart; change it by hand"
            )
        if found:
            edits += [Remove(file=file, at=(*at, "required", found[0])), *work.cite_source(file, at)]
    return EditPlan(action=f"let '{case.name}' be absent", edits=tuple(edits)) if edits else SETTLED


def widen_lengths(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan that texts and lists may be as short and as long as they were."""
    if case.observed is None:
        return EditPlan(action=_NOT_OBSERVED)
    if case.tokens[-1:] in (("minProperties",), ("maxProperties",)):
        return EditPlan(action="how many members an object has is not counted; change the limit by hand")
    edits: list[Edit] = []
    for file, at in work.statements(case):
        lengths = list(_widen(file, at, work, case.observed.lengths, _LENGTHS))
        if lengths and "pattern" in (work.draft.value(file, at) or {}):
            return EditPlan(
                action="a pattern beside the limit says the same, and what the other texts look like is not "
                "kept; change both by hand"
            )
        changes = [*lengths, *_widen(file, at, work, case.observed.items, _ITEMS)]
        edits += [*changes, *(work.cite_source(file, at) if changes else ())]
    return EditPlan(action=f"allow {_words(case.observed)}", edits=tuple(edits)) if edits else SETTLED


def widen_range(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan that numbers may be as small and as large as they were, where that is known."""
    if case.tokens[-1:] == ("multipleOf",):
        return EditPlan(action="which steps the numbers take is not counted; change the step by hand")
    seen = case.observed.numbers if case.observed else None
    if case.observed is None or seen is None or case.observed.other_values:
        return EditPlan(action=f"how far the numbers go is not known: {NOT_KEPT}")
    edits: list[Edit] = []
    for file, at in work.statements(case):
        changes = list(_widen(file, at, work, seen, _NUMBERS))
        edits += [*changes, *(work.cite_source(file, at) if changes else ())]
    return (
        EditPlan(action=f"allow {_plain(seen[0])} to {_plain(seen[1])}", edits=tuple(edits))
        if edits
        else SETTLED
    )


def add_values(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan that a list of values has those that were seen, where values may be kept."""
    observed, keyword = case.observed, case.tokens[-1] if case.tokens else ""
    if case.place is None or observed is None or keyword not in ("enum", "const"):
        return EditPlan(action=_NOT_OBSERVED)
    listed = work.draft.value(case.place.file, case.tokens)
    if listed is None and keyword == "const":
        return SETTLED
    known = listed if keyword == "enum" else [listed]
    if not observed.types.keys() <= {"string", "null"} or not (observed.values or "null" in observed.types):
        return EditPlan(
            action=f"which values there were is not known: {NOT_KEPT}, and only if they are labels"
        )
    if observed.has_many_values or observed.other_values:
        return EditPlan(
            action="some of the values are not kept, so the list would not be whole; change it by hand"
        )
    seen = [*sorted(observed.values), *([None] if "null" in observed.types else [])]
    new = [value for value in seen if value not in (known or ())]
    if not new:
        return SETTLED
    if len(new) > work.limits.values:
        return EditPlan(action=f"{len(new)} new values are no list; describe them in another way by hand")
    file, at = case.place.file, case.tokens[:-1]
    edits: list[Edit] = [Append(file=file, at=case.tokens, value=value) for value in new]
    if keyword == "const":
        edits = [Rename(file=file, at=case.tokens, name="enum", value=[*known, *new])]
    words = ", ".join("null" if value is None else f"'{value}'" for value in new)
    return EditPlan(action=f"add {words} to the values", edits=(*edits, *work.cite_source(file, at)))


def _classify(case: FindingGroup, file: str, at: Tokens, types: list[str], work: EditContext) -> list[Edit]:
    """Give what now holds data a class, where nothing has given it one."""
    fields = [field for spot in case.spots if (field := work.places.field_at(spot))]
    if work.safe_class is None or not SCALARS & set(types) or any(field.sensitivity for field in fields):
        return []
    return [Add(file=file, at=at, name="x-sensitivity", value=work.safe_class)]


def _widen(
    file: str, at: Tokens, work: EditContext, seen: Range | None, limits: tuple[_Limit, ...]
) -> Iterator[Edit]:
    schema = work.draft.value(file, at)
    if seen is None or not isinstance(schema, dict):
        return
    for keyword, widened in limits:
        if keyword in schema and (value := widened(seen, schema[keyword])) != schema[keyword]:
            yield Put(file=file, at=(*at, keyword), value=value)


def _words(observed: Observed) -> str:
    lengths = [f"{observed.lengths[0]:,} to {observed.lengths[1]:,} characters"] if observed.lengths else []
    items = [f"{observed.items[0]:,} to {observed.items[1]:,} items"] if observed.items else []
    return " or ".join([*lengths, *items])


def _plain(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number
