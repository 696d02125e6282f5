"""Tells whether the files of the reference are those that the contract makes now."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from opay_contract.docs.outputs import PAGE


def iter_stale(directory: Path, outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield for each file that is missing or stale what is wrong; a diff where people can read one."""
    for name, expected in outputs.items():
        path = directory / name
        try:
            there = path.read_bytes()
        except OSError as error:
            yield f"{path}: {error.strerror}"
            continue
        if there == expected.encode():
            continue
        if name == PAGE:
            yield f"{path} differs: {len(there)} bytes there, {len(expected.encode())} expected"
        else:
            yield _diff(path, there.decode(errors="replace"), expected)


def _diff(path: Path, there: str, expected: str) -> str:
    lines = difflib.unified_diff(
        there.splitlines(), expected.splitlines(), f"{path} (there)", f"{path} (expected)", lineterm=""
    )
    return "\n".join(lines) or f"{path} differs in its line endings"
