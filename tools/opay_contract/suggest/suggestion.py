"""What recordings say should become of the contract: suggestions with evidence and judgement, and the draft.

Each edit of a draft is held against what it must say before it counts.
"""

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING, address, below, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document, load_document, load_documents, parse_document
from opay_contract.contract.loading import build_contract
from opay_contract.contract.openapi import is_schema_file, root_of
from opay_contract.errors import ContractError
from opay_contract.jsontext import Tokens, iter_nodes
from opay_contract.model.finding import ContractPlace
from opay_contract.suggest.editing import Edit, LayoutError, edit_text, edit_value


class Judgement(StrEnum):
    """Who is to move: the contract, the vendor, or nobody yet."""

    CONTRACT_TOO_STRICT = "contract-too-narrow"
    API_VIOLATION = "vendor-broke-its-word"
    UNCLEAR = "cannot-tell-yet"
    TOO_WIDE = "contract-too-wide"
    ANSWERED = "question-answered"


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """What the judgement rests on; every output states them.

    `count` and `days`: how often and on how many days (UTC) something has to be seen to be regular. `common`
    and `rare`: shares of what could have shown it since it was first seen. `enough`: observations that it
    takes until a small share, or a time without it, says something. `values`: most that are added to a list.
    `changes`: most changes of one run, as each edit is held against the whole contract.
    """

    count: int = 20
    days: int = 3
    common: float = 0.05
    rare: float = 0.01
    enough: int = 100
    values: int = 16
    changes: int = 100


def describe_limit(share: float) -> str:
    """Return a share that is a threshold as a percentage."""
    return f"{100 * share:g} %"


class Frequency(msgspec.Struct, frozen=True, kw_only=True):
    """How often something was seen, of how often it could have been since it was first seen, and when.

    `before` counts the opportunities on earlier days, which did not show it. `days` is the number of days on
    which it was seen, 0 where no time was recorded.
    """

    count: int
    of: int
    before: int = 0
    days: int = 0
    first_seen: str | None = None
    last_seen: str | None = None


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do about the contract or about the vendor.

    `because` says why it was judged so, `action` what would be done, or why no edit can do it. `pointers` are
    those of the findings, `fingerprints` name them; `rule` is that of the findings or of the gap, and empty
    for an open question, which `question` names.
    """

    judgement: Judgement
    because: str
    action: str
    evidence: Frequency
    edits: tuple[Edit, ...] = ()
    rule: str = ""
    question: str = ""
    scopes: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    contract: ContractPlace | None = None


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the contract as it is and as it would be."""

    name: str
    before: str
    after: str


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """An edit, and its document's value before and after it."""

    edit: Edit
    before: Any
    after: Any


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """All suggestions of a run, and what the contract's documents would be with them.

    `moves` has the edits in the order in which they are made. `exchanges` counts what was looked at,
    `unreadable` what could not be.
    """

    suggestions: tuple[Suggestion, ...]
    thresholds: Thresholds
    revisions: tuple[Revision, ...]
    moves: tuple[Move, ...]
    exchanges: int
    unreadable: int = 0

    @property
    def changes(self) -> tuple[Suggestion, ...]:
        """The suggestions that change the contract."""
        return tuple(one for one in self.suggestions if one.edits)

    @property
    def others(self) -> tuple[Suggestion, ...]:
        """The suggestions that no edit carries out."""
        return tuple(one for one in self.suggestions if not one.edits)


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
    documents = load_documents(contract, partial(load_document, keeps_line_ends=True))
    texts = {name: document.text for name, document in documents.items()}
    return Draft(originals=texts, texts=texts, documents=documents)
