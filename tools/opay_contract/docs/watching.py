"""Keeps the last good page while the contract is edited."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from opay_contract.contract.loading import ROOT
from opay_contract.docs.outputs import PAGE
from opay_contract.docs.page import render_waiting
from opay_contract.errors import OpayContractError

Build = Callable[[], Mapping[str, str]]
"""Makes the files of the reference; raises OpayContractError when the contract cannot be used."""

_Stamp = tuple[tuple[str, int, int], ...]


class LastGood:
    """The last page that could be made, and what is wrong with the contract since then."""

    def __init__(self, build: Build, directory: Path, others: tuple[Path, ...] = ()) -> None:
        self._build = build
        self._directory = directory
        self._others = others
        self._stamp: _Stamp | None = None
        self._lock = threading.Lock()
        self._page, self._version, self._problem = render_waiting(), 0, ""

    def look(self) -> str | None:
        """Make the page again if a file changed; returns what to tell, None where nothing changed."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            page = self._build()[PAGE]
        except OpayContractError as error:
            with self._lock:
                self._problem = str(error)
            return f"error: {error}"
        with self._lock:
            self._page, self._version, self._problem = page, self._version + 1, ""
        return "The page is up to date."

    def page(self) -> str:
        """Return the last good page."""
        with self._lock:
            return self._page

    def state(self) -> dict[str, object]:
        """Return which page this is, and what is wrong with the contract now, if anything."""
        with self._lock:
            return {"version": self._version, "problem": self._problem}

    def _read_stamp(self) -> _Stamp:
        schemas = sorted((self._directory / "schemas").glob("**/*.json"))
        return tuple(_stamp_of(path) for path in (self._directory / ROOT, *schemas, *self._others))


def _stamp_of(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:  # gone for a moment, as editors do when they save
        return str(path), 0, 0
    return str(path), status.st_mtime_ns, status.st_size
