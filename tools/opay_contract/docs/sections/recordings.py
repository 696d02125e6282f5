"""Every finding of the report that was given as evidence."""

from opay_contract.docs.evidence import Observed
from opay_contract.docs.markdown import code, document, plain, table
from opay_contract.docs.reference import Reference
from opay_contract.docs.sections.overview import verification

_HEADER = ("Rule", "Severity", "Place", "Times", "Expected", "Found", "Last seen")


def render_recordings(reference: Reference) -> str:
    """Return the findings."""
    evidence = reference.evidence
    hint = "Give a report of `opay-contract check --format json` to `opay-contract docs --evidence FILE`."
    if evidence is None:
        return document([verification(reference), hint])
    rows = map(_row, evidence.findings)
    return document([verification(reference), table(_HEADER, rows) if evidence.findings else ""])


def _row(found: Observed) -> tuple[str, ...]:
    return (
        code(found.rule),
        plain(found.severity),
        code(found.pointer),
        str(found.count),
        plain(found.expected),
        plain(found.actual),
        plain(found.last_recorded_at or "not recorded"),
    )
