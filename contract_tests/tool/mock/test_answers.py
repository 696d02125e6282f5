"""What is asked is what is answered, and what is wrong is refused in the documented order."""

import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from contract_tests.usual import each
from msgspec.structs import replace

from opay_contract.errors import UsageError
from opay_contract.mock.request_handler import RequestHandler
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials, MockRequest
from opay_contract.model.exchange import header


def answered(exchange: Any) -> Any:
    return json.loads(exchange.response.body)


def test_a_query_by_customer_has_the_customer_and_every_card(
    mock: Any, store: Store, with_cards: str
) -> None:
    answer = answered(mock.ask(json.dumps({"customerId": with_cards}).encode()))
    stored = store.record("customers", with_cards)
    assert stored is not None
    assert (answer["code"], answer["message"]) == ("00000", "SUCCESSFUL")
    assert answer["data"]["customer"] == stored.document["customer"]
    assert [card["opayToken"] for card in answer["data"]["cardTokens"]] == list(stored.items)


def test_a_query_by_token_has_one_card_and_its_customer(
    mock: Any, store: Store, token: str, with_cards: str
) -> None:
    data = answered(mock.ask(json.dumps({"opayToken": token}).encode()))["data"]
    stored = store.record("customers", with_cards)
    assert stored is not None
    assert data["opayToken"] == token
    assert data["customerInfo"] == stored.document["customer"]


