"""Traffic of every kind of finding, and the summary of one process over it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.engines.folding import check_sources
from opay_contract.judge.subject import Settings
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_inputs

CASES = sorted((Path(__file__).parents[2] / "tool" / "judge" / "cases").glob("*/*.ndjson"))
SETTINGS = Settings(started_at=1_790_000_000.0)


@pytest.fixture(scope="session")
def traffic_bytes() -> bytes:
    """Return lines of every rule's cases, blank lines, broken ones, and a last one that nothing ends."""
    lines = [case.read_bytes() for case in CASES]
    again = b"\n  \r\nnot json\n\n" + b"".join(lines[::4])
    return b"\xef\xbb\xbf" + b"".join(lines) + again + b'{"response": {}}\n{"a":'


@pytest.fixture(scope="session")
def traffic(traffic_bytes: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return them as a file."""
    path = tmp_path_factory.mktemp("traffic") / "all.ndjson"
    path.write_bytes(traffic_bytes)
    return path


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Return the contract."""
    return load_contract()


@pytest.fixture(scope="session")
def run_settings() -> Settings:
    """Return the settings of every run here."""
    return SETTINGS


@pytest.fixture(scope="session")
def alone(contract: Contract) -> Callable[..., DriftSummary]:
    """Return what one process finds; it looks at the same paths once."""

    @cache
    def look(*paths: str | Path) -> DriftSummary:
        return check_sources(iter_inputs(list(map(str, paths))), contract, SETTINGS)

    return look
