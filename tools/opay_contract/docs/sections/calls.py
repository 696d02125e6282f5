"""What a call is made of beside its bodies, headers, request forms and HTTP statuses, and what was seen."""

from collections.abc import Iterator
from typing import Any

from opay_contract.contract.operation import Operation
from opay_contract.docs.calls_seen import form_seen, header_seen, other_statuses_seen, status_seen
from opay_contract.docs.markdown import code, document, line, plain, table
from opay_contract.docs.reference import Reference


def render_calls(reference: Reference) -> str:
    """Return the tables of each operation."""
    return document(
        block for operation in reference.contract.operations for block in _operation(reference, operation)
    )


def _operation(reference: Reference, operation: Operation) -> Iterator[str]:
    if len(reference.contract.operations) > 1:
        yield f"### {code(operation.id)}"
    node = reference.node(operation.uri)
    yield from _table(("Required header", "Recordings"), _headers(reference, operation))
    yield from _table(("Request form", "Title", "Sources", "Recordings"), _forms(reference, operation, node))
    yield from _formless(reference, operation)
    yield from _table(
        ("HTTP status", "Meaning", "Sources", "Recordings"), _statuses(reference, operation, node)
    )


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    found = list(rows)
    if found:
        yield table(header, found)


def _headers(reference: Reference, operation: Operation) -> Iterator[tuple[str, ...]]:
    evidence = reference.evidence
    for header in operation.required_headers:
        seen = header_seen(evidence, operation, header) if evidence else None
        yield code(header.name), reference.recordings(seen)


def _forms(reference: Reference, operation: Operation, node: Any) -> Iterator[tuple[str, ...]]:
    for form in node.get("x-forms", []):
        sources = reference.cite(form.get("x-source", ()))
        yield code(form["id"]), plain(form["title"]), sources, _form(reference, operation, form["id"])


def _form(reference: Reference, operation: Operation, form: str) -> str:
    if reference.evidence is None:
        return reference.recordings(None)
    seen, outcomes = form_seen(reference.evidence, operation, form)
    parts = [*seen.parts(), ", ".join(f"{outcome} {count:,}" for outcome, count in outcomes.items())]
    return plain("; ".join(filter(None, parts)))


def _formless(reference: Reference, operation: Operation) -> Iterator[str]:
    """Yield how many requests had none of the forms, where there are forms."""
    if reference.evidence is None or not operation.forms:
        return
    seen, _ = form_seen(reference.evidence, operation, "")
    if seen.count:
        yield f"Without a request that has one of these forms: {_form(reference, operation, '')}."


def _statuses(reference: Reference, operation: Operation, node: Any) -> Iterator[tuple[str, ...]]:
    evidence = reference.evidence
    for status, response in node.get("responses", {}).items():
        yield (
            code(status),
            line(response.get("description")),
            reference.cite(response.get("x-source", ())),
            reference.recordings(status_seen(evidence, operation, status) if evidence else None),
        )
    others = other_statuses_seen(evidence, operation) if evidence else {}
    for status, seen in others.items():
        yield code(status), "Not in the contract.", "", reference.recordings(seen)
