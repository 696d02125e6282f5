"""Every rule about what is missing has traffic that shows it, and traffic that comes close and does not."""

import json
from pathlib import Path
from typing import Any

import pytest
from contract_tests.tool.drift.conftest import Line, Summarise, by_customer, by_token, refused
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.contract.contract import Contract
from opay_contract.contract.documents import parse_document
from opay_contract.contract.loading import build_contract, load_contract
from opay_contract.drift.insight import draw_insight, iter_gaps
from opay_contract.judge.gap_table import EVERY_RULE, GAP_RULES, MIN_OBSERVATIONS
from opay_contract.model.finding import Gap
from opay_contract.model.observation import Observations, Observed

DAY = "2026-05-01"
BOTH = [by_customer(DAY), by_token(DAY)]
FULL = {"expiryYear": "26", "expiryMonth": "02"}
EACH_TYPE = [by_customer(DAY, **FULL), by_customer(DAY, createTimestamp="1700000000")]
MANY = [by_customer(DAY, **FULL)] * MIN_OBSERVATIONS


def gaps_of(observations: Observations, contract: Contract, rule: str) -> list[Gap]:
    return [gap for gap in iter_gaps(observations, contract) if gap.rule.id == rule]


CASES: dict[str, tuple[list[Line], str, list[Line]]] = {
    "form-unobserved": ([by_customer(DAY)], "by-token", BOTH),
    "code-unobserved": ([refused(DAY)], "90", [refused(DAY, "90", "System failure.")]),
    "field-unobserved": ([by_customer(DAY)], "string", [by_customer(DAY, **FULL)]),
    "presence-narrower": (MANY, "optional", [*MANY, by_customer(DAY)]),
    "type-unobserved": (MANY, "integer or string", [*MANY, *EACH_TYPE]),
}


@each("rule", CASES)
def test_a_gap_is_found_with_the_number_of_those_that_could_have_filled_it(
    summarise: Summarise, contract: Contract, rule: str
) -> None:
    lines, documented, filled = CASES[rule]
    found = [
        gap for gap in gaps_of(summarise(lines).observations, contract, rule) if gap.documented == documented
    ]
    assert found
    assert {gap.opportunities for gap in found} == {len(lines)}
    after = gaps_of(summarise([*lines, *filled]).observations, contract, rule)
    assert not {gap.location for gap in found if gap.location[3] != "/response/body/code"} & {
        gap.location for gap in after if gap.documented == documented
    }
    assert len(after) < len(gaps_of(summarise(lines).observations, contract, rule))


def test_a_status_that_no_answer_has_is_a_gap(summarise: Summarise, contract: Contract) -> None:
    lines = [by_customer(DAY)]
    assert [
        gap.documented for gap in gaps_of(summarise(lines).observations, contract, "status-unobserved")
    ] == ["403"]
    wrong_host = by_customer(DAY)
    wrong_host["response"] |= {"status": 403, "body": ""}
    assert not gaps_of(summarise([*lines, wrong_host]).observations, contract, "status-unobserved")


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["kind", "note", "size"],
    "properties": {
        "kind": {"enum": ["small", "large"], "type": "string", "x-sensitivity": "public"},
        "note": {"type": ["string", "null"], "maxLength": 9},
        "size": {"type": "number", "minimum": 0, "maximum": 10, "x-sensitivity": "public"},
    },
}
SCOPE = ("call", "", "success")


@pytest.fixture
def invented() -> Contract:
    """Return a contract with an enumeration, a nullable member and ranges."""
    answer = {"application/json": {"schema": {"$ref": "schemas/answer.json"}}}
    responses = {"200": {"description": "d", "content": answer}}
    root = {
        "openapi": "3.1.1",
        "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://api.example"}],
        "paths": {"/call": {"post": {"operationId": "call", "responses": responses}}},
    }
    texts = {"openapi.yaml": root, "schemas/answer.json": SCHEMA}
    return build_contract({name: parse_document(json.dumps(value), name) for name, value in texts.items()})


