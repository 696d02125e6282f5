"""Everything that the page and the Markdown are made from: the contract, and what recordings say of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opay_contract.contract.addresses import split_uri
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Body, Field, iter_bodies, iter_fields
from opay_contract.contract.loading import ROOT
from opay_contract.contract.operation import OpenQuestion, Operation
from opay_contract.docs.calls_seen import header_seen, status_seen
from opay_contract.docs.evidence import Evidence
from opay_contract.docs.fields_seen import iter_fields_seen
from opay_contract.docs.markdown import code, plain
from opay_contract.docs.seen import DRIFTED, Seen, join_seen
from opay_contract.jsontext import pointer

NOT_VERIFIED = "not verified"


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

    def recordings(self, seen: Seen | None) -> str:
        """Return what recordings show of a statement, as Markdown."""
        if seen is None:
            return NOT_VERIFIED
        parts = ((plain(part), part.startswith(DRIFTED)) for part in seen.parts())
        return "; ".join(f"**{part}**" if is_drift else part for part, is_drift in parts)


def statement_of(uri: str) -> str:
    """Return the `file#pointer` of an address of the contract."""
    file, tokens = split_uri(uri)
    return f"{file}#{pointer(tuple(tokens))}"


def iter_seen(reference: Reference, operation: Operation, body: Body) -> Iterator[tuple[Field, Seen | None]]:
    """Yield the members of a body with what recordings show of each, None where nothing was verified."""
    contract, evidence = reference.contract, reference.evidence
    if evidence is None:
        yield from ((field, None) for field in iter_fields(contract.schemas, body.schema))
    else:
        yield from iter_fields_seen(contract, evidence, operation, body)


def recorded_notes(reference: Reference) -> dict[str, str]:
    """Return what recordings show of members, headers and statuses, by `file#pointer`; none unverified."""
    if reference.evidence is None:
        return {}
    found: dict[str, Seen] = {}
    for operation in reference.contract.operations:
        for statement, seen in _iter_noted(reference.contract, reference.evidence, operation):
            found[statement] = join_seen(found[statement], seen) if statement in found else seen
    return {statement: str(seen) for statement, seen in found.items()}


def _iter_noted(contract: Contract, evidence: Evidence, operation: Operation) -> Iterator[tuple[str, Seen]]:
    for body in iter_bodies(operation):
        for field, seen in iter_fields_seen(contract, evidence, operation, body):
            yield field.statements[0], seen
    for header in operation.required_headers:
        if "in" in contract.schemas.node(header.uri):  # a parameter; other statements have no room for a note
            yield statement_of(header.uri), header_seen(evidence, operation, header)
    for status in operation.responses:
        yield statement_of(operation.responses[status].uri), status_seen(evidence, operation, status)
