"""Reads TOML that people write, a baseline or settings, with file and line where it is none."""

import re
import tomllib
from collections.abc import Iterable
from typing import Any

from opay_contract.errors import UsageError

_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


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
