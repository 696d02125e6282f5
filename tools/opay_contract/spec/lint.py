"""Runs every check over one contract folder and gathers the problems by place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opay_contract.contract.documents import Position
from opay_contract.jsontext import pointer
from opay_contract.spec.linking import iter_references
from opay_contract.spec.problem import Problem, RawProblem
from opay_contract.spec.subject import Subject, read_subject
from opay_contract.spec.table import MEANING, STRUCTURE
from opay_contract.spec.walking import iter_examples, iter_schemas


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The problems of a contract, sorted by place, and how much there was to look at.

    `root` is what openapi.yaml says, as far as it could be read.
    """

    root: dict[str, Any]
    problems: tuple[Problem, ...]
    documents: int
    schemas: int
    examples: int
    references: int


def prove_contract(directory: Path) -> Proof:
    """Check the contract in `directory`; raises UsageError where there is none."""
    subject, unreadable = read_subject(directory)
    structure = [(check.id, tuple(check.find(subject))) for check in STRUCTURE]
    subject = replace(subject, faults=tuple(fault for _, faults in structure for fault in faults))
    meaning = [(check.id, tuple(check.find(subject))) for check in MEANING]
    found = {problem for id_, faults in structure + meaning for problem in _locate(subject, id_, faults)}
    return Proof(
        root=subject.root,
        problems=tuple(sorted(found.union(unreadable))),
        documents=len(subject.documents),
        schemas=sum(1 for _ in iter_schemas(subject)),
        examples=sum(1 for _ in iter_examples(subject)),
        references=sum(1 for _ in iter_references(subject)),
    )


def _locate(subject: Subject, check: str, faults: Iterable[RawProblem]) -> Iterator[Problem]:
    for at, message in faults:
        place = subject.position(at) if at.file in subject.documents else Position(1, 1)
        yield Problem(
            file=at.file,
            line=place.line,
            column=place.column,
            pointer=pointer(at.tokens),
            check=check,
            message=message,
        )
