"""The table of checks: permanent ids and what each one asks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opay_contract.spec import (
    envelopes,
    examples,
    extensions,
    openapi,
    patterns,
    questions,
    references,
    schema_files,
    sources,
)
from opay_contract.spec.problem import RawProblem
from opay_contract.spec.subject import Subject


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its id and the function that finds the faults."""

    id: str
    find: Callable[[Subject], Iterable[RawProblem]]


STRUCTURE: tuple[Check, ...] = (
    Check("schema", schema_files.find_meta_schema_faults),
    Check("reference", references.find_reference_faults),
    Check("reference-cycle", references.find_cycles),
    Check("pattern", patterns.find_pattern_faults),
)
"""What makes a schema unusable; these run first, and their faults are handed to the checks of meaning."""

MEANING: tuple[Check, ...] = (
    Check("openapi", openapi.find_meta_schema_faults),
    Check("operation", openapi.find_operation_faults),
    Check("path-parameter", openapi.find_path_parameter_faults),
    Check("server", openapi.find_server_faults),
    Check("security", openapi.find_security_faults),
    Check("schema-head", schema_files.find_head_faults),
    Check("property", schema_files.find_property_faults),
    Check("sensitivity", schema_files.find_sensitivity_faults),
    Check("source-unknown", sources.find_unknown_sources),
    Check("source-unused", sources.find_unused_sources),
    Check("orphan", references.find_orphans),
    Check("example", examples.find_invalid_examples),
    Check("example-undocumented", examples.find_undocumented_members),
    Check("example-external", examples.find_unjudged_examples),
    Check("extension", extensions.find_shape_faults),
    Check("extension-misplaced", extensions.find_misplaced),
    Check("question", questions.find_question_faults),
    Check("reading", questions.find_reading_faults),
    Check("about", questions.find_about_faults),
    Check("evidence", questions.find_evidence_faults),
    Check("envelope", envelopes.find_envelope_faults),
    Check("business-code", envelopes.find_code_faults),
    Check("success-code", envelopes.find_success_code_faults),
    Check("form", envelopes.find_form_faults),
    Check("unique-by", envelopes.find_unique_by_faults),
    Check("nothing-checked", examples.find_nothing),
)
"""What a contract says, given that it can be read."""
