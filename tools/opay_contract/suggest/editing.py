"""Carries out an edit on a document's value: what its text must say afterwards."""

import copy
from typing import Any

from opay_contract.jsontext import value_at
from opay_contract.suggest.edit import Add, Append, Edit, Put, Remove, Rename


def edit_value(value: Any, edit: Edit) -> Any:
    """Return a document's value after an edit; raises LookupError where nothing stands at its place."""
    changed = copy.deepcopy(value)
    match edit:
        case Add():
            _add(value_at(changed, edit.at), edit)
        case Append():
            value_at(changed, edit.at).append(edit.value)
        case Put():
            holder = value_at(changed, edit.at[:-1])
            _require(holder, edit.at[-1])
            holder[edit.at[-1]] = edit.value
        case Remove():
            del value_at(changed, edit.at[:-1])[edit.at[-1]]
        case Rename():
            _rename(value_at(changed, edit.at[:-1]), edit)
    return changed


def _add(mapping: dict[str, Any], edit: Add) -> None:
    if edit.name in mapping:
        raise KeyError(edit.name)
    members = list(mapping.items())
    names = list(mapping)
    position = names.index(edit.after) + 1 if edit.after in names else len(names)
    members.insert(position, (edit.name, edit.value))
    mapping.clear()
    mapping.update(members)


def _rename(mapping: dict[str, Any], edit: Rename) -> None:
    _require(mapping, edit.at[-1])
    members = [
        (edit.name, edit.value) if name == edit.at[-1] else (name, value) for name, value in mapping.items()
    ]
    mapping.clear()
    mapping.update(members)
    if len(mapping) < len(members):
        raise KeyError(edit.name)


def _require(holder: Any, token: str | int) -> None:
    """Refuse a place at which nothing stands."""
    holder[token]
