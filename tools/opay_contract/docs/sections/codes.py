"""The catalogue of business codes with sources, and what recordings say about each."""

from collections.abc import Iterator

from opay_contract.contract.operation import BusinessCode, Envelope, Operation
from opay_contract.docs.calls_seen import code_seen, unknown_codes_seen
from opay_contract.docs.evidence import Evidence
from opay_contract.docs.markdown import code, document, plain, table
from opay_contract.docs.reference import Reference
from opay_contract.docs.seen import describe_findings

_UNKNOWN = "code-undocumented"
_INTRODUCTION = (
    "Decide on the code, never on the message or the HTTP status. The catalogue has an open end: a code that "
    "is missing here is no broken answer, and a client must live with it."
)


def render_codes(reference: Reference) -> str:
    """Return the catalogue of each operation that has one."""
    blocks = [
        block for operation in reference.contract.operations for block in _operation(reference, operation)
    ]
    return document([_INTRODUCTION, *blocks]) if blocks else ""


def _operation(reference: Reference, operation: Operation) -> Iterator[str]:
    envelope = operation.envelope
    if envelope is None or not envelope.codes:
        return
    if len(reference.contract.operations) > 1:
        yield f"### {code(operation.id)}"
    rows = (_row(reference, operation, envelope, known) for known in envelope.codes.values())
    yield table(("Code", "Means", "Messages", "Sources", "Recordings"), rows)
    if reference.evidence:
        yield _others(reference.evidence, operation, envelope)


def _row(
    reference: Reference, operation: Operation, envelope: Envelope, known: BusinessCode
) -> tuple[str, ...]:
    evidence = reference.evidence
    return (
        code(known.code),
        "success" if known.code in envelope.success else "failure",
        ", ".join(f"“{plain(message)}”" for message in known.messages) or "not recorded",
        reference.cite(reference.node(known.uri).get("x-source", ())),
        reference.recordings(code_seen(evidence, operation, envelope, known) if evidence else None),
    )


def _others(evidence: Evidence, operation: Operation, envelope: Envelope) -> str:
    """Return the codes outside the catalogue: those that may be named, and what was found."""
    found = [folded for folded in evidence.about(envelope.codes_uri) if folded.finding.rule.id == _UNKNOWN]
    if not found:
        return "Recordings show no code outside the catalogue."
    rows = [
        (code(value), plain(seen))
        for value, seen in unknown_codes_seen(evidence, operation, envelope).items()
    ]
    listed = table(("Code outside the catalogue", "Recordings"), rows) if rows else ""
    return f"Codes outside the catalogue: {plain(describe_findings(found))}.\n\n{listed}"
