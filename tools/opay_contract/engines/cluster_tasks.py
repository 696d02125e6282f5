"""What runs on the machines of a cluster: one part, checked by the contract that came with the task."""

import hmac
import os
import pickle
import threading
import zlib
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from opay_contract import __version__
from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import Document
from opay_contract.contract.loading import build_contract
from opay_contract.engines.folding import PartResult, fold_batch
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Hidden
from opay_contract.recordings.parts import Batch

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
