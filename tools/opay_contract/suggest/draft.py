"""The contract's texts while they are edited: each edit is held against what it must say before it counts."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opay_contract.contract.addresses import address, below
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document, parse_document
from opay_contract.contract.loading import ROOT, build_contract, read_documents
from opay_contract.errors import ContractError
from opay_contract.jsontext import Tokens, iter_nodes, value_at
from opay_contract.suggest.edit import Edit
from opay_contract.suggest.editing import edit_value
from opay_contract.suggest.layout import edit_text
from opay_contract.suggest.nodes import LayoutError
from opay_contract.suggest.suggestion import Move, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
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
        try:
            return value_at(self.documents[file].value, at)
        except (LookupError, TypeError):
            return None

    def edited(self, edits: Iterable[Edit]) -> "Draft | None":
        """Return the draft after edits; None where one cannot be written, or leaves no usable contract."""
        draft = self
        try:
            for edit in edits:
                draft = draft._edited_once(edit)
            draft.contract()
        except (LayoutError, LookupError, TypeError, AttributeError, ContractError):
            return None
        return draft

    def shows_examples(self) -> bool:
        """Return whether every example of the contract is valid by its schema."""
        schemas = self.contract().schemas
        return all(schemas.validator(uri).is_valid(value) for uri, value in self._examples())

    def _edited_once(self, edit: Edit) -> "Draft":
        before = self.documents[edit.file].value
        after, text = edit_value(before, edit), edit_text(self.texts[edit.file], edit)
        document = parse_document(text, edit.file)
        is_same = json.dumps(document.value) == json.dumps(after)  # in order, and `1` is not `true`
        if not is_same:
            raise LayoutError
        return replace(
            self,
            texts=self.texts | {edit.file: text},
            documents=self.documents | {edit.file: document},
            moves=(*self.moves, Move(edit=edit, before=before, after=after)),
        )

    def _examples(self) -> Iterator[tuple[str, Any]]:
        for name, document in self.documents.items():
            if name != ROOT:
                yield from ((address(name), value) for value in document.value.get("examples", ()))
        for tokens, node in iter_nodes(self.documents[ROOT].value):
            if isinstance(node, dict) and "schema" in node and tokens[-2:-1] == ("content",):
                uri = below(address(ROOT, *tokens), "schema")
                for example in node.get("examples", {}).values():
                    yield uri, example["value"]


def read_draft(directory: Path) -> Draft:
    """Read the documents of a contract; raises ContractError where one is no sound document."""
    documents = read_documents(directory, lambda path, name: parse_document(_read(path, name), name))
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
