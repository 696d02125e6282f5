"""The canaries, what hears everything that a check says, and the search for canaries in that."""

import io
import re
import unicodedata
from collections.abc import Callable

import click
import pytest

from opay_contract.contract.contract import Contract
from opay_contract.contract.loading import load_contract
from opay_contract.drift.fold import Fold
from opay_contract.model.exchange import Unreadable
from opay_contract.recordings.formats import Format
from opay_contract.recordings.ndjson import Lines, parse_line
from opay_contract.recordings.reading import iter_entries
from opay_contract.recordings.sources import Source
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.json_report import render_json
from opay_contract.report.text_report import render_text
from opay_contract.rules.subject import Settings

ARABIC_DIGITS = {ord(digit): 0x660 + int(digit) for digit in "0123456789"}
WIDE_DIGITS = {ord(digit): 0xFF10 + int(digit) for digit in "0123456789"}

CARDS: dict[str, str | int] = {
    "plain": "4111111111111111",
    "spaced": "4111 1111 1111 1111",
    "dashed": "4111-1111-1111-1111",
    "in-text": "saved card no. 4111.1111.1111.1111, thank you",
    "number": 4111111111111111,
    "arabic-digits": "4111 1111 1111 1111".translate(ARABIC_DIGITS),
    "wide-digits": "4111111111111111".translate(WIDE_DIGITS),
}
"""The card number that every payment page is tested with, in the spellings that it is found in."""

CUSTOMERS: dict[str, str | int] = {
    "latin-name": "Amira Canarywood",
    "arabic-name": "أميرة كناري",
    "e-mail": "amira.canarywood@example.com",
    "mobile": "+20 109 876 5432",
    "token": "OPAY_TOKEN_c0ffee12c0ffee34c0ffee56c0ffee78",
    "merchant-key": "OPAYPRV17263544998877665",
    "authorization": "Bearer " + "9f8e7d6c" * 16,
    "in-text": "customer 88442200119, 金絲雀夫人 (Amira Canarywood), 201098765432: OPAYPRV17263544998877665",
}
"""A customer, her merchant and his secrets; none of them exists."""

NEEDLES = re.compile(
    r"4(?:[\W_]{0,3}1){7}|(?:1[\W_]{0,3}){8}"  # half of the card number, from its beginning or its end
    r"|amira|canarywood|أميرة|كناري|金絲|夫人"
    r"|1098765|109[\W_]*876|884422|c0ffee12|opayprv|1726354|9f8e7d6c",
    re.IGNORECASE,
)
"""Parts of the canaries that are long enough to be nothing else."""


def find_canaries(said: str) -> list[str]:
    """Return every part of a canary in what was said, with a little of what is around it."""
    plain = said if said.isascii() else unicodedata.normalize("NFKC", said)
    for digit in {c for c in set(plain) if c.isdigit() and not c.isascii()}:
        plain = plain.replace(digit, str(unicodedata.digit(digit)))
    return [plain[max(0, hit.start() - 60) : hit.end() + 20] for hit in NEEDLES.finditer(plain)]


@pytest.fixture(scope="session")
def assert_silent() -> Callable[..., None]:
    """Return the search: it fails when anything of a canary was said."""

    def search(*said: str) -> None:
        assert find_canaries("\n".join(said)) == []

    return search


@pytest.fixture(scope="session")
def cards() -> dict[str, str | int]:
    return CARDS


@pytest.fixture(scope="session")
def canaries() -> dict[str, str | int]:
    return {name: CARDS[name] for name in ("plain", "number", "arabic-digits")} | CUSTOMERS


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load_contract()


@pytest.fixture(scope="session")
def listen(contract: Contract) -> Callable[..., list[str]]:
    """Return a function from recordings to everything that a check of them says.

    That is the findings and reasons of each recording by itself, as equal findings fold into the first of
    them; and in the end the summary, which every report is made from, with both reports.
    """
    settings = Settings(started_at=1_790_000_000.0, private_key=str(CUSTOMERS["merchant-key"]))

    apart = Fold(contract, settings)  # for the findings of native lines, which `add_lines` does not return

    def listen_to(*recordings: bytes, format_in: Format | None = None) -> list[str]:
        fold = Fold(contract, settings)
        said = [""] * len(recordings)
        for ordinal, data in enumerate(recordings):
            source = Source(ordinal=ordinal, name="-", path=None)
            for item in iter_entries(source, format_in, stdin=io.BytesIO(data)):
                if isinstance(item, Lines):
                    fold.add_lines(source, item)
                    for number, line in item.numbered():
                        found = parse_line(source.place(number, number), line)
                        said[ordinal] += repr(found if isinstance(found, Unreadable) else apart.add(found))
                else:
                    findings = fold.add(item)
                    said[ordinal] += repr(item if isinstance(item, Unreadable) else findings)
        summary = fold.summary()
        run = CheckedRun(summary=summary, questions=contract.questions)
        return [*said, "\n".join((repr(summary), click.unstyle(render_text(run)), render_json(run)))]

    return listen_to
