"""Checks of references: local, leading somewhere, not round in circles, and none missing."""

from collections.abc import Iterator

from opay_contract.contract.loading import ROOT
from opay_contract.spec.linking import describe_fault, in_place, iter_references, resolve
from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.subject import SCHEMA_FOLDER, Subject
from opay_contract.spec.walking import iter_all_subschemas

_OTHER_WAYS = ("$anchor", "$dynamicAnchor", "$dynamicRef")


def find_reference_faults(subject: Subject) -> Iterator[RawProblem]:
    """Each `$ref` is local and leads to something that is there, by file name and JSON pointer only."""
    for reference in iter_references(subject):
        message = describe_fault(subject, reference.at.file, reference.text)
        if message:
            yield RawProblem(reference.at, message)
    for at, schema in iter_all_subschemas(subject):
        other_ways = [*_OTHER_WAYS, *(["$id"] if at.tokens else [])]
        for keyword in other_ways:
            if keyword in schema:
                yield RawProblem(
                    at.child(keyword), f"`{keyword}` is not used here: schemas are named by file and pointer"
                )


def find_cycles(subject: Subject) -> Iterator[RawProblem]:
    """No `$ref` leads back to itself for the same value, which no reader could follow to an end."""
    for reference in iter_references(subject):
        target = resolve(subject, reference.at.file, reference.text)
        if target and reference.holder in in_place(subject, target, conditions=True):
            yield RawProblem(reference.at, "the reference leads back to itself")


def find_orphans(subject: Subject) -> Iterator[RawProblem]:
    """Each file in schemas/ is reached by references from openapi.yaml; judged if every file can be read."""
    if not subject.unread:
        reached = _reached(subject)
        for name in subject.schema_names:
            if name not in reached:
                yield RawProblem(Address(name), f"nothing that {ROOT} refers to leads here")
    for path in sorted((subject.directory / SCHEMA_FOLDER).rglob("*")):
        if path.is_file() and path.suffix != ".json":
            name = path.relative_to(subject.directory).as_posix()
            yield RawProblem(Address(name), "only .json files are read from this folder")


def _reached(subject: Subject) -> set[str]:
    links: dict[str, set[str]] = {}
    for reference in iter_references(subject):
        target = resolve(subject, reference.at.file, reference.text)
        if target:
            links.setdefault(reference.at.file, set()).add(target.file)
    reached, waiting = set(), [ROOT]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += links.get(name, ())
    return reached
