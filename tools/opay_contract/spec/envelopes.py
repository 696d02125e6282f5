"""Checks of how an answer is read: envelope, business codes, forms, and what tells items apart."""

from collections.abc import Iterator
from typing import Any

from opay_contract.contract.loading import ROOT
from opay_contract.spec.linking import is_described, is_intact, parse_pointer, resolve
from opay_contract.spec.openapi import iter_operations
from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.questions import iter_repeated
from opay_contract.spec.statements import items, members
from opay_contract.spec.subject import Subject
from opay_contract.spec.walking import iter_all_subschemas

_NOT_DESCRIBED = "leads to no member that the schema describes"


def find_envelope_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each pointer of `x-envelope` leads to a member that the envelope's schema describes."""
    for at, operation in iter_operations(subject):
        envelope = members(operation.get("x-envelope"))
        for key in ("code", "message", "data"):
            yield from _check_pointer(
                subject, at.child("x-envelope", key), envelope.get(key), envelope.get("schema")
            )


def find_code_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each business code stands in the catalogue once."""
    for at, operation in iter_operations(subject):
        yield from iter_repeated(
            at.child("x-business-codes"), operation.get("x-business-codes"), "code", "entry"
        )


def find_success_code_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each success code is listed by `enum` and stands in the catalogue."""
    for at, operation in iter_operations(subject):
        known = [members(entry).get("code") for _, entry in items(operation.get("x-business-codes"))]
        success = members(members(operation.get("x-envelope")).get("success")).get("$ref")
        target = resolve(subject, ROOT, success)
        codes = members(subject.value(target)).get("enum") if target else []
        if not isinstance(codes, list):
            yield RawProblem(
                at.child("x-envelope", "success"), "the success codes are listed by `enum`, and there is none"
            )
        for index, code in items(codes):
            if target and code not in known:
                yield RawProblem(
                    target.child("enum", index), "this success code is not in `x-business-codes`"
                )


def find_form_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each form has an id of its own, and its echoes lead to members that its schemas describe."""
    for at, operation in iter_operations(subject):
        forms = at.child("x-forms")
        yield from iter_repeated(forms, operation.get("x-forms"), "id", "form")
        for i, form in items(operation.get("x-forms")):
            for j, echo in items(members(form).get("echoes")):
                for side in ("request", "response"):
                    place = forms.child(i, "echoes", j, side)
                    yield from _check_pointer(
                        subject, place, members(echo).get(side), members(form).get(side)
                    )


def find_unique_by_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each `x-unique-by` leads to a member that the list's items describe."""
    for at, schema in iter_all_subschemas(subject):
        tokens = parse_pointer(schema.get("x-unique-by"))
        if tokens is not None and is_intact(subject, at) and not is_described(subject, [at], ("*", *tokens)):
            yield RawProblem(at.child("x-unique-by"), f"the pointer {_NOT_DESCRIBED} for an item")


def _check_pointer(subject: Subject, at: Address, text: Any, schema: Any) -> Iterator[RawProblem]:
    """Hold a pointer against the schema that `schema` refers to; wrong shapes are another check's to tell."""
    target, tokens = resolve(subject, ROOT, members(schema).get("$ref")), parse_pointer(text)
    if (
        target
        and tokens is not None
        and is_intact(subject, target)
        and not is_described(subject, [target], tokens)
    ):
        yield RawProblem(at, f"the pointer {_NOT_DESCRIBED}")
