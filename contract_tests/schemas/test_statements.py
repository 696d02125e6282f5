"""What the contract says beside its schemas, held against what the vendor says by what `check` finds.

The codes, messages, hosts and headers were copied here from the vendor's pages, and not from openapi.yaml.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from opay_contract.contract.loading import load_contract
from opay_contract.jsontext import iter_nodes, pointer
from opay_contract.signing.signer import sign

CODES = {
    "09": "Time out.",
    "90": "System failure.",
    "91": "Refund error, please try again later.",
    "96": "Search order error, please try again later.",
    "97": "Create checkout session failed.",
    "98": "Invalid request header with requestId.",
    "99": "Request channel parameters are not valid.",
    "20000": "Duplicate merchant order number",
    "02000": "Authentication failed",
    "02001": "request params not valid.",
    "02002": "merchant not configured with this function.",
    "02007": "merchant not available.",
    "00003": "merchant is null",
    "50003": "service not available, please try again.",
}
BANK_CODES = ("05", "13", "51", "54", "57", "62")
SUCCESS_CODES = ("00000", "00")
HOSTS = {"sandbox-cashierapi.opaycheckout.com": "sandbox", "cashierapi.opaycheckout.com": "production"}
PATH = "/api/v1/international/token/query"

SENSITIVITIES = {
    "business-code.json": "public",
    "success-code.json": "public",
    "customer-id.json": "identifier",
    "opay-token.json": "identifier",
    "envelope.json/properties/message": "public",
    "error-response.json/allOf/1/properties/code": "public",
    "customer.json/properties/customerName": "customer",
    "customer.json/properties/customerEmail": "customer",
    "customer.json/properties/customerMobile": "customer",
    "card-token.json/properties/brand": "public",
    "card-token.json/properties/createTimestamp": "public",
    "card-token.json/properties/lastFourDigits": "card",
    "card-token.json/properties/firstSixDigits": "card",
    "card-token.json/properties/expiryYear": "card",
    "card-token.json/properties/expiryMonth": "card",
}
"""What must not be shown. A change here makes data readable, so it is made twice, and on purpose."""

Compose = Callable[..., dict[str, Any]]


def test_a_documented_exchange_has_no_findings(bench: Any, success: Compose, one_token: Compose) -> None:
    assert bench.rules(answer=success()) == []
    assert bench.rules(query={"opayToken": one_token()["data"]["opayToken"]}, answer=one_token()) == []


@pytest.mark.parametrize("code", CODES)
def test_a_code_of_the_vendors_lists_is_known_with_its_message_and_no_other(bench: Any, code: str) -> None:
    assert bench.rules(answer={"code": code, "message": CODES[code]}) == []
    assert bench.rules(answer={"code": code, "message": "Something else."}) == ["message-undocumented"]


@pytest.mark.parametrize("code", BANK_CODES)
def test_a_banks_code_is_known_and_its_message_is_open(bench: Any, code: str) -> None:
    assert bench.rules(answer={"code": code, "message": "Anything at all."}) == []


def test_a_success_code_comes_with_the_documented_message(bench: Any, success: Compose) -> None:
    assert bench.rules(answer=success() | {"message": "DONE"}) == ["message-undocumented"]
    assert bench.rules(answer=success(code="00") | {"message": "DONE"}) == []


def test_the_catalogue_has_the_vendors_codes_and_no_others(bench: Any) -> None:
    assert bench.contract.operations[0].envelope.codes.keys() == {*CODES, *BANK_CODES, *SUCCESS_CODES}
    assert bench.rules(answer={"code": "77777", "message": "x"}) == ["code-undocumented"]


@pytest.mark.parametrize("host", HOSTS)
def test_an_exchange_with_a_documented_host_is_judged(bench: Any, host: str) -> None:
    assert bench.summary(url=f"https://{host}{PATH}", answer={"code": "02000"}).exchanges == 1
    environments = {server.host: server.environment for server in bench.contract.servers}
    assert environments == HOSTS


def test_another_host_is_none_of_our_business(bench: Any) -> None:
    assert bench.summary(url=f"https://example.com{PATH}", answer={}).out_of_scope == 1


def test_another_version_or_method_is_undocumented(bench: Any, success: Compose) -> None:
    other = f"https://cashierapi.opaycheckout.com{PATH}".replace("/v1/", "/v2/")
    assert bench.rules(url=other, answer={}) == ["path-undocumented"]
    assert bench.rules(method="PUT", answer=success()) == ["method-undocumented"]


@pytest.mark.parametrize("name", ["Authorization", "MerchantId", "Content-Type"])
def test_a_header_that_the_vendor_asks_for_is_required(bench: Any, success: Compose, name: str) -> None:
    assert "header-missing" in bench.rules(headers={name: None}, answer=success())


def test_a_body_is_required(bench: Any) -> None:
    operation = bench.contract.schemas.documents["openapi.yaml"].value["paths"][PATH]["post"]
    assert operation["requestBody"]["required"] is True


@pytest.mark.parametrize("status", [200, 403])
def test_a_documented_status_is_known(bench: Any, status: int) -> None:
    assert bench.rules(status=status, answer={"code": "02000", "message": "Authentication failed"}) == []


@pytest.mark.parametrize("status", [201, 400, 401, 500])
def test_another_status_is_undocumented(bench: Any, status: int) -> None:
    assert bench.rules(status=status, answer={"code": "02000", "message": "Authentication failed"}) == [
        "status-undocumented"
    ]


def test_json_is_the_only_documented_media_type_of_an_answer(bench: Any, success: Compose) -> None:
    assert bench.rules(content_type="text/plain", answer=success()) == ["json-mislabelled"]


def test_an_answer_must_be_about_what_was_asked(bench: Any, success: Compose, one_token: Compose) -> None:
    assert bench.rules(query={"customerId": "another"}, answer=success()) == ["answer-mismatched"]
    assert bench.rules(query={"opayToken": "another"}, answer=one_token()) == ["answer-mismatched"]


@pytest.mark.parametrize(
    ("query", "other"), [({"customerId": "c"}, "one_token"), ({"opayToken": "t"}, "success")]
)
def test_each_form_has_an_answer_of_its_own(
    bench: Any, request: pytest.FixtureRequest, query: dict[str, str], other: str
) -> None:
    assert "field-missing" in bench.rules(query=query, answer=request.getfixturevalue(other)())


def test_a_query_with_both_keys_is_one_by_token(bench: Any, one_token: Compose) -> None:
    token = one_token()["data"]["opayToken"]
    match = bench.contract.match(bench.exchange(query={"opayToken": token, "customerId": "customer-1"}))
    assert match.form.id == "by-token"
    assert match.form.title == "Card Token Info"


@pytest.mark.parametrize("query", [{}, {"customerId": 7}, {"opayToken": None}])
def test_a_query_that_is_none_should_have_been_refused(bench: Any, success: Compose, query: Any) -> None:
    found = bench.rules(query=query, answer=success())
    assert {"request-field-missing", "request-field-invalid"} & set(found)


def test_the_envelope_is_read_as_the_vendor_writes_it(bench: Any) -> None:
    assert bench.rules(answer={"code": "00000", "message": "SUCCESSFUL"}) == ["success-without-data"]
    assert bench.rules(answer={"code": "02000", "message": "Authentication failed", "data": {}}) == [
        "error-with-data"
    ]
    assert bench.rules(answer={"message": "SUCCESSFUL"}) == ["field-missing"]


def test_an_http_error_has_an_envelope_too_where_it_has_json(bench: Any, success: Compose) -> None:
    assert "success-code-on-http-error" in bench.rules(status=403, answer=success())


def test_a_signature_is_made_as_the_vendors_samples_make_it(bench: Any) -> None:
    key, body = "OPAYPRV_TEST", '{"a":"http:\\/\\/é","b":{"d":1,"c":"2"}}'
    canonical = '{"a":"http://é","b":{"c":"2","d":1}}'
    digests = {
        form: hmac.new(key.encode(), text.encode(), hashlib.sha512).hexdigest()
        for form, text in (("raw", canonical), ("escaped", canonical.replace("é", "\\u00e9")))
    }
    signed = {
        form: sign(body.encode(), key, bench.contract.signature, non_ascii=form).header for form in digests
    }
    assert signed == {form: f"Bearer {digest}" for form, digest in digests.items()}
    assert bench.contract.signature.header == "Authorization"
    assert bench.contract.signature.non_ascii == ("raw", "escaped")


def test_every_value_is_as_sensitive_as_it_was_decided() -> None:
    documents = load_contract().schemas.documents
    said = {
        name.removeprefix("schemas/") + pointer(tokens): value["x-sensitivity"]
        for name, document in documents.items()
        if name.startswith("schemas/")
        for tokens, value in iter_nodes(document.value)
        if isinstance(value, dict) and "x-sensitivity" in value
    }
    assert said == SENSITIVITIES


def test_a_merchant_id_is_an_identifier_and_may_look_like_a_card_number(bench: Any, success: Compose) -> None:
    assert bench.rules(headers={"MerchantId": "4111111111111111"}, answer=success()) == []
    assert bench.rules(headers={"X-Note": "4111111111111111"}, answer=success()) == ["card-number-exposed"]