def observed(**members: Observed) -> Observations:
    count = MIN_OBSERVATIONS
    body = Observed(is_documented=True, types={"object": {DAY: count}})
    return {
        (*SCOPE, ""): Observed(is_documented=True, types={"exchange": {DAY: count}}),
        (*SCOPE, "/response/status"): member("integer", values={"200": count}),
        (*SCOPE, "/response/headers/content-type"): member("string", values={"text/html": count}),
        (*SCOPE, "/response/body"): body,
        **{(*SCOPE, f"/response/body/{name}"): one for name, one in members.items()},
    }


def member(type_: str, count: int = MIN_OBSERVATIONS, **more: Any) -> Observed:
    return Observed(is_documented=True, types={type_: {DAY: count}}, **more)


@pytest.mark.parametrize(
    ("rule", "wide", "narrow", "seen"),
    [
        (
            "value-unobserved",
            {"kind": member("string", values={"small": 50, "large": 50})},
            {"kind": member("string", values={"small": 100})},
            "never 'large'",
        ),
        (
            "null-unobserved",
            {"note": Observed(is_documented=True, types={"string": {DAY: 99}, "null": {DAY: 1}})},
            {"note": member("string")},
            "never null",
        ),
        (
            "range-narrower",
            {"size": member("number", numbers=(0, 10))},
            {"size": member("number", numbers=(1, 7.5))},
            "1 to 7.5 values",
        ),
        (
            "range-narrower",
            {"note": member("string", lengths=(0, 9))},
            {"note": member("string", lengths=(0, 4))},
            "0 to 4 characters",
        ),
    ],
)
def test_what_the_contract_allows_in_vain_is_said_from_enough_observations_on(
    invented: Contract, rule: str, wide: Any, narrow: Any, seen: str
) -> None:
    found = gaps_of(observed(**narrow), invented, rule)
    assert [gap.seen for gap in found] == [seen]
    assert not [gap for gap in gaps_of(observed(**wide), invented, rule) if gap.location == found[0].location]
    type_ = next(iter(found_in := next(iter(narrow.values())).types))
    few = replace(next(iter(narrow.values())), types={type_: {DAY: found_in[type_][DAY] - 1}})
    assert not gaps_of(observed(**dict.fromkeys(narrow, few)), invented, rule)


def test_a_media_type_that_no_answer_has_is_a_gap(invented: Contract) -> None:
    found = gaps_of(observed(), invented, "media-type-unobserved")
    assert [(gap.documented, gap.opportunities) for gap in found] == [("application/json", MIN_OBSERVATIONS)]


def test_the_tests_here_know_every_rule_about_gaps() -> None:
    assert {rule.id for rule in GAP_RULES} == {
        *CASES,
        "status-unobserved",
        "media-type-unobserved",
        "value-unobserved",
        "null-unobserved",
        "range-narrower",
    }
    assert len({rule.id for rule in EVERY_RULE}) == len(EVERY_RULE)


def test_a_reading_that_holds_alone_over_enough_observations_is_a_verdict(
    summarise: Summarise, contract: Contract
) -> None:
    def verdicts(lines: list[Line]) -> dict[str, str | None]:
        return {one.question: one.verdict for one in draw_insight(summarise(lines), contract).answers}

    assert verdicts(MANY)["create-timestamp-type"] == "number"
    assert verdicts(MANY[1:])["create-timestamp-type"] is None
    assert verdicts([*MANY, by_customer(DAY, createTimestamp="1700000000")])["create-timestamp-type"] is None


def test_the_ledger_has_its_own_gaps() -> None:
    ledger_folder = Path(__file__).parents[2] / "tool" / "whole" / "contracts" / "ledger"

    ledger = load_contract(ledger_folder)
    operation = ledger.operations[0].id
    seen = {(operation, "", "success", ""): Observed(is_documented=True, types={"exchange": {DAY: 3}})}
    assert all(gap.location[0] == operation for gap in iter_gaps(seen, ledger))
