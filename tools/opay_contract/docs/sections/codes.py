"""The catalogue of business codes with sources, and what recordings say about each."""

from collections.abc import Iterator

from opay_contract.contract.operation import BusinessCode, Envelope, Evidence, Operation
from opay_contract.docs.markdown import code, document, plain, table
from opay_contract.docs.reference import Reference

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
    rows = (_row(reference, envelope, known) for known in envelope.codes.values())
    yield table(("Code", "Means", "Messages", "Sources", "Recordings"), rows)
    unknown = [
        found for found in reference.found_about(envelope.codes_uri) if found.rule == "code-undocumented"
    ]
    if unknown:
        yield f"Codes outside the catalogue: {reference.verdict(unknown)}."


def _row(reference: Reference, envelope: Envelope, known: BusinessCode) -> tuple[str, ...]:
    return (
        code(known.code),
        "success" if known.code in envelope.success else "failure",
        ", ".join(f"“{plain(message)}”" for message in known.messages) or "not recorded",
        reference.cite(reference.node(known.uri).get("x-source", ())),
        "; ".join([*_seen(reference, envelope, known), reference.verdict(reference.found_about(known.uri))]),
    )


def _seen(reference: Reference, envelope: Envelope, known: BusinessCode) -> Iterator[str]:
    """Tell how often a code was seen, where the readings of an open question count it."""
    if reference.evidence is None:
        return
    for question in reference.contract.questions:
        for reading in question.readings:
            if any(_counts(evidence, envelope, known.code) for evidence in reading.evidence):
                yield reference.evidence.times(question.id, reading.id)
                return


def _counts(evidence: Evidence, envelope: Envelope, code_: str) -> bool:
    at = ("response", "body", *envelope.code)
    return (evidence.at, evidence.outcome, evidence.schema) == (at, None, {"const": code_})
