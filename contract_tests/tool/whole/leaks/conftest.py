"""What hears everything that a check says, and the search for canaries in that."""

import io
from collections.abc import Callable

import click
import pytest
from contract_tests.tool.whole.leaks.canaries import CANARIES, FOUND_CARDS, PEOPLE, find_canaries

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.formats.table import Format
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Unreadable
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.report.checked_run import CheckedRun, View
from opay_contract.report.json_report import render_json
from opay_contract.report.text_report import render_concise, render_text


@pytest.fixture(scope="session")
def assert_silent() -> Callable[..., None]:
    """Return the search: it fails when anything of a canary was said."""

    def search(*said: str | bytes) -> None:
        for one in said:
            assert find_canaries(one) == []

    return search


@pytest.fixture(scope="session")
def cards() -> dict[str, str | int]:
    return FOUND_CARDS


@pytest.fixture(scope="session")
def canaries() -> dict[str, str | int]:
    """Return one of each kind of canary."""
    chosen = ("plain", "in-text", "number", "arabic-digits", *PEOPLE)
    return {name: CANARIES[name] for name in chosen}


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load_contract()


@pytest.fixture(scope="session")
def listen(contract: Contract) -> Callable[..., list[str]]:
    """Return a function from recordings to everything that a check of them says.

    That is the findings and reasons of each recording by itself, as equal findings fold into the first of
    them; and in the end the summary, which every report is made from, with both reports.
    """
    settings = Settings(started_at=1_790_000_000.0, private_key=str(PEOPLE["merchant-key"]))

    def listen_to(*recordings: bytes, format_in: Format | None = None) -> list[str]:
        fold = Fold(contract, settings)
        said = [""] * len(recordings)
        for ordinal, data in enumerate(recordings):
            source = Source(ordinal=ordinal, name="-", path=None)
            for item in iter_exchanges(source, format_in, stdin=io.BytesIO(data)):
                findings = fold.check(item)
                said[ordinal] += repr(item if isinstance(item, Unreadable) else findings)
        summary = fold.summary()
        run = CheckedRun(summary=summary, questions=contract.questions, contract=contract)
        everything = View(is_full=True, shows_questions=True, shows_observed=True, is_verbose=True)
        reports = (render_concise(run), render_text(run, everything))
        return [*said, "\n".join((repr(summary), *map(click.unstyle, reports), render_json(run)))]

    return listen_to
