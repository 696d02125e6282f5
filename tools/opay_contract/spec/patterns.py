r"""Checks that a regular expression means the same to Python (jsonschema) and to ECMA-262 (jsonschema-rs).

Only what both read alike is allowed. `.`, `\d`, `\w`, `\s` and `\b` cover different characters;
lookbehind, named groups, back references, inline flags, possessive quantifiers and stray brackets are
read differently or by one of them only. At the end, Python's `$` lets one line feed follow: it is allowed
as `$(?!\n)`, or as the last of a pattern where `maxLength` is no more than the shortest text that it matches.
"""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from opay_contract.spec.problem import Address, RawProblem
from opay_contract.spec.statements import members
from opay_contract.spec.subject import Subject
from opay_contract.spec.walking import iter_all_subschemas

_ESCAPE = r"\\[\^$\\.*+?()\[\]{}|/nrtfv]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}"
_CLASS = rf"\[\^?(?:{_ESCAPE}|\\-|(?!--|&&|~~|\|\|)[^\\\[\]])+\]"
_TOKEN = re.compile(
    rf"(?P<atom>{_ESCAPE}|{_CLASS}|[^\\.*+?()\[\]{{}}|^$])(?P<times>[*+?]|\{{[0-9]+(?:,[0-9]*)?\}})?\??(?![*+?])"
    r"|(?P<group>\((?:\?[:=!])?|\)(?:(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??(?![*+?]))?|\|)"
    r"|(?P<end>\$)(?P<exact>\(\?!\\n\))?"
    r"|\^"
)


def find_pattern_faults(subject: Subject) -> Iterator[RawProblem]:
    """Hold every `pattern` and every key of `patternProperties` against the common language."""
    for at, schema in iter_all_subschemas(subject):
        if isinstance(schema.get("pattern"), str):
            yield from _check(at.child("pattern"), schema["pattern"], schema.get("maxLength"))
        for pattern in members(schema.get("patternProperties")):
            yield from _check(at.child("patternProperties", pattern), pattern, None)


def _check(at: Address, pattern: str, limit: Any) -> Iterator[RawProblem]:
    message = describe_pattern(pattern, limit)
    if message:
        yield RawProblem(at, message)


def describe_pattern(pattern: str, limit: Any) -> str | None:
    """Say why a pattern is not read alike by both, given the `maxLength` beside it; None where it is."""
    position, shortest, flat = 0, 0, True
    loose_ends: list[int] = []
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        if token is None:
            return f"'{pattern[position:][:8]}' means different things in Python and ECMA-262, or nothing"
        shortest += _least(token["times"]) if token["atom"] else 0
        flat &= not token["group"]
        position = token.end()
        if token["end"] and not token["exact"]:
            loose_ends.append(position)
    try:
        re.compile(pattern)
    except re.error as error:
        return f"not a regular expression: {error.msg}"
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except jsonschema_rs.ValidationError:
        return "a regular expression that jsonschema-rs cannot read"
    is_last = loose_ends == [position]
    guarded = flat and is_last and isinstance(limit, int) and limit <= shortest
    return None if guarded or not loose_ends else "Python's '$' lets a line feed follow; write '$(?!\\n)'"


def _least(times: str | None) -> int:
    """Return how often an atom comes at least."""
    if times is None:
        return 1
    if times.startswith("{"):
        return int(times.strip("{}").split(",")[0])
    return 1 if times == "+" else 0
