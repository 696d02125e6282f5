"""Checks of examples: valid by their schema, with documented members only, and there at all."""

import contextlib
from collections.abc import Iterator

from opay_contract.contract.loading import ROOT
from opay_contract.errors import ContractError
from opay_contract.spec.judging import build_judge, iter_faults
from opay_contract.spec.linking import is_intact
from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.subject import Subject
from opay_contract.spec.walking import Example, iter_examples, iter_schemas


def find_invalid_examples(subject: Subject) -> Iterator[RawProblem]:
    """Each example is valid by the schema that it stands beside."""
    try:
        judge = build_judge(subject)
        for example in _iter_judgeable(subject):
            yield from iter_faults(judge.open_validator(example.schema), example.value, example.at)
    except ContractError as error:
        yield RawProblem(Address(next(iter(subject.documents))), str(error))


def find_undocumented_members(subject: Subject) -> Iterator[RawProblem]:
    """Each valid example has no member that its schema does not describe."""
    with contextlib.suppress(ContractError):  # find_invalid_examples reports it
        judge = build_judge(subject)
        for example in _iter_judgeable(subject):
            if judge.open_validator(example.schema).is_valid(example.value):
                yield from iter_faults(judge.closed_validator(example.schema), example.value, example.at)


def find_unjudged_examples(subject: Subject) -> Iterator[RawProblem]:
    """Each example stands here and has a schema, so that it can be judged."""
    for at, value in subject.statements:
        if "externalValue" in value and at.file == ROOT and at.tokens[-2:-1] == ("examples",):
            yield RawProblem(
                at.child("externalValue"), "an example from elsewhere is not judged; write it as `value`"
            )


def find_nothing(subject: Subject) -> Iterator[RawProblem]:
    """Find a contract that has no schema or no example: nothing would be proven."""
    if not subject.unread:
        if not any(True for _ in iter_schemas(subject)):
            yield RawProblem(Address(ROOT), "no schema was found, so nothing is proven")
        if not any(True for _ in iter_examples(subject)):
            yield RawProblem(Address(ROOT), "no example was found, so nothing is proven")


def _iter_judgeable(subject: Subject) -> Iterator[Example]:
    """Yield the examples of sound schemas; the faults of the others are reported already."""
    return (example for example in iter_examples(subject) if is_intact(subject, example.schema))
