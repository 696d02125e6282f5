"""Who may not ask is refused, as the contract has it, and learns nothing; hostile requests break nothing."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opay_contract.contract.loading import load_contract
from opay_contract.mock.app import build_app
from opay_contract.mock.choices import assumed_choices
from opay_contract.mock.customers import sample_customer
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import running
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials
from opay_contract.model.exchange import Exchange
from opay_contract.model.finding import Severity
from opay_contract.suite.api import Api, value_of
from opay_contract.suite.client import Client
from opay_contract.suite.judge import Judge
from opay_contract.suite.targets import Target

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


@pytest.mark.mock_only  # another target may refuse with other codes; see the question `authentication-code`
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_refusal_does_not_say_what_was_wrong(api: Api, forge: Callable[[Api, bytes], str]) -> None:
    body = body_about_known(api)
    exchange = api.post(body, Authorization=forge(api, body))
    assert exchange.response.status == 200
    assert exchange.response.body == b'{"code":"02000","message":"Authentication failed"}'


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


@contextmanager
def merchant(credentials: Credentials, customers: list[str]) -> Iterator[Api]:
    """Run a mock that belongs to one merchant, with customers of its own."""
    contract = load_contract()
    with ExitStack() as stack:
        store = stack.enter_context(Store())
        store.add(map(sample_customer, customers))
        made = MockSettings(choices=assumed_choices(contract.questions), credentials=credentials)
        base_url = stack.enter_context(running(build_app(contract, made, store)))
        client = Client()
        stack.callback(client.close)
        target = Target(
            name="mock",
            base_url=base_url,
            merchant_id=credentials.merchant_id,
            private_key=credentials.private_key,
            customer_id=customers[0],
        )
        seen = load_contract(base_urls=(base_url,))
        yield Api(judge=Judge(contract=seen, target=target, fail_on=Severity.INFO), client=client)


@pytest.fixture(scope="module")
def merchants() -> Iterator[tuple[Api, Api]]:
    """Return two merchants, with one customer's id in common, and one each of their own."""
    first = Credentials(merchant_id="256611111111111", private_key="OPAYPRV_TEST_FIRST")
    second = Credentials(merchant_id="256622222222222", private_key="OPAYPRV_TEST_SECOND")
    with merchant(first, ["first/1", "first/2"]) as one, merchant(second, ["second/1", "second/2"]) as two:
        yield one, two


@pytest.mark.mock_only
def test_credentials_are_good_for_their_own_merchant_alone(merchants: tuple[Api, Api]) -> None:
    first, second = merchants
    body = body_about_known(second)
    for merchant_id in (first.judge.target.merchant_id, second.judge.target.merchant_id):
        signature = first.judge.authorization(body)
        exchange = second.post(body, MerchantId=merchant_id, Authorization=signature)
        second.refuses(exchange)
        expect_nothing_of(second, exchange)
    assert second.judge.is_success(second.post(body))


@pytest.mark.mock_only
@given(customer=st.sampled_from(["first/1", "first/2"]), by_token=st.booleans())
def test_another_merchants_customer_is_never_in_an_answer(
    merchants: tuple[Api, Api], customer: str, *, by_token: bool
) -> None:
    first, second = merchants
    data = value_of(first.ask({"customerId": customer}))["data"]
    token = data["cardTokens"][0]["opayToken"]
    exchange = second.ask({"opayToken": token} if by_token else {"customerId": customer})
    second.refuses(exchange)
    said = exchange.response.body.decode()
    for value in (*data["customer"].values(), token):
        assert value not in said


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


def raw(api: Api, *lines: str, body: bytes) -> bytes:
    """Send header lines as they stand, which no client library would, and return all that comes back."""
    parts = urlsplit(api.url)
    head = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", *lines]
    text = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode("latin-1")
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=20) as peer:
        peer.sendall(text + body)
        peer.shutdown(socket.SHUT_WR)
        received = bytearray()
        try:
            while chunk := peer.recv(65536):
                received += chunk
        except ConnectionResetError:  # the server may hang up on such a peer
            pass
    return bytes(received)


