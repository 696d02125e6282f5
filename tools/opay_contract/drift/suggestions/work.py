"""What a plan may look at, and what it is: edits, or why there are none."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opay_contract.contract.addresses import address
from opay_contract.contract.contract import Contract
from opay_contract.contract.draft import Draft
from opay_contract.contract.fields import Field
from opay_contract.contract.loading import ROOT, tokens_of
from opay_contract.contract.scopes import fields_of_scope
from opay_contract.drift.suggestions.cases import Case
from opay_contract.jsontext import Tokens
from opay_contract.model.edit import Add, Append, Edit
from opay_contract.model.finding import ContractPlace
from opay_contract.model.observation import Observations, Scope, Spot
from opay_contract.model.suggestion import Thresholds

SOURCE = "observed-in-recordings"
"""The source that edited statements get; a person gives it a name of its own."""

_TITLE = "Recordings of our own traffic. Name here which, and of when"
_SOURCES, _CLASSES = ("x-sources",), ("x-sensitivity-classes",)
_SAFE_CLASS, _SHOWN_CLASS = "customer", "public"
_ALTERNATIVES = frozenset(("anyOf", "oneOf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done in words, and the edits that do it; without edits the words say why.

    `is_settled` if the contract says already what it would.
    """

    action: str
    edits: tuple[Edit, ...] = ()
    is_settled: bool = False


SETTLED = Plan(action="the contract allows it already", is_settled=True)


class Work:
    """The contract as it was read, the draft as it is by now, and what was observed."""

    def __init__(
        self, contract: Contract, draft: Draft, observations: Observations, limits: Thresholds
    ) -> None:
        self.contract = contract
        self.draft = draft
        self.observations = observations
        self.limits = limits
        self._fields: dict[Scope, dict[str, Field]] = {}

    def fields_of(self, scope: Scope) -> dict[str, Field]:
        """Return what the contract, as it was read, documents for a scope."""
        if scope not in self._fields:
            self._fields[scope] = fields_of_scope(self.contract, scope)
        return self._fields[scope]

    def field_at(self, spot: Spot) -> Field | None:
        """Return what the contract, as it was read, says about a place."""
        return self.fields_of(spot[:3]).get(spot[3])

    def statements(self, case: Case) -> list[tuple[str, Tokens]]:
        """Return the schemas that speak about the places of a case: first the one whose keyword was broken.

        Those that are one of several alternatives are left out, as another of them may hold.
        """
        own = [(case.place.file, case.tokens[:-1])] if case.place else []
        fields = [field for spot in case.spots if (field := self.field_at(spot))]
        others = [_split(statement) for field in fields for statement in field.statements]
        return list(dict.fromkeys([*own, *(one for one in others if _ALTERNATIVES.isdisjoint(one[1]))]))

    @cached_property
    def has_sources(self) -> bool:
        """Whether the contract names sources at all."""
        return isinstance(self.draft.value(ROOT, _SOURCES), dict)

    @cached_property
    def safe_class(self) -> str | None:
        """The class for what nobody has judged yet, which shows nothing; None where there are no classes."""
        classes = self.draft.value(ROOT, _CLASSES) or {}
        return (
            _SAFE_CLASS if _SAFE_CLASS in classes else next((c for c in classes if c != _SHOWN_CLASS), None)
        )

    def place(self, file: str, at: Tokens) -> ContractPlace:
        """Return where a statement stands in the contract as it was read."""
        return self.contract.schemas.place(address(file, *at))

    def source(self) -> dict[str, Any]:
        """Return the source that a new statement has."""
        return {"x-source": [SOURCE]} if self.has_sources else {}

    def register_source(self) -> list[Edit]:
        """Return the edits that make the source known, none where it is."""
        known = self.draft.value(ROOT, _SOURCES)
        if not isinstance(known, dict) or SOURCE in known:
            return []
        return [Add(file=ROOT, at=_SOURCES, name=SOURCE, value={"mark": "OBS", "title": _TITLE})]

    def cite_source(self, file: str, at: Tokens) -> list[Edit]:
        """Return the edits that add the source to those of a statement, none where it names none."""
        named = self.draft.value(file, (*at, "x-source"))
        if not self.has_sources or not isinstance(named, list) or SOURCE in named:
            return []
        return [Append(file=file, at=(*at, "x-source"), value=SOURCE), *self.register_source()]


def _split(statement: str) -> tuple[str, Tokens]:
    file, _, pointer = statement.partition("#")
    return file, tokens_of(pointer)
