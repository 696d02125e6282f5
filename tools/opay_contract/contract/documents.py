"""Reads one YAML 1.2 or JSON document with the place of every node in it."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from opay_contract.errors import ContractError
from opay_contract.jsontext import pointer

_CORE_SCHEMA: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
)


@dataclass(frozen=True, slots=True)
class Position:
    """A 1-based line and column."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed file: its name beside openapi.yaml, its value, and where each JSON pointer stands."""

    name: str
    value: Any
    positions: dict[str, Position]


class _CoreSchemaLoader(yaml.CSafeLoader):
    """The safe C loader with the tags of YAML 1.2's core schema: `no` and `12:30` are strings."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own shape


for _name, _pattern, _first in _CORE_SCHEMA:
    _CoreSchemaLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}",
        re.compile(f"(?:{_pattern})$"),
        [*_first] + ([""] if _name == "null" else []),
    )


def load_document(path: Path, name: str) -> Document:
    """Read `path`; raises ContractError with file, line and column when it is not one sound document."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (
            "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else (error.strerror or "unreadable")
        )
        raise ContractError(f"{name}: {reason}") from error
    return parse_document(text, name)


def parse_document(text: str, name: str) -> Document:
    """Read one document from its text; raises ContractError with file, line and column."""
    loader = _CoreSchemaLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise ContractError(f"{name}:1:1: the document is empty")
        reading = _Reading(name, loader)
        value = reading.construct(node, ())
    except yaml.MarkedYAMLError as error:
        raise ContractError(
            f"{name}:{_mark(error.problem_mark)}: {error.problem or error.context}"
        ) from error
    except yaml.reader.ReaderError as error:
        raise ContractError(f"{name}:1:1: a character that YAML does not allow") from error
    except RecursionError as error:
        raise ContractError(f"{name}:1:1: nested too deeply") from error
    finally:
        loader.dispose()
    return Document(name=name, value=value, positions=reading.positions)


def _mark(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"


class _Reading:
    """Turns YAML nodes into values, noting where each one starts; refuses a key that comes twice."""

    def __init__(self, name: str, loader: _CoreSchemaLoader) -> None:
        self._name = name
        self._loader = loader
        self.positions: dict[str, Position] = {}

    def construct(self, node: yaml.Node, tokens: tuple[str | int, ...]) -> Any:
        self.positions[pointer(tokens)] = Position(node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, tokens)
        if isinstance(node, yaml.SequenceNode):
            return [self.construct(child, (*tokens, index)) for index, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, tokens: tuple[str | int, ...]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in members:
                raise ContractError(f"{self._name}:{_mark(key_node.start_mark)}: the key {key!r} comes twice")
            members[key] = self.construct(value_node, (*tokens, key))
            self.positions[pointer((*tokens, key))] = Position(
                key_node.start_mark.line + 1, key_node.start_mark.column + 1
            )
        return members

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise ContractError(f"{self._name}:{_mark(node.start_mark)}: a key must be a single word or text")
        return str(node.value)

    def _scalar(self, node: yaml.Node) -> Hashable:
        try:
            value: Hashable = self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise ContractError(f"{self._name}:{_mark(node.start_mark)}: not a plain value") from error
        return value
