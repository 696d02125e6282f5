"""The documents of a contract: which there are, and each, YAML 1.2 or JSON, with the place of every node."""

import gc
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import yaml

from opay_contract.contract.addresses import MISSING, iter_targets
from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import Parsed, parse_json, pointer
from opay_contract.model.exchange import Hidden

ROOTS = ("openapi.yaml", "openapi.yml", "openapi.json")
"""The names of a contract's first document that is named by its folder, the usual one first."""

SCHEMA_FOLDER = "schemas"


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


MAX_REPEATED = 500_000
"""Values that aliases may add to a document: each repeats what it names."""

_TAG = "tag:yaml.org,2002:"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Position(msgspec.Struct, frozen=True):
    """A 1-based line and column."""

    line: int
    column: int


class Document(Hidden, frozen=True, kw_only=True, dict=True):
    """A parsed file: its name in the contract's folder, its value, and the text that it was read from."""

    name: str
    value: Any
    text: str

    @cached_property
    def positions(self) -> dict[str, Position]:
        """Where each JSON pointer stands; worked out when it is first asked for."""
        positions: dict[str, Position] = {"": _position(self._whole)}
        waiting = [("", self._whole)]
        while waiting:
            at, node = waiting.pop()
            for step, (mark, child) in self._inside(node).items():
                positions[f"{at}/{step}"] = _position(mark)
                waiting.append((f"{at}/{step}", child))
        return positions

    def position(self, at: str) -> Position:
        """Return where a JSON pointer stands; the nearest value around it where it has no place itself."""
        mark = node = self._whole
        for step in at.split("/")[1:]:
            inside = self._inside(node)
            if step not in inside:
                break
            mark, node = inside[step]
        return _position(mark)

    @cached_property
    def _whole(self) -> yaml.Node:
        text = self.text
        if text.startswith(("{", "[")):  # YAML 1.1, which PyYAML reads, does not know this escape of JSON's
            text = _ESCAPED.sub(lambda match: "/" if match[1] == "/" else match[0], text)
        with without_collection():
            return compose_document(text, self.name)

    @cached_property
    def _known(self) -> dict[int, dict[str, tuple[yaml.Node, yaml.Node]]]:
        return {}

    def _inside(self, node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return what is directly in a node, by the step to it: what its place is, and itself."""
        if id(node) not in self._known:
            if isinstance(node, yaml.MappingNode):
                inside = {pointer((key.value,))[1:]: (key, child) for key, child in node.value}
            else:
                children = node.value if isinstance(node, yaml.SequenceNode) else ()
                inside = {str(index): (child, child) for index, child in enumerate(children)}
            self._known[id(node)] = inside
        return self._known[id(node)]


class _CoreSchemaLoader(yaml.CSafeLoader):
    """The safe C loader with the tags of YAML 1.2's core schema: `no` and `12:30` are strings."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own shape


for _name, _pattern, _first in _CORE_SCHEMA:
    _CoreSchemaLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}",
        re.compile(f"(?:{_pattern})$"),
        [*_first] + ([""] if _name == "null" else []),
    )


def is_text(text: str) -> bool:
    """Tell whether a plain scalar of YAML 1.2 is a text, and neither a number nor another value."""
    return not any(re.fullmatch(pattern, text) for _, pattern, _ in _CORE_SCHEMA)


def load_document(path: Path, name: str, *, keeps_line_ends: bool = False) -> Document:
    """Read `path`; raises ContractError with file, line and column when it is not one sound document."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ContractError(f"{name}: {error.strerror or 'unreadable'}") from error
    return decode_document(data, name, keeps_line_ends=keeps_line_ends)


def decode_document(data: bytes, name: str, *, keeps_line_ends: bool = False) -> Document:
    """Read one document from its bytes; raises ContractError with file, line and column."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ContractError(f"{name}: not UTF-8 text") from error
    return parse_document(text if keeps_line_ends else text.replace("\r\n", "\n").replace("\r", "\n"), name)


