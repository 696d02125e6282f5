"""Which request belongs to which operation of a contract."""

from collections.abc import Callable

import pytest
from contract_tests.usual import each

from opay_contract.contract.contract import Contract, Route
from opay_contract.contract.loading import load_contract
from opay_contract.errors import UsageError
from opay_contract.model.exchange import Exchange, Place, Request, Response
from opay_contract.model.finding import Outcome

QUERY = "/api/v1/international/token/query"
HOST = "https://cashierapi.opaycheckout.com"
PLACE = Place(source=0, entry=1, file="-")

OPERATION, UNKNOWN_PATH, UNKNOWN_METHOD, OUT_OF_SCOPE = (
    "operation",
    "unknown path",
    "unknown method",
    "out of scope",
)


def kind_of(route: Route) -> str:
    if not route.in_scope:
        return OUT_OF_SCOPE
    if route.operation is not None:
        return OPERATION
    return UNKNOWN_METHOD if route.path_known else UNKNOWN_PATH


@each(
    ("url", "kind"),
    [
        (None, OPERATION),
        (HOST + QUERY, OPERATION),
        ("https://sandbox-cashierapi.opaycheckout.com" + QUERY, OPERATION),
        ("http://cashierapi.opaycheckout.com" + QUERY, OPERATION),
        ("HTTPS://CashierAPI.OPayCheckout.COM" + QUERY, OPERATION),
        ("https://user:secret@cashierapi.opaycheckout.com" + QUERY, OPERATION),
        ("//cashierapi.opaycheckout.com" + QUERY, OPERATION),
        (f"{HOST}{QUERY}?a=1&b=/x", OPERATION),
        (f"{HOST}{QUERY}#part", OPERATION),
        (QUERY, OPERATION),
        (f"{QUERY}?a=1", OPERATION),
        (f"{HOST}:443{QUERY}", OPERATION),
        (f"http://cashierapi.opaycheckout.com:80{QUERY}", OPERATION),
        (f"{HOST}:8443{QUERY}", OUT_OF_SCOPE),
        (f"https://opaycheckout.com{QUERY}", OUT_OF_SCOPE),
        (f"https://cashierapi.opaycheckout.com.example{QUERY}", OUT_OF_SCOPE),
        (f"https://cashierapi.opaycheckout.com@example.com{QUERY}", OUT_OF_SCOPE),
        ("data:text/html,hello", OUT_OF_SCOPE),
        ("about:blank", OUT_OF_SCOPE),
        ("blob:https://cashierapi.opaycheckout.com/1", OUT_OF_SCOPE),
        (f"ftp://cashierapi.opaycheckout.com{QUERY}", OUT_OF_SCOPE),
        ("https://[::1", OUT_OF_SCOPE),
        (f"{HOST}{QUERY}/", UNKNOWN_PATH),
        (f"{HOST}/{QUERY}", UNKNOWN_PATH),
        (f"{HOST}{QUERY.upper()}", UNKNOWN_PATH),
        (f"{HOST}{QUERY}x", UNKNOWN_PATH),
        (f"{HOST}/", OUT_OF_SCOPE),
        (HOST, OUT_OF_SCOPE),
        ("/elsewhere", OUT_OF_SCOPE),
        ("", OUT_OF_SCOPE),
    ],
)
def test_a_url_leads_where_the_contract_says(contract: Contract, url: str | None, kind: str) -> None:
    assert kind_of(contract.route(Request(method="POST", url=url))) == kind


@each(
    ("method", "kind"),
    [
        ("POST", OPERATION),
        ("post", OPERATION),
        (None, OPERATION),
        ("GET", UNKNOWN_METHOD),
        ("OPTIONS", UNKNOWN_METHOD),
    ],
)
def test_a_method_is_known_in_any_case(contract: Contract, method: str | None, kind: str) -> None:
    assert kind_of(contract.route(Request(method=method, url=HOST + QUERY))) == kind


@each("method", ["OPTIONS", "options"])
@each("path", [QUERY, "/elsewhere"])
def test_a_preflight_is_out_of_scope(contract: Contract, method: str, path: str) -> None:
    headers = (("Origin", "https://shop.example"), ("access-control-request-METHOD", "POST"))
    assert kind_of(contract.route(Request(method=method, url=HOST + path, headers=headers))) == OUT_OF_SCOPE


def test_a_post_with_a_header_of_preflights_is_none(contract: Contract) -> None:
    headers = (("Access-Control-Request-Method", "POST"),)
    assert kind_of(contract.route(Request(method="POST", url=HOST + QUERY, headers=headers))) == OPERATION


