"""Plans edits that let the contract allow more: in a schema, and what nobody documented; by no value."""

import copy
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any

from opay_contract.contract.addresses import Address, split_uri, tokens_of, value_below
from opay_contract.contract.fields import find_operation
from opay_contract.contract.operation import code_text
from opay_contract.drift.insight import parent_of
from opay_contract.jsontext import Tokens, pointer
from opay_contract.judge.describing import describe_name
from opay_contract.judge.table import FIELD_NULL, JSON_MISLABELLED
from opay_contract.model.observation import MAX_LOCATIONS, FieldLocation, Observed, Range, join_observed
from opay_contract.suggest.context import SETTLED, EditContext, EditPlan, FindingGroup
from opay_contract.suggest.editing import Add, Append, Edit, Put, Remove, Rename

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
    fields = [field for location in case.locations if (field := work.places.field_at(location))]
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


DESCRIPTION = "Seen in recordings. What it means is not documented."

_DEEPEST, _PROPERTIES = 6, "properties"
_ODD = "("
"""What a described name begins with, as no name does that is shown."""


def add_member(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan the property of an undocumented member, with its observed types and, for now, the safest class."""
    if case.name.startswith(_ODD):
        return EditPlan(action="its name does not look like a name and may be data, so it is not kept")
    if case.observed is None:
        return EditPlan(action="its type was not kept, as too many places were observed")
    lacking = list(_lacking(case, work))
    if not lacking:
        return SETTLED
    if not all(lacking):
        return EditPlan(
            action="no schema names the members of these places alone, and none of this name elsewhere; "
            "describe it by hand"
        )
    schema = _schema(case.locations, work, _DEEPEST)
    adds = [
        Add(file=file, at=(*at, _PROPERTIES), name=case.name, value=schema)
        for file, at in _fewest(lacking, case, work)
    ]
    return EditPlan(
        action=f"add the property '{case.name}', {' or '.join(_listed(schema['type']))}; say what it means, "
        "give its source a name, and judge its sensitivity",
        edits=(*adds, *work.register_source()),
    )


def _lacking(case: FindingGroup, work: EditContext) -> Iterator[list[Address]]:
    """Yield for each place that lacks the member by now the schemas around it to which it may be added.

    A schema that also speaks about objects that have a member of the name is none to add it to: it would be
    described twice.
    """
    own = [one for one in case.own if isinstance(_members(one, work), dict)]
    for location in case.locations:
        around = [
            one
            for one in work.places.schemas_at(parent_of(location))
            if isinstance(_members(one, work), dict)
        ]
        around = around or own
        if not any(case.name in _members(one, work) for one in around):
            yield [one for one in around if not _has_elsewhere(one, case, work)]


def _members(schema: Address, work: EditContext) -> Any:
    return work.draft.value(schema.file, (*schema.tokens, _PROPERTIES))


def _has_elsewhere(schema: Address, case: FindingGroup, work: EditContext) -> bool:
    members = (_member(around, case) for around in work.places.described_by.get(schema, ()))
    return any(work.places.field_at(member) is not None for member in members)


def _member(around: FieldLocation, case: FindingGroup) -> FieldLocation:
    return (*around[:3], around[3] + pointer((case.name,)))


def _fewest(lacking: list[list[Address]], case: FindingGroup, work: EditContext) -> Iterator[Address]:
    """Choose schemas that reach every place.

    First those that do not also speak about objects that were seen without the member, then those that reach
    most, and among equals those that were found to lack it.
    """

    def is_shared(schema: Address) -> bool:
        return any(
            _member(around, case) not in work.observations
            and (seen := work.observations.get(around)) is not None
            and seen.count_of("object") >= work.limits.count
            for around in work.places.described_by.get(schema, ())
        )

    while lacking:
        counts = Counter(one for around in lacking for one in around)
        best = max(counts, key=lambda one: (not is_shared(one), counts[one], one in case.own))
        yield best
        lacking = [around for around in lacking if best not in around]


def _schema(
    locations: Iterable[FieldLocation], work: EditContext, depth: int, *, is_property: bool = True
) -> dict[str, Any]:
    locations = [location for location in locations if location in work.observations]
    types = schema_types(reduce(join_observed, (work.observations[location] for location in locations)).types)
    schema: dict[str, Any] = {"description": DESCRIPTION} if is_property else {}
    schema["type"] = types[0] if len(types) == 1 else types
    schema |= _inside(locations, types, work, depth)
    if is_property:
        schema |= work.source()
        schema |= {"x-sensitivity": work.safe_class} if work.safe_class and SCALARS & set(types) else {}
    return schema


def _inside(
    locations: list[FieldLocation], types: list[str], work: EditContext, depth: int
) -> dict[str, Any]:
    """Describe members and items too, unless some of them are not known by name."""
    if not depth or len(work.observations) >= MAX_LOCATIONS:
        return {}
    found: dict[str, list[FieldLocation]] = {}
    for child in (one for location in locations for one in work.children.get(location, ())):
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


_CODES = "x-business-codes"
_STATUS = re.compile(r"[1-5][0-9]{2}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_ANSWER_DESCRIPTION = "Seen in recordings. When it is sent is not documented."


def add_codes(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan entries for business codes that are not in the catalogue, without messages."""
    operation = find_operation(work.contract, case.findings[0].operation or "")
    observed = case.observed
    if operation is None or operation.envelope is None or case.place is None or observed is None:
        return EditPlan(action="which codes there were was not observed; check the recordings again")
    listed = work.draft.value(case.place.file, case.tokens) or []
    known = {code_text(entry["code"]) for entry in listed} | operation.envelope.success
    if observed.has_many_values or observed.other_values:
        return EditPlan(action="some of the codes do not look like codes and are not kept; add them by hand")
    new = {code: count for code, count in sorted(observed.values.items()) if code not in known}
    if not new:
        return SETTLED
    if len(new) > work.limits.values:
        return EditPlan(action=f"{len(new)} new codes at once; look at what they are before they are listed")
    are_numbers = any(type(code) is int for code in operation.envelope.values.values())
    entries = [{"code": int(code) if are_numbers else code, "messages": [], **work.source()} for code in new]
    edits: list[Edit] = [Append(file=case.place.file, at=case.tokens, value=entry) for entry in entries]
    if not listed:
        edits = [Add(file=case.place.file, at=case.tokens[:-1], name=_CODES, value=entries)]
    words = ", ".join(f"'{code}' (seen {count:,}x)" for code, count in new.items())
    return EditPlan(action=f"add to the known codes {words}", edits=(*edits, *work.register_source()))


def add_status(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan a response for a status that is not documented, without a body."""
    responses = work.draft.value(case.place.file, case.tokens) if case.place else None
    if case.place is None or not isinstance(responses, dict) or not _STATUS.fullmatch(case.name):
        return EditPlan(action="OpenAPI has no place for such a status")
    if case.name in responses:
        return SETTLED
    value = {"description": _ANSWER_DESCRIPTION, **work.source()}
    return EditPlan(
        action=f"add the status {case.name}; what its body holds is not described",
        edits=(
            Add(file=case.place.file, at=case.tokens, name=case.name, value=value),
            *work.register_source(),
        ),
    )


def add_media_type(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan a media type of a response: that of the documented body where JSON came under another name."""
    content = work.draft.value(case.place.file, case.tokens) if case.place else None
    if case.place is None or not _MEDIA_TYPE.fullmatch(case.name):
        return EditPlan(action="the answers have no media type that a contract can name")
    if not isinstance(content, dict) or not content:
        return EditPlan(action="the response is described elsewhere; add the media type by hand")
    if case.name in content:
        return SETTLED
    schema = next(iter(content.values())).get("schema") if case.rule is JSON_MISLABELLED else None
    value = {"schema": copy.deepcopy(schema)} if schema else {}
    edits = [Add(file=case.place.file, at=case.tokens, name=case.name, value=value)]
    return EditPlan(
        action=f"add the media type {case.name}",
        edits=(*edits, *work.cite_source(case.place.file, case.tokens[:-1])),
    )


def let_parameter_be_absent(case: FindingGroup, work: EditContext) -> EditPlan:
    """Plan that a parameter, or a header of an answer, is no longer required."""
    place = _find_parameter(case, work)
    if place is None or case.place is None:
        return EditPlan(action="it belongs to the signature, to a key or to the body; change it by hand")
    if not work.draft.value(case.place.file, (*place, "required")):
        return SETTLED
    edits = (
        Put(file=case.place.file, at=(*place, "required"), value=False),
        *work.cite_source(case.place.file, place),
    )
    what, _, name = case.name.rpartition(":")
    return EditPlan(action=f"let the {_WORDS.get(what, 'header')} {name} be absent", edits=edits)


_WORDS = {"query": "parameter", "cookie": "cookie"}


def _find_parameter(case: FindingGroup, work: EditContext) -> Tokens | None:
    """Return where a parameter or a header stands that is no security scheme."""
    node = work.draft.value(case.place.file, case.tokens) if case.place else None
    return (
        case.tokens
        if value_below(node, ("type",), None) is None
        and isinstance(value_below(node, ("required",), None), bool)
        else None
    )
