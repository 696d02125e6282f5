"""Versions of contracts made up for a test."""

from typing import Any

from opay_contract.contract.documents import Document
from opay_contract.diff.changes import ContractDiff
from opay_contract.diff.comparing import compare_versions
from opay_contract.diff.versions import Version, build_version

VALUE = {"type": "object", "properties": {"value": {}}}


def overlay(base: Any, more: Any) -> Any:
    """Return a value with another laid over it, object by object."""
    if not isinstance(base, dict) or not isinstance(more, dict) or not more:
        return more
    return {**base, **{key: overlay(base.get(key), value) for key, value in more.items()}}


def contract(
    *, document: Any = None, operation: Any = None, request: Any = None, response: Any = None
) -> dict[str, Any]:
    """Return a document of one operation with what is said of it."""
    call: dict[str, Any] = {"operationId": "call", "responses": {"200": {}}}
    if request is not None:
        call["requestBody"] = _body(request)
    if response is not None:
        call["responses"] = {"200": _body(response)}
    root = {
        "openapi": "3.1.1",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://a"}],
        "paths": {"/call": {"post": overlay(call, operation or {"deprecated": False})}},
    }
    return {**root, **(document or {})}


def version(documents: dict[str, Any], name: str = "old") -> Version:
    """Return a version of documents that say this."""
    texts = {file: Document(name=file, value=value, text="{}") for file, value in documents.items()}
    return build_version(name, "", "openapi.yaml", texts)


def compare(old: dict[str, Any], new: dict[str, Any]) -> ContractDiff:
    """Return what differs between two contracts of one document."""
    return compare_versions(version({"openapi.yaml": old}), version({"openapi.yaml": new}, "new"))


def _body(schema: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"type": "object", "properties": {"value": schema}}}}}
