"""What the contract promises about a query, asked of the target one query at a time."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opay_contract.contract.loading import load_contract
from opay_contract.suite.api import Api, value_of
from opay_contract.suite.generation import from_schema

FORMS = {form.id: form for operation in load_contract().operations for form in operation.forms}
EXAMPLES = [
    (form.id, example)
    for form in FORMS.values()
    for example in load_contract().schemas.node(form.request)["examples"]
]
NOT_QUERIES = {
    "empty": b"",
    "no JSON": b"customerId=1",
    "cut short": b'{"customerId":"1',
    "null": b"null",
    "a text": b'"customerId"',
    "a number": b"1",
    "a list": b'[{"customerId":"1"}]',
    "an empty object": b"{}",
    "another member": b'{"merchantId":"1"}',
    "another case": b'{"customerid":"1"}',
    "an id that is a number": b'{"customerId":121111113}',
    "an id that is null": b'{"customerId":null}',
    "an id that is a list": b'{"customerId":["121111113"]}',
    "an id that is an object": b'{"customerId":{"$ne":""}}',
    "a token that is true": b'{"opayToken":true}',
    "NaN": b'{"customerId":NaN}',
    "half a surrogate pair": b'{"customerId":"\\ud83d"}',
    "broken UTF-8": b'{"customerId":"\xff"}',
    "UTF-16": '{"customerId":"1"}'.encode("utf-16"),
}


def known(api: Api, example: dict[str, Any]) -> dict[str, Any]:
    """Return a query like the example for what the target knows; the mock knows the examples."""
    if not api.judge.target.is_real:
        return example
    return {
        "customerId": {"customerId": api.judge.target.customer_id},
        "opayToken": {"opayToken": api.known()["cardTokens"][0]["opayToken"]},
    }[next(iter(example))]


@pytest.mark.parametrize(("form", "example"), EXAMPLES, ids=[form for form, _ in EXAMPLES])
def test_an_example_is_answered_as_the_contract_says(api: Api, form: str, example: dict[str, Any]) -> None:
    exchange = api.ask(known(api, example))
    assert api.judge.is_success(exchange)
    match = api.judge.match(exchange)
    assert match.form is not None
    assert match.form.id == form
    api.conforms(exchange)


def test_the_card_of_each_token_is_the_customers(api: Api) -> None:
    data = api.known()
    for card in data["cardTokens"]:
        exchange = api.ask({"opayToken": card["opayToken"]})
        api.conforms(exchange)
        answered = value_of(exchange)["data"]
        assert {**card, "customerInfo": data["customer"]} == answered


@pytest.mark.parametrize("text", ['{"customerId": %s}', '\n{\t"customerId"\r\n:%s }', ' {"customerId":%s}\n'])
def test_white_space_that_is_not_signed_does_not_matter(api: Api, text: str) -> None:
    exchange = api.post((text % json.dumps(api.judge.target.customer_id)).encode())
    assert api.judge.is_success(exchange)
    api.conforms(exchange)


@pytest.mark.parametrize("query", [{"customerId": "nobody-0e5a"}, {"opayToken": "OPAY_TOKEN_" + "0" * 32}])
def test_an_unknown_one_has_no_cards(api: Api, query: dict[str, str]) -> None:
    exchange = api.ask(query)
    api.conforms(exchange)
    data = value_of(exchange).get("data") or {}
    assert not data.get("cardTokens")
    assert "lastFourDigits" not in data


@pytest.mark.parametrize("body", NOT_QUERIES.values(), ids=NOT_QUERIES.keys())
def test_what_is_no_query_is_refused(api: Api, body: bytes) -> None:
    api.refuses(api.post(body))


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_another_method_is_refused(api: Api, method: str) -> None:
    exchange = api.send(method, b'{"customerId":"121111113"}')
    assert exchange.response.status < 500
    assert api.judge.is_refused(exchange)


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data", None])
def test_another_media_type_breaks_nothing(api: Api, media_type: str | None) -> None:
    exchange = api.ask({"customerId": api.judge.target.customer_id}, Content_Type=media_type)
    assert exchange.response.status < 500
    if exchange.response.body:
        assert "code" in value_of(exchange)


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_the_media_type_may_be_written_in_other_ways(api: Api, media_type: str) -> None:
    exchange = api.ask({"customerId": api.judge.target.customer_id}, Content_Type=media_type)
    assert api.judge.is_success(exchange)


def test_both_keys_never_answer_for_another(api: Api) -> None:
    exchange = api.ask({"customerId": api.judge.target.customer_id, "opayToken": "OPAY_TOKEN_" + "0" * 32})
    api.conforms(exchange)


@given(query=from_schema("schemas/query-request.json"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_sound_query_gets_a_sound_answer(api: Api, query: dict[str, Any]) -> None:
    body = json.dumps(query).encode()
    exchange = api.post(body)
    assert exchange.response.status < 500
    found = [item for item in api.judge.findings(exchange) if not item.pointer.startswith("request:")]
    assert not found


@given(customer_id=st.text(max_size=200))
def test_any_text_is_an_id_that_can_be_asked_for(api: Api, customer_id: str) -> None:
    exchange = api.ask({"customerId": customer_id})
    assert exchange.response.status == 200
    assert "code" in value_of(exchange)
