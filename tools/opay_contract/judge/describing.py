"""Puts values and names into words that say type, length and shape, and never the value itself."""

import re
from typing import Any

from opay_contract.jsontext import Tokens, pointer

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_.:$-]{0,63}")
_LABEL = re.compile(r"[0-9]{1,5}|[A-Z][A-Z_+-]{0,23}")
_MANY_DIGITS = 5
_SHAPES = (
    (re.compile(r"[0-9]+"), "digits"),
    (re.compile(r"[A-Za-z]+"), "letters"),
    (re.compile(r"[A-Za-z0-9]+"), "letters and digits"),
    (re.compile(r"\s+"), "white space"),
)

_TOP_LEVEL = frozenset(
    (
        *("application", "audio", "example", "font", "haptics", "image"),
        *("message", "model", "multipart", "text", "video"),
    )
)
"""The registered top-level media types (RFC 6838 and the IANA's registry)."""


def describe_value(value: Any) -> str:
    """Return the type, length and shape of a parsed JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return (
            f"integer of {_count(len(str(abs(value))), 'digit')}"
            if abs(value) < 10**20
            else "very long integer"
        )
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return _describe_text(value)
    if isinstance(value, list):
        return f"array of {_count(len(value), 'item')}"
    return f"object of {_count(len(value), 'member')}"


def is_label(text: str) -> bool:
    """Tell whether a text looks like a code or a label, which no name, address or number does.

    It may be shown where the contract calls its place public, and nowhere else.
    """
    return _LABEL.fullmatch(text) is not None


def describe_name(name: str) -> str:
    """Return a name (of a member, a method, a path segment) if it looks like one, else only its shape.

    A key can hold a person's number or address as well as a value can.
    """
    if _NAME.fullmatch(name) and sum(map(str.isdigit, name)) < _MANY_DIGITS:
        return name
    return f"({_describe_text(name)})"


def fold_pointer(tokens: Tokens) -> str:
    """Return the JSON pointer of `tokens` with array indexes folded to `*` and odd names described."""
    return pointer(tuple("*" if isinstance(token, int) else describe_name(token) for token in tokens))


def folded_place(place: str) -> str:
    """Return the pointer of a documented place as observations and findings have it."""
    return "/".join(token if token in ("", "*") else describe_name(token) for token in place.split("/"))


def describe_media_type(content_type: str | None) -> str:
    """Return the media type of a Content-Type header, without parameters; of what is none only its shape."""
    if content_type is None:
        return "no Content-Type"
    media_type = content_type.partition(";")[0].strip().lower()
    kind, _, subtype = media_type.partition("/")
    return f"{kind}/{describe_name(subtype)}" if kind in _TOP_LEVEL else f"({_describe_text(media_type)})"


def _describe_text(text: str) -> str:
    if not text:
        return "empty string"
    shape = next((name for pattern, name in _SHAPES if pattern.fullmatch(text)), "mixed characters")
    return f"string of {_count(len(text), 'character')}, {shape}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
