"""The overview: what the API is for, where it answers, and how far this reference was verified."""

from opay_contract.docs.markdown import code, document, line, plain, prose, table
from opay_contract.docs.reference import Reference


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
    return (
        f"**Held against {_count(evidence.exchanges, 'recorded exchange')}**, with "
        f"{_count(len(evidence.findings), 'finding')}; {evidence.unreadable} more could not be read. "
        "“No finding” means that no recording contradicted a statement, not that one has shown it."
    )


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
    return f"{number} {one if number == 1 else one + 's'}"
