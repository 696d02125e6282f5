"""Checks of the open questions: named once, about something, with readings and evidence."""

from collections.abc import Hashable, Iterator
from typing import Any

from opay_contract.contract.loading import ROOT
from opay_contract.spec.linking import describe_fault, is_described, is_intact, parse_pointer
from opay_contract.spec.openapi import iter_operations
from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.statements import items, members
from opay_contract.spec.subject import Subject
from opay_contract.spec.walking import iter_subschemas

_QUESTIONS = Address(ROOT, ("x-open-questions",))
_PARTS = {"request": ("method", "url", "headers", "body"), "response": ("status", "headers", "body")}
_POINTERS = ("at", "equals", "differs-from")


def find_question_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each question has an id of its own."""
    yield from iter_repeated(_QUESTIONS, subject.root.get("x-open-questions"), "id", "question")


def find_reading_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each question has at least two readings, each with an id of its own, and one of them is assumed."""
    for at, question in _iter_questions(subject):
        readings = [members(reading) for _, reading in items(question.get("readings"))]
        yield from iter_repeated(at.child("readings"), question.get("readings"), "id", "reading")
        if len(readings) < 2:  # noqa: PLR2004  with one reading nothing is open
            yield RawProblem(at.child("readings"), "a question has two readings or more")
        elif sum(reading.get("assumed") is True for reading in readings) != 1:
            yield RawProblem(at.child("readings"), "one reading, and only one, is `assumed: true`")


def find_about_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each `about` leads to a statement that is there."""
    for at, question in _iter_questions(subject):
        for index, about in items(question.get("about")):
            message = describe_fault(subject, ROOT, about)
            if message:
                yield RawProblem(at.child("about", index), message)


def find_evidence_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each piece of evidence points into an exchange, at what the contract describes, and stands alone."""
    for at, evidence in _iter_evidence(subject):
        for key in _POINTERS:
            message = _describe_pointer(subject, evidence[key]) if key in evidence else None
            if message:
                yield RawProblem(at.child(key), message)
        for place, schema in iter_subschemas(subject, at.child("when")):
            if "$ref" in schema:
                yield RawProblem(place.child("$ref"), "a schema in `when` stands alone and refers to nothing")


def iter_repeated(at: Address, entries: Any, key: str, noun: str) -> Iterator[RawProblem]:
    """Yield the entries of a list that have the same `key` as one before."""
    seen: set[Hashable] = set()
    for index, entry in items(entries):
        value = members(entry).get(key)
        if isinstance(value, str) and value in seen:
            yield RawProblem(at.child(index, key), f"another {noun} has the {key} '{value}' too")
        seen.add(str(value))


def _describe_pointer(subject: Subject, text: Any) -> str | None:
    tokens = parse_pointer(text)
    if tokens is None:
        return "not a JSON pointer"
    if not tokens:
        return None
    part, name = tokens[0], tokens[1] if len(tokens) > 1 else None
    if part not in _PARTS or (name and name not in _PARTS[str(part)]):
        return "an exchange has /request/{method,url,headers,body} and /response/{status,headers,body}"
    if name == "headers" and str(text) != str(text).lower():
        return "names of headers are written in lower case here"
    bodies = _bodies(subject, str(part)) if name == "body" else []
    unknown = (
        bodies
        and all(is_intact(subject, at) for at in bodies)
        and not is_described(subject, bodies, tokens[2:])
    )
    return "no schema describes this member of the body" if unknown else None


def _bodies(subject: Subject, part: str) -> list[Address]:
    """Return the schemas of the requests' or the responses' bodies."""
    holders = {"request": "requestBody", "response": "responses"}
    operations = [at.child(holders[part]) for at, _ in iter_operations(subject)]
    described = (at for at, value in subject.statements if "schema" in value)
    return [at.child("schema") for at in described if any(holder.holds(at) for holder in operations)]


def _iter_questions(subject: Subject) -> Iterator[tuple[Address, dict[str, Any]]]:
    for index, question in items(subject.root.get("x-open-questions")):
        yield _QUESTIONS.child(index), members(question)


def _iter_evidence(subject: Subject) -> Iterator[tuple[Address, dict[str, Any]]]:
    for at, question in _iter_questions(subject):
        for i, reading in items(question.get("readings")):
            for j, evidence in items(members(reading).get("evidence")):
                yield at.child("readings", i, "evidence", j), members(evidence)
