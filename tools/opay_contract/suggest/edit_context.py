"""What a plan may look at, and what it is: edits, or why there are none."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opay_contract.contract.addresses import address
from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import ROOT
from opay_contract.drift.changes import parent_of
from opay_contract.jsontext import Tokens
from opay_contract.model.finding import ContractPlace
from opay_contract.model.observation import FieldLocation, Observations
from opay_contract.suggest.draft import Draft
from opay_contract.suggest.edit import Add, Append, Edit
from opay_contract.suggest.finding_groups import FindingGroup
from opay_contract.suggest.places import Places, Statement
from opay_contract.suggest.suggestion import Thresholds

SOURCE = "observed-in-recordings"
"""The source that edited statements get; a person gives it a name of its own."""

_TITLE = "Recordings of our own traffic. Name here which, and of when"
_SOURCES, _CLASSES = ("x-sources",), ("x-sensitivity-classes",)
_SAFE_CLASS, _SHOWN_CLASS = "customer", "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done in words, and the edits that do it; without edits the words say why.

    `is_settled` if the contract says already what it would.
    """

    action: str
    edits: tuple[Edit, ...] = ()
    is_settled: bool = False


SETTLED = Plan(action="the contract allows it already", is_settled=True)


class EditContext:
    """The contract as it was read, the draft as it is by now, and what was observed.

    `changes` counts the suggestions that were carried out in the draft.
    """

    def __init__(
        self, contract: Contract, draft: Draft, observations: Observations, limits: Thresholds
    ) -> None:
        self.contract = contract
        self.draft = draft
        self.observations = observations
        self.limits = limits
        self.changes = 0
        self.places = Places(contract)

    def statements(self, case: FindingGroup) -> list[Statement]:
        """Return the schemas that speak about the places of a case, first the one that was broken."""
        own = [(file, at[:-1]) for file, at in case.broken]
        return list(
            dict.fromkeys([*own, *(one for spot in case.spots for one in self.places.schemas_at(spot))])
        )

    def parents(self, case: FindingGroup) -> list[Statement]:
        """Return the schemas that speak about the objects around the places of a case, in the same order."""
        own = [(file, at[:-1]) for file, at in case.broken]
        around = (one for spot in case.spots for one in self.places.schemas_at(parent_of(spot)))
        return list(dict.fromkeys([*own, *around]))

    @cached_property
    def children(self) -> dict[FieldLocation, list[FieldLocation]]:
        """The places that were observed inside of each place."""
        found: dict[FieldLocation, list[FieldLocation]] = {}
        for spot in self.observations:
            found.setdefault(parent_of(spot), []).append(spot)
        return found

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
