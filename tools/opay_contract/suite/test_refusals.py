"""Who may not ask is refused, as the contract has it, and learns nothing; hostile requests break nothing."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opay_contract.model.exchange import Exchange
from opay_contract.suite.api import Api, value_of

WRONG_KEY = "OPAYPRV_NOT_THE_MERCHANTS"
ANOTHER = "256600000000001"
MEGABYTE = 2**20

FORGERIES: dict[str, Callable[[Api, bytes], str | None]] = {
    "missing": lambda _api, _body: None,
    "empty": lambda _api, _body: "",
    "no digits": lambda _api, _body: "Bearer",
    "wrong key": lambda api, body: api.judge.authorization(body, WRONG_KEY),
    "truncated": lambda api, body: api.judge.authorization(body)[:-1],
    "half": lambda api, body: api.judge.authorization(body)[:71],
    "one digit more": lambda api, body: api.judge.authorization(body) + "0",
    "one digit changed": lambda api, body: _flipped(api.judge.authorization(body)),
    "upper case": lambda api, body: "Bearer " + api.judge.authorization(body)[7:].upper(),
    "lower-case scheme": lambda api, body: "bearer " + api.judge.authorization(body)[7:],
    "another scheme": lambda api, body: "Basic " + api.judge.authorization(body)[7:],
    "no scheme": lambda api, body: api.judge.authorization(body)[7:],
    "two signatures": lambda api, body: f"{api.judge.authorization(body)}, {api.judge.authorization(body)}",
    "the key itself": lambda _api, _body: "Bearer OPAYPRV_GUESSED",
    "zeros": lambda _api, _body: "Bearer " + "0" * 128,
    "wide digits": lambda _api, _body: "Bearer " + "\xb2" * 128,
    "of no body": lambda api, _body: api.judge.authorization(b"{}"),
    "of another body": lambda api, _body: api.judge.authorization(b'{"customerId":"another"}'),
    "of the body and a space": lambda api, body: _raw_digest(api, body + b" "),
}


def _flipped(authorization: str) -> str:
    return authorization[:-1] + ("0" if authorization[-1] != "0" else "1")


def _raw_digest(api: Api, text: bytes) -> str:
    """Return the signature of the text as it stands, not of what it means."""
    return api.judge.authorization(text.replace(b"{", b"[", 1))


def body_about_known(api: Api) -> bytes:
    return json.dumps({"customerId": api.judge.target.customer_id}, separators=(",", ":")).encode()


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_signature_that_does_not_hold_is_refused(api: Api, forge: Callable[[Api, bytes], str]) -> None:
    body = body_about_known(api)
    exchange = api.post(body, Authorization=forge(api, body))
    api.refuses(exchange)
    expect_nothing_of(api, exchange)


def expect_nothing_of(api: Api, exchange: Exchange) -> None:
    assert api.judge.target.customer_id.encode() not in exchange.response.body
    assert b"data" not in exchange.response.body or value_of(exchange)["data"] is None


@given(key=st.text(min_size=1).filter(str.strip))
def test_no_other_key_opens(api: Api, key: str) -> None:
    body = body_about_known(api)
    signed = api.judge.authorization(body, key.encode("utf-8", "replace").decode())
    if signed != api.judge.authorization(body):
        api.refuses(api.post(body, Authorization=signed))


@pytest.mark.parametrize(
    "changed",
    [
        b'{"customerId":"another"}',
        b'{"customerId":"%s","opayToken":"a"}',
        b'{"opayToken":"%s"}',
        b'{"customerId":"%s "}',
        b'{"customerId":"%s","customerId":"%s"}',
        b'{"a":1,"customerId":"%s"}',
    ],
)
def test_a_signature_that_is_sent_again_with_another_body_is_refused(api: Api, changed: bytes) -> None:
    signature = api.judge.authorization(body_about_known(api))
    body = changed.replace(b"%s", api.judge.target.customer_id.encode())
    exchange = api.post(body, Authorization=signature)
    api.refuses(exchange)
    expect_nothing_of(api, exchange)


@pytest.mark.parametrize("merchant", [ANOTHER, None, "", "0", "*", "256612345678901\t1", "'1'='1"])
def test_another_merchants_id_is_refused_with_our_signature(api: Api, merchant: str | None) -> None:
    exchange = api.post(body_about_known(api), MerchantId=merchant)
    api.refuses(exchange)
    expect_nothing_of(api, exchange)


def test_another_merchants_id_is_refused_with_another_key(api: Api) -> None:
    body = body_about_known(api)
    signature = api.judge.authorization(body, WRONG_KEY)
    api.refuses(api.post(body, MerchantId=ANOTHER, Authorization=signature))


INJECTIONS = [
    "a\r\nX-Injected: yes",
    "a\nSet-Cookie: a=b",
    "a\0b",
    "../../etc/passwd",
    "' OR '1'='1",
    '"; DROP TABLE customers; --',
    "${jndi:ldap://example.com/a}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "%0d%0aX-Injected:%20yes",
    "\u202e\u0000\uffff",
]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("member", ["customerId", "opayToken"])
def test_nothing_in_a_query_becomes_a_header(api: Api, member: str, text: str) -> None:
    exchange = api.ask({member: text})
    names = {name.lower() for name, _ in exchange.response.headers or ()}
    assert not names & {"x-injected", "set-cookie"}
    api.refuses(exchange)
