"""Every check against contracts that are broken in one place: it reports the place, and no other does."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_tests.usual import one_in

from opay_contract.contract.addresses import Address
from opay_contract.spec.lint import MEANING, STRUCTURE, prove_contract
from opay_contract.spec.subject import DOCUMENT, build_validator, iter_faults

HERE = "«"
"""Marks where the problem must be reported; it is taken out before the contract is checked."""

CASES = yaml.load(Path(__file__).with_name("broken.yaml").read_bytes(), yaml.CSafeLoader)
EMPTY = """openapi: 3.1.1
info: {title: Empty, version: 0.1.0}
servers:
  - {url: https://contract.invalid, x-environment: none}
paths:
  /nothing:
    get: {operationId: nothing, responses: {'200': {description: Nothing.}}}
"""


@pytest.mark.parametrize("case", one_in(3, CASES), ids=lambda case: case["check"])
def test_a_broken_contract_is_reported_by_its_check_at_the_place(contract: Path, case: Any) -> None:
    for edit in case["edits"]:
        _edit(contract / edit["file"], edit["old"], edit["new"])
    place = _take_mark(contract, {edit["file"] for edit in case["edits"]})
    found = prove_contract(contract).problems
    assert [(it.check, it.file, it.line, it.column) for it in found] == [(case["check"], *place)]


def test_a_contract_without_schemas_and_examples_is_not_sound(contract: Path) -> None:
    shutil.rmtree(contract / "schemas")
    (contract / "openapi.yaml").write_text(EMPTY, encoding="utf-8")
    found = prove_contract(contract).problems
    assert [(it.check, it.line, it.column) for it in found] == [("nothing-checked", 1, 1)] * 2


def test_every_check_of_the_table_has_a_case() -> None:
    table = [check.id for check in STRUCTURE + MEANING]
    assert len(table) == len(set(table))
    assert {case["check"] for case in CASES} | {"nothing-checked"} == {*table, DOCUMENT}


def test_all_problems_are_listed_in_order_of_their_places(contract: Path) -> None:
    _edit(contract / "openapi.yaml", "{code: '09'", "{code: '00'")
    _edit(contract / "schemas/customer-id.json", '"type": "string"', '"type": "text"')
    _edit(contract / "schemas/card-token.json", "{", "")
    found = prove_contract(contract).problems
    assert [(it.file, it.check) for it in found] == [
        ("openapi.yaml", "business-code"),
        ("schemas/card-token.json", "document"),
        ("schemas/customer-id.json", "schema"),
    ]


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    assert old in text, f"{path.name} has no {old!r} any more"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _take_mark(contract: Path, names: set[str]) -> tuple[str, int, int]:
    texts = {name: (contract / name).read_text(encoding="utf-8") for name in names}
    [(name, text)] = [(name, text) for name, text in texts.items() if HERE in text]
    before, after = text.split(HERE)
    (contract / name).write_text(before + after, encoding="utf-8")
    return name, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1


def test_a_schema_with_an_impossible_pattern_is_reported_and_not_raised(contract: Path) -> None:
    path = contract / "schemas" / "customer-id.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(schema | {"pattern": "("}), encoding="utf-8")
    assert "schemas/customer-id.json" in {problem.file for problem in prove_contract(contract).problems}


def test_a_member_that_no_branch_describes_is_told_where_its_object_breaks_nothing_else() -> None:
    described = {"properties": {"a": {}}, "required": ["z"]}
    validator = build_validator({"allOf": [described], "unevaluatedProperties": False})
    for value, told in (({"a": 1}, [()]), ({"a": 1, "z": 2}, [("z",)]), ({"a": 1, "b": 2}, [()])):
        assert [one.at.tokens for one in iter_faults(validator, value, Address(""))] == told


def test_of_schemas_with_equally_many_faults_the_one_that_goes_deepest_is_told() -> None:
    validator = build_validator(
        {"oneOf": [{"required": ["$ref"]}, {"properties": {"a": {"type": "string"}}}]}
    )
    assert [one.at.tokens for one in iter_faults(validator, {"a": 1}, Address(""))] == [("a",)]
    listed = build_validator({"anyOf": [{"enum": ["a"]}, {"type": "array", "items": {"enum": ["a"]}}]})
    assert [one.at.tokens for one in iter_faults(listed, ["b"], Address(""))] == [(0,)]
