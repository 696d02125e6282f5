"""The schemas of a contract, ready to judge: one registry for all files, validators made once each."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urldefrag

import jsonschema_rs

from opay_contract.contract.addresses import CLOSED, OPEN, split_uri
from opay_contract.contract.closing import close_schema
from opay_contract.contract.documents import Document
from opay_contract.errors import ContractError
from opay_contract.model.finding import ContractPlace

_FOR_PEOPLE = {"$schema", "$id", "$comment", "title", "description", "examples", "default", "deprecated"}
_VERBATIM = {"enum", "const", "required", "dependentRequired"}
_NAMED = {"properties", "patternProperties", "$defs", "dependentSchemas"}

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class SchemaSet:
    """Every document of the contract by name, as JSON Schema resources.

    Each document stands in the registry twice: as written, and closed, where an object with documented
    members has no others.
    """

    documents: dict[str, Document]
    _registry: jsonschema_rs.Registry
    _validators: dict[str, jsonschema_rs.Draft202012Validator] = field(default_factory=dict)
    _nodes: dict[str, Any] = field(default_factory=dict)

    def validator(self, uri: str) -> jsonschema_rs.Draft202012Validator:
        """Return the validator of the schema at `uri`; it never fetches and masks values in its messages."""
        if uri not in self._validators:
            self._validators[uri] = self.compile({"$ref": uri})
        return self._validators[uri]

    def compile(self, schema: Any) -> jsonschema_rs.Draft202012Validator:
        """Return a validator of a schema that may refer to any document by its URI."""
        try:
            return jsonschema_rs.Draft202012Validator(
                schema, registry=self._registry, offline=True, mask="(hidden)", validate_formats=True
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise ContractError(f"a schema of the contract cannot be used: {error}") from error

    def node(self, uri: str) -> Any:
        """Return the value at `uri`; raises ContractError when nothing is there."""
        if uri in self._nodes:
            return self._nodes[uri]
        name, tokens = split_uri(uri)
        try:
            value = self.documents[name].value
            for token in tokens:
                value = value[int(token)] if isinstance(value, list) else value[token]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ContractError(f"{name}: nothing stands at {urldefrag(uri).fragment!r}") from error
        self._nodes[uri] = value
        return value

    def place(self, uri: str) -> ContractPlace:
        """Return where `uri` stands in the files; the nearest ancestor's line where it has none itself."""
        name, _ = split_uri(uri)
        fragment = unquote(urldefrag(uri).fragment)
        positions, nearest = self.documents[name].positions, fragment
        while nearest not in positions:
            nearest = nearest.rpartition("/")[0]
        position = positions[nearest]
        return ContractPlace(file=name, line=position.line, column=position.column, pointer=fragment)


def build_schema_set(documents: dict[str, Document]) -> SchemaSet:
    """Put every document into one registry, whole, before anything is judged."""
    resources: list[tuple[str, Any]] = []
    for name, document in documents.items():
        resources.append((OPEN + name, _with_dialect(document.value)))
        resources.append((CLOSED + name, _with_dialect(close_schema(name, documents))))
    return SchemaSet(documents, jsonschema_rs.Registry(resources))


def _with_dialect(value: Any) -> Any:
    """Return a document as the schema library is to see it: its dialect stated, and nothing but assertions.

    What only people read would come back with every evaluation; OpenAPI's own members stay.
    """
    if not isinstance(value, dict) or "openapi" in value:
        return value
    return {"$schema": DIALECT, **_assertions(value)}


def _assertions(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_assertions(child) for child in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: {name: _assertions(child) for name, child in value.items()}
        if keyword in _NAMED and isinstance(value, dict)
        else value
        if keyword in _VERBATIM
        else _assertions(value)
        for keyword, value in schema.items()
        if keyword not in _FOR_PEOPLE and not keyword.startswith("x-")
    }
