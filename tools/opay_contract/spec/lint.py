"""Is the contract itself sound: the table of checks, and the run over one contract folder."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from opay_contract.contract.documents import Position
from opay_contract.jsontext import pointer
from opay_contract.spec import extensions, openapi
from opay_contract.spec.subject import LintSubject, Problem, RawProblem, read_subject


class Check(msgspec.Struct, frozen=True):
    """One check: its id and the function that finds the faults."""

    id: str
    find: Callable[[LintSubject], Iterable[RawProblem]]


STRUCTURE: tuple[Check, ...] = (
    Check("schema", openapi.find_schema_faults),
    Check("reference", openapi.find_reference_faults),
    Check("reference-cycle", openapi.find_cycles),
    Check("pattern", openapi.find_pattern_faults),
)
"""What makes a schema unusable; these run first, and their faults are handed to the checks of meaning."""

MEANING: tuple[Check, ...] = (
    Check("openapi", openapi.find_openapi_faults),
    Check("operation", openapi.find_operation_faults),
    Check("path-parameter", openapi.find_path_parameter_faults),
    Check("server", openapi.find_server_faults),
    Check("security", openapi.find_security_faults),
    Check("schema-head", openapi.find_head_faults),
    Check("property", openapi.find_property_faults),
    Check("sensitivity", openapi.find_sensitivity_faults),
    Check("source-unknown", openapi.find_unknown_sources),
    Check("source-unused", openapi.find_unused_sources),
    Check("orphan", openapi.find_orphans),
    Check("example", openapi.find_invalid_examples),
    Check("example-undocumented", openapi.find_undocumented_members),
    Check("example-external", openapi.find_unjudged_examples),
    Check("extension", extensions.find_shape_faults),
    Check("extension-misplaced", extensions.find_misplaced),
    Check("mock", extensions.find_mock_faults),
    Check("question", extensions.find_question_faults),
    Check("reading", extensions.find_reading_faults),
    Check("about", extensions.find_about_faults),
    Check("evidence", extensions.find_evidence_faults),
    Check("envelope", extensions.find_envelope_faults),
    Check("business-code", extensions.find_code_faults),
    Check("success-code", extensions.find_success_code_faults),
    Check("form", extensions.find_form_faults),
    Check("unique-by", extensions.find_unique_by_faults),
    Check("nothing-checked", openapi.find_nothing),
)
"""What a contract says, given that it can be read."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The problems of a contract, sorted by place, and how much there was to look at.

    `root` is what the first document says, as far as it could be read.
    """

    root: dict[str, Any]
    problems: tuple[Problem, ...]
    documents: int
    schemas: int
    examples: int
    references: int


def prove_contract(contract: Path) -> Proof:
    """Check a contract, named by its folder or its file; raises UsageError where there is none."""
    subject, unreadable = read_subject(contract)
    structure = [(check.id, tuple(check.find(subject))) for check in STRUCTURE]
    subject.faults = tuple(fault for _, faults in structure for fault in faults)
    meaning = [(check.id, tuple(check.find(subject))) for check in MEANING]
    found = {problem for id_, faults in structure + meaning for problem in _locate(subject, id_, faults)}
    return Proof(
        root=subject.root,
        problems=tuple(sorted(found.union(unreadable))),
        documents=len(subject.documents),
        schemas=len(subject.whole_schemas),
        examples=len(subject.examples),
        references=len(subject.references),
    )


def _locate(subject: LintSubject, check: str, faults: Iterable[RawProblem]) -> Iterator[Problem]:
    for at, message in faults:
        found = subject.documents.get(at.file)
        place = found.position(pointer(at.tokens)) if found else Position(1, 1)
        yield Problem(
            file=at.file,
            line=place.line,
            column=place.column,
            pointer=pointer(at.tokens),
            check=check,
            message=message,
        )
