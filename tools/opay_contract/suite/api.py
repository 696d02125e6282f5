"""A target's one operation: what the suite asks is signed and sent, and an answer is read by its code.

HTTP 200 comes with errors too, so what an answer means is told by its business code. An answer that breaks
the contract becomes a `Breach`.
"""

import hmac
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from msgspec import structs

from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import ContractError
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import SIGNATURE_MISMATCH, STATUS_UNDOCUMENTED, SUCCESS_WITHOUT_DATA
from opay_contract.model.exchange import Exchange, header
from opay_contract.model.finding import Area, Finding, Outcome, Rule, Severity
from opay_contract.model.signature import SignatureScheme
from opay_contract.signing.canonical import UnsignableBody, documented_forms, render_canonical
from opay_contract.signing.signer import sign, verify
from opay_contract.suite.breach import Breach, Discrepancy, quote_for_shell
from opay_contract.suite.client import Client
from opay_contract.suite.targets import CUSTOMER_ID, MERCHANT_ID, PRIVATE_KEY, ApiTarget

_BAD_REQUEST, _SERVER_ERROR = 400, 500

BY_CUSTOMER, BY_TOKEN = "by-customer", "by-token"
"""The ids of the two request forms."""

_SIGNED = 'opay-contract sign "$body"'
SIGNED_AS_IT_IS = (
    f'printf %s "$body" | openssl dgst -sha512 -hmac "${PRIVATE_KEY}" | sed \'s/.* /Authorization: Bearer /\''
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiJudge:
    """The contract, the credentials of a target, and the least severity of findings that matter there.

    `has_space` is whether the target wants a space in front of the signature, which is an open question.
    """

    contract: Contract
    target: ApiTarget
    fail_on: Severity = Severity.ERROR
    has_space: bool = True

    @property
    def scheme(self) -> SignatureScheme:
        """How requests to the target are signed."""
        scheme = self.contract.signature
        if scheme is None:
            raise ContractError("openapi.yaml: a target needs x-signature")
        return scheme if self.has_space else replace(scheme, prefix=scheme.prefix.rstrip())

    @property
    def operation(self) -> Operation:
        """The operation that has request forms."""
        return next(operation for operation in self.contract.operations if operation.forms)

    @property
    def merchant_header(self) -> str:
        """The name of the header that says which merchant asks."""
        others = (self.scheme.header.lower(), "content-type")
        named = (item.name for item in self.operation.required_headers if item.name.lower() not in others)
        return next(named)

    @property
    def authentication_code(self) -> str:
        """The code for failed authentication, as far as it is known."""
        question = next(one for one in self.contract.questions if one.id == "authentication-code")
        return next(reading.id for reading in question.readings if reading.assumed)

    def form(self, form_id: str) -> Form:
        """Return one of the request forms."""
        return next(form for form in self.operation.forms if form.id == form_id)

    def member(self, form_id: str) -> str:
        """Return the name of the member that a form asks by; answers have it under the same name."""
        return str(self.form(form_id).echoes[0].request[-1])

    def query(self, customer_id: str) -> dict[str, Any]:
        """Return the query for a customer."""
        return {self.member(BY_CUSTOMER): customer_id}

    def token_query(self, token: str) -> dict[str, Any]:
        """Return the query for a token."""
        return {self.member(BY_TOKEN): token}

    def known_query(self) -> dict[str, Any]:
        """Return the query for the customer that the target knows."""
        return self.query(self.target.customer_id)

    def text(self, query: Mapping[str, Any]) -> bytes:
        """Return a query as the very text that is signed."""
        return render_canonical(dict(query), self.scheme, self.scheme.non_ascii[0]).encode()

    def authorization(self, body: bytes, key: str | None = None) -> str:
        """Return the header that signs a body; one that has no canonical text is signed as it is."""
        secret = key or self.target.private_key
        try:
            return sign(body, secret, self.scheme).header
        except UnsignableBody:
            return self.scheme.prefix + hmac.digest(secret.encode(), body, "sha512").hex()

    def is_signed(self, exchange: Exchange) -> bool:
        """Tell whether a request carries the signature of its body and the merchant's id."""
        fields = exchange.request.headers
        signature = header(fields, self.scheme.header) or ""
        ours = header(fields, self.merchant_header) == self.target.merchant_id
        return (
            ours and verify(exchange.request.body or b"", signature, self.target.private_key, self.scheme).ok
        )

    def match(self, exchange: Exchange) -> Match:
        """See an exchange through the contract, one by another method as if it were by the documented one."""
        request = structs.replace(exchange.request, method=self.operation.method)
        return self.contract.match(structs.replace(exchange, request=request))

    def is_success(self, exchange: Exchange) -> bool:
        """Tell whether an answer has a success code, whatever its HTTP status."""
        return self.match(exchange).outcome is Outcome.SUCCESS

    def is_refused(self, exchange: Exchange) -> bool:
        """Tell whether an answer says no: by an error code and no data, or by an HTTP status alone."""
        outcome = self.match(exchange).outcome
        if outcome is Outcome.TRANSPORT:
            return exchange.response.status >= _BAD_REQUEST
        return outcome is Outcome.BUSINESS_ERROR

    def meant_status(self, exchange: Exchange) -> int:
        """Return the HTTP status that an answer would have if it told the outcome."""
        status = exchange.response.status
        return _BAD_REQUEST if status < _BAD_REQUEST and self.is_refused(exchange) else status

    def findings(self, exchange: Exchange) -> list[Finding]:
        """Return the findings about an exchange that matter, without what open questions leave open."""
        settings = Settings(started_at=time.time(), private_key=self.target.private_key, may_be_masked=False)
        match = self.contract.match(exchange)
        found = check_exchange(self.contract, exchange, match, settings)
        return [
            one for one in found if one.rule.severity >= self.fail_on and not self._is_open(one, exchange)
        ]

    def findings_by(self, rule: Rule, exchange: Exchange) -> list[Finding]:
        """Return the findings of one rule about an exchange, however much they matter."""
        match = self.contract.match(exchange)
        found = check_exchange(self.contract, exchange, match, Settings(started_at=time.time()))
        return [one for one in found if one.rule is rule]

    def _is_open(self, finding: Finding, exchange: Exchange) -> bool:
        """Tell what is a matter of open questions.

        Whether an error has an HTTP status of its own, whether there is a success without data for who is not
        known, the form of the signature's header, and which form answers a query that has the keys of both.
        """
        match = self.match(exchange)
        asked = match.request_body.value if isinstance(match.request_body, Parsed) else None
        names = asked.keys() if isinstance(asked, dict) else set[str]()
        if finding.rule is STATUS_UNDOCUMENTED:
            return _BAD_REQUEST <= exchange.response.status < _SERVER_ERROR
        if finding.rule is SUCCESS_WITHOUT_DATA:
            return asked != self.known_query()
        if finding.rule is SIGNATURE_MISMATCH:
            return self.is_signed(exchange)
        is_of_both = sum(form.required <= names for form in self.operation.forms) > 1
        return is_of_both and finding.rule.area in (Area.BODY, Area.ENVELOPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request, ready to be sent; `signing` is the shell's command that prints its signature's header.

    A body that `is_made_up` may be anybody's, and is not shown.
    """

    name: str
    method: str
    body: bytes
    headers: Mapping[str, str]
    signing: str = _SIGNED
    is_made_up: bool = False
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the shell's variables stand for: credentials, and the customer and token that are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What became of a request."""

    ask: Ask
    exchange: Exchange
    judge: ApiJudge

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.exchange.response.status

    @property
    def code(self) -> str | None:
        """The business code, None without one."""
        return self.judge.match(self.exchange).code

    @property
    def verdict(self) -> tuple[int, str | None]:
        """What tells one refusal from another: HTTP status and business code."""
        return (self.status, self.code)

    @property
    def is_success(self) -> bool:
        """Whether the code is one of success."""
        return self.judge.is_success(self.exchange)

    @property
    def value(self) -> Any:
        """The answer's JSON; without any, the test fails."""
        parsed = parse_json(self.exchange.response.body)
        if not isinstance(parsed, Parsed):
            raise self.breach("an answer is JSON", "the body is something else")
        return parsed.value

    @property
    def data(self) -> Any:
        """The data of an answer, None where there is nothing."""
        envelope = self.judge.operation.envelope
        value = self.value
        if envelope is None or not isinstance(value, dict):
            return None
        return value.get(str(envelope.data[-1]))

    def breach(self, promise: str, found: str) -> Breach:
        """Return the failure of a test whose promise this answer breaks."""
        return Breach([self.discrepancy(promise, found)])

    def discrepancy(self, rule: str, found: str, contract: str = "") -> Discrepancy:
        """Return what an answer broke, with what was asked and what came."""
        return Discrepancy(
            rule=rule,
            found=found,
            asked=self.ask.name,
            came=self._came(),
            contract=contract,
            again=curl_of(self.ask, self.judge),
        )

    def _came(self) -> str:
        media_type = header(self.exchange.response.headers, "content-type") or "no media type"
        size = len(self.exchange.response.body)
        code = f", code {self.code}" if self.code is not None and _is_code(self.code) else ""
        return f"HTTP {self.status}{code}, {media_type.partition(';')[0]:.40}, {size} bytes"


class Api:
    """Asks the target, through the client that takes care of it."""

    def __init__(self, *, judge: ApiJudge, client: Client) -> None:
        self.judge = judge
        self.client = client

    def __repr__(self) -> str:
        """Return its name; hypothesis writes it down for each example, and a dataclass's fields with it."""
        return f"Api({self.judge.target.name})"

    @property
    def url(self) -> str:
        """The operation's full URL."""
        return self.judge.target.base_url + self.judge.operation.path

    def make(  # noqa: PLR0913  a request has as many parts
        self,
        name: str,
        body: bytes,
        *,
        method: str | None = None,
        key: str | None = None,
        signing: str = "",
        is_made_up: bool = False,
        headers: Mapping[str, str | None] | None = None,
    ) -> Ask:
        """Return a signed request; `headers` replace others, or drop them with None."""
        usual: dict[str, str | None] = {
            "Content-Type": "application/json",
            self.judge.merchant_header: self.judge.target.merchant_id,
            self.judge.scheme.header: self.judge.authorization(body, key),
        }
        given = usual | dict(headers or {})
        return Ask(
            name=name,
            method=method or self.judge.operation.method,
            body=body,
            headers={name: value for name, value in given.items() if value is not None},
            signing=signing or self._signing_of(body),
            is_made_up=is_made_up,
            variables={
                CUSTOMER_ID: self.judge.target.customer_id,
                MERCHANT_ID: self.judge.target.merchant_id,
            }
            | self._token_variables(),
        )

    def send(self, ask: Ask) -> Reply:
        """Send a request."""
        exchange = self.client.send(ask.method, self.url, ask.headers, ask.body)
        return Reply(ask=ask, exchange=exchange, judge=self.judge)

    def post(self, name: str, body: bytes, headers: Mapping[str, str | None] | None = None) -> Reply:
        """Send a signed body."""
        return self.send(self.make(name, body, headers=headers))

    def ask(self, name: str, query: Mapping[str, Any]) -> Reply:
        """Send a query as the very text that is signed."""
        return self.post(name, self.judge.text(query))

    def admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> Exchange:
        """Ask the mock's admin path; no other target has one."""
        sent = None if body is None else json.dumps(body).encode()
        return self.client.send(method, f"{self.judge.target.base_url}/__mock__/{path}", {}, sent)

    @cached_property
    def known(self) -> Reply:
        """The answer for the customer that the target knows."""
        reply = self.ask("the known customer", self.judge.known_query())
        self.succeeds(reply)
        return reply

    @cached_property
    def cards(self) -> list[dict[str, Any]]:
        """The known customer's cards; at least one."""
        cards = [one for one in _objects(self.known.data) if self.judge.member(BY_TOKEN) in one]
        if not cards:
            raise self.known.breach(
                f"the customer of {CUSTOMER_ID} has a saved card, so that a token can be asked for", "no card"
            )
        return cards

    @cached_property
    def tokens(self) -> list[str]:
        """The known customer's tokens."""
        return [str(card[self.judge.member(BY_TOKEN)]) for card in self.cards]

    def customer_in(self, data: Any) -> dict[str, Any]:
        """Return the customer in an answer's data; empty where there is none."""
        member = self.judge.member(BY_CUSTOMER)
        return next((one for one in _objects(data) if member in one), {})

    def succeeds(self, reply: Reply) -> None:
        """Fail where a sound, signed query for what is known has no success, or drifts from the contract."""
        if not reply.is_success:
            raise reply.breach("a sound, signed query for what the target knows succeeds", _outcome(reply))
        self.conforms(reply)

    def conforms(self, reply: Reply) -> None:
        """Fail where an answer drifts from the contract."""
        raise_findings(reply, self.judge.findings(reply.exchange))

    def refuses(self, reply: Reply, promise: str) -> None:
        """Fail unless an answer says no, as the contract has it, and holds no data."""
        if reply.status >= _SERVER_ERROR or not self.judge.is_refused(reply.exchange):
            raise reply.breach(promise, _outcome(reply))
        if reply.code is not None:
            if reply.data:
                raise reply.breach("an answer that refuses holds no data", "data")
            self.conforms(reply)

    def stays_up(self, reply: Reply) -> None:
        """Fail where a target breaks instead of answering."""
        if reply.status >= _SERVER_ERROR:
            raise reply.breach("no request breaks the server", _outcome(reply))

    def tells_nothing(self, reply: Reply) -> None:
        """Fail where a refusal has something of the customer, the key, or the signature that would hold."""
        said = reply.exchange.response.body.decode("utf-8", "replace")
        said += "\n".join(value for _, value in reply.exchange.response.headers or ())
        lowered = said.lower()
        if any(digits in lowered for digits in self._right_digits(reply.ask.body)):
            raise reply.breach("a refusal does not tell the signature that would hold", "the signature")
        if self.judge.target.private_key in said:
            raise reply.breach("no answer tells a key", "the private key")
        for name, value in self.customer_in(self.known.data).items():
            if isinstance(value, str) and len(value) > 4 and value in said:  # noqa: PLR2004  shorter is chance
                raise reply.breach("a refusal tells nothing of the customer", f"the customer's {name}")

    def spare(self, wanted: int) -> int:
        """Return how many of some requests the budget has room for beside what the suite needs."""
        budget = self.client.rate_policy.budget
        return wanted if budget is None else max(1, min(wanted, (budget - self.client.sent) // 3))

    def _token_variables(self) -> dict[str, str]:
        """Return the variables for the customer's tokens, as far as they are known by now."""
        tokens = self.tokens if "known" in self.__dict__ else []
        return {f"TOKEN_{number}": token for number, token in enumerate(tokens, 1)}

    def _signing_of(self, body: bytes) -> str:
        try:
            sign(body, self.judge.target.private_key, self.judge.scheme)
        except UnsignableBody:
            return SIGNED_AS_IT_IS
        return _SIGNED if self.judge.has_space else f"{_SIGNED} | sed 's/Bearer /Bearer/'"

    def _right_digits(self, body: bytes) -> Iterator[str]:
        for form in documented_forms(self.judge.scheme):
            try:
                yield sign(body, self.judge.target.private_key, self.judge.scheme, non_ascii=form).value
            except UnsignableBody:
                return


def raise_findings(reply: Reply, findings: Iterable[Finding]) -> None:
    """Fail with findings about an answer, if there are any."""
    found = [reply.discrepancy(one.rule.id, _found(one), _place(one)) for one in findings]
    if found:
        raise Breach(found)


def describe(findings: Iterable[Finding]) -> str:
    """Return findings as text, a line each; no line holds a value."""
    return "\n".join(f"{finding.rule.id} {_found(finding)}" for finding in findings)


def curl_of(ask: Ask, judge: ApiJudge) -> str:
    """Return the bash command that asks the same; credentials, customer and token are variables."""
    body = None if ask.is_made_up else quote_for_shell(ask.body, ask.variables)
    if body is None:
        return ""
    words = [f"body={body};", "curl -sS"]
    if ask.method != "POST":
        words.append(f"-X {ask.method}")
    words.append(judge.target.base_url + judge.operation.path)
    for name, value in ask.headers.items():
        if value == "":
            words.append(f"-H '{name};'")
        elif name.lower() == judge.scheme.header.lower():
            words.append(f'-H "$({ask.signing})"')
        else:
            line = quote_for_shell(f"{name}: {value}".encode("latin-1", "replace"), ask.variables)
            words.append(f"-H {line}")
    if "content-type" not in map(str.lower, ask.headers):
        words.append("-H 'Content-Type:'")
    return " ".join([*filter(None, words), '--data-raw "$body"'])


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a value, the outer first."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _objects(child)


def _outcome(reply: Reply) -> str:
    if reply.is_success:
        return "it was accepted"
    if reply.code is not None:
        return f"code {reply.code}" if _is_code(reply.code) else "a code that is none"
    return f"HTTP {reply.status} without a business code"


def _is_code(code: str) -> bool:
    """Tell a code from whatever else may stand in its place, and is not to be shown."""
    return code.isascii() and code.isalnum() and len(code) <= 8  # noqa: PLR2004  the longest that is known has 5


def _found(finding: Finding) -> str:
    return f"{finding.pointer}: expected {finding.expected}, got {finding.actual}"


def _place(finding: Finding) -> str:
    return f"{finding.contract.file}:{finding.contract.line}" if finding.contract else ""
