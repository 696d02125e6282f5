"""Runs the fold in this process, file after file."""

from collections.abc import Iterable
from dataclasses import replace
from typing import BinaryIO

from opay_contract.contract.answers import answer_shape
from opay_contract.contract.contract import Contract
from opay_contract.drift.fold import Fold
from opay_contract.engines.progress import OnProgress, no_progress
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges

PROGRESS_STEP = 512
"""Entries between two words on progress."""


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
                    on_progress(fold.seen, fold.found)
    except KeyboardInterrupt:
        return replace(fold.summary(), is_partial=True)
    return fold.summary()
