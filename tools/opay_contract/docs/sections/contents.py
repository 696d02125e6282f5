"""Which sections the reference has, in their order."""

from collections.abc import Callable

from opay_contract.docs.reference import Reference, Section
from opay_contract.docs.sections.calls import render_calls
from opay_contract.docs.sections.codes import render_codes
from opay_contract.docs.sections.fields import render_fields
from opay_contract.docs.sections.operations import render_operations
from opay_contract.docs.sections.overview import render_overview
from opay_contract.docs.sections.questions import render_choices, render_contradictions, render_questions
from opay_contract.docs.sections.recordings import render_recordings
from opay_contract.docs.sections.signing import render_signing
from opay_contract.docs.sections.sources import render_sensitivity, render_sources

OPERATIONS = "operations"

_SECTIONS: tuple[tuple[str, str, Callable[[Reference], str]], ...] = (
    ("overview", "Overview", render_overview),
    ("signing", "How to sign", render_signing),
    (OPERATIONS, "Operations", render_operations),
    ("calls", "Headers, forms and statuses", render_calls),
    ("fields", "Fields", render_fields),
    ("codes", "Business codes", render_codes),
    ("contradictions", "Where sources contradict each other", render_contradictions),
    ("questions", "Open questions", render_questions),
    ("choices", "What the mock does", render_choices),
    ("recordings", "What recordings say", render_recordings),
    ("sensitivity", "Sensitivity", render_sensitivity),
    ("sources", "Sources", render_sources),
)


def build_sections(reference: Reference) -> tuple[Section, ...]:
    """Return the sections that have something to say about this contract."""
    sections = (Section(id=id_, title=title, markdown=render(reference)) for id_, title, render in _SECTIONS)
    return tuple(section for section in sections if section.markdown.strip())
