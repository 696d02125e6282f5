"""Reads one YAML 1.2 or JSON document with the place of every node in it."""

import math
import re
from collections.abc import Callable
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


MAX_NODES = 500_000
"""Values that a document may have, aliases counted as often as they are used."""

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Position:
    """A 1-based line and column."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed file: its name beside openapi.yaml, its value, where each JSON pointer stands, its text."""

    name: str
    value: Any
    positions: dict[str, Position]
    text: str = ""


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
    node = compose_document(text, name)
    reading = _Reading(name)
    try:
        value = reading.construct(node)
    except RecursionError as error:
        raise ContractError(f"{name}:1:1: nested too deeply") from error
    return Document(name=name, value=value, positions=reading.positions, text=text)


def compose_document(text: str, name: str) -> yaml.Node:
    """Return the node of a document's whole value, with the marks of every node in the text."""
    loader = None
    try:
        loader = _CoreSchemaLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ContractError(
            f"{name}:{_mark(error.problem_mark)}: {error.problem or error.context}"
        ) from error
    except yaml.reader.ReaderError as error:
        raise ContractError(f"{name}:1:1: a character that YAML does not allow") from error
    except UnicodeEncodeError as error:
        raise ContractError(f"{name}:1:1: half of a surrogate pair, which is no character") from error
    except RecursionError as error:
        raise ContractError(f"{name}:1:1: nested too deeply") from error
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        raise ContractError(f"{name}:1:1: the document is empty")
    return node


def _mark(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"


class _Reading:
    """Turns YAML nodes into values, noting where each one starts; refuses a key that comes twice."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = MAX_NODES
        self.positions: dict[str, Position] = {}

    def construct(self, node: yaml.Node, at: str = "") -> Any:
        """Return the value of a node that stands at a JSON pointer."""
        self._left -= 1
        if self._left < 0:
            raise self._error(node, f"more than {MAX_NODES:,} values; aliases multiply what they name")
        self.positions[at] = _position(node)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.construct(child, f"{at}/{index}") for index, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, at: str) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be a single word or text")
            key = str(key_node.value)
            if key in members:
                raise self._error(key_node, f"the key {key!r} comes twice")
            member = at + pointer((key,))
            members[key] = self.construct(value_node, member)
            self.positions[member] = _position(key_node)
        return members

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return _SCALARS[node.tag.removeprefix(_TAG)](node.value)
        except (KeyError, ValueError, AttributeError, TypeError) as error:
            raise self._error(node, "not a value that JSON has") from error

    def _error(self, node: yaml.Node, reason: str) -> ContractError:
        return ContractError(f"{self._name}:{_mark(node.start_mark)}: {reason}")


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _integer(text: str) -> int:
    bases = {"0o": 8, "0x": 16}
    return int(text[2:], bases[text[:2]]) if text[:2] in bases else int(text)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


_SCALARS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": _integer,
    "float": _float,
    "str": str,
}
"""What the plain values of YAML's core schema are in JSON, by tag."""
