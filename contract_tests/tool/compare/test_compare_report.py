"""What differs between two runs is a table: totals first, each fact once, with its place in the contract."""

import re
from typing import Any

import click
import pytest
from msgspec.structs import replace

from opay_contract.compare import compare, render_comparison
from opay_contract.contract.loading import load_contract
from opay_contract.drift.insight import LEAST_DIFFERENCE
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.observation import EXCHANGE, FieldLocation, Observations, Observed
from opay_contract.model.summary import DriftSummary

CONTRACT = load_contract()
OPERATION = CONTRACT.operations[0].id
DAY = "2026-05-01"


def seen(*present: int) -> Observations:
    """Return what 10 answers of each form show, in so many of which there is a field `traceId`."""
    found: dict[FieldLocation, Observed] = {}
    for form, number in zip(("by-customer", "by-token"), present, strict=True):
        scope = (OPERATION, form, "success")
        found[(*scope, "")] = Observed(is_documented=True, types={EXCHANGE: {DAY: 10}})
        found[(*scope, "/response/body")] = Observed(is_documented=True, types={"object": {DAY: 10}})
        code = Observed(is_documented=True, types={"string": {DAY: 10}})
        found[(*scope, "/response/body/code")] = code
        if number:
            trace = Observed(is_documented=False, types={"string": {DAY: number}})
            found[(*scope, "/response/body/traceId")] = trace
    return found


def run(*present: int) -> DriftSummary:
    return DriftSummary(exchanges=20, observations=seen(*present))


def told(old: DriftSummary, new: DriftSummary, width: int = 120) -> str:
    return click.unstyle(render_comparison(compare(old, new), contract=CONTRACT, width=width))


def test_a_fact_is_said_once_with_its_shares_summed() -> None:
    said = told(run(0, 0), run(4, 2))
    assert re.findall(r"^  appeared  traceId +(.*?) {2,}(.*?)$", said, re.MULTILINE) == [
        ("0 % (0 of 20)", "30 % (6 of 20)")
    ]
    assert said.endswith("\n1 other difference.\n")


def test_what_differs_in_one_form_alone_is_counted_in_that_form() -> None:
    assert re.search(
        r"^  appeared  traceId +0 % \(0 of 10\) +40 % \(4 of 10\)$", told(run(0, 0), run(4, 0)), re.MULTILINE
    )


def test_a_difference_of_a_documented_field_names_its_line_in_the_contract() -> None:
    new = run(0, 0)
    number = Observed(is_documented=True, types={"integer": {DAY: 10}})
    changed = {key: number if key[3].endswith("/code") else one for key, one in new.observations.items()}
    said = told(run(0, 0), replace(new, observations=changed))
    line = next(
        number
        for number, text in enumerate(CONTRACT.schemas.documents["schemas/envelope.json"].text.split("\n"), 1)
        if '"code"' in text and "$ref" in text
    )
    assert re.search(rf"^  types  code +string +integer +schemas/envelope\.json:{line}$", said, re.MULTILINE)


def test_totals_come_first_and_rows_of_nothing_are_left_out() -> None:
    head = told(run(0, 0), replace(run(0, 0), exchanges=1_234)).split("\n\n")[0]
    assert head.splitlines()[1:] == ["exchanges      20   1,234"]


def test_no_line_is_longer_than_the_terminal_is_wide() -> None:
    for width in (80, 100):
        assert max(map(len, told(run(0, 0), run(4, 2), width).splitlines())) <= width


def ways(before: Observed, after: Observed, of: int = 100) -> list[str]:
    """Return in which ways a member differs that so many answers could have."""
    scope = (OPERATION, "by-token", "success")
    around = {
        (*scope, ""): Observed(is_documented=True, types={EXCHANGE: {DAY: of}}),
        (*scope, "/response/body"): Observed(is_documented=True, types={"object": {DAY: of}}),
    }
    member = (*scope, "/response/body/code")
    sides = [DriftSummary(exchanges=of, observations=around | {member: one}) for one in (before, after)]
    return [one.kind.value for one in compare(*sides).differences]


def text(number: int, **more: Any) -> Observed:
    return Observed(is_documented=True, types={"string": {DAY: number}}, **more)


def test_a_wider_range_counts_from_enough_observations_on() -> None:
    for number, told_ways in ((MIN_OBSERVATIONS, ["range"]), (MIN_OBSERVATIONS - 1, [])):
        assert ways(text(number, lengths=(1, 5)), text(number, lengths=(1, 6))) == told_ways
    assert ways(text(100, lengths=(1, 5)), text(100, lengths=(2, 5))) == []
    assert ways(text(100, lengths=(1, 5)), text(100, lengths=(1, 5))) == []


def test_a_rate_differs_from_the_least_difference_on() -> None:
    assert pytest.approx(0.1 - 0.05, abs=0) == LEAST_DIFFERENCE
    assert ways(text(500), text(1000), of=10_000) == ["rate"]
    assert ways(text(500), text(999), of=10_000) == []


def test_values_are_compared_where_both_runs_have_all_of_them() -> None:
    one, other = {"values": {"00": 100}}, {"values": {"01": 100}}
    assert ways(text(100, **one), text(100, **other)) == ["values"]
    for old, new in ((True, False), (False, True)):
        assert not ways(text(100, **one, has_many_values=old), text(100, **other, has_many_values=new))