def parse_document(text: str, name: str) -> Document:
    """Read one document from its text; raises ContractError with file, line and column."""
    value = _read_json(text)
    if value is MISSING:
        with without_collection():
            value = _Reading(name).construct(compose_document(text, name))
    return Document(name=name, value=value, text=text)


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep the garbage collector from walking again and again what is being built."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_json(text: str) -> Any:
    """Return the value of a text that is JSON, and nothing odd; MISSING for all others, which YAML reads."""
    if not text.startswith(("{", "[")):
        return MISSING
    parsed = parse_json(text.encode(errors="surrogatepass"))
    return parsed.value if isinstance(parsed, Parsed) and not parsed.flaws else MISSING


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
    """Turns YAML nodes into values; refuses a key that comes twice."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._left = MAX_REPEATED
        self._entered: set[int] = set()

    def construct(self, node: yaml.Node) -> Any:
        """Return the value of a node; raises ContractError where it is none that JSON has."""
        try:
            return self._construct(node)
        except RecursionError as error:
            raise self._error(node, "nested too deeply") from error

    def _construct(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._left -= len(node.value) + 1 if id(node) in self._entered else 0
        if self._left < 0:
            raise self._error(node, f"more than {MAX_REPEATED:,} values; aliases multiply what they name")
        self._entered.add(id(node))
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._construct(child) for child in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be a single word or text")
            key = str(key_node.value)
            if key in members:
                raise self._error(key_node, "a key comes twice")
            members[key] = self._construct(value_node)
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


_PACKAGE = Path(__file__).parents[1]


def default_directory() -> Path:
    """Return the contract that the package carries: the wheel's copy, or the repository's own."""
    carried = _PACKAGE / "_contract"
    return carried if carried.is_dir() else _PACKAGE.parents[1]


def is_carried(directory: Path) -> bool:
    """Return whether a folder is a wheel's copy, which nobody edits."""
    return directory.resolve().name == "_contract"


def shorten(contract: Path) -> Path:
    """Return a contract by the shortest name that it has: its folder, where its file has the usual name."""
    return contract.parent if contract.name == ROOTS[0] and contract.is_file() else contract


def locate_root(contract: Path) -> tuple[Path, str]:
    """Return the folder of a contract and the name of its first document, which may be named itself.

    Raises UsageError where there is none, and where a folder leaves open which it is.
    """
    if contract.is_file():
        return contract.parent, contract.name
    there = [name for name in ROOTS if (contract / name).is_file()]
    if not there:
        what = f"no {ROOTS[0]} there" if contract.is_dir() else "no such file or folder"
        raise UsageError(
            f"{contract}: {what}; name the folder that holds {ROOTS[0]} and {SCHEMA_FOLDER}/, "
            "or the file of a contract"
        )
    if len(there) > 1 and there[0] != ROOTS[0]:
        raise UsageError(f"{contract}: {' and '.join(there)} are there; name the one that is the contract")
    return contract, there[0]


def list_documents(root: Path) -> list[str]:
    """Return the names of a contract's first document and schema files, relative to its folder.

    A document of another name than the usual ones has the files that it refers to, and no folder of schemas.
    Files that are referred to are known once these are read.
    """
    folder = root.parent
    files = sorted((folder / SCHEMA_FOLDER).glob("**/*.json")) if root.name in ROOTS else []
    return [root.name, *(file.relative_to(folder).as_posix() for file in files)]


def load_documents(
    contract: Path, load: Callable[[Path, str], Document | None] = load_document
) -> dict[str, Document]:
    """Read a contract's documents by `load`, the first one first, by name relative to its folder.

    Raises UsageError where there is no contract. What is referred to and is not there, or not in this folder,
    is left out; so is what `load` leaves out.
    """
    folder, root = locate_root(contract)

    def find(name: str) -> Document | None:
        return load(folder / name, name) if (folder / name).is_file() else None

    return collect_documents(list_documents(folder / root), find)


def collect_documents(names: Iterable[str], find: Callable[[str], Document | None]) -> dict[str, Document]:
    """Return, by `find`, the documents of these names and those that they refer to, if there are any."""
    waiting = list(names)
    documents: dict[str, Document] = {}
    for name in waiting:
        document = find(name)
        if document is not None:
            documents[name] = document
            files = {target.file for target in iter_targets(document.value, name)}
            waiting += sorted(files.difference(waiting))
    return documents


class ContractUsed(msgspec.Struct, frozen=True, kw_only=True):
    """A contract's title and version, empty where it says none, and its folder or file as the user gave it.

    `folder` is None for the contract that the package carries.
    """

    title: str
    version: str
    folder: str | None = None

    @property
    def name(self) -> str:
        """Title and version."""
        return f"{self.title} {self.version}".strip() or "a contract without a title"

    def __str__(self) -> str:
        """Return all of it in words."""
        return f"{self.name} · contract {'of the package' if self.folder is None else f'in {self.folder}'}"


def name_contract(root: object, given: Path | None) -> ContractUsed:
    """Return what a contract's first document says of itself; `given` is the path that was asked for."""
    info = root.get("info") if isinstance(root, Mapping) else None
    title, version = _text(info, "title"), _text(info, "version")
    return ContractUsed(title=title, version=version, folder=given.as_posix() if given is not None else None)


def _text(info: Any, name: str) -> str:
    value = info.get(name) if isinstance(info, Mapping) else None
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else ""
