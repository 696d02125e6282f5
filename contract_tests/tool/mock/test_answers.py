"""What is asked is what is answered, and what is wrong is refused in the documented order."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from opay_contract.errors import ContractError
from opay_contract.mock.choices import assumed_choices
from opay_contract.mock.request_handler import RequestHandler
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials


def answered(exchange: Any) -> Any:
    return json.loads(exchange.response.body)


def test_a_query_by_customer_has_the_customer_and_every_card(
    mock: Any, store: Store, with_cards: str
) -> None:
    answer = answered(mock.ask(json.dumps({"customerId": with_cards}).encode()))
    stored = store.customer(with_cards)
    assert stored is not None
    assert (answer["code"], answer["message"]) == ("00000", "SUCCESSFUL")
    assert answer["data"]["customer"] == stored.customer
    assert [card["opayToken"] for card in answer["data"]["cardTokens"]] == list(stored.cards)


def test_a_query_by_token_has_one_card_and_its_customer(
    mock: Any, store: Store, token: str, with_cards: str
) -> None:
    data = answered(mock.ask(json.dumps({"opayToken": token}).encode()))["data"]
    stored = store.customer(with_cards)
    assert stored is not None
    assert data["opayToken"] == token
    assert data["customerInfo"] == stored.customer


@pytest.mark.parametrize(
    "body",
    [
        b'{"customerId":1}',
        b'{"customerId":null}',
        b'{"opayToken":[]}',
        b'{"customerid":"customer-1"}',
        b"{}",
        b'{"customerId":"customer-1","extra":true}',
    ],
)
def test_a_missing_or_wrong_parameter_is_02001(mock: Any, body: bytes) -> None:
    assert answered(mock.ask(body)) == {"code": "02001", "message": "request params not valid."}


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization": None},
        {"authorization": "Bearer " + "0" * 128},
        {"authorization": "\xff"},
        {"merchantid": None},
        {"merchantid": ""},
        {"merchantid": "256612345678902"},
        {"merchantid": "\xff"},
    ],
)
def test_failed_authentication_is_02000_without_data(mock: Any, fields: dict[str, str | None]) -> None:
    exchange = mock.ask(b'{"customerId":"customer-1"}', **fields)
    assert exchange.response.status == 200
    assert exchange.response.body == b'{"code":"02000","message":"Authentication failed"}'


@pytest.mark.parametrize("name", ["Ọ̀rọ̀ 🙂", "أمينة", "a/b"])
@pytest.mark.parametrize("form", ["raw", "escaped"])
def test_both_forms_of_text_outside_ascii_are_accepted(
    mock: Any, form: str, name: str, signature_of: Any
) -> None:
    body = json.dumps({"customerId": name}).encode()
    exchange = mock.ask(body, authorization=signature_of(body, form))
    assert answered(exchange)["code"] == "02001"  # nobody of that name, but the signature holds


def test_white_space_and_order_of_the_sent_body_do_not_matter(
    build_mock: Callable[..., Any], with_cards: str
) -> None:
    mock = build_mock("undocumented-member=ignored")
    body = json.dumps({"z": "1", "customerId": with_cards, "a": {"y": 1.5, "x": None}}, indent=2).encode()
    assert answered(mock.ask(body))["code"] == "00000"


def test_authentication_comes_before_the_parameters(mock: Any) -> None:
    assert answered(mock.ask(b"{}", authorization="Bearer 0"))["code"] == "02000"


def test_other_credentials_are_those_that_count(build_mock: Callable[..., Any]) -> None:
    mock = build_mock(credentials=Credentials(merchant_id="42", private_key="another"))
    assert answered(mock.ask(b'{"customerId":"customer-1"}'))["code"] == "00000"
    assert answered(mock.ask(b'{"customerId":"customer-1"}', merchantid="256612345678901"))["code"] == "02000"
    assert "another" not in repr(mock.settings)


def test_another_path_is_not_found(mock: Any) -> None:
    path = mock.contract.operations[0].path
    for other in ("/", path + "/", path.upper(), path[:-1] + "%79"):
        assert mock.send("POST", {}, b"{}", path=other).response.status == 404


def test_a_body_of_the_limit_is_read_and_one_byte_more_is_not(mock: Any) -> None:
    whole = b'{"customerId":"%s"}' % (b"a" * (2**20 - 17))
    assert answered(mock.ask(whole))["code"] == "02001"
    assert mock.heard[-1].request.body == whole
    assert answered(mock.ask(whole[:-2] + b'a"}'))["code"] == "02001"
    assert mock.heard[-1].request.body is None


def test_nothing_that_was_sent_gets_into_a_header(mock: Any) -> None:
    exchange = mock.ask(b'{"customerId":"scenario:a\\r\\nset-cookie: b"}')
    assert dict(exchange.response.headers).keys() == {"content-type", "content-length"}
    assert exchange.response.status == 400


def test_a_contract_that_says_too_little_to_be_mocked_is_refused(mock: Any) -> None:
    (operation,) = mock.contract.operations
    for lacking, missing in (
        (replace(mock.contract, signature=None), "x-signature"),
        (replace(mock.contract, operations=(replace(operation, envelope=None),)), "x-envelope"),
        (replace(mock.contract, operations=(replace(operation, forms=()),)), "x-forms"),
    ):
        with pytest.raises(ContractError, match=missing):
            RequestHandler(lacking, mock.settings, mock.store)
    with pytest.raises(ContractError, match="lacks 'wrong-method'"):
        assumed_choices(())
