"""The fold over files: in this process, one after another, or over parts in whatever process that is."""

from collections.abc import Callable, Iterable
from typing import BinaryIO

import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.scopes import answer_shape
from opay_contract.drift.fold import Fold
from opay_contract.formats.table import Format
from opay_contract.judge.judge import Judge
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.parts import Batch, Part, PartReader
from opay_contract.recordings.reading import iter_exchanges

PROGRESS_STEP = 512
"""Entries between two words on progress."""


OnProgress = Callable[[int], None]
"""Hears now and then how much was seen."""


def no_progress(_seen: int, /) -> None:
    """Let progress go unheard."""


def check_sources(  # noqa: PLR0913  each is a thing of its own, by name
    sources: Iterable[Source | Unreadable],
    contract: Contract,
    settings: Settings,
    *,
    format_in: Format | None = None,
    stdin: BinaryIO | None = None,
    on_progress: OnProgress = no_progress,
) -> DriftSummary:
    """Check every exchange of every source; `on_progress` hears now and then how far it is.

    An interrupt (Ctrl-C) ends the run; the summary then has what was seen until then, and says so.
    """
    fold, answers = Fold(contract, settings), answer_shape(contract)
    try:
        for source in sources:
            if isinstance(source, Unreadable):
                fold.add(source)
                continue
            entries = iter_exchanges(source, format_in, stdin=stdin, answers=answers)
            for position, entry in enumerate(entries):
                fold.add(entry)
                if not position % PROGRESS_STEP:
                    on_progress(fold.seen)
    except KeyboardInterrupt:
        return replace(fold.summary(), is_partial=True)
    return fold.summary()


class PartResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a part: its summary with provisional numbers, and how many lines it has if it was cut.

    With a `fault` nothing of the part was counted.
    """

    summary: DriftSummary = field(default_factory=DriftSummary)
    lines: int | None = None
    fault: str | None = None


def fold_batch(
    batch: Batch,
    contract: Contract,
    settings: Settings,
    format_in: Format | None,
    judge: Judge | None = None,
) -> list[PartResult]:
    """Check every exchange of some parts; returns a result for each.

    What a `judge` learnt from earlier parts makes these quick. Whole files are folded as one, for what is
    learnt from the first makes the others quick; their joint summary is the result of the first of them.
    """
    shared = Fold(contract, settings)
    results: list[PartResult] = []
    for part in batch:
        if part.end is not None:
            results.append(fold_part(part, contract, settings, format_in, judge))
            continue
        for entry in PartReader(part, format_in, answer_shape(contract)):
            shared.add(entry)
        results.append(PartResult())
    whole = next((number for number, part in enumerate(batch) if part.end is None), None)
    if whole is not None:
        results[whole] = PartResult(summary=shared.summary())
    return results


def fold_part(
    part: Part,
    contract: Contract,
    settings: Settings,
    format_in: Format | None,
    judge: Judge | None = None,
) -> PartResult:
    """Check every exchange of a part."""
    fold, reader = Fold(contract, settings, judge=judge), PartReader(part, format_in, answer_shape(contract))
    for entry in reader:
        fold.add(entry)
    summary = fold.summary()  # nothing of it waits any more, whatever became of the part
    if reader.fault is not None:
        return PartResult(fault=reader.fault)
    return PartResult(summary=summary, lines=reader.lines)
