"""Files that are whole or not there: written beside their place, and put there at the end."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opay_contract.errors import UsageError

_LONGEST = 60
"""How much of a name the draft's has, which a file system may find too long else."""


@contextmanager
def open_draft(target: Path, *, makes_folders: bool = False) -> Iterator[Path]:
    """Give an empty file beside `target`, which only its owner may read, and which is gone in the end.

    Raises UsageError where the file system refuses it, or what is done with it.
    """
    try:
        if makes_folders:
            target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:_LONGEST]}.")
        os.close(descriptor)
    except OSError as error:
        raise _refused(target, error) from error
    try:
        yield Path(temporary)
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            Path(temporary).unlink(missing_ok=True)


def _refused(target: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write to '{target}': {error.strerror}")
