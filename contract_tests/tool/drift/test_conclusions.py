"""Findings of card numbers are weighed by what the rest of a run shows at their place."""

import json
import random
import re
from collections.abc import Callable, Sequence

import pytest

from opay_contract.contract.loading import load_contract
from opay_contract.drift.conclusions import LEAST_VALUES, weigh_card_numbers
from opay_contract.drift.fold import Fold
from opay_contract.drift.saving import summary_from_json, summary_to_json
from opay_contract.formats.native import parse_line
from opay_contract.judge.subject import Settings
from opay_contract.model.finding import Finding, Severity
from opay_contract.model.summary import DriftSummary, merge
from opay_contract.recordings.inputs import Source

CONTRACT = load_contract()
URL = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
CARD = "4111111111111111"
HERE = Source(ordinal=0, name="x", path=None)


def number(source: random.Random) -> str:
    return f"4{source.randrange(10**15):015}"


def fold(values: Sequence[object], first: int = 1) -> DriftSummary:
    made = Fold(CONTRACT, Settings(started_at=1_790_000_000.0, private_key=None))
    lines = [
        json.dumps(
            {
                "request": {"method": "POST", "url": URL, "headers": {}, "body": {}},
                "response": {"status": 200, "headers": {}, "body": {"code": "00000", "orderNo": value}},
            }
        ).encode()
        for value in values
    ]
    for number, line in enumerate(lines, start=first):
        made.add(parse_line(HERE.place(number, number), line))
    return made.summary()


def exposed(summary: DriftSummary) -> Finding:
    return next(one for key, one in summary.findings.items() if key[0] == "card-number-exposed")


def fours_of_19(source: random.Random) -> str:
    """Return as many characters as a card number has at most."""
    return " ".join(re.findall("[0-9]{1,4}", f"{number(source)}{source.randrange(1000):03}"))


@pytest.mark.parametrize("make", [number, lambda source: int(number(source)), fours_of_19])
def test_a_place_where_one_value_in_ten_passes_holds_no_cards(make: Callable[..., object]) -> None:
    source = random.Random(5)  # noqa: S311  not for secrets
    summary = fold([make(source) for _ in range(300)])
    weighed = weigh_card_numbers(summary)
    found = exposed(weighed)
    assert found.rule.severity is Severity.INFO
    assert f"{found.count} of the 300 values here look like one" in found.actual
    assert found.fingerprint == exposed(summary).fingerprint
    moved = weighed.occurrences[Severity.INFO] - summary.occurrences.get(Severity.INFO, 0)
    assert moved == found.count
    assert sum(weighed.occurrences.values()) == sum(summary.occurrences.values())


@pytest.mark.parametrize(
    "values",
    [
        [CARD],
        [CARD] + ["5" * 16] * (LEAST_VALUES - 2),
        [CARD] * 30,
        [CARD] * 7 + ["5" * 16] * 27,
        [CARD] + ["paid"] * 300,
        [CARD] + ["5" * 24] * 300,
        [CARD] + ["5" * 16] * 300 + [True],
    ],
    ids=[
        "alone",
        "few values",
        "all",
        "more than chance",
        "texts of other lengths",
        "too long",
        "other types",
    ],
)
def test_a_card_number_stays_an_error(values: Sequence[object]) -> None:
    assert exposed(weigh_card_numbers(fold(values))).rule.severity is Severity.ERROR


def test_the_bounds_hold_at_their_edge() -> None:
    least = [CARD] * 4 + ["5" * 16] * (LEAST_VALUES - 4)
    assert exposed(weigh_card_numbers(fold(least))).rule.severity is Severity.INFO
    assert exposed(weigh_card_numbers(fold(least[1:] + [CARD] * 2))).rule.severity is Severity.ERROR
    assert exposed(weigh_card_numbers(fold(least[:-1]))).rule.severity is Severity.ERROR


def test_the_weight_is_the_same_however_a_run_is_split() -> None:
    source = random.Random(6)  # noqa: S311  not for secrets
    values: Sequence[object] = [number(source) for _ in range(200)]
    whole = weigh_card_numbers(fold(values))
    parts = [
        summary_from_json(summary_to_json(fold(values[at : at + 10], at + 1))) for at in range(0, 200, 10)
    ]
    source.shuffle(parts)
    joined = DriftSummary()
    for part in parts:
        joined = merge(joined, part)
    assert weigh_card_numbers(joined) == whole
