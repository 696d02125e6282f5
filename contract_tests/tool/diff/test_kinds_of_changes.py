"""Each kind of change is found where there is one, judged for both sides by the way it is sent."""

from itertools import count
from pathlib import Path
from typing import Any

import yaml
from contract_tests.tool.diff.conftest import compare, contract

from opay_contract.contract.change_kinds import CHANGE_KINDS, Side, Way

CASES: list[dict[str, Any]] = yaml.load(Path(__file__).with_name("cases.yaml").read_bytes(), yaml.CSafeLoader)


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


def test_what_is_within_alternatives_of_alternatives_is_one_list() -> None:
    one, other, third = {"type": "string", "maxLength": 3}, {"type": "array", "maxItems": 3}, {"type": "null"}
    nested = contract(request={"anyOf": [{"anyOf": [one, other, third]}, {"type": "boolean", "const": True}]})
    flat = contract(request={"anyOf": [other, {"type": "boolean", "const": True}, one, third]})
    assert compare(nested, flat).changes == ()
    assert compare(flat, nested).changes == ()


def test_a_change_of_what_many_use_is_one_change_with_all_its_uses() -> None:
    shared = {"$ref": "#/components/schemas/Shared"}
    both = {"request": shared, "response": {"type": "array", "items": shared}}
    old, new = (
        contract(
            document={"components": {"schemas": {"Shared": {"type": "string", "maxLength": limit}}}}, **both
        )
        for limit in (5, 4)
    )
    (change,) = compare(old, new).changes
    assert [change.levels[side].label for side in Side] == ["breaking", "breaking"]
    assert {(use.way.value, use.outcome, use.pointer) for use in change.uses} == {
        ("request", "", "/request/body/value"),
        ("response", "200", "/response/body/value/*"),
    }


def test_openapi_3_0_says_the_same_in_its_own_words() -> None:
    old = contract(
        request={"type": "number", "nullable": True, "minimum": 0, "exclusiveMinimum": True, "example": 1}
    )
    new = contract(request={"type": ["null", "number"], "exclusiveMinimum": 0, "examples": [1]})
    assert compare({**old, "openapi": "3.0.3"}, new).changes == ()
    assert compare(new, {**old, "openapi": "3.0.3"}).changes == ()


def test_what_refers_to_a_changed_schema_has_not_changed_itself() -> None:
    def told(limit: int) -> dict[str, Any]:
        schemas = {"Shared": {"type": "string", "maxLength": limit}}
        other = {"x-other": {"of": {"$ref": "#/components/schemas/Shared"}}}
        return contract(
            request={"$ref": "#/components/schemas/Shared"},
            document={"components": {"schemas": schemas}, **other},
        )

    assert [one.kind.id for one in compare(told(5), told(4)).changes] == ["limit-tightened"]


def test_schemas_that_lead_back_to_themselves_are_compared_once() -> None:
    def tree(limit: int) -> dict[str, Any]:
        node = {
            "type": "object",
            "properties": {"next": {"$ref": "#/components/schemas/Node"}, "name": {"maxLength": limit}},
        }
        return contract(
            request={"$ref": "#/components/schemas/Node"},
            document={"components": {"schemas": {"Node": node}}},
        )

    (change,) = compare(tree(5), tree(4)).changes
    assert change.uses[0].pointer == "/request/body/value/name"


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
