"""Everything that the page and the Markdown are made from: the contract, and what recordings say of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opay_contract.contract.addresses import split_uri
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Field, iter_bodies, iter_fields
from opay_contract.contract.loading import ROOT
from opay_contract.contract.operation import OpenQuestion, Operation
from opay_contract.docs.evidence import Evidence, Observed
from opay_contract.docs.markdown import code, plain
from opay_contract.jsontext import pointer

NOT_VERIFIED = "not verified"
NO_FINDING = "no finding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the reference: its anchor, its title and its Markdown below the title."""

    id: str
    title: str
    markdown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A loaded contract with the evidence for it, None where nothing was verified."""

    contract: Contract
    evidence: Evidence | None

    @property
    def root(self) -> Any:
        """What stands in openapi.yaml."""
        return self.contract.schemas.documents[ROOT].value

    def node(self, uri: str) -> Any:
        """Return the statement at an address of the contract."""
        return self.contract.schemas.node(uri)

    def raw_questions(self) -> Iterator[tuple[OpenQuestion, Any]]:
        """Yield each open question with its text in openapi.yaml, where the sources stand."""
        yield from zip(self.contract.questions, self.root.get("x-open-questions", []), strict=True)

    def mark(self, source: str) -> str:
        """Return what kind of knowledge a source is: DOC, OBS or UNKNOWN."""
        entry = self.root.get("x-sources", {}).get(source, {})
        return str(entry.get("mark", "UNKNOWN"))

    def cite(self, sources: Iterable[str]) -> str:
        """Return sources as Markdown, each after its mark."""
        return ", ".join(f"{code(self.mark(source))} {code(source)}" for source in sources)

    def verdict(self, found: Iterable[Observed]) -> str:
        """Return what recordings say about a statement, as Markdown."""
        if self.evidence is None:
            return NOT_VERIFIED
        return "; ".join(plain(observed) for observed in found) or NO_FINDING

    def found_at(self, field: Field, *, in_request: bool) -> tuple[Observed, ...]:
        """Return the findings at a member of a body."""
        return self.evidence.at(field.pointer, in_request=in_request) if self.evidence else ()

    def found_about(self, uri: str) -> tuple[Observed, ...]:
        """Return the findings about the statement at an address."""
        file, tokens = split_uri(uri)
        return self.evidence.about(f"{file}#{pointer(tuple(tokens))}") if self.evidence else ()


def field_notes(reference: Reference) -> dict[str, str]:
    """Return what recordings say about each schema of a member, by `file#pointer`; empty without evidence."""
    if reference.evidence is None:
        return {}
    found: dict[str, dict[Observed, None]] = {}
    for operation in reference.contract.operations:
        for statement, observed in _found_by_statement(reference, operation):
            found.setdefault(statement, {}).update(dict.fromkeys(observed))
    return {statement: "; ".join(map(str, observed)) or NO_FINDING for statement, observed in found.items()}


def _found_by_statement(
    reference: Reference, operation: Operation
) -> Iterator[tuple[str, tuple[Observed, ...]]]:
    for body in iter_bodies(operation):
        for field in iter_fields(reference.contract.schemas, body.schema):
            yield field.statements[0], reference.found_at(field, in_request=body.in_request)