@each(
    ("url", "kind"),
    [
        (None, OPERATION),
        ("https://ledger.example/v2/accounts/1/balance", OPERATION),
        ("https://ledger.example/v2/accounts/a.b-c%20d/balance?now", OPERATION),
        ("https://ledger.example/v2/accounts/{id}/balance", OPERATION),
        ("/v2/accounts/1/balance", OPERATION),
        ("https://ledger.example/v2/accounts//balance", OUT_OF_SCOPE),
        ("https://ledger.example/v2/accounts/1/2/balance", OUT_OF_SCOPE),
        ("https://ledger.example/v2/accounts/1/balance/", UNKNOWN_PATH),
        ("https://ledger.example/v2", OUT_OF_SCOPE),
        ("https://ledger.example/v2/", OUT_OF_SCOPE),
        ("https://ledger.example/v1/accounts/1/balance", UNKNOWN_PATH),
        ("https://ledger.example/v22/accounts/1/balance", UNKNOWN_PATH),
        ("https://ledger.example/accounts/1/balance", UNKNOWN_PATH),
        ("https://ledger.example/v2/accounts/1/history", OUT_OF_SCOPE),
    ],
)
def test_a_path_below_a_base_url_may_have_parameters(ledger: Contract, url: str | None, kind: str) -> None:
    assert kind_of(ledger.route(Request(method="GET", url=url))) == kind


@each(
    ("base", "url", "kind"),
    [
        ("http://localhost:8080", f"http://localhost:8080{QUERY}", OPERATION),
        ("http://localhost:8080/", f"http://localhost:8080{QUERY}", OPERATION),
        ("http://localhost:8080", f"http://localhost:8081{QUERY}", OUT_OF_SCOPE),
        ("http://localhost:8080", f"http://localhost{QUERY}", OUT_OF_SCOPE),
        ("http://LOCALHOST/mock", f"http://localhost/mock{QUERY}", OPERATION),
        ("http://localhost/mock/", f"http://localhost/mock{QUERY}", OPERATION),
        ("http://localhost/mock", f"http://localhost{QUERY}", OUT_OF_SCOPE),
        ("http://[::1]:80", f"http://[::1]:80{QUERY}", OPERATION),
        ("https://gateway.example:443", f"https://gateway.example{QUERY}", OPERATION),
        ("http://localhost:8080", HOST + QUERY, OPERATION),
    ],
)
def test_a_base_url_adds_a_host(base: str, url: str, kind: str) -> None:
    contract = load_contract(base_urls=(base,))
    assert kind_of(contract.route(Request(method="POST", url=url))) == kind


@each("base", ["localhost:8080", "/mock", "", "https://"])
def test_a_base_url_without_a_host_is_a_wrong_setting(base: str) -> None:
    with pytest.raises(UsageError, match="has no host"):
        load_contract(base_urls=(base,))


@each(
    ("body", "outcome", "code"),
    [
        (b'{"code": "00000", "message": "SUCCESSFUL"}', Outcome.SUCCESS, "00000"),
        (b'{"code": "00"}', Outcome.SUCCESS, "00"),
        (b'{"code": "02000"}', Outcome.BUSINESS_ERROR, "02000"),
        (b'{"code": "0"}', Outcome.BUSINESS_ERROR, "0"),
        (b'{"code": 0}', Outcome.TRANSPORT, None),
        (b'{"code": null}', Outcome.TRANSPORT, None),
        (b'["code"]', Outcome.TRANSPORT, None),
        (b"<html>", Outcome.TRANSPORT, None),
        (b"", Outcome.TRANSPORT, None),
    ],
)
def test_the_business_code_tells_the_outcome(
    contract: Contract, body: bytes, outcome: Outcome, code: str | None
) -> None:
    match = contract.match(
        Exchange(place=PLACE, request=Request(), response=Response(status=200, headers=None, body=body))
    )
    assert (match.outcome, match.code) == (outcome, code)


@each(
    ("body", "form"),
    [
        (b'{"customerId": "1"}', "by-customer"),
        (b'{"opayToken": "1"}', "by-token"),
        (b'{"customerId": "1", "opayToken": "1"}', "by-token"),
        (b'{"customerId": null}', "by-customer"),
        (b"{}", None),
        (b"[]", None),
        (b"{", None),
        (b"", None),
        (None, None),
    ],
)
def test_the_request_body_tells_the_form(contract: Contract, body: bytes | None, form: str | None) -> None:
    match = contract.match(
        Exchange(
            place=PLACE, request=Request(body=body), response=Response(status=200, headers=None, body=b"{}")
        )
    )
    assert (match.form.id if match.form else None) == form


def test_a_status_is_documented_by_number_before_range(ledger: Contract) -> None:
    operation = ledger.operations[0]
    described = {status: operation.response(status) for status in (200, 201, 404, 499, 500)}
    assert {status: bool(response) for status, response in described.items()} == {
        200: True,
        201: False,
        404: True,
        499: True,
        500: False,
    }


def test_a_path_that_is_written_out_goes_before_one_with_parameters(build: Callable[..., Contract]) -> None:
    contract = build({}, paths={"/things/{id}": "byId", "/things/mine": "mine"})
    routed = {
        path: contract.route(Request(method="POST", url=f"https://api.example{path}")).operation
        for path in ("/things/1", "/things/mine")
    }
    assert {path: operation.id if operation else None for path, operation in routed.items()} == {
        "/things/1": "byId",
        "/things/mine": "mine",
    }
