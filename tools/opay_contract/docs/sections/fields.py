"""The members of every body: type, sensitivity, sources, and what recordings say."""

from collections.abc import Iterator

from opay_contract.contract.fields import Field, iter_bodies
from opay_contract.contract.operation import Operation
from opay_contract.docs.markdown import code, document, line, table
from opay_contract.docs.markdown import plain as text
from opay_contract.docs.reference import Reference, iter_seen
from opay_contract.docs.seen import Seen

_HEADER = ("Member", "Type", "Required", "Sensitivity", "Meaning", "Sources", "Recordings")


def render_fields(reference: Reference) -> str:
    """Return a table for each body of each operation."""
    blocks = [
        block for operation in reference.contract.operations for block in _operation(reference, operation)
    ]
    introduction = "A member is named by its JSON pointer; `*` is each item of a list."
    if "x-sensitivity-classes" in reference.root:
        introduction += " What a sensitivity means stands under [Sensitivity](#sensitivity)."
    return document([introduction, *blocks]) if blocks else ""


def _operation(reference: Reference, operation: Operation) -> Iterator[str]:
    for body in iter_bodies(operation):
        fields = list(iter_seen(reference, operation, body))
        if fields:
            yield f"### {text(body.title)}: {'request' if body.in_request else 'answer'}"
            yield table(_HEADER, (_row(reference, field, seen) for field, seen in fields))


def _row(reference: Reference, field: Field, seen: Seen | None) -> tuple[str, ...]:
    return (
        code(field.pointer),
        text(" or ".join(field.types)),
        field.required,
        code(field.sensitivity or ""),
        line(field.description),
        reference.cite(field.sources),
        reference.recordings(seen),
    )
