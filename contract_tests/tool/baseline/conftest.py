"""A baseline of two entries, and the command."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from contract_tests.tool.running import ENVIRONMENT, Completed, run_command

from opay_contract.baseline.acceptance import Acceptance
from opay_contract.model.finding import Outcome

DATA = Path(__file__).parents[2] / "tool" / "whole" / "acceptance" / "data"
TODAY = date(2026, 11, 23)

Run = Callable[..., Completed]
Accept = Callable[..., Acceptance]


@pytest.fixture(scope="session")
def today() -> date:
    """Return the day on which the tests of the file's text are."""
    return TODAY


@pytest.fixture(scope="session")
def in_a_month() -> str:
    """Return a day that a process of today takes as an expiry."""
    return str(datetime.now(UTC).date() + timedelta(days=30))


@pytest.fixture(scope="session")
def accept() -> Accept:
    """Return a function that makes an acceptance, of what is named and otherwise of a usual one."""

    def make(
        rule: str = "field-missing",
        pointer: str = "/data/name",
        outcome: Outcome = Outcome.SUCCESS,
        operation: str = "queryCardTokens",
        **others: str | date,
    ) -> Acceptance:
        said = {"reason": "ticket 12", "accepted_by": "Mona", "expires": date(2027, 1, 31)} | others
        return Acceptance(
            rule=rule,
            operation=operation,
            outcome=outcome,
            pointer=pointer,
            reason=str(said["reason"]),
            expires=date.fromisoformat(str(said["expires"])),
            accepted_by=str(said["accepted_by"]),
            accepted_on=TODAY,
            file="baseline.toml",
            line=0,
        )

    return make


@pytest.fixture(scope="session")
def run() -> Run:
    """Return a function that runs `opay-contract` in the folder of the recordings clean/ and drifted/."""
    return partial(run_command, cwd=DATA, environment=ENVIRONMENT | {"LOGNAME": "mona"})
