"""Reads the bodies of many exchanges at once: each as `parse_json` reads it, with its shape.

Most are objects on a line. Such lines are decoded and looked at together; what may be odd about one of them
is read again by itself.
"""

from collections.abc import Sequence
from itertools import compress
from typing import Any

import msgspec

from opay_contract.jsontext import (
    MAX_DEPTH,
    NotJson,
    Parsed,
    count_quotes,
    iter_long_rows,
    may_be_unsafe,
    parse_json,
)
from opay_contract.judge.card_numbers import iter_with_numbers
from opay_contract.judge.shapes import Shape, Shapes

BodyKind = Shape | tuple[Shape | None] | None
"""The shape of a body that is JSON; in a tuple where it has flaws, or None there where it is no JSON."""

Body = tuple[Parsed | NotJson | None, BodyKind]
"""A body as it was read, and what it has in common with others; None for what was not recorded or sent."""

NO_BODY: Body = (None, None)

_STAND_IN, _OPENS, _CLOSES = b"{}", b"{", b"}"
_LINE_END, _BACKSLASH = b"\n\\"  # bytes look for a number quicker than for bytes
_LEVELS = MAX_DEPTH // 2
"""Shapes of more levels may be too deep."""

_decode = msgspec.json.Decoder().decode
_decode_lines = msgspec.json.Decoder().decode_lines
_encode = msgspec.json.Encoder().encode


def read_bodies(texts: Sequence[bytes], shapes: Shapes) -> list[Body]:
    """Read each text; those that are a line each, and begin and end as an object does, together.

    Then no value goes over the end of a line: what is left open by a `}` cannot go on with a `{`. So there
    are as many values as lines only if each line is one.
    """
    are_lines = [text[:1] == _OPENS and text[-1:] == _CLOSES and _LINE_END not in text for text in texts]
    if all(are_lines):
        return _read_lines(texts, shapes)
    read = iter(_read_lines(list(compress(texts, are_lines)), shapes))
    return [
        next(read) if is_line else measure(parse_json(text), shapes)
        for text, is_line in zip(texts, are_lines, strict=True)
    ]


def measure(read: Parsed | NotJson, shapes: Shapes) -> Body:
    """Return a body that was read with its kind."""
    if isinstance(read, NotJson):
        return read, (None,)
    shape = shapes.of(read.value)
    return read, (shape,) if read.flaws else shape


def shape_of(kind: BodyKind) -> Shape | None:
    """Return the shape of bodies of a kind, None where they are no JSON."""
    return kind[0] if isinstance(kind, tuple) else kind


def _read_lines(lines: Sequence[bytes], shapes: Shapes) -> list[Body]:
    """Read lines.

    Objects that have the same key twice are told by the number of quotes, which is smaller in what was read;
    those that are escaped do not count.
    """
    joined, odd = b"\n".join(lines), set[int]()
    try:
        values = _decode_lines(joined)
    except (ValueError, RecursionError):
        values = []
    if len(values) != len(lines):
        values = list(map(_decoded, lines))
        odd = {number for number, value in enumerate(values) if value is None}
        values = [{} if value is None else value for value in values]
        joined = b"\n".join([_STAND_IN if number in odd else line for number, line in enumerate(lines)])
    try:
        found, quotes = shapes.measure(values)
    except RecursionError:
        return [measure(parse_json(line), shapes) for line in lines]
    escaped = (
        [number for number, line in enumerate(lines) if _BACKSLASH in line] if _BACKSLASH in joined else []
    )
    hidden = sum([lines[number].count(b'"') - count_quotes(lines[number]) for number in escaped])
    if joined.count(b'"') - hidden != quotes:
        odd.update(
            number
            for number, (line, value) in enumerate(zip(lines, values, strict=True))
            if count_quotes(line) != count_quotes(_encode(value))
        )
    if any(shape.levels > _LEVELS for shape in set(found)):
        odd.update(number for number, shape in enumerate(found) if shape.levels > _LEVELS)
    rows = list(iter_long_rows(joined))
    odd.update(number for number, row in rows if may_be_unsafe(row) and may_be_unsafe(lines[number]))
    showing = {*iter_with_numbers(lines, rows), *escaped}
    read: list[Body] = list(zip(map(Parsed, values), found, strict=True))
    for number in showing:
        read[number] = Parsed(values[number], may_show_number=True), found[number]
    for number in odd:
        read[number] = measure(parse_json(lines[number]), shapes)
    return read


def _decoded(line: bytes) -> Any:
    try:
        return _decode(line)
    except (ValueError, RecursionError):
        return None
