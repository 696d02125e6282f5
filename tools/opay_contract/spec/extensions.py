"""Checks of the `x-` members: known, well shaped, where they are read, and sound in what they say.

An `x-` member that is not known is somebody else's; in a contract that names its sources it is a slip.
"""

import json
from collections.abc import Hashable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from opay_contract.contract.addresses import Address, parse_pointer
from opay_contract.spec.subject import LintSubject, RawProblem, build_validator, items, iter_faults, members

_SCHEMA = Path(__file__).with_name("extensions.schema.json")
_AT_ROOT = (
    "the contract's top level",
    frozenset({"x-all-paths", "x-mock", "x-open-questions", "x-sensitivity-classes", "x-sources"}),
)
_AT_OPERATION = ("an operation", frozenset({"x-business-codes", "x-envelope", "x-forms"}))
_AT_SCHEME = ("a security scheme", frozenset({"x-signature"}))
_AT_SERVER = ("a server", frozenset({"x-environment"}))
_AT_SCHEMA = ("a schema", frozenset({"x-sensitivity", "x-unique-by", "x-unit"}))
_PLACES = (_AT_ROOT, _AT_OPERATION, _AT_SCHEME, _AT_SERVER, _AT_SCHEMA)
_PARTS = {"request": ("method", "url", "headers", "body"), "response": ("status", "headers", "body")}
_POINTERS = ("at", "equals", "differs-from")
_NOT_DESCRIBED = "leads to no member that the schema describes"


@cache
def load_extension_schema() -> Any:
    """Return the published schema of the extensions."""
    return json.loads(_SCHEMA.read_text(encoding="utf-8"))


def find_shape_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each `x-` member is a known one and has its documented shape."""
    validator = build_validator(load_extension_schema())
    known = load_extension_schema()["properties"]
    for at, extensions in _iter_extended(subject):
        own = (
            extensions
            if subject.names_sources
            else {key: extensions[key] for key in known & extensions.keys()}
        )
        yield from iter_faults(validator, own, at)
    at, questions = _questions(subject)
    if at.file != subject.root_name:
        shape = {"$ref": "#/$defs/questions", "$defs": load_extension_schema()["$defs"]}
        yield from iter_faults(build_validator(shape), questions, at)


def find_misplaced(subject: LintSubject) -> Iterator[RawProblem]:
    """Each `x-` member stands where it is read; elsewhere it would be passed over without a word."""
    schemas = {at for at, _ in subject.schemas}
    for at, extensions in _iter_extended(subject):
        allowed = _allowed(at, is_schema=at in schemas, is_root=at.file == subject.root_name)
        for name in extensions:
            place = next((words for words, names in _PLACES if name in names), None)
            if place and name not in allowed:
                yield RawProblem(at.child(name), f"`{name}` is read at {place} only")


def _iter_extended(subject: LintSubject) -> Iterator[tuple[Address, dict[str, Any]]]:
    for at, value in subject.statements:
        extensions = {key: child for key, child in value.items() if key.startswith("x-")}
        if extensions:
            yield at, extensions


def _allowed(at: Address, *, is_schema: bool, is_root: bool) -> frozenset[str]:
    if is_schema:
        return _AT_SCHEMA[1]
    if not is_root:
        return frozenset()
    match at.tokens:
        case ():
            return _AT_ROOT[1]
        case ("paths", _, _):
            return _AT_OPERATION[1]
        case ("components", "securitySchemes", _):
            return _AT_SCHEME[1]
        case (*_, "servers", int()):
            return _AT_SERVER[1]
    return frozenset()


def find_envelope_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each pointer of `x-envelope` leads to a member that the envelope's schema describes."""
    for at, operation in subject.operations:
        envelope = members(operation.get("x-envelope"))
        for key in ("code", "message", "data"):
            yield from _check_pointer(
                subject, at.child("x-envelope", key), envelope.get(key), envelope.get("schema")
            )


def find_code_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each business code stands in the catalogue once."""
    for at, operation in subject.operations:
        yield from iter_repeated(
            at.child("x-business-codes"), operation.get("x-business-codes"), "code", "entry"
        )


def find_success_code_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each success code is listed by `enum` and stands in the catalogue."""
    for at, operation in subject.operations:
        known = [members(entry).get("code") for _, entry in items(operation.get("x-business-codes"))]
        success = members(members(operation.get("x-envelope")).get("success")).get("$ref")
        target = subject.resolve(at.file, success)
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


