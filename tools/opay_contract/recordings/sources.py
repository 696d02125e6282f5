"""Finds the files to read: as named, or all recordings below a folder in a stable order."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from opay_contract.model.exchange import Place, Unreadable
from opay_contract.recordings.refusals import StreamError, describe_os_error
from opay_contract.recordings.remote import RemoteObject

STDIN = "-"
"""The path that stands for standard input."""

RECORDING_SUFFIXES = frozenset({".har", ".json", ".jsonl", ".ndjson", ".parquet", ".yaml", ".yml"})
"""Names that may be a recording's: what --format-in is meant for in a folder."""

PROMISING_SUFFIXES = frozenset({".har", ".jsonl", ".ndjson", ".parquet"})
"""Names that are hardly anything else's: in a folder such a file is read, or reported, whatever it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of this run: at `path`, in a store as `remote`, or standard input where it is neither.

    `name` is the path as the user gave it, or a URL without what may be a credential. `is_named` is false for
    what was only met in a folder.
    """

    ordinal: int
    name: str
    path: Path | None
    remote: RemoteObject | None = None
    is_named: bool = True

    def place(self, entry: int, line: int | None = None) -> Place:
        """Return the place of an entry of this file; entry 0 is the file as a whole."""
        return Place(source=self.ordinal, entry=entry, file=self.name, line=line)


Identity = tuple[str | int, ...]
"""What two names of the same file have in common."""


@dataclass(slots=True)
class Repeats:
    """What was named more than once in a run, by whatever spelling or link; it is read once."""

    names: list[str] = field(default_factory=list)
    _known: set[Identity] = field(default_factory=set)

    def is_repeat(self, source: Source) -> bool:
        """Tell whether a source is one that was named before, and remember it."""
        identity = _identity_of(source)
        if identity is None:
            return False
        if identity in self._known:
            self.names.append(source.name)
            return True
        self._known.add(identity)
        return False

    def describe(self) -> str:
        """Return what to tell of it, or nothing where all was named once."""
        if not self.names:
            return ""
        first, others = self.names[0], len(self.names) - 1
        more = f", and {others:,} other{'s' * (others > 1)}" if others else ""
        return f"'{first}'{more}: named more than once, and counted once"


def _identity_of(source: Source) -> Identity | None:
    """Return what a file is known by; pipes and what cannot be found are nothing that is read twice."""
    if source.remote is not None:
        return (source.remote.url,)
    try:
        status = source.path.stat() if source.path is not None else None
    except (OSError, ValueError):
        return None
    is_file = status is not None and stat.S_ISREG(status.st_mode)
    return (status.st_dev, status.st_ino) if status is not None and is_file else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A file or folder to look at, and the identities of the folders above it."""

    name: str
    above: frozenset[tuple[int, int]] = frozenset()

    def below(self, child: str, identity: tuple[int, int]) -> "_Step":
        return _Step(name=f"{self.name.rstrip('/')}/{child}", above=self.above | {identity})


def iter_sources(paths: Sequence[str]) -> Iterator[Source | Unreadable]:
    """Yield what there is to read at `paths`, in their order; what cannot be found is a value, too."""
    ordinals = count()
    for path in paths:
        for name, is_named, reason in _iter_found(path):
            found = None if name == STDIN else Path(name)
            source = Source(ordinal=next(ordinals), name=name, path=found, is_named=is_named)
            yield source if reason is None else Unreadable(place=source.place(0), reason=reason)


def _iter_found(path: str) -> Iterator[tuple[str, bool, str | None]]:
    """Yield names, whether the user gave them, and what is wrong with them, or None."""
    if path == STDIN:
        yield path, True, None
        return
    steps = [_Step(name=path)]
    while steps:
        step = steps.pop()
        try:
            status = os.stat(step.name)  # noqa: PTH116  a walk over many names
            if stat.S_ISDIR(status.st_mode):
                steps.extend(_children(step, (status.st_dev, status.st_ino)))
            elif not step.above or stat.S_ISREG(status.st_mode):
                yield step.name, not step.above, None
        except StreamError as error:
            yield step.name, not step.above, error.reason
        except (OSError, ValueError) as error:
            yield step.name, not step.above, describe_os_error(error)


def _children(step: _Step, identity: tuple[int, int]) -> list[_Step]:
    """Return what a folder holds, the first name last."""
    if identity in step.above:
        raise StreamError("the folder is a link to a folder above it; take the link away")
    names = sorted(os.listdir(step.name), reverse=True)  # noqa: PTH208  a walk over many names
    return [step.below(name, identity) for name in names if not name.startswith(".")]


def has_recording_name(name: str, suffixes: frozenset[str] = RECORDING_SUFFIXES) -> bool:
    """Tell whether a name is one of a recording, packed or not."""
    plain = name.lower()
    for packing in (".gz", ".zst", ".zip"):
        plain = plain.removesuffix(packing)
    return os.path.splitext(plain)[1] in suffixes  # noqa: PTH122  a walk over many names
