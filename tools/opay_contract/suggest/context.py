"""What a plan may look at: the contract as it was read, its texts while they are edited, what was observed.

Each edit is held against what it must say before it counts.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING, Address, address, below, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document, parse_document
from opay_contract.contract.loading import build_contract, read_documents
from opay_contract.contract.openapi import is_schema_file, root_of
from opay_contract.drift.changes import parent_of
from opay_contract.errors import ContractError
from opay_contract.jsontext import Tokens, iter_nodes
from opay_contract.model.observation import FieldLocation, Observations
from opay_contract.suggest.editing import LayoutError, edit_text, edit_value
from opay_contract.suggest.finding_groups import FindingGroup, Places
from opay_contract.suggest.suggestion import Add, Append, Edit, Move, Revision, Suggestion, Thresholds


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of a contract's documents as they were read and as they are now, and the moves between."""

    originals: dict[str, str]
    texts: dict[str, str]
    documents: dict[str, Document]
    moves: tuple[Move, ...] = ()

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """The documents that say something else than when they were read."""
        return tuple(
            Revision(name=name, before=self.originals[name], after=text)
            for name, text in self.texts.items()
            if text != self.originals[name]
        )

    def contract(self, base_urls: tuple[str, ...] = ()) -> Contract:
        """Return the contract that the texts are."""
        return build_contract(self.documents, base_urls)

    def value(self, file: str, at: Tokens) -> Any:
        """Return what stands at a place, None where nothing does."""
        found = value_below(self.documents[file].value, at)
        return None if found is MISSING else found

    def edited(self, edits: Iterable[Edit]) -> "Draft | None":
        """Return the draft after edits; None where one cannot be written, or leaves no usable contract."""
        draft = self
        try:
            for edit in edits:
                draft = draft._edited_once(edit)
            draft.contract()
        except (LayoutError, ContractError):
            return None
        return draft

    def count_wrong_examples(self) -> int:
        """Return how many examples of the contract are not valid by their schemas."""
        schemas = self.contract().schemas
        return sum(not schemas.validator(uri).is_valid(value) for uri, value in self._examples())

    def _edited_once(self, edit: Edit) -> "Draft":
        before = self.documents[edit.file].value
        edit = replace(edit, at=_with_indexes(before, edit.at))
        text = edit_text(self.texts[edit.file], edit)
        document, after = parse_document(text, edit.file), edit_value(before, edit)
        if json.dumps(document.value) != json.dumps(after):  # in order, and `1` is not `true`
            raise LayoutError
        return replace(
            self,
            texts=self.texts | {edit.file: text},
            documents=self.documents | {edit.file: document},
            moves=(*self.moves, Move(edit=edit, before=before, after=after)),
        )

    @property
    def root(self) -> str:
        """The name of the document that the contract begins with."""
        return root_of(self.documents)

    def _examples(self) -> Iterator[tuple[str, Any]]:
        for name, document in self.documents.items():
            if is_schema_file(name) and isinstance(document.value, dict):
                yield from ((address(name), value) for value in document.value.get("examples", ()))
        for tokens, node in iter_nodes(self.documents[self.root].value):
            if isinstance(node, dict) and "schema" in node and tokens[-2:-1] == ("content",):
                uri = below(address(self.root, *tokens), "schema")
                for example in node.get("examples", {}).values():
                    if "value" in example:
                        yield uri, example["value"]


def _with_indexes(value: Any, at: Tokens) -> Tokens:
    """Return a place with numbers where its steps are into lists: pointers have them as text."""
    steps: list[str | int] = []
    for token in at:
        steps.append(int(token) if isinstance(value, list) and str(token).isdecimal() else token)
        value = value_below(value, (token,))
    return tuple(steps)


def read_draft(contract: Path) -> Draft:
    """Read the documents of a contract; raises ContractError where one is no sound document."""
    documents = read_documents(contract, lambda path, name: parse_document(_read(path, name), name))
    texts = {name: document.text for name, document in documents.items()}
    return Draft(originals=texts, texts=texts, documents=documents)


