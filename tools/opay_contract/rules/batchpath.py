"""Judges conforming lines of one kind many at a time, column by column.

A kind is learnt from a line that went the long way and had no finding: its type (`linetypes`) settles route,
status, header names, media types, members, JSON types, business code and message. What is left are values,
and those of a few hundred lines are judged together: constraints by the schema library over a list, card
numbers in one joined text. A batch that does not pass is halved until what fails stands alone.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
from typing import Any

import msgspec

from opay_contract.jsontext import iter_nodes
from opay_contract.recordings.ndjson import Lines, NumberedLine
from opay_contract.rules.columns import Batch
from opay_contract.rules.linekinds import Kind, build_kind
from opay_contract.rules.subject import Subject

SMALLEST_BATCH = 8
"""Lines of a batch that is not halved again; they are judged one by one."""

MAX_KINDS = 12
"""Kinds that are tried; each costs a line that is of none of them about a microsecond."""

MAX_VARIANTS = 512
"""Variants of a kind that are remembered."""

_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Verdict:
    """Lines of one kind that were judged: those that conform, their variants' numbers, and the rest."""

    kind: Kind
    batch: Batch
    variants: list[int]
    failed: list[NumberedLine]


class BatchPath:
    """Sorts lines by the kinds that it knows, and judges those of a kind together."""

    def __init__(self, started_at: float) -> None:
        """Take the time at which the run began, for lines that have none."""
        self._started_at = started_at
        self._kinds: list[Kind] = []

    def take(self, lines: Lines) -> Iterator[NumberedLine | Verdict]:
        """Yield each line that is of no kind, at once, as it may teach one; then the verdicts on the others.

        They should be few enough for what is decoded to be in the processor's cache when it is judged.
        """
        texts, position = lines.texts, 0
        while position < len(texts):
            position += self._sort(lines.first + position, texts[position:])
            if position < len(texts):
                yield lines.first + position, texts[position]
                position += 1
        for kind in [kind for kind in self._kinds if kind.decoded]:
            runs, decoded = kind.runs, kind.decoded
            kind.runs, kind.decoded = [], []
            yield from _judge(kind, runs, decoded)

    def _sort(self, first: int, texts: list[bytes]) -> int:
        """Give lines to their kinds until one is of none; returns how many were given."""
        given = 0
        while self._kinds and given < len(texts):
            kind, before = self._kinds[0], len(self._kinds[0].decoded)
            rest = texts[given:] if given else texts
            with suppress(ValueError, RecursionError):
                kind.decoded.extend(map(kind.decoder.decode, rest))
            taken = len(kind.decoded) - before
            kind.runs.append(Lines(first + given, rest[:taken]))
            given += taken
            if given < len(texts):
                if not self._give(first + given, texts[given]):
                    break
                given += 1
        return given

    def _give(self, number: int, text: bytes) -> bool:
        """Give a line to another kind than the first, which becomes the first."""
        for position in range(1, len(self._kinds)):
            kind = self._kinds[position]
            if (decoded := _decoded(kind, text)) is not None:
                kind.decoded.append(decoded)
                kind.runs.append(Lines(number, [text]))
                self._kinds.insert(0, self._kinds.pop(position))
                return True
        return False

    def learn(self, subject: Subject, text: bytes, is_welcome: Callable[[Kind], bool]) -> Kind | None:
        """Remember a line that has no finding; returns its kind if its variant is new, which is the last now.

        `is_welcome` may turn a new kind down.
        """
        kind = next((kind for kind in self._kinds if _decoded(kind, text) is not None), None)
        if kind is None and len(self._kinds) < MAX_KINDS:
            kind = build_kind(subject, text, self._started_at, len(self._kinds))
            if kind is not None and is_welcome(kind):
                self._kinds.append(kind)
        if kind is None or kind not in self._kinds:
            return None
        variant = kind.variants_of(Batch([kind.decoder.decode(text)]))[0]
        if variant in kind.variants or len(kind.variants) >= MAX_VARIANTS:
            return None
        kind.variants[variant] = len(kind.quotes)
        kind.quotes.append(_count_quotes(_decode(text)))
        return kind


def _judge(kind: Kind, runs: list[Lines], decoded: list[Any]) -> Iterator[Verdict]:
    """Yield verdicts; lines of an unknown variant, and those with more quotes than theirs has, fail."""
    batch = Batch(decoded)
    variants = kind.numbers_of(batch)
    quotes = [None if variant is None else kind.quotes[variant] for variant in variants]
    texts = [text for run in runs for text in run.texts]
    if None not in quotes and sum(filter(None, quotes)) == b"".join(texts).count(b'"'):
        yield from _check(kind, runs, batch, variants)
        return
    lines = [line for run in runs for line in run.numbered()]
    passing = [expected == line[1].count(b'"') for expected, line in zip(quotes, lines, strict=True)]
    yield Verdict(
        kind, Batch([]), [], [line for line, passes in zip(lines, passing, strict=True) if not passes]
    )
    good = [Lines(number, [text]) for number, text in compress(lines, passing)]
    yield from _check(kind, good, Batch(list(compress(decoded, passing))), list(compress(variants, passing)))


def _check(kind: Kind, runs: list[Lines], batch: Batch, variants: list[Any]) -> Iterator[Verdict]:
    """Yield verdicts on lines of known variants, halving the batch until every check passes."""
    if not len(batch) or all(check(batch) for check in kind.checks):
        yield Verdict(kind, batch, variants, [])
        return
    lines = [line for run in runs for line in run.numbered()]
    if len(lines) <= SMALLEST_BATCH:
        yield Verdict(kind, Batch([]), [], lines)
        return
    middle = len(lines) // 2
    for part in (slice(middle), slice(middle, None)):
        halved = [Lines(number, [text]) for number, text in lines[part]]
        yield from _check(kind, halved, Batch(batch.lines[part]), variants[part])


def _decoded(kind: Kind, text: bytes) -> Any:
    try:
        return kind.decoder.decode(text)
    except (ValueError, RecursionError):
        return None


def _count_quotes(line: Any) -> int:
    """Count the quotes that a line needs for its keys and texts.

    A line of the same variant has more of them only if it repeats a key or escapes a quote.
    """
    nodes = [value for _, value in iter_nodes(line)]
    texts = sum(isinstance(value, str) for value in nodes)
    return 2 * (texts + sum(len(value) for value in nodes if isinstance(value, dict)))