def find_form_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each form has an id of its own, and its echoes lead to members that its schemas describe."""
    for at, operation in subject.operations:
        forms = at.child("x-forms")
        yield from iter_repeated(forms, operation.get("x-forms"), "id", "form")
        for i, form in items(operation.get("x-forms")):
            for j, echo in items(members(form).get("echoes")):
                for side in ("request", "response"):
                    place = forms.child(i, "echoes", j, side)
                    yield from _check_pointer(
                        subject, place, members(echo).get(side), members(form).get(side)
                    )


def find_unique_by_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each `x-unique-by` leads to a member that the list's items describe."""
    for at, schema in subject.schemas:
        tokens = parse_pointer(schema.get("x-unique-by"))
        if tokens is not None and subject.is_intact(at) and not subject.is_described([at], ("*", *tokens)):
            yield RawProblem(at.child("x-unique-by"), f"the pointer {_NOT_DESCRIBED} for an item")


def _check_pointer(subject: LintSubject, at: Address, text: Any, schema: Any) -> Iterator[RawProblem]:
    """Hold a pointer against the schema that `schema` refers to; wrong shapes are another check's to tell."""
    target, tokens = subject.resolve(at.file, members(schema).get("$ref")), parse_pointer(text)
    if (
        target
        and tokens is not None
        and subject.is_intact(target)
        and not subject.is_described([target], tokens)
    ):
        yield RawProblem(at, f"the pointer {_NOT_DESCRIBED}")


def find_mock_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """What is said to the mock in another file has its shape; the mock says what of it leads nowhere."""
    stated = members(subject.root.get("x-mock"))
    target = subject.resolve(subject.root_name, stated["$ref"]) if "$ref" in stated else None
    if target is not None:
        shape = {"$ref": "#/$defs/mock", "$defs": load_extension_schema()["$defs"]}
        yield from iter_faults(build_validator(shape), subject.value(target), target)


def find_question_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each question has an id of its own."""
    yield from iter_repeated(*_questions(subject), "id", "question")


def find_reading_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each question has at least two readings, each with an id of its own, and one of them is assumed."""
    for at, question in _iter_questions(subject):
        readings = [members(reading) for _, reading in items(question.get("readings"))]
        yield from iter_repeated(at.child("readings"), question.get("readings"), "id", "reading")
        if len(readings) < 2:  # noqa: PLR2004  with one reading nothing is open
            yield RawProblem(at.child("readings"), "a question has two readings or more")
        elif sum(reading.get("assumed") is True for reading in readings) != 1:
            yield RawProblem(at.child("readings"), "one reading, and only one, is `assumed: true`")


def find_about_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each `about` leads to a statement that is there."""
    for at, question in _iter_questions(subject):
        for index, about in items(question.get("about")):
            message = subject.describe_fault(subject.root_name, about)
            if message:
                yield RawProblem(at.child("about", index), message)


def find_evidence_faults(subject: LintSubject) -> Iterator[RawProblem]:
    """Each piece of evidence points into an exchange, at what the contract describes, and stands alone."""
    for at, evidence in _iter_evidence(subject):
        for key in _POINTERS:
            message = _describe_pointer(subject, evidence[key]) if key in evidence else None
            if message:
                yield RawProblem(at.child(key), message)
        for place, schema in subject.inside(at.child("when")):
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


def _describe_pointer(subject: LintSubject, text: Any) -> str | None:
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
        and all(subject.is_intact(at) for at in bodies)
        and not subject.is_described(bodies, tokens[2:])
    )
    return "no schema describes this member of the body" if unknown else None


def _bodies(subject: LintSubject, part: str) -> list[Address]:
    holders = {"request": "requestBody", "response": "responses"}
    operations = [at.child(holders[part]) for at, _ in subject.operations]
    described = (at for at, value in subject.statements if "schema" in value)
    return [at.child("schema") for at in described if any(holder.holds(at) for holder in operations)]


def _iter_questions(subject: LintSubject) -> Iterator[tuple[Address, dict[str, Any]]]:
    at, questions = _questions(subject)
    for index, question in items(questions):
        yield at.child(index), members(question)


def _questions(subject: LintSubject) -> tuple[Address, Any]:
    """Return where the questions stand, and what is there: in the first document, or where that refers to."""
    at = subject.at_root("x-open-questions")
    stated = subject.value(at)
    target = subject.resolve(subject.root_name, stated.get("$ref")) if isinstance(stated, dict) else at
    return (target, subject.value(target)) if target else (at, None)


def _iter_evidence(subject: LintSubject) -> Iterator[tuple[Address, dict[str, Any]]]:
    for at, question in _iter_questions(subject):
        for i, reading in items(question.get("readings")):
            for j, evidence in items(members(reading).get("evidence")):
                yield at.child("readings", i, "evidence", j), members(evidence)
