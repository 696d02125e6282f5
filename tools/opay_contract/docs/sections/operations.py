"""The operations in Markdown; the page shows them in Redoc, and this where scripts do not run."""

import json
from collections.abc import Iterator
from typing import Any

from opay_contract.contract.addresses import absolute
from opay_contract.contract.loading import ROOT
from opay_contract.contract.operation import Operation
from opay_contract.docs.markdown import code, document, fenced, line, plain, prose, table
from opay_contract.docs.reference import Reference


def render_operations(reference: Reference) -> str:
    """Return every operation."""
    return document(
        block for operation in reference.contract.operations for block in _operation(reference, operation)
    )


def _operation(reference: Reference, operation: Operation) -> Iterator[str]:
    node = reference.node(operation.uri)
    yield f"### {code(f'{operation.method} {operation.path}')}"
    yield line(node.get("summary"))
    yield prose(node.get("description"))
    yield _parameters(reference, operation, node)
    for title, example in _examples(node.get("requestBody", {})):
        yield from (f"#### Request: {plain(title)}", _json(example))
    for response in node.get("responses", {}).values():
        for title, example in _examples(response):
            yield from (f"#### Response: {plain(title)}", _json(example))


def _parameters(reference: Reference, operation: Operation, node: Any) -> str:
    around = reference.node(operation.uri.rpartition("/")[0])
    rows = []
    for parameter in [*around.get("parameters", []), *node.get("parameters", [])]:
        said = reference.node(absolute(parameter["$ref"], ROOT)) if "$ref" in parameter else parameter
        sensitivity = said.get("schema", {}).get("x-sensitivity", "")
        sources = reference.cite(said.get("x-source", ()))
        rows.append(
            (code(said["name"]), plain(said["in"]), code(sensitivity), line(said.get("description")), sources)
        )
    return table(("Parameter", "In", "Sensitivity", "Meaning", "Sources"), rows) if rows else ""


def _examples(described: Any) -> Iterator[tuple[str, Any]]:
    for media in described.get("content", {}).values():
        for name, example in media.get("examples", {}).items():
            if "value" in example:
                yield example.get("summary", name), example["value"]


def _json(value: Any) -> str:
    return fenced(json.dumps(value, indent=2, ensure_ascii=False), "json")
