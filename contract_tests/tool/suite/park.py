"""A sound server in process, written apart from the mock, and what asks it without a connection.

The sound server does as the vendor is known to do: it parses the body, writes it again and compares the
signature, so of a key that is there twice the last one counts. What nobody knows it does by the readings of
the contract's open questions.
"""

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import BaseAdapter

from opay_contract.contract.loading import load_contract
from opay_contract.model.finding import Severity
from opay_contract.suite.api import Api
from opay_contract.suite.client import Client, RatePolicy
from opay_contract.suite.questions import ApiJudge, ApiTarget

PATH = "/api/v1/international/token/query"
MERCHANT, KEY, CUSTOMER = "299911112222333", "OPAYPRV_TEST_OF_THE_PARK", "121111113"
TOKENS = [f"OPAY_TOKEN_{number:032x}" for number in (11, 12, 13)]
BASE_URL = "http://127.0.0.1:9"
CONTRACT = load_contract(base_urls=(BASE_URL,))

Value = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request, with the names of its headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """An answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = b""


def person(customer_id: str, name: str) -> Value:
    return {
        "customerId": customer_id,
        "customerName": name,
        "customerEmail": f"{name}@example.com",
        "customerMobile": "20100000" + customer_id[-3:],
    }


def card(token: str, last: str) -> Value:
    return {
        "opayToken": token,
        "brand": "VISA",
        "createTimestamp": 1637822753,
        "lastFourDigits": last,
        "firstSixDigits": "450875",
        "expiryYear": "31",
        "expiryMonth": "02",
    }


class SoundServer:
    """Answers as the contract says; a defect is planted by replacing one of its methods."""

    def __init__(self, readings: Mapping[str, str] | None = None) -> None:
        self.readings = {
            question.id: next(one.id for one in question.readings if one.assumed)
            for question in CONTRACT.questions
        } | dict(readings or {})
        self.people = {CUSTOMER: person(CUSTOMER, "nour"), "990000002": person("990000002", "sami")}
        self.cards = {
            CUSTOMER: [card(TOKENS[0], "7411"), card(TOKENS[1], "7412")],
            "990000002": [card(TOKENS[2], "9900")],
        }
        self.answered = 0

    def answer(self, sent: Sent) -> Came:
        self.answered += 1
        return self.finish(sent, self.decide(sent))

    def finish(self, _: Sent, came: Came) -> Came:
        return came

    def decide(self, sent: Sent) -> Came:
        if not self.is_method(sent):
            return self.open("wrong-method", 405)
        if not self.is_media_type(sent):
            return self.open("wrong-content-type", 415)
        if "merchantid" not in sent.headers or not sent.headers["merchantid"]:
            return self.without_merchant(sent)
        value = self.read(sent.body)
        if value is None:
            return self.open("malformed-json", 400)
        if not (self.is_merchant(sent) and self.is_signed(sent, value)):
            return self.unauthorized(sent, value)
        return self.look_up(value)

    def is_method(self, sent: Sent) -> bool:
        return sent.method == "POST"

    def is_media_type(self, sent: Sent) -> bool:
        given = sent.headers.get("content-type", "").partition(";")[0].strip().lower()
        return given == "application/json" or self.readings["wrong-content-type"] == "accepted"

    def without_merchant(self, _: Sent) -> Came:
        named = self.readings["missing-merchant-id"] == "merchant-is-null"
        return self.error("00003", "merchant is null") if named else self.failed()

    def read(self, body: bytes) -> Value | None:
        try:
            value = json.loads(body.decode(), parse_constant=lambda _: 1 / 0)
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, ArithmeticError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def texts(self, value: Any) -> list[str]:
        """Return the texts whose signature holds."""
        if self.readings["signed-special-values"] == "otherwise" and isinstance(value, dict):
            value = {name: one for name, one in value.items() if name in ("customerId", "opayToken")}
        escaped = self.readings["non-ascii-signature"] == "escaped"
        return [json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=escaped)]

    def prefix(self) -> str:
        return "Bearer" if self.readings["authorization-form"] == "no-space" else "Bearer "

    def expected(self, value: Any) -> list[str]:
        return [self.prefix() + digits(text.encode()) for text in self.texts(value)]

    def is_merchant(self, sent: Sent) -> bool:
        return sent.headers["merchantid"] == MERCHANT

    def is_signed(self, sent: Sent, value: Value) -> bool:
        return sent.headers.get("authorization", "") in self.expected(value)

    def unauthorized(self, _: Sent, __: Value) -> Came:
        return self.failed()

    def failed(self) -> Came:
        if self.readings["authentication-code"] == "other":
            return Came(status=401, headers={})
        return self.error("02000", "Authentication failed")

    def open(self, question: str, status: int) -> Came:
        if self.readings[question] == "http-error":
            return Came(status=status, headers={})
        return self.invalid()

    def invalid(self) -> Came:
        return self.error("02001", "request params not valid.")

    def error(self, code: str, message: str) -> Came:
        value: Value = {"code": code, "message": message}
        if self.readings["error-data"] == "null":
            value["data"] = None
        return self.write(value, 400 if self.readings["error-status"] == "http-status" else 200)

    def write(self, value: Value, status: int = 200) -> Came:
        return Came(status=status, body=json.dumps(value, ensure_ascii=False).encode())

    def look_up(self, value: Value) -> Came:
        by_token, by_customer = "opayToken" in value, "customerId" in value
        if not by_token and not by_customer:
            return self.open("missing-parameter", 400)
        if by_token and by_customer:
            if self.readings["both-keys"] == "business-error":
                return self.invalid()
            by_token = self.readings["both-keys"] == "token"
        asked = value["opayToken" if by_token else "customerId"]
        others = value.keys() - {"opayToken", "customerId"}
        ignored = self.readings["undocumented-member"] == "ignored"
        if not self.is_text(asked) or (others and not ignored):
            return self.invalid()
        return self.by_token(asked) if by_token else self.by_customer(asked)

    def is_text(self, asked: Any) -> bool:
        return isinstance(asked, str)

    def by_customer(self, customer_id: str) -> Came:
        if customer_id not in self.people:
            return self.unknown_customer(customer_id)
        cards = [self.shown(one) for one in self.cards[customer_id]]
        return self.success({"customer": self.shown_person(customer_id), "cardTokens": cards})

    def by_token(self, token: str) -> Came:
        for customer_id, cards in self.cards.items():
            for one in cards:
                if one["opayToken"] == token:
                    return self.success({**self.shown(one), "customerInfo": self.shown_person(customer_id)})
        return self.unknown_token(token)

    def unknown_customer(self, customer_id: str) -> Came:
        reading = self.readings["unknown-customer"]
        if reading == "empty-list":
            nobody = {**dict.fromkeys(self.people[CUSTOMER], ""), "customerId": customer_id}
            return self.success({"customer": nobody, "cardTokens": []})
        return self.invalid() if reading == "business-error" else self.success(None)

    def unknown_token(self, _: str) -> Came:
        return self.invalid() if self.readings["unknown-token"] == "business-error" else self.success(None)

    def success(self, data: Any) -> Came:
        code = self.readings["success-code"]
        return self.write({"code": code, "message": "SUCCESSFUL", "data": data})

    def shown(self, one: Value) -> Value:
        shown = dict(one)
        if self.readings["create-timestamp-type"] == "string":
            shown["createTimestamp"] = str(shown["createTimestamp"])
        if self.readings["expiry-presence"] == "absent":
            del shown["expiryYear"], shown["expiryMonth"]
        return shown

    def shown_person(self, customer_id: str) -> Value:
        shown = dict(self.people[customer_id])
        if self.readings["customer-name-content"] == "mobile-number":
            shown["customerName"] = shown["customerMobile"]
        return shown


def digits(text: bytes, algorithm: str = "sha512") -> str:
    return hmac.digest(KEY.encode(), text, algorithm).hex()


class InProcess(BaseAdapter):
    """Takes requests to a server of the park, in place of a connection."""

    def __init__(self, answer: Callable[[Sent], Came]) -> None:
        super().__init__()
        self.answer = answer

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer in place of a server."""
        body = request.body or b""
        sent = Sent(
            method=request.method or "",
            path=request.path_url,
            headers={name.lower(): str(value) for name, value in request.headers.items()},
            body=body.encode() if isinstance(body, str) else bytes(body),
        )
        try:
            came = self.answer(sent)
        except ArithmeticError:  # as a server's framework does
            came = Came(status=500)
        response = requests.Response()
        response.status_code = came.status
        response.headers.update(came.headers)
        response._content = came.body  # noqa: SLF001  what requests' own adapter fills from the connection
        response.request = request
        return response

    def close(self) -> None:
        """There is nothing to close."""


@contextmanager
def asking(answer: Callable[[Sent], Came], rate_policy: RatePolicy | None = None) -> Iterator[Api]:
    """Return what asks a server of the park, as a real target is asked."""
    target = ApiTarget(
        name="park", base_url=BASE_URL, merchant_id=MERCHANT, private_key=KEY, customer_id=CUSTOMER
    )
    judge = ApiJudge(contract=CONTRACT, target=target, fail_on=Severity.ERROR)
    client = Client(rate_policy or RatePolicy(), adapter=InProcess(answer))
    yield Api(judge=judge, client=client)
    client.close()
