"""Tests of a server, and what tests of a contract need: values made from its schemas.

Needs the extra `opay-contract[test]`. Values are made with schemathesis' own generation.

schemathesis offers that generation for the operations of an OpenAPI document, and for nothing else. So the
schema becomes the request body of the only operation of a document made up for it, which is then joined with
the contract's files as `bundle` does.
"""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from opay_contract.contract.addresses import OPEN, iter_targets, split_uri, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document
from opay_contract.contract.loading import load_contract
from opay_contract.contract.openapi import is_schema_file, root_of
from opay_contract.docs.bundle import build_bundle
from opay_contract.errors import UsageError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


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
    root, files = root_of(documents), sorted(filter(is_schema_file, documents))
    for target in iter_targets(schema, root):
        if target.file not in (root, *files):
            raise UsageError(f"no schema file '{target.file}' in the contract; there are {', '.join(files)}")
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    responses = {"200": {"description": "Not used."}}
    value = {
        "openapi": "3.1.0",
        "info": {"title": "One schema", "version": "1"},
        "paths": {"/": {"post": {"requestBody": body, "responses": responses}}},
        "components": {"schemas": (documents[root].value.get("components") or {}).get("schemas") or {}},
    }
    return build_bundle({**documents, root: Document(name=root, value=value, text="")}).value
