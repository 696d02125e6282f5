"""Judges conforming lines of one kind many at a time, column by column.

A kind is learnt from a line that went the long way and had no finding: its type (`linetypes`) settles route,
status, header names, media types, members, JSON types, business code and message. What is left are values,
and those of a hundred lines are judged together: constraints by the schema library over a list, card
numbers in one joined text. If a batch does not pass as a whole, its lines are judged one by one.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Any

import msgspec

from opay_contract.jsontext import iter_nodes
from opay_contract.recordings.ndjson import NumberedLine
from opay_contract.recordings.sources import Source
from opay_contract.rules.linekinds import Kind, Line, build_kind
from opay_contract.rules.subject import Subject

BATCH = 128
"""Lines that are judged together."""

MAX_KINDS = 12
"""Kinds that are tried; each costs a line that is of none of them about a microsecond."""

MAX_VARIANTS = 512
"""Variants of a kind that are remembered."""

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Verdict:
    """A batch that was judged.

    `decoded` are the lines that conform, `variants` how many of them there are of each variant, `failed`
    the lines that have to be judged one by one.
    """

    kind: Kind
    decoded: list[Any]
    variants: Counter[Any]
    failed: list[Line]


class BatchPath:
    """Collects lines of known kinds and gives a verdict whenever a batch is full."""

    def __init__(self, started_at: float) -> None:
        """Take the time at which the run began, for lines that have none."""
        self._started_at = started_at
        self._kinds: list[Kind] = []

    def take(self, source: Source, numbered: NumberedLine) -> Verdict | bool:
        """Return whether the line was taken; a verdict if it filled its batch."""
        text = numbered[1]
        for position, kind in enumerate(self._kinds):
            try:
                decoded = kind.decoder.decode(text)
            except (ValueError, RecursionError):
                continue
            if position:
                self._kinds.insert(0, self._kinds.pop(position))
            kind.lines.append((source, numbered))
            kind.decoded.append(decoded)
            return len(kind.lines) < BATCH or self._judge(kind)
        return False

    def finish(self) -> Iterator[Verdict]:
        """Judge what is left."""
        yield from [self._judge(kind) for kind in self._kinds if kind.lines]

    def learn(
        self, subject: Subject, text: bytes, is_welcome: Callable[[Kind], bool]
    ) -> tuple[Kind, Any] | None:
        """Remember a line that has no finding; returns its kind and its variant if that is new.

        `is_welcome` may turn a new kind down.
        """
        kind = next((kind for kind in self._kinds if _decodes(kind, text)), None)
        if kind is None and len(self._kinds) < MAX_KINDS:
            kind = build_kind(subject, text, self._started_at, len(self._kinds))
            if kind is not None and is_welcome(kind):
                self._kinds.append(kind)
        if kind is None or kind not in self._kinds:
            return None
        variant = kind.variants_of([kind.decoder.decode(text)])[0]
        if variant in kind.variants or len(kind.variants) >= MAX_VARIANTS:
            return None
        kind.variants[variant] = _count_quotes(_decode(text))
        return kind, variant

    def _judge(self, kind: Kind) -> Verdict:
        lines, decoded = kind.lines, kind.decoded
        kind.lines, kind.decoded = [], []
        variants = kind.variants_of(decoded)
        known = [
            kind.variants.get(one) == line[1][1].count(b'"')
            for one, line in zip(variants, lines, strict=True)
        ]
        failed = [line for line, passes in zip(lines, known, strict=True) if not passes]
        decoded = list(compress(decoded, known))
        if all(check(decoded) for check in kind.checks):
            return Verdict(kind, decoded, Counter(compress(variants, known)), failed)
        return Verdict(kind, [], Counter(), lines)


def _decodes(kind: Kind, text: bytes) -> bool:
    try:
        kind.decoder.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _count_quotes(line: Any) -> int:
    """Count the quotes that a line needs for its keys and texts.

    A line of the same variant has more of them only if it repeats a key or escapes a quote.
    """
    nodes = [value for _, value in iter_nodes(line)]
    texts = sum(isinstance(value, str) for value in nodes)
    return 2 * (texts + sum(len(value) for value in nodes if isinstance(value, dict)))
