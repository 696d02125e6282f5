"""A version of a contract, read from a folder, a file or a git revision, and the values that it has."""

import json
import posixpath
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from opay_contract.contract.addresses import MISSING, Address, refer, resolve, value_below
from opay_contract.contract.documents import ROOTS, Document, collect_documents, decode_document, locate_root
from opay_contract.contract.openapi import in_one_dialect, read_version
from opay_contract.contract.schemas import SchemaSet
from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import pointer
from opay_contract.model.finding import ContractPlace

FIRST = ROOTS[0]
"""What the first document of each version is called while they are compared, whatever its name is."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a contract: what each document says, and what of it is not understood.

    `name` is as the user gave it; `folder` is what stands before the names of documents where people look
    them up, and `root` is what its first document is called there. `tops` are schemas that are in no other.
    """

    name: str
    folder: str
    root: str
    schemas: SchemaSet
    values: dict[str, Any]
    tops: frozenset[Address]
    notes: dict[Address, str]

    def resolve(self, at: Address) -> tuple[Address, Any]:
        """Return what stands at an address, wherever `$ref` leads; what leads nowhere is noted."""
        found, value = resolve(self.values, at)
        if (
            value is MISSING
            and value_below(self.values.get(found.file, MISSING), found.tokens) is not MISSING
        ):
            self.notes[found] = "the reference leads nowhere"
        return found, value

    def target(self, at: Address, reference: Any) -> Address | None:
        """Return where a `$ref` of a schema leads; None, and a note, where that is nowhere."""
        target = refer(reference, at.file)
        if isinstance(target, Address):
            if value_below(self.values.get(target.file, MISSING), target.tokens) is not MISSING:
                return target
            target = "the reference leads nowhere"
        self.notes[at] = target
        return None

    def place(self, at: Address) -> ContractPlace:
        """Return where an address stands in the files, by the names that people know them by."""
        written = pointer(at.tokens)
        position = self.schemas.documents[at.file].position(written)
        file = f"{self.folder}{self.root if at.file == FIRST else at.file}"
        return ContractPlace(file=file, line=position.line, column=position.column, pointer=written)

    def describe_notes(self) -> list[str]:
        """Return what is left out, each with its place."""
        places = [(self.place(at), text) for at, text in self.notes.items()]
        return [f"{place.file}:{place.line}:{place.column}: left out: {text}" for place, text in places]


class Node(NamedTuple):
    """A value of one version, wherever `$ref` led."""

    version: Version
    at: Address
    value: Any

    def of(self, *steps: str | int) -> "Node":
        """Return what stands below; its value is MISSING where nothing does."""
        at, value = self.at.child(*steps), value_below(self.value, steps)
        if isinstance(value, dict) and "$ref" in value:
            at, value = self.version.resolve(at)
        return Node(self.version, at, value)

    @property
    def is_there(self) -> bool:
        """Whether anything stands there."""
        return self.value is not MISSING

    def members(self, *steps: str) -> dict[str, "Node"]:
        """Return the members of an object; none, and a note, where it is none."""
        node = self.of(*steps) if steps else self
        if isinstance(node.value, dict):
            return {str(key): node.of(key) for key in node.value}
        self._note(node, "an object belongs here")
        return {}

    def items(self, name: str, *keys: str) -> dict[Any, "Node"]:
        """Return the items of a list by the texts of members; none, and a note, where it is none."""
        node = self.of(name)
        if isinstance(node.value, list):
            found = [node.of(index) for index in range(len(node.value))]
            return {(tuple(map(one.text, keys)) if keys else one.at): one for one in found}
        self._note(node, "a list belongs here")
        return {}

    def _note(self, node: "Node", wanted: str) -> None:
        if node.is_there:
            self.version.notes[node.at] = wanted

    def text(self, name: str) -> str:
        """Return the text of a member, empty where there is none."""
        value = self.of(name).value
        return str(value) if isinstance(value, str | int) else ""

    def plain(self, seen: frozenset[Address] = frozenset()) -> str:
        """Return all that it says in one form, with what it refers to in place of the references.

        Schemas are called by their names: what has changed in them is told of them.
        """
        if self.at in seen:
            return "…"
        if seen and self.at in self.version.tops:
            return str((*self.at.file.removesuffix(".json").split("/"), *self.at.tokens)[-1])
        inner = seen | {self.at}
        if isinstance(self.value, dict):
            members = (f"{key}: {self.of(key).plain(inner)}" for key in sorted(self.value, key=str))
            return f"{{{', '.join(members)}}}"
        if isinstance(self.value, list):
            return f"[{', '.join(self.of(index).plain(inner) for index in range(len(self.value)))}]"
        return plain_text(self.value) if self.is_there else ""


