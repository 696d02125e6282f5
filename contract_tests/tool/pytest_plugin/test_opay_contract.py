"""The fixture `opay_contract`: any answer that a test has in its hands, held against the contract."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
from contract_tests.usual import each

from opay_contract.errors import UsageError
from opay_contract.pytest_plugin.checking import DriftError, NothingCheckedError, OpayContract
from opay_contract.pytest_plugin.mocking import OpayMock
from opay_contract.signing.signer import sign

Ask = Callable[..., requests.Response]

SANDBOX = "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/token/query"
SUCCESS: dict[str, Any] = {
    "code": "00000",
    "message": "SUCCESSFUL",
    "data": {
        "customer": {
            "customerId": "121111113",
            "customerName": "name1",
            "customerEmail": "123@1231.com",
            "customerMobile": "20123111111",
        },
        "cardTokens": [],
    },
}
DRIFTED = {**SUCCESS, "data": {**SUCCESS["data"], "cardTokens": 411111}}
ASKED = {"customerId": "121111113"}


def native(body: Any, **request: Any) -> dict[str, Any]:
    return {"request": request, "response": {"status": 200, "body": body}}


def by_httpx(body: Any, url: str = SANDBOX, status: int = 200) -> httpx.Response:
    request = httpx.Request("POST", url, json=ASKED, headers={"MerchantId": "1", "Authorization": "Bearer x"})
    return httpx.Response(status, json=body, request=request)


def by_requests(body: Any) -> requests.Response:
    client = httpx.Response(200, json=body)
    response = requests.Response()
    response.status_code = 200
    response.headers["Content-Type"] = "application/json"
    response._content = client.content  # noqa: SLF001  what every library that fakes responses does
    response.request = requests.Request(
        "POST", SANDBOX, json=ASKED, headers={"MerchantId": b"1", "Authorization": "Bearer x"}
    ).prepare()
    return response


WAYS: list[Callable[[Any], Any]] = [
    lambda body: body,
    native,
    lambda body: native(body, method="POST", url=SANDBOX),
    by_httpx,
    lambda body: by_httpx(body, "http://localhost:8000/api/v1/international/token/query"),
    lambda body: httpx.Response(200, json=body),
    by_requests,
]


@each("way", WAYS)
def test_an_answer_that_conforms_passes_in_every_form(opay_contract: OpayContract, way: Any) -> None:
    assert opay_contract.check(way(SUCCESS), fail_on="info") == ()


@each("way", WAYS)
def test_drift_is_listed_in_every_form_and_no_value_is(opay_contract: OpayContract, way: Any) -> None:
    with pytest.raises(DriftError) as raised:
        opay_contract.check(way(DRIFTED))
    (finding,) = raised.value.findings
    title, line = str(raised.value).splitlines()
    assert title == "1 finding"
    assert line.startswith("error type-mismatch /data/cardTokens: expected ")
    assert finding.contract is not None
    assert f", got integer of 6 digits (contract {finding.contract.file}:{finding.contract.line}:" in line
    assert "411111" not in str(raised.value)


def test_what_the_mock_answers_passes_through_httpx(opay_mock: OpayMock, opay_contract: OpayContract) -> None:
    body = b'{"customerId":"121111113"}'
    assert opay_contract.contract.signature is not None
    signature = sign(body, opay_mock.private_key, opay_contract.contract.signature)
    headers = {
        "MerchantId": opay_mock.merchant_id,
        "Authorization": signature.header,
        "Content-Type": "application/json",
    }
    response = httpx.post(opay_mock.url, content=body, headers=headers)
    assert response.json()["code"] == "00000"
    assert opay_contract.check(response, fail_on="info", private_key=opay_mock.private_key) == ()
    with httpx.stream("POST", opay_mock.url, content=iter([body]), headers=headers) as streamed:
        streamed.read()
    assert opay_contract.check(streamed, fail_on="info") == ()


def test_the_gravest_comes_first_and_equals_are_one(opay_contract: OpayContract) -> None:
    card = {
        "opayToken": "a",
        "brand": None,
        "createTimestamp": 1637822753,
        "lastFourDigits": "7411",
        "firstSixDigits": "450875",
        "note": "",
    }
    data = {**SUCCESS["data"], "cardTokens": [card, {**card, "opayToken": "b"}]}
    with pytest.raises(DriftError) as raised:
        opay_contract.check({**SUCCESS, "data": data})
    title, first, second = str(raised.value).splitlines()
    assert title == "2 findings"
    assert first.startswith("error field-null /data/cardTokens/*/brand: ")
    assert "2 times" in first
    assert second.startswith("warning response-field-undocumented /data/cardTokens/*/note: ")


def test_what_is_below_the_bar_is_returned(opay_contract: OpayContract) -> None:
    unknown = {"code": "77777", "message": "Please contact support."}
    findings = opay_contract.check(unknown)
    assert [finding.rule.id for finding in findings] == ["code-undocumented"]
    with pytest.raises(DriftError):
        opay_contract.check(unknown, fail_on=findings[0].rule.severity.label)
    with pytest.raises(UsageError, match="unknown severity 'eror'"):
        opay_contract.check(unknown, fail_on="eror")


def test_a_signature_is_verified_with_the_key(opay_contract: OpayContract) -> None:
    response = by_httpx(SUCCESS)
    opay_contract.check(response)
    with pytest.raises(DriftError, match="error signature-mismatch Authorization: ") as raised:
        opay_contract.check(response, private_key="OPAYPRV_TEST")
    assert "\nthe signature was sent without the digits of a hash; send 'Authorization: " in str(raised.value)


def test_another_path_is_drift_on_any_host(opay_contract: OpayContract) -> None:
    for url in (SANDBOX + "x", "http://localhost/other"):
        with pytest.raises(DriftError, match="path-undocumented"):
            opay_contract.check(by_httpx(SUCCESS, url))


def test_a_preflight_is_nothing_to_check(opay_contract: OpayContract) -> None:
    headers = {"Access-Control-Request-Method": "POST"}
    with pytest.raises(NothingCheckedError):
        opay_contract.check(native("", method="OPTIONS", url=SANDBOX, headers=headers))


@each(
    ("given", "message"),
    [
        ("text", "cannot check a str; expected a response of requests or httpx, or a dictionary"),
        (None, "cannot check a NoneType"),
        ({"response": {"status": 200}}, 'cannot check this dictionary: the response has no "body"'),
        ({"response": {"status": 200, "body": b""}}, "it holds what JSON does not have; bytes go into"),
        (native("", url="http://["), "its request's URL is none"),
    ],
)
def test_what_cannot_be_checked_is_an_error_that_says_why(
    opay_contract: OpayContract, given: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        opay_contract.check(given)


@pytest.mark.usefixtures("opay_mock")
def test_a_body_that_is_no_json_is_drift(opay_contract: OpayContract, ask: Ask) -> None:
    response = ask({"customerId": "a"}, headers={"X-Mock-Scenario": "truncated-json"})
    with pytest.raises(DriftError, match="error body-truncated"):
        opay_contract.check(response)
