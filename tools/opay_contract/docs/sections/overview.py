"""The overview: what the API is for, where it answers, and how far this reference was verified."""

from collections.abc import Iterator

from opay_contract.docs.markdown import code, document, line, plain, prose, table
from opay_contract.docs.reference import Reference
from opay_contract.model.observation import EARLIER, UNDATED, Days
from opay_contract.model.summary import DriftSummary


def render_overview(reference: Reference) -> str:
    """Return the overview."""
    info = reference.root.get("info", {})
    return document(
        [
            line(info.get("summary")),
            verification(reference),
            prose(info.get("description")),
            _servers(reference),
        ]
    )


def verification(reference: Reference) -> str:
    """Return one paragraph on what stands behind this reference."""
    evidence = reference.evidence
    if evidence is None:
        return (
            "**Nothing has been verified yet.** This reference was made without recordings: it says what the "
            "sources say, and nobody has held it against the API."
        )
    summary = evidence.summary
    parts = [
        f"**Held against {_count(summary.exchanges, 'recorded exchange')}**{_span(evidence.days())}.",
        f"They gave {_count(len(summary.findings), 'different finding')}.",
        *_left_out(summary),
        "“No drift” means that no recording contradicted a statement where it was seen.",
    ]
    return " ".join(parts)


def _span(days: Days) -> str:
    """Return from which days exchanges are, and how many say no day."""
    dated = sorted(days.keys() - {EARLIER, UNDATED})
    if not dated:
        return " without a recorded time"
    first = f"days before {dated[0]}" if EARLIER in days else dated[0]
    span = f" of {first}" if first == dated[-1] else f" of {first} to {dated[-1]}"
    undated = f", {days[UNDATED]:,} of them without a recorded time" if days.get(UNDATED) else ""
    return f"{span} (UTC){undated}"


def _left_out(summary: DriftSummary) -> Iterator[str]:
    """Yield a sentence for each kind of input that says nothing here."""
    if summary.is_partial:
        yield "The run was interrupted."
    if summary.out_of_scope:
        verb = "is" if summary.out_of_scope == 1 else "are"
        yield f"{summary.out_of_scope:,} more {verb} out of scope: other hosts, other paths, preflights."
    if summary.out_of_window:
        yield f"{summary.out_of_window:,} more were outside the time that was asked for, or had no time."
    if summary.unreadable_count:
        yield f"{summary.unreadable_count:,} more could not be read."


def _servers(reference: Reference) -> str:
    rows = [
        (
            code(server["url"]),
            plain(server.get("x-environment", "")),
            line(server.get("description")),
            reference.cite(server.get("x-source", ())),
        )
        for server in reference.root.get("servers", [])
    ]
    return table(("Server", "Environment", "For", "Sources"), rows) if rows else ""


def _count(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else one + 's'}"
