"""Reads a version of a contract: a folder, a file of any name, or either as it is at a git revision."""

import posixpath
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from opay_contract.contract.addresses import MISSING, Address, refer, resolve, value_below
from opay_contract.contract.documents import Document, decode_document
from opay_contract.contract.loading import collect_documents, in_one_dialect, locate_root
from opay_contract.contract.openapi import ROOTS, read_version
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
    """Return the name of the first document in a folder of a commit; the usual one where there is none."""
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
