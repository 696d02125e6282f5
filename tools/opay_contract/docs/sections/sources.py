"""Where statements come from, and what the classes of sensitivity mean."""

from opay_contract.docs.markdown import code, document, plain, table
from opay_contract.docs.reference import Reference

_MARKS = (
    "`DOC` is a page of the vendor. `OBS` was observed on a host of the vendor by someone who published it. "
    "`UNKNOWN` is nobody's knowledge."
)


def render_sources(reference: Reference) -> str:
    """Return every source with its mark."""
    rows = [
        (code(entry["mark"]), code(name), plain(entry["title"]))
        for name, entry in reference.root.get("x-sources", {}).items()
    ]
    return document([_MARKS, table(("Mark", "Source", "What it is"), rows)]) if rows else ""


def render_sensitivity(reference: Reference) -> str:
    """Return every class of sensitivity."""
    rows = [
        (code(name), plain(meaning))
        for name, meaning in reference.root.get("x-sensitivity-classes", {}).items()
    ]
    return table(("Class", "Meaning"), rows) if rows else ""
