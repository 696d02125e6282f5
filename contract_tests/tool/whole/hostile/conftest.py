"""Checks and redacts hostile files, and measures what that takes."""

import gc
import io
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.formats.editing import Tally
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.redact.files import redact_stream
from opay_contract.redact.redactor import Redactor

STARTED_AT = 1_790_000_000.0


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load_contract()


@pytest.fixture
def check(contract: Contract, tmp_path: Path) -> Callable[[bytes], DriftSummary]:
    """Return a function from a file's bytes to what a check finds in it."""

    def check_bytes(data: bytes) -> DriftSummary:
        path = tmp_path / "checked"
        path.write_bytes(data)
        source = Source(ordinal=0, name="checked", path=path)
        fold = Fold(contract, Settings(started_at=STARTED_AT, private_key=None))
        for entry in iter_exchanges(source):
            fold.add(entry)
        return fold.summary()

    return check_bytes


@pytest.fixture
def redact(contract: Contract, tmp_path: Path) -> Callable[[bytes], tuple[Tally, bytes]]:
    """Return a function from a file's bytes to what is said about them and what is written for them."""

    def redact_bytes(data: bytes) -> tuple[Tally, bytes]:
        path = tmp_path / "redacted"
        path.write_bytes(data)
        sink = io.BytesIO()
        redactor = Redactor(contract, b"a key of thirty-two bytes, no more")
        tally = redact_stream(redactor, Source(ordinal=0, name="redacted", path=path), sink)
        return tally, sink.getvalue()

    return redact_bytes


@pytest.fixture
def seconds() -> Callable[[Callable[[], object]], float]:
    """Return a function that gives the processor's time of a call.

    What other tests left in memory is no part of it, and nobody walks through it again: garbage is not
    collected meanwhile.
    """

    def measure(call: Callable[[], object]) -> float:
        gc.collect()
        gc.disable()
        try:
            begun = time.process_time()
            call()
            return time.process_time() - begun
        finally:
            gc.enable()

    gc.collect()
    gc.freeze()
    return measure


@pytest.fixture(scope="session")
def peak() -> Callable[[Callable[[], object]], int]:
    """Return a function that gives how much memory a call takes at its peak."""

    def measure(call: Callable[[], object]) -> int:
        tracemalloc.start()
        try:
            call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measure