@each(
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


@each(
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


@each("name", ["Ọ̀rọ̀ 🙂", "أمينة", "a/b"])
@each("form", ["raw", "escaped"])
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
    served = ", ".join(f"{one.method} {one.path}" for one in mock.contract.operations)
    for other in ("/", path + "/", path.upper(), path[:-1] + "%79"):
        exchange = mock.send("POST", {}, b"{}", path=other)
        assert exchange.response.status == 404
        assert answered(exchange) == {"code": "02001", "message": f"the mock serves {served}"}
        assert reason(exchange) == "another path"


def test_a_path_that_a_client_appends_twice_is_named(mock: Any) -> None:
    path = mock.contract.operations[0].path
    for twice in (path + path, f"{path}/{path}", f"/v2{path}{path}/"):
        said = reason(mock.send("POST", {}, b"{}", path=twice))
        assert said == f"the path {path} is there twice: give the client the address without it"


def test_a_body_says_what_is_served_where_the_method_is_another(mock: Any) -> None:
    exchange = mock.send("GET", {}, b"")
    assert exchange.response.status == 405
    assert answered(exchange)["message"] == f"the mock serves POST {mock.contract.operations[0].path}"
    assert dict(exchange.response.headers)["allow"] == "POST"


def reason(exchange: Any) -> str | None:
    return header(exchange.response.headers, "x-mock-reason")


def test_every_refusal_says_its_reason_and_no_value(mock: Any, with_cards: str) -> None:
    body = b'{"customerId":"shop-secret"}'
    spaced = signature_of_text(b'{"customerId": "shop-secret"}')
    spaces = (
        "the signature was made over the body with a space after ':' and ','; "
        "sign the compact form, without white space"
    )
    both = b'{"customerId":"shop-secret","opayToken":"shop-secret"}'
    unknown = "/(string of 7 characters, mixed characters) is no member that the contract knows"
    cases: list[tuple[bytes, dict[str, str | None], str]] = [
        (b'{"customerId":"' + b"a" * 2**20 + b'"}', {}, "the body has more than 1,048,576 bytes"),
        (body, {"content_type": "text/plain"}, "expected Content-Type application/json, got text/plain"),
        (body, {"content_type": None}, "expected Content-Type application/json, got no Content-Type"),
        (body, {"merchantid": None}, "no MerchantId"),
        (
            b'{"shop-secret":1,"shop-secret":2}',
            {"authorization": "x"},
            "the body is no JSON object to every reader: it has a key twice",
        ),
        (
            b"{",
            {"authorization": "x"},
            "the body is no JSON object to every reader: it breaks off at line 1, column 2",
        ),
        (body, {"merchantid": "1"}, "the MerchantId is not the mock's"),
        (body, {"authorization": None}, "no Authorization"),
        (body, {"authorization": spaced}, spaces),
        (body, {"authorization": spaced, "merchantid": "1"}, f"the MerchantId is not the mock's; {spaces}"),
        (b"{}", {}, "neither opayToken nor customerId"),
        (both, {}, "both opayToken and customerId"),
        (b'{"customerId":1}', {}, "/customerId is not string"),
        (b'{"customerId":"shop-secret","limit":1}', {}, "/limit is no member that the contract knows"),
        (b'{"customerId":"a","a@b.com":1}', {}, unknown),
        (body, {}, "the mock knows nobody of this customerId"),
        (b'{"opayToken":"shop-secret"}', {}, "the mock knows nobody of this opayToken"),
        (body, {"x_mock_scenario": "error-90"}, "scenario error-90"),
        (body, {"x_mock_scenario": "slow"}, "the mock knows nobody of this customerId; scenario slow"),
        (body, {"x_mock_scenario": "shop-secret"}, "unknown scenario"),
    ]
    for sent, fields, said in cases:
        assert reason(mock.ask(sent, **fields)) == said
    assert reason(mock.ask(json.dumps({"customerId": with_cards}).encode())) is None


def signature_of_text(text: bytes) -> str:
    return "Bearer " + hmac.digest(Credentials().private_key.encode(), text, "sha512").hex()


def test_a_client_with_the_mocks_own_key_is_told_so_where_another_counts(
    build_mock: Callable[..., Any],
) -> None:
    mock = build_mock(credentials=Credentials(merchant_id="42", private_key="another"))
    exchange = mock.ask(b'{"customerId":"a"}', authorization=signature_of_text(b'{"customerId":"a"}'))
    assert "made with the test key of redaction and the mock" in str(reason(exchange))


def test_a_body_of_the_limit_is_read_and_one_byte_more_is_not(mock: Any) -> None:
    whole = b'{"customerId":"%s"}' % (b"a" * (2**20 - 17))
    assert answered(mock.ask(whole))["code"] == "02001"
    assert mock.heard[-1].request.body == whole
    assert reason(mock.heard[-1]) == "the mock knows nobody of this customerId"
    assert answered(mock.ask(whole[:-2] + b'a"}'))["code"] == "02001"
    assert mock.heard[-1].request.body is None
    assert reason(mock.heard[-1]) == "the body has more than 1,048,576 bytes"


def test_nothing_that_was_sent_gets_into_a_header(mock: Any) -> None:
    exchange = mock.ask(b'{"customerId":"scenario:a\\r\\nset-cookie: b"}')
    assert dict(exchange.response.headers).keys() == {"content-type", "content-length", "x-mock-reason"}
    assert reason(exchange) == "unknown scenario"
    assert exchange.response.status == 400


def test_a_contract_that_says_little_is_mocked_as_far_as_it_goes(mock: Any) -> None:
    operation, *others = mock.contract.operations
    codes = {code: replace(entry, means=None) for code, entry in operation.envelope.codes.items()}
    mute = replace(operation, envelope=replace(operation.envelope, codes=codes))
    asked = MockRequest(
        method="POST",
        target=operation.path.encode(),
        headers={b"content-type": b"application/json", b"merchantid": b"1", b"authorization": b"x"},
        body=b'{"customerId":"1"}',
    )
    for lacking, status in (
        (replace(operation, is_signed=False, credentials=()), 200),
        (replace(operation, envelope=None), 403),
        (mute, 403),
    ):
        contract = replace(mock.contract, operations=(lacking, *others))
        answer = RequestHandler(contract, mock.settings, mock.store).answer(asked)
        assert answer.status == status, answer
    with pytest.raises(UsageError, match="the contract has no operation"):
        RequestHandler(replace(mock.contract, operations=()), mock.settings, mock.store)
