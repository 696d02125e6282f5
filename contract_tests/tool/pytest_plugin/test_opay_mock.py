"""The fixture `opay_mock`: a sandbox of the test's own, whose customers and moods the test decides on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from opay_contract.cli.check import check
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.mock.scenarios import MAGIC, build_scenarios
from opay_contract.pytest_plugin.checking import (
    DriftError,
    NothingCheckedError,
    OpayContract,
    record_calls,
)
from opay_contract.pytest_plugin.mocking import OpayMock, open_stage

Ask = Callable[..., requests.Response]

SCENARIOS = build_scenarios(load_contract().operations)
ANSWERED = [name for name in SCENARIOS if name != "cut-body"]


def test_a_signed_query_gets_what_was_added(opay_mock: OpayMock, ask: Ask) -> None:
    data = opay_mock.add("shop/eg/42", items=2)
    answer = ask({"customerId": "shop/eg/42"}).json()
    assert answer == {"code": "00000", "message": "SUCCESSFUL", "data": data}
    assert data["customer"]["customerId"] == "shop/eg/42"
    assert len({card["opayToken"] for card in data["cardTokens"]}) == 2


def test_a_token_that_was_added_is_found(opay_mock: OpayMock, ask: Ask) -> None:
    data = opay_mock.add()
    token = data["cardTokens"][0]["opayToken"]
    answer = ask({"opayToken": token}).json()
    assert answer["data"] == {**data["cardTokens"][0], "customerInfo": data["customer"]}


@pytest.mark.usefixtures("opay_mock")
def test_the_customer_of_the_examples_is_known(ask: Ask) -> None:
    assert ask({"customerId": "121111113"}).json()["code"] == "00000"


@pytest.mark.usefixtures("opay_mock")
def test_a_wrong_key_is_refused(ask: Ask) -> None:
    answer = ask({"customerId": "121111113"}, key="OPAYPRV_WRONG")
    assert (answer.status_code, answer.json()) == (200, {"code": "02000", "message": "Authentication failed"})


def test_customers_without_a_name_each_get_their_own(opay_mock: OpayMock) -> None:
    ids = [opay_mock.add(items=0)["customer"]["customerId"] for _ in range(3)]
    assert ids == ["customer-1", "customer-2", "customer-3"]


def test_members_that_matter_are_given_and_the_rest_is_made_up(opay_mock: OpayMock) -> None:
    data = opay_mock.add({"customerName": "Zoë"}, items=[{"brand": "MADA"}, {"lastFourDigits": "0001"}])
    assert data["customer"]["customerName"] == "Zoë"
    assert data["customer"]["customerEmail"]
    first, second = data["cardTokens"]
    assert (first["brand"], second["lastFourDigits"]) == ("MADA", "0001")


def test_a_customer_that_is_added_again_is_another(opay_mock: OpayMock, ask: Ask) -> None:
    opay_mock.add("a", items=2)
    opay_mock.add("a", items=0)
    assert ask({"customerId": "a"}).json()["data"]["cardTokens"] == []


@pytest.mark.parametrize(
    ("customer", "cards", "message"),
    [
        ({"customerName": 5}, 1, "cannot add this customer: /customer/customerName is not "),
        ("a", [{"lastFourDigits": "12345"}], "/cardTokens/0/lastFourDigits is not "),
        ({"name": "Zoë"}, 0, "/customer/name is no member that the contract knows"),
    ],
)
def test_a_customer_outside_the_contract_is_not_added(
    opay_mock: OpayMock, customer: Any, cards: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        opay_mock.add(customer, cards)


def test_a_scenario_lasts_as_long_as_its_context(opay_mock: OpayMock, ask: Ask) -> None:
    with opay_mock.scenario("error-90"):
        assert ask({"customerId": "121111113"}).json()["code"] == "90"
        with opay_mock.scenario("http-429"):
            assert ask({"customerId": "121111113"}).status_code == 429
        assert ask({"customerId": "121111113"}).json()["code"] == "90"
    assert ask({"customerId": "121111113"}).json()["code"] == "00000"


@pytest.mark.opay_scenario("error-90")
def test_a_marker_lasts_as_long_as_the_test(ask: Ask, opay_mock: OpayMock) -> None:
    assert ask({"customerId": "121111113"}).json()["code"] == "90"
    assert len(opay_mock.exchanges) == 1


def test_the_time_that_a_scenario_takes_is_given(opay_mock: OpayMock, ask: Ask) -> None:
    with opay_mock.scenario("slow", seconds=0.5), pytest.raises(requests.ReadTimeout):
        ask({"customerId": "121111113"}, timeout=0.05)
    with opay_mock.scenario("slow", seconds=0):
        assert ask({"customerId": "121111113"}).json()["code"] == "00000"


def test_an_unknown_scenario_is_an_error_with_a_suggestion(opay_mock: OpayMock) -> None:
    with (
        pytest.raises(UsageError, match="unknown scenario 'slwo'; did you mean 'slow'"),
        opay_mock.scenario("slwo"),
    ):
        pytest.fail("it began")


def test_another_reading_of_an_open_question_may_be_chosen(opay_mock: OpayMock, ask: Ask) -> None:
    opay_mock.add("a", items=0)
    opay_mock.choose("customer-without-cards=null-list", "success-code=00")
    answer = ask({"customerId": "a"}).json()
    assert (answer["code"], answer["data"]["cardTokens"]) == ("00", None)
    with opay_mock.scenario("no-items"):
        assert ask({"customerId": "121111113"}).json()["data"]["cardTokens"] is None
    with pytest.raises(UsageError, match="did you mean 'customer-without-cards'"):
        opay_mock.choose("customers-without-items=null-list")


def test_what_was_asked_is_there_to_see(opay_mock: OpayMock, ask: Ask) -> None:
    ask({"customerId": "a"})
    ask({"customerId": "b"})
    assert [exchange.request.body for exchange in opay_mock.exchanges] == [
        b'{"customerId": "a"}',
        b'{"customerId": "b"}',
    ]
    assert opay_mock.exchanges[0].request.url == opay_mock.url
    assert [exchange.place.entry for exchange in opay_mock.exchanges] == [1, 2]


def test_a_reset_mock_is_as_it_was_at_first(opay_mock: OpayMock, ask: Ask) -> None:
    opay_mock.add("a")
    opay_mock.choose("success-code=00")
    ask({"customerId": "a"})
    with opay_mock.scenario("html"):
        opay_mock.reset()
        assert ask({"customerId": "a"}).json()["code"] == "02001"
        assert len(opay_mock.exchanges) == 1
        assert opay_mock.add()["customer"]["customerId"] == "customer-1"
    assert ask({"customerId": "121111113"}).json()["code"] == "00000"


def test_a_mock_that_was_not_called_was_not_checked(opay_mock: OpayMock) -> None:
    with pytest.raises(NothingCheckedError, match="the mock was not called"):
        opay_mock.check()


def test_a_client_that_leaves_the_contract_is_found(opay_mock: OpayMock, ask: Ask) -> None:
    ask({"customerId": "a"})
    ask({"customerId": "a"}, url=opay_mock.base_url + "/api/v1/token/query")
    requests.get(opay_mock.url, timeout=60)
    with pytest.raises(DriftError) as raised:
        opay_mock.check()
    assert {finding.rule.id for finding in raised.value.findings} == {
        "path-undocumented",
        "method-undocumented",
    }
    assert {finding.place.entry for finding in raised.value.findings} == {2, 3}


def test_a_call_that_is_wrongly_signed_is_found_unless_it_was_meant(opay_mock: OpayMock, ask: Ask) -> None:
    ask({"customerId": "121111113"})
    ask({"customerId": "121111113"}, key=opay_mock.private_key + "\n")
    with pytest.raises(DriftError) as raised:
        opay_mock.check()
    (finding,) = raised.value.findings
    assert (finding.rule.id, finding.place.entry) == ("signature-mismatch", 2)
    assert "made with a line feed at the key's end; use the private key just as" in str(raised.value)
    assert opay_mock.check(signed=False, fail_on="info") == ()


def test_a_call_without_a_signature_is_found_once(opay_mock: OpayMock) -> None:
    requests.post(opay_mock.url, json={"customerId": "a"}, headers={"MerchantId": "1"}, timeout=60)
    with pytest.raises(DriftError) as raised:
        opay_mock.check()
    assert [finding.rule.id for finding in raised.value.findings] == ["signature-mismatch"]
    assert "got no Authorization" in str(raised.value)


def test_a_client_that_appends_the_path_to_the_full_url_is_told_of_base_url(
    opay_mock: OpayMock, ask: Ask
) -> None:
    path = opay_mock.url.removeprefix(opay_mock.base_url)
    ask({"customerId": "a"}, url=opay_mock.url + path)
    with pytest.raises(DriftError, match=r"\ngive a client that appends the path opay_mock\.base_url, not"):
        opay_mock.check()
    assert "(give a client that appends the path opay_mock.base_url" in opay_mock.describe_calls()


def test_calls_are_described_in_order_and_the_last_fifty_of_many(opay_mock: OpayMock, ask: Ask) -> None:
    assert opay_mock.describe_calls() == "no call"
    ask({"customerId": "121111113"})
    path = opay_mock.url.removeprefix(opay_mock.base_url)
    assert opay_mock.describe_calls() == f"1. POST {path} 200 00000"
    for _ in range(49):
        requests.get(opay_mock.url, timeout=60)
    assert len(opay_mock.describe_calls().splitlines()) == 50
    ask({"customerId": "secret-id"})
    lines = opay_mock.describe_calls().splitlines()
    assert (len(lines), lines[0]) == (51, "(1 earlier calls)")
    assert lines[-1] == f"51. POST {path} 200 02001: the mock knows nobody of this customerId"


def test_what_a_scenario_does_on_purpose_is_found_by_contract_and_expected_by_mock(
    opay_mock: OpayMock, opay_contract: OpayContract, ask: Ask
) -> None:
    for name in ANSWERED:
        with opay_mock.scenario(name, seconds=0):
            response = ask({"customerId": "121111113"})
        opay_mock.check(fail_on="info")
        rules = SCENARIOS[name].rules
        if not rules:
            opay_contract.check(response, fail_on="info")
            continue
        with pytest.raises(DriftError) as raised:
            opay_contract.check(response, fail_on="info")
        assert {finding.rule.id for finding in raised.value.findings} == set(rules), name
        opay_mock.reset()


def test_a_scenario_that_the_request_asks_for_is_expected_too(opay_mock: OpayMock, ask: Ask) -> None:
    ask({"customerId": f"{MAGIC}field-null"})
    ask({"opayToken": f"{MAGIC}field-removed"})
    ask({"customerId": "a"}, headers={"X-Mock-Scenario": "http-500-html"})
    opay_mock.check(fail_on="info")


@pytest.mark.opay_scenario("cut-body")
def test_a_connection_that_is_cut_is_expected_too(
    opay_mock: OpayMock, opay_contract: OpayContract, ask: Ask
) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask({"customerId": "121111113"})
    opay_mock.check(fail_on="info")
    with pytest.raises(DriftError, match="error body-truncated"):
        opay_contract.check(opay_mock.exchanges[0])


def drifted_recording(folder: Path) -> Path:
    """Return a recording of one call whose answer drifts."""
    asked = {"method": "POST", "url": "/api/v1/international/token/query", "body": {"customerId": "recorded"}}
    line = {"request": asked, "response": {"status": 200, "body": {"code": 9, "message": "m"}}}
    path = folder / "a.ndjson"
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    return path


def test_recordings_are_replayed_and_their_drift_is_not_the_clients(
    opay_mock: OpayMock, ask: Ask, tmp_path: Path
) -> None:
    replay = opay_mock.replay(drifted_recording(tmp_path))
    assert replay.asked("by-customer") == ["recorded"]
    assert ask({"customerId": "recorded"}).json()["code"] == 9
    assert opay_mock.check(fail_on="info") == ()
    ask({"customerId": "recorded"}, key="another")
    with pytest.raises(DriftError, match="signature-mismatch"):
        opay_mock.check()
    opay_mock.reset()
    assert ask({"customerId": "recorded"}).json()["code"] == "02001"


def test_calls_are_written_redacted_and_can_be_replayed(
    opay_mock: OpayMock, ask: Ask, tmp_path: Path
) -> None:
    path = tmp_path / "recordings" / "calls.ndjson"
    opay_mock.add("shop-canary-42")
    ask({"customerId": "shop-canary-42"})
    record_calls(path, opay_mock.exchanges, load_contract(), opay_mock.private_key)
    assert b"canary" not in path.read_bytes()
    replay = opay_mock.replay(path)
    (asked,) = replay.asked("by-customer")
    assert ask({"customerId": asked}).json()["code"] == "00000"
    done = CliRunner().invoke(check, [str(path)], env={"OPAY_PRIVATE_KEY": opay_mock.private_key})
    assert done.exit_code == 0, done.output


def test_a_request_that_comes_between_two_tests_reaches_nobody() -> None:
    with open_stage() as stage:
        assert requests.get(stage.base_url, timeout=60).status_code == 503


def test_a_mock_shows_neither_key_nor_customers(opay_mock: OpayMock) -> None:
    opay_mock.add("a-secret-id")
    assert opay_mock.private_key not in repr(opay_mock)
    assert "a-secret-id" not in repr(opay_mock)
