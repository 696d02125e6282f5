"""Reads the HAR in a ZIP archive, and the bodies that Playwright put beside it, without unpacking to disk."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from opay_contract.recordings.refusals import NoRecordingError, StreamError
from opay_contract.recordings.streams import CHUNK, MAX_ENTRY, ChunkStream, most_unpacked, too_much

ZIP_MAGIC = b"PK\x03\x04"
NOT_FROM_A_PIPE = "a ZIP archive is read from a file of this machine only; copy it here and name it"
DAMAGED = "the ZIP archive is damaged, or packed in a way that cannot be unpacked here; unpack it"

_DEFECTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class _Budget:
    """What the files of an archive may unpack to in all, each as often as it is read."""

    def __init__(self, packed: int, most: int | None) -> None:
        self._most = most_unpacked(packed) if most is None else most
        self._used = 0

    def use(self, size: int) -> None:
        """Take so many bytes; raise where they are more than are left."""
        self._used += size
        if self._used > self._most:
            raise too_much(self._most)


@contextmanager
def open_archive(path: Path | None, max_unpacked: int | None = None) -> Iterator[ChunkStream]:
    """Open the one HAR of an archive; its stream knows the bodies that are kept beside it."""
    if path is None:
        raise StreamError(NOT_FROM_A_PIPE)
    try:
        archive = zipfile.ZipFile(path)
    except _DEFECTS:
        raise StreamError(DAMAGED) from None
    with archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".har")]
        if len(names) != 1:
            number = f"{len(names):,} HARs" if names else "no HAR"
            raise NoRecordingError(
                f"the file is a ZIP archive with {number} in it; unpack it and name the files"
            )
        budget = _Budget(sum(one.compress_size for one in archive.infolist()), max_unpacked)
        stream = ChunkStream(_iter_chunks(archive, names[0], budget))
        stream.attached = partial(_read_attached, archive, budget)
        yield stream


def _iter_chunks(archive: zipfile.ZipFile, name: str, budget: _Budget) -> Iterator[bytes]:
    try:
        with archive.open(name) as member:
            for chunk in iter(partial(member.read, CHUNK), b""):
                budget.use(len(chunk))
                yield chunk
    except _DEFECTS:
        raise StreamError(DAMAGED) from None


def _read_attached(archive: zipfile.ZipFile, budget: _Budget, name: str) -> bytes | None:
    """Return a body, or None where it is not there, is damaged or is longer than an entry may be."""
    try:
        with archive.open(name) as member:
            body = member.read(MAX_ENTRY + 1)
    except (KeyError, *_DEFECTS):
        return None
    budget.use(len(body))
    return body if len(body) <= MAX_ENTRY else None
