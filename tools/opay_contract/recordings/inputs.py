"""Finds the files to read: as named, or all recordings below a folder in a stable order."""

import glob
import io
import os
import re
import select
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import field, structs
from msgspec.structs import replace

from opay_contract.errors import UsageError
from opay_contract.formats.errors import StreamError, describe_os_error
from opay_contract.formats.foreign import Foreign
from opay_contract.formats.look import HEAD
from opay_contract.formats.messages import PlaceOf
from opay_contract.formats.streams import Readable, iter_lines, unpack
from opay_contract.formats.table import recognise
from opay_contract.model.exchange import Place, Unreadable
from opay_contract.recordings.stores import MAGIC, RemoteObject, is_url, iter_objects, order_of, public_name
from opay_contract.words import did_you_mean

STDIN = "-"
"""The path that stands for standard input."""

PATIENCE, _STEP = 2.0, 0.02
"""Seconds that a named pipe is given to be opened by somebody who writes to it."""

_WAIT = 200
"""Milliseconds after which a signal is heard at the latest while a pipe has nothing."""

NO_WRITER = "cannot be read: a pipe that nobody writes to; start its writer first"

RECORDING_SUFFIXES = frozenset({".har", ".json", ".jsonl", ".ndjson", ".parquet", ".yaml", ".yml"})
"""Names that may be a recording's: what --format-in is meant for in a folder."""

PROMISING_SUFFIXES = frozenset({".har", ".jsonl", ".ndjson", ".parquet"})
"""Names that are hardly anything else's: in a folder such a file is read, or reported, whatever it holds."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file of this run: at `path`, in a store as `remote`, or standard input where it is neither.

    `name` is the path as the user gave it, or a URL without what may be a credential. `is_named` is false for
    what was only met in a folder. `max_unpacked` is how many bytes it may unpack to if it is packed, None for
    what is usual.
    """

    ordinal: int
    name: str
    path: Path | None
    remote: RemoteObject | None = None
    is_named: bool = True
    max_unpacked: int | None = None

    @property
    def place(self) -> PlaceOf:
        """What returns the place of an entry of this file; entry 0 is the file as a whole."""
        return partial(Place, self.ordinal, self.name)


Identity = tuple[str | int, ...]
"""What two names of the same file have in common."""


class Repeats(msgspec.Struct):
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


class _Step(msgspec.Struct, frozen=True, kw_only=True):
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


def open_anywhere(source: Source) -> Any:
    """Open a file, or an object in a store, that can be read at any place."""
    if source.path is not None:
        return source.path.open("rb")
    assert source.remote is not None  # noqa: S101  standard input was refused
    return source.remote.open_anywhere()


def open_file(path: Path) -> BinaryIO:
    """Open a file to be read; a named pipe that nobody writes to is refused, where opening it would wait."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        if is_pipe:
            _await_writer(descriptor, path)
        os.set_blocking(descriptor, True)
        return io.BufferedReader(_Pipe(descriptor)) if is_pipe else os.fdopen(descriptor, "rb")
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise


class _Pipe(io.FileIO):
    """A named pipe, waited for in steps: a signal that comes just before a read would not end that."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Wait until there is something to be read, or nobody writes any more."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        while not poll.poll(_WAIT):
            pass
        return super().readinto(buffer)


def _await_writer(descriptor: int, path: Path) -> None:
    """Refuse a pipe that has nothing to be read and nobody who may write it, now or a moment later."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if poll.poll(0):
        return
    with suppress(OSError):  # only once there was a writer does the system tell when there is none
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    end = time.monotonic() + PATIENCE
    while (found := poll.poll(0)) and not found[0][1] & select.POLLIN:
        if time.monotonic() > end:
            raise StreamError(NO_WRITER)
        time.sleep(_STEP)


MANIFEST = "@"
"""What stands before the name of a file that lists what to read."""

_MOST_NAMED = 5
_NO_PATH = re.compile(r"[\x00-\x1f\x7f]|^[{\[]\s*[\"\[{]|^[*<>] |^.{4096}", re.DOTALL)
"""What no line of a list is: control characters, JSON, a line of curl's, or more than a path may have."""


def find_missing(paths: Sequence[str], *, literally: bool = False) -> str | None:
    """Return which of the paths that were named do not exist, in words, or None where all do.

    What a pattern, a list or a store has is not looked at here: that is part of the run. With `literally`
    the paths are names of files and folders and nothing else.
    """
    missing = [path for path in paths if path != STDIN and _is_missing(path, literally=literally)]
    if not missing:
        return None
    named = ", ".join(f"'{public_name(path)}'" for path in missing[:_MOST_NAMED])
    more = f" and {len(missing) - _MOST_NAMED:,} more" if len(missing) > _MOST_NAMED else ""
    hint = _hint(missing[0].removeprefix("" if literally else MANIFEST)) if len(missing) == 1 else ""
    if is_url(missing[0]):
        hint = "; a URL is not read here, copy what it leads to"
    return f"no such file or folder: {named}{more}{hint}"


