"""Checks of where statements come from: every source that is named is known, and every known one is used."""

from collections.abc import Iterator

from opay_contract.contract.loading import ROOT
from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.statements import items, members
from opay_contract.spec.subject import Subject

_SOURCE = "x-source"


def find_unknown_sources(subject: Subject) -> Iterator[RawProblem]:
    """Each name in `x-source` stands in `x-sources`."""
    if ROOT in subject.documents:
        known = members(subject.root.get("x-sources"))
        for at, name in _iter_named(subject):
            if name not in known:
                yield RawProblem(at, f"no source '{name}' in `x-sources` of openapi.yaml")


def find_unused_sources(subject: Subject) -> Iterator[RawProblem]:
    """Each source in `x-sources` backs a statement; judged only when every file could be read."""
    if not subject.unread:
        used = {name for _, name in _iter_named(subject)}
        for name in members(subject.root.get("x-sources")):
            if name not in used:
                yield RawProblem(
                    Address(ROOT, ("x-sources", name)), f"no statement names the source '{name}'"
                )


def _iter_named(subject: Subject) -> Iterator[tuple[Address, str]]:
    """Yield each name of a source with its place, those on examples among them."""
    for at, value in subject.statements:
        for index, name in items(value.get(_SOURCE)):
            yield at.child(_SOURCE, index), str(name)
