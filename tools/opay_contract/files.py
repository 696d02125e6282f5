"""Files that people name: read as text or as TOML with its lines, and written whole or not at all."""

import contextlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opay_contract.errors import UsageError

NO_SUCH_PROXY = "the proxy that the environment names for the target cannot be used"

_LONGEST = 60
"""How much of a name the draft's has, which a file system may find too long else."""

_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


def read_text(file: Path) -> str:
    """Return the text of a file; raises UsageError where it cannot be read or is not UTF-8."""
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 text") from error


def find_certificates() -> str | None:
    """Return the file or folder of trusted certificates that the environment names, if it does.

    Raises UsageError, without what the variable holds, where there are none.
    """
    import ssl  # noqa: PLC0415  takes time, and few commands open a connection

    name = next(filter(os.environ.get, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")), None)
    if name is None:
        return None
    named = os.environ[name]
    try:
        is_any = Path(named).is_dir() or ssl.create_default_context(cafile=named).cert_store_stats()["x509"]
    except (OSError, ValueError):  # which ssl's own errors are, too
        is_any = False
    if not is_any:
        raise UsageError(f"{name} names no file of certificates that can be read")
    return named


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """Read TOML; raises UsageError with file and line where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = place["line"] if place and place["line"] else text.count("\n") + 1
        raise UsageError(f"{file}:{line}: not TOML: {_PLACE.sub('', str(error))}") from error
    except RecursionError as error:
        raise UsageError(f"{file}:1: values inside values too many times") from error


def line_of(text: str, keys: Iterable[str]) -> int:
    """Return the line of the statement that gives the last of some keys, each inside the one before, a value.

    That is where the text has the value when it is cut after a line. What stood before was TOML as well.
    """
    lines, path = text.replace("\r\n", "\n").split("\n"), tuple(keys)
    start = 1
    for number in range(1, len(lines) + 1):
        try:
            found: Any = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if found is not None:
            return start
        start = number + 1
    return 1


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there yet."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder '{folder}': {error.strerror}") from error


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    A pipe or a device is written to as it is.
    """
    if path.exists() and not path.is_file():
        with _refusing(path):
            path.write_text(text, encoding="utf-8", newline="\n")
        return
    with open_draft(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
        mask = os.umask(0)  # which can only be asked by setting it
        os.umask(mask)
        draft.chmod(0o666 & ~mask)
        draft.replace(path)


@contextmanager
def open_draft(target: Path, *, makes_folders: bool = False) -> Iterator[Path]:
    """Give an empty file beside `target`, which only its owner may read, and which is gone in the end.

    Raises UsageError where the file system refuses it, or what is done with it.
    """
    import tempfile  # noqa: PLC0415  for start-up time

    with _refusing(target):
        if makes_folders:
            target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:_LONGEST]}.")
        os.close(descriptor)
        try:
            yield Path(temporary)
        finally:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)


@contextmanager
def _refusing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write to '{target}': {error.strerror}") from error
