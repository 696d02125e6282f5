"""Checks of examples: valid by their schema, with documented members only, and there at all.

What is wrong is said by place; a value is never quoted.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema_rs

from opay_contract.contract.addresses import Address
from opay_contract.contract.schemas import MASK, nearest_of
from opay_contract.errors import ContractError
from opay_contract.spec.subject import Example, RawProblem, Subject

_UNEVALUATED = "unevaluatedProperties"
_MEMBERS = (_UNEVALUATED, "additionalProperties")
_LONGEST = 200


def find_invalid_examples(subject: Subject) -> Iterator[RawProblem]:
    """Each example is valid by the schema that it stands beside."""
    yield from _iter_wrong(subject, _judgeable(subject), is_closed=False)


def find_undocumented_members(subject: Subject) -> Iterator[RawProblem]:
    """Each valid example has no member that its schema does not describe."""
    if subject.names_sources:
        judgeable = _judgeable(subject)
        wrong = {problem.at for problem in _iter_wrong(subject, judgeable, is_closed=False)}
        valid = [one for one in judgeable if not any(one.at.holds(at) for at in wrong)]
        yield from _iter_wrong(subject, valid, is_closed=True)


def find_unjudged_examples(subject: Subject) -> Iterator[RawProblem]:
    """Each example stands here and has a schema, so that it can be judged."""
    for at, value in subject.statements:
        if "externalValue" in value and at.file == subject.root_name and at.tokens[-2:-1] == ("examples",):
            yield RawProblem(
                at.child("externalValue"), "an example from elsewhere is not judged; write it as `value`"
            )


def find_nothing(subject: Subject) -> Iterator[RawProblem]:
    """Find a contract that has no schema or no example: nothing would be proven."""
    if not subject.unread:
        if not subject.whole_schemas:
            yield RawProblem(subject.at_root(), "no schema was found, so nothing is proven")
        if not subject.examples and (subject.names_sources or not subject.whole_schemas):
            yield RawProblem(subject.at_root(), "no example was found, so nothing is proven")


def _judgeable(subject: Subject) -> list[Example]:
    """Return the examples of sound schemas; the faults of the others are reported already."""
    return [example for example in subject.examples if subject.is_intact(example.schema)]


def _iter_wrong(subject: Subject, examples: list[Example], *, is_closed: bool) -> Iterator[RawProblem]:
    uris = [example.schema.uri for example in examples]
    if not uris:
        return
    try:
        validator = subject.schema_set.validator_of_many(uris, is_closed=is_closed)
    except ContractError as error:
        yield RawProblem(Address(next(iter(subject.documents))), " ".join(str(error).split()))
        return
    for found in iter_faults(validator, [example.value for example in examples], Address("")):
        number, *inside = found.at.tokens
        yield RawProblem(examples[int(number)].at.child(*inside), found.message)


_Validator = jsonschema_rs.Draft4Validator | jsonschema_rs.Draft202012Validator


def build_validator(schema: Any) -> _Validator:
    """Return the validator of a published schema, by the dialect that it names; it never fetches anything."""
    is_old = "draft-04" in str(schema.get("$schema"))
    kind = jsonschema_rs.Draft4Validator if is_old else jsonschema_rs.Draft202012Validator
    return kind(schema, offline=True, mask=MASK)


def iter_faults(validator: _Validator, value: Any, at: Address) -> Iterator[RawProblem]:
    """Yield what is wrong with the value that stands at `at`, each at the place it is about."""
    errors = list(validator.iter_errors(value))
    causes = {tuple(error.instance_path) for error in errors if error.kind.name != _UNEVALUATED}
    for error in _iter_nearest(errors):
        follows = error.kind.name == _UNEVALUATED and tuple(error.instance_path) in causes
        if not follows:
            yield RawProblem(at.child(*error.instance_path, *_unexpected(error)), _describe(error))


def _iter_nearest(errors: Iterable[Any]) -> Iterator[Any]:
    """Yield errors, those of the nearest schema of a union in place of the union's."""
    for error in errors:
        branches = [branch for branch in getattr(error.kind, "context", ()) if branch]
        if branches:
            yield from _iter_nearest(branches[nearest_of(branches, tuple(error.instance_path))])
        else:
            yield error


def _unexpected(error: jsonschema_rs.ValidationError) -> list[str]:
    """Return the first member that should not be there, for the place."""
    return list(getattr(error.kind, "unexpected", []))[:1] if error.kind.name in _MEMBERS else []


def _describe(error: jsonschema_rs.ValidationError) -> str:
    text = error.message.replace(MASK, "the value").replace('"', "'")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
