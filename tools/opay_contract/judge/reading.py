"""Reads the bodies of many exchanges at once: each as `parse_json` reads it, with its shape.

Most are objects on a line, without escapes. Such lines are decoded and looked at together; what may be odd
about one of them is read again by itself.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from opay_contract.jsontext import MAX_DEPTH, NotJson, Parsed, iter_long_rows, may_be_unsafe, parse_json
from opay_contract.judge.card_numbers import iter_with_numbers
from opay_contract.judge.shapes import Shape, Shapes

BodyKind = Shape | tuple[Shape | None] | None
"""The shape of a body that is JSON; in a tuple where it has flaws, or None there where it is no JSON."""

Body = tuple[Parsed | NotJson | None, BodyKind]
"""A body as it was read, and what it has in common with others; None for what was not recorded or sent."""

NO_BODY: Body = (None, None)

_STAND_IN = b"{}"
_OPENS, _CLOSES = _STAND_IN
_LEVELS = MAX_DEPTH // 2
"""Shapes of more levels may be too deep."""

_decode = msgspec.json.Decoder().decode
_decode_lines = msgspec.json.Decoder().decode_lines
_encode = msgspec.json.Encoder().encode


def read_bodies(texts: Sequence[bytes], shapes: Shapes) -> list[Body]:
    """Read each text."""
    lines = [text for text in texts if b"\\" not in text]
    if not _are_objects(lines, b"\n".join(lines)):
        lines = [line for line in lines if _are_objects([line], line)]
    if not lines:
        return [measure(parse_json(text), shapes) for text in texts]
    read, position = _read_lines(lines, shapes), 0
    if len(lines) == len(texts):
        return read
    found: list[Body] = []
    for text in texts:
        if position < len(lines) and text is lines[position]:
            found.append(read[position])
            position += 1
        else:
            found.append(measure(parse_json(text), shapes))
    return found


def measure(read: Parsed | NotJson, shapes: Shapes) -> Body:
    """Return a body that was read with its kind."""
    if isinstance(read, NotJson):
        return read, (None,)
    shape = shapes.of(read.value)
    return read, (shape,) if read.flaws else shape


def shape_of(kind: BodyKind) -> Shape | None:
    """Return the shape of bodies of a kind, None where they are no JSON."""
    return kind[0] if isinstance(kind, tuple) else kind


def _are_objects(lines: Sequence[bytes], joined: bytes) -> bool:
    """Tell whether each is a line that begins and ends as an object does.

    Then no value goes over the end of a line: what is left open by a `}` cannot go on with a `{`. So there
    are as many values as lines only if each line is one.
    """
    are_braced = all(line[0] == _OPENS and line[-1] == _CLOSES for line in lines)
    return are_braced and joined.count(b"\n") == len(lines) - 1


def _read_lines(lines: list[bytes], shapes: Shapes) -> list[Body]:
    """Read lines without escapes.

    Objects that have the same key twice are told by the number of quotes, which is smaller in what was read.
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
    if joined.count(b'"') != quotes:
        odd.update(
            number
            for number, (line, value) in enumerate(zip(lines, values, strict=True))
            if line.count(b'"') != _encode(value).count(b'"')
        )
    if any(shape.levels > _LEVELS for shape in set(found)):
        odd.update(number for number, shape in enumerate(found) if shape.levels > _LEVELS)
    rows = list(iter_long_rows(joined, lines))
    odd.update(number for number, row in rows if may_be_unsafe(row) and may_be_unsafe(lines[number]))
    showing = set(iter_with_numbers(lines, rows))
    read: list[Body] = [
        (Parsed(value, (), (), number in showing), shape)
        for number, (value, shape) in enumerate(zip(values, found, strict=True))
    ]
    for number in odd:
        read[number] = measure(parse_json(lines[number]), shapes)
    return read


def _decoded(line: bytes) -> Any:
    try:
        return _decode(line)
    except (ValueError, RecursionError):
        return None
