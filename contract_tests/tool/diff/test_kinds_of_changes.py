"""Each kind of change is found where there is one, judged for both sides by the way it is sent."""

from itertools import count
from pathlib import Path
from typing import Any

import yaml
from contract_tests.tool.diff.conftest import compare, contract

from opay_contract.contract.change_kinds import CHANGE_KINDS, Side, Way

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "cases.yaml").read_text(encoding="utf-8")
)


def found_in(case: dict[str, Any], way: Way) -> list[tuple[str, list[str]]]:
    """Return the changes of a case, each with its levels for the client and the server."""
    part = next(name for name in ("schema", "operation", "document") if name in case)
    name = way.value if part == "schema" else part
    old, new = (contract(**{name: value}) for value in case[part])
    return [(one.kind.id, [one.levels[side].label for side in Side]) for one in compare(old, new).changes]


def expected_of(case: dict[str, Any], way: Way) -> list[tuple[str, list[str]]]:
    return [] if case[way.value] is None else [(case["change"], case[way.value])]


def test_each_case_has_its_one_change_with_its_levels() -> None:
    wrong = []
    for number, case in zip(count(1), CASES, strict=False):
        for way in Way:
            if way.value not in case:
                continue
            found, also = found_in(case, way), case.get("also", [])
            if [one for one in found if one[0] not in also] != expected_of(case, way) or (
                also and {one for one, _ in found} != {case["change"], *also}
            ):
                wrong.append((number, case["change"], way.value, found))
    assert wrong == []


def test_each_kind_of_change_has_a_case() -> None:
    assert {case["change"] for case in CASES} == {kind.id for kind in CHANGE_KINDS}


def test_nothing_has_changed_between_a_contract_and_itself() -> None:
    for case in CASES:
        part = next(name for name in ("schema", "operation", "document") if name in case)
        for value in case[part]:
            one = contract(**{"request" if part == "schema" else part: value})
            assert compare(one, one).changes == ()


def render_comparison() -> str:
    """Return the checks of oasdiff beside the changes here, and the changes that it has no check for."""
    compared = [case for case in CASES if case["oasdiff"]]
    rows = [
        f"| {', '.join(f'`{one}`' for one in case['oasdiff'])} | `{case['change']}` "
        f"| {levels(case, Way.REQUEST)} | {levels(case, Way.RESPONSE)} | {case.get('unlike', '')} |"
        for case in compared
    ]
    known = {case["change"] for case in compared}
    others = [f"`{kind.id}`" for kind in CHANGE_KINDS if kind.id not in known]
    head = "| oasdiff | here | client, server: in requests | in answers | unlike |\n|---|---|---|---|---|"
    return "\n".join([head, *rows, "", f"Without a check of oasdiff's: {', '.join(others)}.", ""])


def levels(case: dict[str, Any], way: Way) -> str:
    return ", ".join(case.get(way.value) or ())
