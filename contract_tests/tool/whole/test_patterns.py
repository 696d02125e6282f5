"""Regular expressions of the package mean the same in each Python that it is for.

Python 3.11.0 to 3.11.4, so that of Debian 12, may go on behind the beginning of what a possessive group does
not match to its end: `(?:"[^"]*+")*+` passes over a lone quote (https://github.com/python/cpython/issues/106052).
"""

import ast
import re
from pathlib import Path

import pytest

import opay_contract

PACKAGE = Path(opay_contract.__file__).parent

ATOMIC = re.compile(r"(?<!\()\)[*+?]\+|\)\{[0-9,]*\}\+|\(\?>")
SAFE = (r'(?:\\.[^"\\]*+)*+', r'(?:[^"\\]++|\\.)*+', r"(?:\[\s*+)?+")
"""Nothing that may fail stands in these behind a repetition, which is what the fault takes."""


def without_safe(pattern: str) -> str:
    for one in SAFE:
        pattern = pattern.replace(one, "")
    return pattern


def texts_of(path: Path) -> list[str]:
    constants = [one.value for one in ast.walk(ast.parse(path.read_bytes())) if isinstance(one, ast.Constant)]
    return [one.decode("latin-1") if isinstance(one, bytes) else str(one) for one in constants]


@pytest.mark.parametrize("pattern", [r'(?:"[^"]*+")*+', r"(?:\.\w++)++", r"(?:a*b){2,}+", r"(?>a+b)c"])
def test_what_older_pythons_match_otherwise_is_seen(pattern: str) -> None:
    assert ATOMIC.search(without_safe(pattern))


def test_the_package_has_no_pattern_that_older_pythons_match_otherwise() -> None:
    texts = {path: texts_of(path) for path in PACKAGE.rglob("*.py")}
    assert any(one in text for found in texts.values() for text in found for one in SAFE)
    assert not [
        f"{path.name}: {text[:80]}"
        for path, found in texts.items()
        for text in found
        if ATOMIC.search(without_safe(text))
    ]