def _read(path: Path, name: str) -> str:
    """Return a file's text with its line ends as they are."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ContractError(f"{name}: not UTF-8 text") from error
    except OSError as error:
        raise ContractError(f"{name}: {error.strerror or 'unreadable'}") from error


SOURCE = "observed-in-recordings"
"""The source that edited statements get; a person gives it a name of its own."""

_TITLE = "Recordings of our own traffic. Name here which, and of when"
_SOURCES, _CLASSES = ("x-sources",), ("x-sensitivity-classes",)
_SAFE_CLASS, _SHOWN_CLASS = "customer", "public"


class EditPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done in words, and the edits that do it; without edits the words say why.

    `is_settled` if the contract says already what it would.
    """

    action: str
    edits: tuple[Edit, ...] = ()
    is_settled: bool = False


SETTLED = EditPlan(action="the contract allows it already", is_settled=True)


class EditContext:
    """The contract as it was read, the draft as it is by now, and what was observed."""

    def __init__(
        self, contract: Contract, draft: Draft, observations: Observations, limits: Thresholds
    ) -> None:
        self.contract = contract
        self.draft = draft
        self.observations = observations
        self.limits = limits
        self.places = Places(contract)
        self._changes = 0
        self._wrong_examples = draft.count_wrong_examples()

    def carry_out(self, suggestion: Suggestion) -> Suggestion:
        """Make a suggestion's edits in the draft; one whose edits cannot be made says why and has none."""
        if not suggestion.edits:
            return suggestion
        is_full = self._changes >= self.limits.changes
        edited = None if is_full else self.draft.edited(suggestion.edits)
        if is_full:
            why = "so many changes at once are not suggested; make the others first"
        elif edited is None:
            why = "the text is laid out so that this edit cannot be written; make it by hand"
        elif edited.count_wrong_examples() > self._wrong_examples:
            why = "an example of the contract shows otherwise; change both by hand"
        else:
            made = tuple(move.edit for move in edited.moves[len(self.draft.moves) :])
            self.draft, self._changes = edited, self._changes + 1
            return replace(suggestion, edits=made)
        return replace(suggestion, edits=(), action=f"{suggestion.action}: {why}")

    def statements(self, case: FindingGroup, *, around: bool = False) -> list[Address]:
        """Return the schemas that speak about the places of a case, or about the objects `around` them.

        First the one that was broken.
        """
        spots = map(parent_of, case.spots) if around else case.spots
        return list(
            dict.fromkeys([*case.own, *(one for spot in spots for one in self.places.schemas_at(spot))])
        )

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
        return isinstance(self.draft.value(self.draft.root, _SOURCES), dict)

    @cached_property
    def safe_class(self) -> str | None:
        """The class for what nobody has judged yet, which shows nothing; None where there are no classes."""
        classes = self.draft.value(self.draft.root, _CLASSES) or {}
        return (
            _SAFE_CLASS if _SAFE_CLASS in classes else next((c for c in classes if c != _SHOWN_CLASS), None)
        )

    def source(self) -> dict[str, Any]:
        """Return the source that a new statement has."""
        return {"x-source": [SOURCE]} if self.has_sources else {}

    def register_source(self) -> list[Edit]:
        """Return the edits that make the source known, none where it is."""
        known = self.draft.value(self.draft.root, _SOURCES)
        if not isinstance(known, dict) or SOURCE in known:
            return []
        return [Add(file=self.draft.root, at=_SOURCES, name=SOURCE, value={"mark": "OBS", "title": _TITLE})]

    def cite_source(self, file: str, at: Tokens) -> list[Edit]:
        """Return the edits that add the source to those of a statement, none where it names none."""
        named = self.draft.value(file, (*at, "x-source"))
        if not self.has_sources or not isinstance(named, list) or SOURCE in named:
            return []
        return [Append(file=file, at=(*at, "x-source"), value=SOURCE), *self.register_source()]