def _is_missing(path: str, *, literally: bool) -> bool:
    name = path if literally else path.removeprefix(MANIFEST)
    if not literally and is_url(name):
        return False
    try:
        os.stat(name)  # noqa: PTH116  as in sources, for the same reasons
    except (FileNotFoundError, NotADirectoryError):
        return literally or not MAGIC.search(name)
    except (OSError, ValueError):
        return False  # it is there and cannot be read, which the run says
    return False


def _hint(path: str) -> str:
    """Return which name of the same folder may have been meant."""
    folder, name = os.path.split(path)
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208
    except OSError:
        return ""
    hint = did_you_mean(name, names, cutoff=0.8, folder=folder)
    return f"; {hint}" if hint else ""


def iter_inputs(
    paths: Sequence[str], repeats: Repeats | None = None, max_unpacked: int | None = None
) -> Iterator[Source | Unreadable]:
    """Yield what there is to read at `paths`, in their order; what cannot be found is a value, too.

    What is named again is left out, and stands in `repeats`. A packed file may unpack to `max_unpacked`
    bytes, or else to as much as is usual.
    """
    known = Repeats() if repeats is None else repeats
    ways = ((_iter_manifest if path.startswith(MANIFEST) else _iter_plain, path) for path in paths)
    named = (item for iter_named, path in ways for item in iter_named(path))
    found = (item for item in named if isinstance(item, Unreadable) or not known.is_repeat(item))
    for ordinal, item in enumerate(found):
        if isinstance(item, Source):
            yield replace(item, ordinal=ordinal, max_unpacked=max_unpacked)
        else:
            yield structs.replace(item, place=structs.replace(item.place, source=ordinal))


def _iter_manifest(path: str) -> Iterator[Source | Unreadable]:
    """Read a manifest: a path, pattern or URL a line; blank lines and comments (#) are passed over."""
    for manifest in _iter_plain(path.removeprefix(MANIFEST)):
        if isinstance(manifest, Unreadable):
            yield manifest
            continue
        try:
            for number, line in iter_list_lines(manifest):
                name = line.strip()
                if name and not name.startswith("#"):
                    yield from _iter_listed(name, manifest.place(0, number))
        except StreamError as error:
            yield Unreadable(place=manifest.place(0), reason=f"the manifest {error.reason}")


def _iter_listed(name: str, place: Place) -> Iterator[Source | Unreadable]:
    """Yield what a line of a manifest names; a line that names nothing is said by its number alone."""
    if _NO_PATH.search(name):
        raise UsageError(f"'{place.file}' is no list of paths: line {place.line} cannot be one")
    is_pattern = is_url(name) or MAGIC.search(name)
    try:
        for found in _iter_plain(name):
            is_named = isinstance(found, Source) or (is_pattern and found.place.file != public_name(name))
            reason = "" if isinstance(found, Source) else f"line {place.line}: {found.reason}"
            yield found if is_named else Unreadable(place=place, reason=reason)
    except UsageError as error:
        reason = str(error).removeprefix(f"'{public_name(name)}': ")
        raise UsageError(f"'{place.file}', line {place.line}: {reason}") from None


def _iter_plain(path: str) -> Iterator[Source | Unreadable]:
    if is_url(path):
        for name, remote, reason, is_named in iter_objects(path, has_recording_name):
            source = Source(ordinal=0, name=name, path=None, remote=remote, is_named=is_named)
            yield source if reason is None else Unreadable(place=source.place(0), reason=reason)
    elif MAGIC.search(path) and not is_there(path):
        yield from _iter_pattern(path)
    else:
        yield from iter_sources([path])


def is_there(path: str) -> bool:
    """Tell whether there is anything at a path, which may be too long to be one."""
    return os.path.exists(path)  # noqa: PTH110  Path.exists raises for what is too long


def _iter_pattern(pattern: str) -> Iterator[Source | Unreadable]:
    names = []
    with suppress(OSError, ValueError, RecursionError):
        names = sorted(glob.glob(pattern, recursive=True), key=order_of)  # noqa: PTH207  it may be absolute
    if names:
        yield from iter_sources(names)
    else:
        place = Place(source=0, entry=0, file=pattern)
        yield Unreadable(place=place, reason="cannot be read: nothing there fits the pattern")


def iter_list_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the lines of a list of paths, decoded, by number; a `StreamError` says why it cannot be read.

    A recording in place of a list is refused: none of its lines is a name that may be said.
    """
    with open_raw(source, None) as raw:
        stream = unpack(raw)
        if (found := recognise(stream.head(HEAD))) is not None:
            what = found.name if isinstance(found, Foreign) else f"a recording ({found})"
            raise UsageError(f"'{source.name}' is no list of paths but {what}; name it without @")
        for number, line in iter_lines(stream):
            yield number, line.decode(errors="replace")


@contextmanager
def open_raw(source: Source, stdin: BinaryIO | None) -> Iterator[Readable]:
    """Open a source as it is, packed or not."""
    if source.remote is not None:
        with source.remote.open() as stream:
            yield stream
        return
    try:
        raw = open_file(source.path) if source.path else nullcontext(stdin or sys.stdin.buffer)
    except (OSError, ValueError) as error:
        raise StreamError(describe_os_error(error)) from None
    with raw as opened:
        yield opened
