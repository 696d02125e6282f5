"""The contract under proof: every document that can be read, whatever its shape, and what cannot be read."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from opay_contract.contract.documents import Document, Position, load_document
from opay_contract.contract.loading import ROOT
from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import NotJson, parse_json, pointer
from opay_contract.spec.problem import Address, Problem, RawProblem
from opay_contract.spec.statements import Statement, iter_statements, members

SCHEMA_FOLDER = "schemas"
DOCUMENT = "document"
"""The id of the check that reading is."""

MISSING = object()
"""What stands where nothing stands."""

_DEPTH = 100
_LOCATED = re.compile(r":(\d+):(\d+): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Subject:
    """The documents by name, the names of files that could not be read, and the faults of the schemas.

    `faults` are those that keep a schema from being used; they are known once the checks of structure ran.
    """

    directory: Path
    documents: dict[str, Document]
    unread: frozenset[str]
    faults: tuple[RawProblem, ...] = ()

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Return every statement of every document, outer ones first."""
        documents = self.documents.items()
        return tuple(
            found for name, document in documents for found in iter_statements(Address(name), document.value)
        )

    @property
    def root(self) -> dict[str, Any]:
        """Return the value of openapi.yaml, empty where it could not be read."""
        return members(self.documents[ROOT].value) if ROOT in self.documents else {}

    @property
    def schema_names(self) -> list[str]:
        """Return the names of the readable files in schemas/."""
        return [name for name in self.documents if name != ROOT]

    def value(self, at: Address) -> Any:
        """Return what stands at an address, or MISSING."""
        value = self.documents[at.file].value if at.file in self.documents else MISSING
        for token in at.tokens:
            value = _step(value, token)
        return value

    def position(self, at: Address) -> Position:
        """Return the line and column of an address, of the nearest value around it where it has none."""
        positions, tokens = self.documents[at.file].positions, at.tokens
        while pointer(tokens) not in positions:
            tokens = tokens[:-1]
        return positions[pointer(tokens)]


def read_subject(directory: Path) -> tuple[Subject, list[Problem]]:
    """Read every document; one that cannot be read is a problem, and the others are read all the same."""
    if not (directory / ROOT).is_file():
        raise UsageError(
            f"{directory}: no {ROOT} there; name the folder that holds {ROOT} and {SCHEMA_FOLDER}/"
        )
    files = sorted((directory / SCHEMA_FOLDER).glob("**/*.json"))
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    for name in [ROOT, *(file.relative_to(directory).as_posix() for file in files)]:
        try:
            documents[name] = _load(directory / name, name)
        except ContractError as error:
            problems.append(_unreadable(name, str(error)))
    return Subject(directory, documents, frozenset(problem.file for problem in problems)), problems


def _step(value: Any, token: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(str(token), MISSING)
    if isinstance(value, list) and str(token).isdecimal() and int(token) < len(value):
        return value[int(token)]
    return MISSING


def _load(path: Path, name: str) -> Document:
    document = load_document(path, name)
    if max(place.count("/") for place in document.positions) > _DEPTH:
        raise ContractError(f"{name}:1:1: nested too deeply")
    if path.suffix == ".json":
        _require_json(path.read_bytes(), document)
    return document


def _require_json(data: bytes, document: Document) -> None:
    """Refuse what YAML reads and JSON does not."""
    parsed = parse_json(data)
    if isinstance(parsed, NotJson):
        raise ContractError(f"{document.name}:{parsed.line}:{parsed.column}: not JSON from here on")
    for flaw in parsed.flaws:
        place = document.positions[pointer(flaw.tokens)]
        raise ContractError(
            f"{document.name}:{place.line}:{place.column}: {flaw.kind}: readers of JSON disagree on it"
        )


def _unreadable(name: str, text: str) -> Problem:
    located = _LOCATED.fullmatch(text.removeprefix(name))
    line, column, message = located.groups() if located else (1, 1, text.removeprefix(f"{name}: "))
    return Problem(
        file=name,
        line=int(line),
        column=int(column),
        pointer="",
        check=DOCUMENT,
        message=" ".join(message.split()),
    )
