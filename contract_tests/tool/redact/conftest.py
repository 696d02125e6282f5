"""Redacts bytes as a file of a format, and checks what comes out."""

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.formats.editing import Tally
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.redact.files import redact_stream
from opay_contract.redact.redactor import Redactor

KEY = b"a key of thirty-two bytes, no more"
SYNTHETIC_KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
STARTED_AT = 1_790_000_000.0


@dataclass(slots=True)
class Redaction:
    """What a redaction wrote, and what it said about it."""

    data: bytes
    tally: Tally
    replaced: list[tuple[str, str]] = field(default_factory=list)


Redact = Callable[..., Redaction]
Summarise = Callable[..., DriftSummary]


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load_contract()


@pytest.fixture(scope="session")
def make_redactor(contract: Contract) -> Callable[..., Redactor]:
    """Return a function that makes a redactor with the tests' key."""

    def make(
        used: Contract | None = None, key: bytes = KEY, private_key: str | None = SYNTHETIC_KEY
    ) -> Redactor:
        return Redactor(used or contract, key, private_key)

    return make


@pytest.fixture(scope="session")
def redact(make_redactor: Callable[..., Redactor]) -> Redact:
    """Return a function from a recording's bytes to its redaction."""
    shared = make_redactor()

    def redact_bytes(
        data: bytes, format_in: Format | None = None, redactor: Redactor | None = None
    ) -> Redaction:
        used = redactor or shared
        used.log.replaced.clear()
        tally, written = one_pass(used, data, format_in)
        if clashes := used.memory.clashes():
            _, written = one_pass(used, written, format_in, clashes)
        return Redaction(written, tally, list(used.log.replaced))

    def one_pass(
        used: Redactor, data: bytes, format_in: Format | None, forced: frozenset[str] = frozenset()
    ) -> tuple[Tally, bytes]:
        used.memory.begin(forced)
        sink = io.BytesIO()
        source = Source(ordinal=0, name="-", path=None)
        return redact_stream(used, source, sink, format_in, stdin=io.BytesIO(data)), sink.getvalue()

    return redact_bytes


@pytest.fixture(scope="session")
def summarise(contract: Contract) -> Summarise:
    """Return a function from a recording's bytes to what a check finds in it."""

    def summarise_bytes(
        data: bytes, format_in: Format | None = None, used: Contract | None = None
    ) -> DriftSummary:
        fold = Fold(used or contract, Settings(started_at=STARTED_AT, private_key=SYNTHETIC_KEY))
        for item in iter_exchanges(Source(ordinal=0, name="-", path=None), format_in, stdin=io.BytesIO(data)):
            fold.add(item)
        return fold.summary()

    return summarise_bytes


@pytest.fixture(scope="session")
def verdict(
    summarise: Summarise, make_redactor: Callable[..., Redactor]
) -> Callable[..., tuple[object, ...]]:
    """Return a function from a recording's bytes to what must be the same after redaction."""

    def verdict_of(
        data: bytes, format_in: Format | None = None, used: Contract | None = None
    ) -> tuple[object, ...]:
        summary = summarise(data, format_in, used)
        counts = Counter[tuple[object, ...]]()
        for key, folded in summary.findings.items():
            counts[*key[:3], without_names(key[3])] += folded.count
        return (
            counts,
            summary.readings,
            summary.exchanges,
            summary.out_of_scope,
            summary.unreadable_count,
        )

    known = make_redactor().values.texts.detector.is_known

    def without_names(place: str) -> str:
        """Return a finding's place without names that may be somebody's, which are replaced."""
        return "/".join(step if known(step) or step[:1] in ("(", "*") else "?" for step in place.split("/"))

    return verdict_of


@pytest.fixture(scope="session")
def read() -> Callable[..., list[Exchange | Unreadable]]:
    """Return a function from a recording's bytes to what is read in it."""

    def read_bytes(data: bytes, format_in: Format | None = None) -> list[Exchange | Unreadable]:
        return list(iter_exchanges(Source(ordinal=0, name="-", path=None), format_in, stdin=io.BytesIO(data)))

    return read_bytes
