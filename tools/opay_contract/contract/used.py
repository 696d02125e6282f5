"""Which contract a run went by, to be said at the head of what it reports."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec


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

    @property
    def whence(self) -> str:
        """Where it is from."""
        return "of the package" if self.folder is None else f"in {self.folder}"

    def __str__(self) -> str:
        """Return all of it in words."""
        return f"{self.name} · contract {self.whence}"


def name_contract(root: object, given: Path | None) -> ContractUsed:
    """Return what a contract's first document says of itself; `given` is the path that was asked for."""
    info = root.get("info") if isinstance(root, Mapping) else None
    title, version = _text(info, "title"), _text(info, "version")
    return ContractUsed(title=title, version=version, folder=given.as_posix() if given is not None else None)


def _text(info: Any, name: str) -> str:
    value = info.get(name) if isinstance(info, Mapping) else None
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else ""
