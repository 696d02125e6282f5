"""The fold over files in this process, or over parts in whatever process or machine of a cluster that is."""

import gc
import hmac
import os
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract import __version__
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document
from opay_contract.contract.fields import answer_shape
from opay_contract.contract.loading import build_contract
from opay_contract.drift.fold import Fold
from opay_contract.formats.table import Format
from opay_contract.judge.judge import Judge
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Hidden, Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.parts import Batch, Part, PartReader
from opay_contract.recordings.reading import iter_exchanges

PROGRESS_STEP = 512
"""Entries between two words on progress."""

MANY_OBJECTS = 100_000
"""So many objects more than before, and the garbage collector looks for circles among them.

What waits to be judged is much, and has none.
"""

OnProgress = Callable[[int], None]
"""Hears now and then how much was seen."""


def no_progress(_seen: int, /) -> None:
    """Let progress go unheard."""


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Keep the garbage collector from walking again and again what waits to be judged."""
    before = gc.get_threshold()
    gc.set_threshold(MANY_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@collecting_seldom()
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


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What every worker needs to know; a contract does not travel, so each loads its own."""

    contract_dir: Path | None
    base_urls: tuple[str, ...]
    settings: Settings
    format_in: Format | None


PRIVATE_KEY = "OPAY_PRIVATE_KEY"
"""The variable that each machine has the key in; the key itself never travels."""

OTHER_KEY = (
    f"the workers have no {PRIVATE_KEY}, or another than this command; set the same where they are started"
)
OTHER_VERSION = (
    "the workers have another version of opay-contract than this command; install the same on both"
)


class ClusterJob(Hidden, frozen=True, kw_only=True):
    """What goes with every part: the contract itself, for no machine need have its files, and the settings.

    `settings` are without the private key; `key_digest` is what a worker knows the right one by.
    """

    documents: bytes
    base_urls: tuple[str, ...]
    settings: Settings
    format_in: Format | None
    key_digest: str | None
    version: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a worker cannot take part in this run at all."""

    reason: str


_own = threading.local()


def build_job(
    documents: dict[str, Document],
    base_urls: tuple[str, ...],
    settings: Settings,
    format_in: Format | None,
) -> ClusterJob:
    """Pack what the tasks of a run need."""
    import pickle  # noqa: PLC0415  a check on one machine starts without it

    return ClusterJob(
        documents=zlib.compress(pickle.dumps(documents)),
        base_urls=base_urls,
        settings=replace(settings, private_key=None),
        format_in=format_in,
        key_digest=_digest(settings.private_key, settings.started_at),
        version=__version__,
    )


def check_parts(job: ClusterJob, batch: Batch) -> list[PartResult] | Refusal:
    """Check parts on a worker.

    Whatever fails here is a value: an exception's text would go into Dask's logs, and may hold card data.
    """
    key = os.environ.get(PRIVATE_KEY) if job.key_digest else None
    if job.version != __version__:
        return Refusal(reason=OTHER_VERSION)
    if _digest(key, job.settings.started_at) != job.key_digest:
        return Refusal(reason=OTHER_KEY)
    return _check(batch, _contract(job), replace(job.settings, private_key=key), job.format_in)


def _check(
    batch: Batch, contract: Contract, settings: Settings, format_in: Format | None
) -> list[PartResult]:
    """Check a batch; when it meets a defect, each part of it alone, so that one is named."""
    try:
        return fold_batch(batch, contract, settings, format_in)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  panics of the schema library included
        if len(batch) == 1:
            return [PartResult(fault=f"a defect in opay-contract ({type(error).__name__}{_where(error)})")]
    return [result for part in batch for result in _check((part,), contract, settings, format_in)]


def _contract(job: ClusterJob) -> Contract:
    """Build a contract once a thread: what a contract remembers is not made for several."""
    name = sha256(job.documents + repr(job.base_urls).encode()).digest()
    if getattr(_own, "name", None) != name:
        import pickle  # noqa: PLC0415  as above

        documents = pickle.loads(zlib.decompress(job.documents))  # noqa: S301  Dask's tasks are pickles, too
        _own.contract, _own.name = build_contract(documents, job.base_urls), name
    contract: Contract = _own.contract
    return contract


def _digest(key: str | None, started_at: float) -> str | None:
    return hmac.new(key.encode(), repr(started_at).encode(), sha256).hexdigest() if key else None


def _where(error: BaseException) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f" in {frame.tb_frame.f_globals.get('__name__')}, line {frame.tb_lineno}" if frame else ""
