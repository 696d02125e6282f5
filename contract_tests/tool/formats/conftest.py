"""Reads bytes as a recording, as if they came through a pipe."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from opay_contract.formats.table import Format
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges

Read = Callable[..., list[Exchange | Unreadable]]


@pytest.fixture(scope="session")
def read() -> Read:
    """Return a function from bytes to everything that is read in them."""

    def read_bytes(data: bytes, format_in: Format | None = None) -> list[Exchange | Unreadable]:
        source = Source(ordinal=0, name="-", path=None)
        return list(iter_exchanges(source, format_in, stdin=io.BytesIO(data)))

    return read_bytes


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of recordings that real tools wrote."""
    return Path(__file__).parent / "samples"
