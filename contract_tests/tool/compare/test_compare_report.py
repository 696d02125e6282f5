"""What differs between two runs is a table: totals first, each fact once, with its place in the contract."""

import re

import click
from msgspec.structs import replace

from opay_contract.compare import compare, render_comparison
from opay_contract.contract.loading import load_contract
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