def expect_answering(api: Api) -> None:
    assert api.judge.is_success(api.post(body_about_known(api)))


@pytest.mark.mock_only  # raw sockets, without TLS
@pytest.mark.parametrize(
    "lines",
    [
        ["MerchantId: a\rAuthorization: Bearer b"],
        ["MerchantId: a\0b"],
        ["MerchantId : a"],
        ["Merchant\tId: a"],
        [": a"],
        ["MerchantId: a", " folded"],
        ["Transfer-Encoding: chunked"],
        ["Content-Length: 5"],
    ],
)
def test_a_broken_header_is_not_answered_with_data(api: Api, lines: list[str]) -> None:
    body = body_about_known(api)
    signed = f"Authorization: {api.judge.authorization(body, WRONG_KEY)}"
    received = raw(api, "Content-Type: application/json", *lines, signed, body=body)
    assert not re.match(rb"HTTP/1.1 5", received)
    assert b"cardTokens" not in received
    expect_answering(api)


@pytest.mark.mock_only
@pytest.mark.parametrize("is_first_right", [True, False])
def test_of_two_signatures_the_first_counts(api: Api, is_first_right: bool) -> None:  # noqa: FBT001
    body = body_about_known(api)
    right, wrong = api.judge.authorization(body), api.judge.authorization(body, WRONG_KEY)
    both = [right, wrong] if is_first_right else [wrong, right]
    lines = [f"Authorization: {value}" for value in both]
    who = f"MerchantId: {api.judge.target.merchant_id}"
    received = raw(api, "Content-Type: application/json", who, *lines, body=body)
    assert (b"cardTokens" in received) is is_first_right


@pytest.mark.mock_only  # to load somebody's server is no test of a contract
@pytest.mark.parametrize("name", ["Authorization", "MerchantId", "X-Anything", "Cookie"])
@pytest.mark.parametrize("size", [2**16, MEGABYTE])
def test_an_oversized_header_breaks_nothing(api: Api, name: str, size: int) -> None:
    received = raw(api, "Content-Type: application/json", f"{name}: {'9' * size}", body=body_about_known(api))
    assert not re.match(rb"HTTP/1.1 5", received)
    assert b"cardTokens" not in received
    expect_answering(api)


OVERSIZED = {
    "a megabyte of an id": b'{"customerId":"' + b"9" * MEGABYTE + b'"}',
    "four megabytes of an id": b'{"customerId":"' + b"9" * (4 * MEGABYTE) + b'"}',
    "a megabyte of lists": b"[" * MEGABYTE,
    "half a megabyte of closed lists": b"[" * (MEGABYTE // 2) + b"]" * (MEGABYTE // 2),
    "a megabyte of objects": b'{"customerId":' * (MEGABYTE // 14),
    "lists in the id": b'{"customerId":' + b"[" * 400_000 + b"]" * 400_000 + b"}",
    "a megabyte of members": b"{" + b",".join(b'"%06d":0' % number for number in range(90_000)) + b"}",
    "an endless number": b'{"customerId":' + b"9" * 900_000 + b"}",
    "an endless exponent": b'{"customerId":1e' + b"9" * 900_000 + b"}",
    "a megabyte of white space": b" " * 900_000 + b'{"opayToken":1}',
}


@pytest.mark.mock_only
@pytest.mark.parametrize("body", OVERSIZED.values(), ids=OVERSIZED.keys())
def test_an_oversized_body_is_refused_and_breaks_nothing(api: Api, body: bytes) -> None:
    api.refuses(api.post(body))
    expect_answering(api)


@pytest.mark.mock_only
def test_another_path_is_not_found(api: Api) -> None:
    target: Any = api.judge.target
    for path in (api.judge.operation.path + "/", "/", "/api/v1/", "//"):
        fields = {"Authorization": "Bearer a"}
        assert api.client.send("POST", target.base_url + path, fields, b"{}").response.status == 404
