"""Which types a schema has to allow, and the edits that make it do so."""

from collections.abc import Iterable, Iterator
from typing import Any

from opay_contract.jsontext import Tokens
from opay_contract.suggest.edit import Append, Edit, Put

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
