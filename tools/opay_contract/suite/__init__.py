"""Tests of a server, and what tests of a contract need: values made from its schemas.

Needs the extra `opay-contract[test]`. Values are made with schemathesis' own generation.

schemathesis offers that generation for the operations of an OpenAPI document, and for nothing else. So the
schema becomes the request body of the only operation of a document made up for it, which carries every other
schema of the contract under `components`.
"""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from opay_contract.contract.addresses import OPEN, absolute, split_uri, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import ROOTS, Document
from opay_contract.contract.keywords import NAMED
from opay_contract.contract.loading import load_contract
from opay_contract.contract.openapi import is_schema_file, root_of
from opay_contract.errors import UsageError
from opay_contract.jsontext import Tokens, pointer

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_VERBATIM = {"enum", "const", "examples", "default"}
_BASES = {"$id", "$schema"}


def from_schema(schema: str | dict[str, Any], contract: Contract | None = None) -> "SearchStrategy[Any]":
    """Return a hypothesis strategy for the values that `schema` allows.

    `schema` is a schema file's name (`schemas/customer.json`), or a JSON Schema 2020-12
    that refers to such files by that name. `contract` is the package's own unless given. A value is open
    where its schema is, so now and then it has members that nobody documented. Raises UsageError when there
    is no such file, and when the extra `opay-contract[test]` is not installed.
    """
    documents = (contract or load_contract()).schemas.documents
    if isinstance(schema, str):
        schema = {"$ref": schema}
    if isinstance(schema.get("$ref"), str) and schema["$ref"].startswith(OPEN):
        at = split_uri(schema["$ref"])  # a place in the first document is not carried: what stands there is
        schema = (
            value_below(documents[at.file].value, at.tokens)
            if at.file == root_of(documents)
            else {"$ref": str(at)}
        )
    return _bodies(_document_around(schema, documents))


def _bodies(document: dict[str, Any]) -> "SearchStrategy[Any]":
    """Copy each value: schemathesis hands out a schema's examples themselves, and a test may change them."""
    try:
        import schemathesis  # noqa: PLC0415  heavy, and in an extra that production does without
    except ImportError:
        raise UsageError("generating values needs the test extra; install opay-contract[test]") from None
    operation = schemathesis.openapi.from_dict(document)["/"]["POST"]
    return operation.as_strategy().map(lambda case: deepcopy(case.body))


def _document_around(schema: dict[str, Any], documents: dict[str, Document]) -> dict[str, Any]:
    names = (root_of(documents), *sorted(filter(is_schema_file, documents)))
    own = (documents[names[0]].value.get("components") or {}).get("schemas") or {}
    return {
        "openapi": "3.1.0",
        "info": {"title": "One schema", "version": "1"},
        "paths": {
            "/": {
                "post": {
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": _relocate(schema, names[0], names)}},
                    },
                    "responses": {"200": {"description": "Not used."}},
                }
            }
        },
        "components": {
            "schemas": {
                **{_key(name): _relocate(documents[name].value, name, names) for name in names[1:]},
                **{_own_key(name): _relocate(schema, names[0], names) for name, schema in own.items()},
            }
        },
    }


def _own_key(name: str | int) -> str:
    return _key(f"{ROOTS[0]}/{name}")


def _relocate(schema: Any, name: str, names: tuple[str, ...]) -> Any:
    """Return a schema of the document `name` as it is to stand under `components`.

    `names` are those of the first document and of the schema files.
    """
    if isinstance(schema, list):
        return [_relocate(child, name, names) for child in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: _relocate_keyword(keyword, value, name, names)
        for keyword, value in schema.items()
        if keyword not in _BASES
    }


def _relocate_keyword(keyword: str, value: Any, name: str, names: tuple[str, ...]) -> Any:
    if keyword == "$ref":
        return _component(absolute(value, name), names)
    if keyword in _VERBATIM or keyword.startswith("x-"):
        return value
    if keyword in NAMED:
        return {key: _relocate(child, name, names) for key, child in value.items()}
    return _relocate(value, name, names)


def _component(uri: str, names: tuple[str, ...]) -> str:
    name, steps = split_uri(uri)
    if name == names[0] and steps[:2] == ("components", "schemas"):
        return "#" + pointer((*steps[:2], _own_key(steps[2]), *steps[3:]))
    if name not in names[1:]:
        raise UsageError(f"no schema file '{name}' in the contract; there are {', '.join(names[1:])}")
    tokens: Tokens = ("components", "schemas", _key(name), *steps)
    return "#" + pointer(tokens)


def _key(name: str) -> str:
    """Return a component's name, which may have neither slash nor space, for a file's."""
    return "".join(char if char.isascii() and char.isalnum() else f"-{ord(char):x}-" for char in name)