class BothNodes(NamedTuple):
    """A value in both versions."""

    old: Node
    new: Node

    def of(self, *steps: str | int) -> "BothNodes":
        """Return what stands below in both."""
        return BothNodes(self.old.of(*steps), self.new.of(*steps))

    def texts(self, name: str) -> tuple[str, str]:
        """Return the texts of a member in both."""
        return self.old.text(name), self.new.text(name)


def read_version_of(text: str, home: str) -> Version:
    """Read what a user named: a path, or a git revision with or without one; `home` is for those without.

    Raises UsageError where it is neither, and where it is both.
    """
    is_path = Path(text).exists()
    revision, colon, inside = text.partition(":")
    commit = None if text.startswith((".", "/")) else _commit_of(revision)
    if is_path and commit:
        raise UsageError(
            f"'{text}' is a path and a revision; write './{text}' or '{revision}:{inside or './'}'"
        )
    if is_path:
        return _read_path(text)
    if commit:
        return _read_revision(text, commit, inside if colon else home)
    what = "no such file or folder, and no revision of a git repository here"
    raise UsageError(f"'{text}': {what}; write a path, REVISION or REVISION:PATH")


def _read_path(text: str) -> Version:
    path = Path(text)
    folder, name = locate_root(path)

    def read(name: str) -> bytes | None:
        file = folder / name
        try:
            return file.read_bytes() if file.is_file() else None
        except OSError as error:
            raise ContractError(f"{file}: {error.strerror or 'unreadable'}") from error

    return _build(text, "" if folder == Path() else f"{folder.as_posix()}/", name, read)


def _read_revision(text: str, commit: str, inside: str) -> Version:
    """Read a file or a folder of a commit; paths are the repository's, or begin with `./` here."""
    here = _git("rev-parse", "--show-prefix") or b""
    whole = posixpath.join(here.decode().strip(), inside) if inside.startswith(("./", "../")) else inside
    path = "" if posixpath.normpath(whole) == "." else posixpath.normpath(whole)
    kind = _git("cat-file", "-t", f"{commit}:{path}")
    if kind is None:
        raise UsageError(f"'{text}': no '{path}' at that revision; name another as REVISION:PATH")
    folder, name = (path, _root_in(commit, path)) if kind.strip() == b"tree" else posixpath.split(path)
    shown = f"{text.partition(':')[0]}:{f'{folder}/' if folder else ''}"
    return _build(
        text, shown, name, lambda name: _git("cat-file", "blob", f"{commit}:{posixpath.join(folder, name)}")
    )


def _root_in(commit: str, folder: str) -> str:
    paths = {name: f"{commit}:{posixpath.join(folder, name)}" for name in ROOTS}
    return next((name for name, path in paths.items() if _git("cat-file", "-e", path) is not None), ROOTS[0])


def _build(text: str, folder: str, root: str, read: Callable[[str], bytes | None]) -> Version:
    def find(name: str) -> Document | None:
        data = read(name)
        return None if data is None else decode_document(data, name)

    try:
        documents = collect_documents([root], find)
        if root not in documents:
            raise UsageError(f"'{text}': no {root} there; name the folder or the file of a contract")
        return build_version(text, folder, root, documents)
    except ContractError as error:
        raise ContractError(f"{text}: {error}") from error


def build_version(name: str, folder: str, root: str, documents: dict[str, Document]) -> Version:
    """Return a version in the one dialect that everything else knows, less what is not understood."""
    first = documents[root]
    documents = {FIRST: Document(name=FIRST, value=first.value, text=first.text), **documents}
    schemas = SchemaSet(in_one_dialect(documents, read_version(first)))
    return Version(
        name=name,
        folder=folder,
        root=root,
        schemas=schemas,
        values={name: document.value for name, document in schemas.documents.items()},
        tops=frozenset(Address(name, top) for name in documents for top in schemas.places.iter_tops(name)),
        notes=dict(schemas.notes),
    )


def _commit_of(revision: str) -> str | None:
    """Return the commit that a revision names, None where it names none or there is no repository."""
    if not revision or "\0" in revision:
        return None
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return found.decode().strip() if found else None


def _git(*arguments: str) -> bytes | None:
    """Return what git prints, None where it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)  # noqa: S603, S607  the user's own
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def plain_text(value: Any) -> str:
    """Return a value as JSON in one form: the order of members and 1.0 for 1 make no difference."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
