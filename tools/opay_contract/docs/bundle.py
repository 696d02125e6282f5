"""Joins openapi.yaml and schemas/ into one OpenAPI document, in which no reference leads to another file."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from opay_contract.contract.addresses import MISSING, OPEN, absolute, split_uri, value_below
from opay_contract.contract.documents import Document
from opay_contract.contract.keywords import NAMED
from opay_contract.contract.loading import ROOT
from opay_contract.contract.openapi import is_schema_file
from opay_contract.errors import ContractError
from opay_contract.jsontext import Tokens, pointer

_DATA = {"const", "default", "enum", "example", "examples"}
_DROPPED = {"$schema", "$id"}


def build_bundle(documents: Mapping[str, Document]) -> dict[str, Any]:
    """Return openapi.yaml with the schema files as its components; an open reference is a ContractError."""
    bundler = _Bundler(documents)
    bundle: dict[str, Any] = bundler.copy(documents[ROOT].value, ROOT, ())
    schemas = {
        name: bundler.copy(documents[file].value, file, ()) for file, name in bundler.components.items()
    }
    components = bundle.get("components", {})
    bundle["components"] = {**components, "schemas": {**components.get("schemas", {}), **schemas}}
    return bundle


def component_names(documents: Mapping[str, Document]) -> dict[str, str]:
    """Return the name that each schema file gets as a component, made from its title."""
    taken = set(documents[ROOT].value.get("components", {}).get("schemas", {}))
    names: dict[str, str] = {}
    for file in documents:
        if is_schema_file(file):
            names[file] = next(name for name in _candidates(documents[file]) if name not in taken)
            taken.add(names[file])
    return names


def _candidates(document: Document) -> Iterator[str]:
    title = document.value.get("title") if isinstance(document.value, dict) else None
    words = re.findall(r"[A-Za-z0-9]+", title if isinstance(title, str) else "") or re.findall(
        r"[A-Za-z0-9]+", document.name.removeprefix("schemas/").removesuffix(".json")
    )
    base = "".join(word[0].upper() + word[1:] for word in words) or "Schema"
    yield base
    number = 2
    while True:
        yield f"{base}{number}"
        number += 1


class _Bundler:
    def __init__(self, documents: Mapping[str, Document]) -> None:
        self.components = component_names(documents)
        self._documents = documents

    def copy(self, value: Any, file: str, tokens: Tokens, *, named: bool = False) -> Any:
        """Return a value of the document `file` as the bundle has it; `named` for a mapping of names."""
        if isinstance(value, list):
            return [self.copy(child, file, (*tokens, index)) for index, child in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if not named and isinstance(value.get("$ref"), str):
            target = split_uri(absolute(value["$ref"], file))
            if target.file in self._documents and target.file != ROOT and not is_schema_file(target.file):
                return self.copy(value_below(self._documents[target.file].value, target.tokens), *target)
        return {
            key: self._property(key, child, file, (*tokens, key), named=named)
            for key, child in value.items()
            if named or tokens or key not in _DROPPED
        }

    def _property(self, key: str, child: Any, file: str, tokens: Tokens, *, named: bool) -> Any:
        if named:
            return self.copy(child, file, tokens)
        if key == "$ref" and isinstance(child, str):
            return self._reference(child, file, tokens)
        if key in _DATA and not (key == "examples" and file == ROOT):
            return child
        return self.copy(child, file, tokens, named=key in NAMED)

    def _reference(self, reference: str, file: str, tokens: Tokens) -> str:
        """Return a reference as it stands in the bundle; one that leads out of the contract is refused."""
        uri = absolute(reference, file)
        name, target = split_uri(uri)
        if not uri.startswith(OPEN) or not self._stands(name, target):
            place = self._documents[file].positions[pointer(tokens)]
            raise ContractError(
                f"{file}:{place.line}:{place.column}: the reference {reference!r} leads nowhere"
            )
        base: Tokens = () if name == ROOT else ("components", "schemas", self.components[name])
        return "#" + pointer((*base, *target))

    def _stands(self, name: str, target: Tokens) -> bool:
        value = self._documents[name].value if name in self._documents else None
        return value_below(value, target) not in (MISSING, None)
