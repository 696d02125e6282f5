"""Every scenario is what the table says: drift that `check` finds by the right rule, or no drift."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from contract_tests.usual import each

from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.judge.table import RULES, RULES_BY_ID, RULES_OF_A_RUN
from opay_contract.mock.scenarios import MAGIC, Faults, build_scenarios, parse_faults, render_scenarios

SCENARIOS = build_scenarios(load_contract().operations)

BY_CUSTOMER_ONLY = {"no-items", "item-repeated"}

NOT_BY_AN_ANSWER = {
    "path-undocumented",  # these are about what the client sends
    "parameter-missing",
    "parameter-undocumented",
    "parameter-invalid",
    "response-header-invalid",
    "response-header-missing",
    "timestamp-not-milliseconds",
    "method-undocumented",
    "header-missing",
    "request-field-undocumented",
    "request-field-missing",
    "request-field-invalid",
    "signature-mismatch",
    "value-out-of-range",  # the contract has no statement that these could break
    "format-mismatch",
    "value-undocumented",
    "constraint-violated",
}


def assert_rules(found: dict[str, list[str]]) -> None:
    """Hold what was found of each scenario against the table; a failure names those that differ."""
    expected = {name: sorted(SCENARIOS[name].rules) for name in found}
    assert found == expected


def test_check_finds_a_scenario_by_its_rules_and_by_no_other(mock: Any, with_cards: str) -> None:
    body = json.dumps({"customerId": with_cards}).encode()
    assert_rules({name: mock.rules(mock.ask(body, x_mock_scenario=name)) for name in SCENARIOS})


def test_check_finds_a_scenario_in_an_answer_by_token_too(mock: Any, token: str) -> None:
    body = json.dumps({"opayToken": token}).encode()
    names = SCENARIOS.keys() - BY_CUSTOMER_ONLY
    assert_rules({name: mock.rules(mock.ask(body, x_mock_scenario=name)) for name in names})


def test_a_scenario_about_a_list_leaves_an_answer_by_token_as_it_is(mock: Any, token: str) -> None:
    body = json.dumps({"opayToken": token}).encode()
    usual = mock.ask(body).response
    for name in BY_CUSTOMER_ONLY:
        response = mock.ask(body, x_mock_scenario=name).response
        assert (response.status, response.body) == (usual.status, usual.body), name


def test_a_magic_id_asks_for_a_scenario(mock: Any) -> None:
    for member in ("customerId", "opayToken"):
        bodies = {name: json.dumps({member: MAGIC + name}) for name in SCENARIOS.keys() - BY_CUSTOMER_ONLY}
        assert_rules({name: mock.rules(mock.ask(body.encode())) for name, body in bodies.items()})


def test_a_scenario_needs_no_stored_customer(mock: Any) -> None:
    body = b'{"customerId":"nobody"}'
    assert_rules({name: mock.rules(mock.ask(body, x_mock_scenario=name)) for name in SCENARIOS})


def test_drift_is_drift_under_other_choices_too(build_mock: Callable[..., Any], with_cards: str) -> None:
    mock = build_mock(
        "create-timestamp-type=string", "expiry-presence=present", "success-code=00", "error-data=null"
    )
    body = json.dumps({"customerId": with_cards}).encode()
    assert_rules({name: mock.rules(mock.ask(body, x_mock_scenario=name)) for name in SCENARIOS})


def test_a_refused_request_stays_refused_whatever_the_scenario(mock: Any) -> None:
    for name in SCENARIOS:
        exchange = mock.ask(b'{"customerId":"nobody"}', x_mock_scenario=name, merchantid="1")
        refused = {"code": "02000", "message": "Authentication failed"}
        assert json.loads(exchange.response.body) == refused, name


def test_every_rule_that_an_answer_can_break_has_a_scenario() -> None:
    first = {scenario.rules[0] for scenario in SCENARIOS.values() if scenario.rules}
    assert first | NOT_BY_AN_ANSWER == {rule.id for rule in RULES if rule not in RULES_OF_A_RUN}


def test_every_error_of_the_catalogue_has_a_scenario(mock: Any) -> None:
    envelope = mock.contract.operations[0].envelope
    for code in envelope.codes.keys() - envelope.success:
        exchange = mock.ask(b'{"customerId":"nobody"}', x_mock_scenario=f"error-{code}")
        answered = json.loads(exchange.response.body)
        assert (exchange.response.status, answered["code"]) == (200, code)
        assert answered["message"] in (*envelope.codes[code].messages, code)


def test_the_table_names_rules_that_exist() -> None:
    assert {rule for scenario in SCENARIOS.values() for rule in scenario.rules} <= RULES_BY_ID.keys()


def test_every_scenario_is_listed() -> None:
    lines = render_scenarios(SCENARIOS).splitlines()
    assert [line.split()[0] for line in lines] == list(SCENARIOS)


def test_a_scenario_for_all_requests_gives_way_to_one_for_a_request(build_mock: Callable[..., Any]) -> None:
    mock = build_mock(scenario="error-90")
    body = b'{"customerId":"nobody"}'
    assert json.loads(mock.ask(body).response.body)["code"] == "90"
    assert json.loads(mock.ask(body, x_mock_scenario="error-91").response.body)["code"] == "91"
    mock.app.handler.scenario = None
    assert json.loads(mock.ask(body).response.body)["code"] == "02001"


def test_an_unknown_scenario_is_named_with_its_likeness(mock: Any) -> None:
    exchange = mock.ask(b'{"customerId":"a"}', x_mock_scenario="http-500-htm")
    assert exchange.response.status == 400
    assert exchange.response.body == b"unknown scenario 'http-500-htm'; did you mean 'http-500-html'?"
    with pytest.raises(UsageError, match="did you mean 'http-500-html'"):
        mock.app.handler.scenario = "http-500-htm"


def test_faults_come_at_their_rate_and_in_the_order_of_their_seed() -> None:
    def draw(seed: int) -> list[str | None]:
        faults = parse_faults(["slow=0.05", "http-429=0.1"], SCENARIOS, seed)
        return [faults.draw() for _ in range(10_000)]

    drawn = draw(7)
    assert drawn == draw(7) != draw(8)
    assert 400 < drawn.count("slow") < 600
    assert 850 < drawn.count("http-429") < 1150


def test_a_fault_happens_to_requests_that_ask_for_nothing(build_mock: Callable[..., Any]) -> None:
    mock = build_mock(faults=Faults([("http-429", 1.0)]))
    assert mock.ask(b'{"customerId":"a"}').response.status == 429
    assert mock.ask(b'{"customerId":"a"}', x_mock_scenario="error-90").response.status == 200


@each(
    ("texts", "message"),
    [
        (["slwo=0.1"], "did you mean 'slow'"),
        (["slow"], "no rate from 0 to 1"),
        (["slow=2"], "no rate from 0 to 1"),
        (["slow=nan"], "no rate from 0 to 1"),
        (["slow=0.6", "http-429=0.6"], "at most 1"),
    ],
)
def test_a_bad_fault_is_an_error(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_faults(texts, SCENARIOS, 0)
