"""Hostile requests, and merchants beside each other: the mock gives nothing away and stays up."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from contract_tests.usual import one_in
from hypothesis import given
from hypothesis import strategies as st

from opay_contract.contract.loading import load_contract
from opay_contract.mock.app import build_app
from opay_contract.mock.records import RecordBook
from opay_contract.mock.request_handler import MockSettings
from opay_contract.mock.serving import running
from opay_contract.mock.statement import assumed_choices
from opay_contract.mock.store import Store
from opay_contract.mock.validation import Credentials
from opay_contract.model.finding import Severity
from opay_contract.suite import catalogue
from opay_contract.suite.api import Api, Reply
from opay_contract.suite.catalogue import WRONG_KEY
from opay_contract.suite.client import Client
from opay_contract.suite.questions import ApiJudge, ApiTarget

MEGABYTE = 2**20


def body_about_known(api: Api) -> bytes:
    return api.judge.text(api.judge.known_query())


def expect_refusal(api: Api, reply: Reply) -> None:
    api.refuses(reply, "who may not ask is refused")
    api.tells_nothing(reply)


def test_a_refusal_does_not_say_what_was_wrong(api: Api) -> None:
    families = (catalogue.unsigned, catalogue.forgeries, catalogue.cut_signatures, catalogue.other_forms)
    replies = [api.send(ask) for family in families for ask in family(api)]
    told = b'{"code":"02000","message":"Authentication failed"}'
    assert {(reply.status, reply.exchange.response.body) for reply in replies} == {(200, told)}


@contextmanager
def merchant(credentials: Credentials, customers: list[str]) -> Iterator[Api]:
    """Run a mock that belongs to one merchant, with customers of its own."""
    contract = load_contract()
    with ExitStack() as stack:
        store = stack.enter_context(Store())
        store.add(map(RecordBook(contract).first.sample, customers))
        made = MockSettings(choices=assumed_choices(contract), credentials=credentials)
        base_url = stack.enter_context(running(build_app(contract, made, store)))
        client = Client()
        stack.callback(client.close)
        target = ApiTarget(
            name="mock",
            base_url=base_url,
            merchant_id=credentials.merchant_id,
            private_key=credentials.private_key,
            customer_id=customers[0],
        )
        seen = load_contract(base_urls=(base_url,))
        yield Api(judge=ApiJudge(contract=seen, target=target, fail_on=Severity.INFO), client=client)


@pytest.fixture(scope="module")
def merchants() -> Iterator[tuple[Api, Api]]:
    """Return two merchants, with one customer's id in common, and one each of their own."""
    first = Credentials(merchant_id="256611111111111", private_key="OPAYPRV_TEST_FIRST")
    second = Credentials(merchant_id="256622222222222", private_key="OPAYPRV_TEST_SECOND")
    with merchant(first, ["first/1", "first/2"]) as one, merchant(second, ["second/1", "second/2"]) as two:
        yield one, two


def test_credentials_are_good_for_their_own_merchant_alone(merchants: tuple[Api, Api]) -> None:
    first, second = merchants
    body = body_about_known(second)
    for merchant_id in (first.judge.target.merchant_id, second.judge.target.merchant_id):
        signature = first.judge.authorization(body)
        stolen = {"MerchantId": merchant_id, "Authorization": signature}
        expect_refusal(second, second.post("a customer of another merchant", body, stolen))
    assert second.post("the own customer", body).is_success


@given(customer=st.sampled_from(["first/1", "first/2"]), by_token=st.booleans())
def test_another_merchants_customer_is_never_in_an_answer(
    merchants: tuple[Api, Api], customer: str, *, by_token: bool
) -> None:
    first, second = merchants
    data = first.ask("the own customer", {"customerId": customer}).data
    token = data["cardTokens"][0]["opayToken"]
    query = {"opayToken": token} if by_token else {"customerId": customer}
    reply = second.ask("another merchant's", query)
    second.refuses(reply, "another merchant's customer is refused")
    said = reply.exchange.response.body.decode()
    for value in (*data["customer"].values(), token):
        assert value not in said


def raw(api: Api, *lines: str, body: bytes) -> bytes:
    """Send header lines as they stand, which no client library would, and return all that comes back."""
    parts = urlsplit(api.url)
    head = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", *lines]
    text = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode("latin-1")
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60) as peer:
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
    assert api.post("the known record", body_about_known(api)).is_success


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


@pytest.mark.parametrize("is_first_right", [True, False])
def test_of_two_signatures_the_first_counts(api: Api, is_first_right: bool) -> None:  # noqa: FBT001
    body = body_about_known(api)
    right, wrong = api.judge.authorization(body), api.judge.authorization(body, WRONG_KEY)
    both = [right, wrong] if is_first_right else [wrong, right]
    lines = [f"Authorization: {value}" for value in both]
    who = f"MerchantId: {api.judge.target.merchant_id}"
    received = raw(api, "Content-Type: application/json", who, *lines, body=body)
    assert (b"cardTokens" in received) is is_first_right


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
    "a megabyte of members": b"{" + b",".join(b'"%0112d":0' % number for number in range(9_000)) + b"}",
    "an endless number": b'{"customerId":' + b"9" * 900_000 + b"}",
    "an endless exponent": b'{"customerId":1e' + b"9" * 900_000 + b"}",
    "a megabyte of white space": b" " * 900_000 + b'{"opayToken":1}',
}


@pytest.mark.parametrize("kind", one_in(3, OVERSIZED))
def test_an_oversized_body_is_refused_and_breaks_nothing(api: Api, kind: str) -> None:
    api.refuses(api.post("an oversized body", OVERSIZED[kind]), "an oversized body is refused")
    expect_answering(api)


def test_another_path_is_not_found(api: Api) -> None:
    target: Any = api.judge.target
    for path in (api.judge.operation.path + "/", "/", "/api/v1/", "//"):
        fields = {"Authorization": "Bearer a"}
        assert api.client.send("POST", target.base_url + path, fields, b"{}").response.status == 404
