"""Runs the command in an empty folder of its own, with the secrets that a test puts into the environment."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from contract_tests.tool.running import ENVIRONMENT, Completed, run_command

REPOSITORY = Path(__file__).parents[3]
RECORDINGS = REPOSITORY / "contract_tests" / "recordings"

_PASSED = ("OPAY_", "_OPAY_", "COMP_")
"""Variables of secrets, and of completion."""

Run = Callable[..., Completed]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def drifted() -> Path:
    """A recording with 24 findings, among them a card number."""
    return RECORDINGS / "drifted" / "requests.ndjson"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs `opay-contract`; `stdin` is what it reads."""

    def run_here(*arguments: str | Path, cwd: Path = tmp_path, stdin: bytes = b"") -> Completed:
        secrets = {name: value for name, value in os.environ.items() if name.startswith(_PASSED)}
        return run_command(*arguments, cwd=cwd, stdin=stdin, environment=ENVIRONMENT | secrets)

    return run_here


@pytest.fixture(scope="session")
def in_a_month() -> str:
    """Return a day that a run of today takes as an expiry."""
    return str(datetime.now(UTC).date() + timedelta(days=30))
