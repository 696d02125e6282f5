"""A target's one operation, asked with credentials that hold unless a test says otherwise."""

import json
from dataclasses import dataclass
from typing import Any

from opay_contract.jsontext import Parsed, parse_json
from opay_contract.model.exchange import Exchange
from opay_contract.signing.canonical import render_canonical
from opay_contract.suite.client import Client
from opay_contract.suite.judge import Judge, describe

_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Asks the target, through the client that takes care of it."""

    judge: Judge
    client: Client

    @property
    def url(self) -> str:
        """The operation's full URL."""
        return self.judge.target.base_url + self.judge.operation.path

    def ask(self, query: dict[str, Any], **headers: str | None) -> Exchange:
        """Send a query as the very text that is signed."""
        scheme = self.judge.scheme
        return self.post(render_canonical(query, scheme, scheme.non_ascii[0]).encode(), **headers)

    def post(self, body: bytes, **headers: str | None) -> Exchange:
        """Send a signed body; a keyword replaces a header, `Content_Type` for one, or drops it with None."""
        return self.send("POST", body, **headers)

    def send(self, method: str, body: bytes, **headers: str | None) -> Exchange:
        """Send a signed body by any method."""
        usual: dict[str, str | None] = {
            "Content-Type": "application/json",
            self.judge.merchant_header: self.judge.target.merchant_id,
            self.judge.scheme.header: self.judge.authorization(body),
        }
        given = usual | {name.replace("_", "-"): value for name, value in headers.items()}
        fields = {name: value for name, value in given.items() if value is not None}
        return self.client.send(method, self.url, fields, body)

    def admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> Exchange:
        """Ask the mock's admin path; no other target has one."""
        sent = None if body is None else json.dumps(body).encode()
        return self.client.send(method, f"{self.judge.target.base_url}/__mock__/{path}", {}, sent)

    def known(self) -> dict[str, Any]:
        """Return the data of the customer that the target knows."""
        exchange = self.ask({"customerId": self.judge.target.customer_id})
        if not self.judge.is_success(exchange):
            raise AssertionError("the known customer is not found; see OPAY_CUSTOMER_ID")
        data: dict[str, Any] = value_of(exchange)["data"]
        if not data["cardTokens"]:
            raise AssertionError("the known customer has no card to ask for; see OPAY_CUSTOMER_ID")
        return data

    def conforms(self, exchange: Exchange) -> None:
        """Fail where an exchange drifts from the contract."""
        findings = self.judge.findings(exchange)
        if findings:
            raise AssertionError(describe(findings))

    def refuses(self, exchange: Exchange) -> None:
        """Fail unless an answer says no, as the contract has it, and holds no data."""
        status = exchange.response.status
        if status >= _SERVER_ERROR or not self.judge.is_refused(exchange):
            raise AssertionError(f"the request was not refused; HTTP status {status}")
        if exchange.response.body and self.judge.match(exchange).code is not None:
            if value_of(exchange).get("data"):
                raise AssertionError("the request was refused, and answered with data")
            self.conforms(exchange)


def value_of(exchange: Exchange) -> Any:
    """Return the answer's JSON."""
    parsed = parse_json(exchange.response.body)
    if not isinstance(parsed, Parsed):
        raise AssertionError("the answer is not JSON")  # noqa: TRY004  a test fails by it
    return parsed.value
