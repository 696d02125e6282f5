"""A target's one operation: what the suite asks is signed and sent, and an answer is read by its code.

HTTP 200 comes with errors too, so what an answer means is told by its business code. An answer that breaks
the contract becomes a `Breach`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
from msgspec import field

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.operation import is_json
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.mock.calls import PLACEHOLDER, SoundRequest
from opay_contract.model.exchange import Exchange, Hidden, header
from opay_contract.model.finding import Finding
from opay_contract.signing.signer import UnsignableBody, documented_forms, sign
from opay_contract.suite import from_schema
from opay_contract.suite.breach import Breach, Discrepancy, check_each, quote_for_shell
from opay_contract.suite.client import Client
from opay_contract.suite.questions import CREDENTIAL, CUSTOMER_ID, MERCHANT_ID, PRIVATE_KEY, ApiJudge

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_BAD_REQUEST, _SERVER_ERROR = 400, 500

_SIGNED = 'opay-contract sign "$body"'
SIGNED_AS_IT_IS = (
    f'printf %s "$body" | openssl dgst -sha512 -hmac "${PRIVATE_KEY}" | sed \'s/.* /Authorization: Bearer /\''
)


class Ask(Hidden, frozen=True, kw_only=True):
    """A request, ready to be sent; `signing` is the shell's command that prints its signature's header.

    A body that `is_made_up` may be anybody's, and is not shown.
    """

    name: str
    method: str
    body: bytes
    headers: Mapping[str, str]
    signing: str = _SIGNED
    is_made_up: bool = False
    target: str = ""
    """The path with its query."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the shell's variables stand for: credentials, and the customer and token that are known."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
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
        operation = self.judge.match(self.exchange).route.operation
        envelope, value = operation.envelope if operation else None, self.value
        if envelope is None:
            return value
        found = value_below(value, envelope.data)
        return None if found is MISSING else found

    def breach(self, promise: str, found: str) -> Breach:
        """Return the failure of a test whose promise this answer breaks."""
        return Breach([self.discrepancy(promise, found)])

    def discrepancy(self, rule: str, found: str, contract: str = "") -> Discrepancy:
        """Return what an answer broke, with what was asked and what came."""
        media_type = header(self.exchange.response.headers, "content-type") or "no media type"
        size = len(self.exchange.response.body)
        code = f", code {self.code}" if self.code is not None and _is_code(self.code) else ""
        return Discrepancy(
            rule=rule,
            found=found,
            asked=self.ask.name,
            came=f"HTTP {self.status}{code}, {media_type.partition(';')[0]:.40}, {size} bytes",
            contract=contract,
            again=curl_of(self.ask, self.judge),
        )


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
        judge = self.judge
        types = judge.operation.request_types
        usual: dict[str, str | None] = {"Content-Type": next(filter(is_json, types), "application/json")}
        if judge.operation.is_signed:
            usual[judge.scheme.header] = judge.authorization(body, key)
        if judge.identity_header:
            usual[judge.identity_header] = judge.target.merchant_id
        given = usual | dict(headers or {})
        tokens = self.tokens if "known" in self.__dict__ else []  # as far as they are known by now
        return Ask(
            name=name,
            method=method or judge.operation.method,
            body=body,
            headers={name: value for name, value in given.items() if value is not None},
            signing=signing or self._signing_of(body),
            is_made_up=is_made_up,
            target=judge.operation.path,
            variables=self._variables() | {f"TOKEN_{at}": token for at, token in enumerate(tokens, 1)},
        )

    def make_known(self, how: str = "", **options: Any) -> Ask:
        """Return the query for the record that the target knows; the options are those of `make`."""
        return self.make(f"the known record{how}", self.judge.text(self.judge.known_query()), **options)

    def make_sound(
        self, request: SoundRequest, *, is_let_in: bool = True, method: str | None = None, name: str = ""
    ) -> Ask:
        """Return a request as the contract alone makes it, with what says who asks or without."""
        operation, target, value = request.operation, self.judge.target, request.body
        if value is None:
            body = b""
        elif not is_json(request.media_type):  # a form's members as in a query
            body = (urlencode(value, doseq=True) if isinstance(value, dict) else str(value)).encode()
        elif operation.is_signed and isinstance(value, dict):
            body = self.judge.text(value)
        else:
            body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        headers = dict(one.split(": ", 1) for one in request.headers)
        if not is_let_in:
            headers = {name: value for name, value in headers.items() if PLACEHOLDER not in value}
        headers = {name: value.replace(PLACEHOLDER, target.credential) for name, value in headers.items()}
        if value is not None:
            headers["Content-Type"] = request.media_type
        scheme = self.judge.contract.signature
        if operation.is_signed and scheme is not None:
            identity = operation.identity_header(scheme)
            headers |= {identity: target.merchant_id} if identity else {}
            headers |= {scheme.header: self.judge.authorization(body)} if is_let_in else {}
        form = f" ({request.form.id})" if request.form else ""
        if not is_let_in:
            name = f"{operation.id}, without credentials"
        return Ask(
            name=name or f"a sound request of {operation.id}{form}",
            method=method or operation.method,
            body=body,
            headers=headers,
            target=request.target.replace(PLACEHOLDER, target.credential if is_let_in else ""),
            variables=self._variables() | {CREDENTIAL: target.credential},
        )

    def _variables(self) -> dict[str, str]:
        target = self.judge.target
        return {CUSTOMER_ID: target.customer_id, MERCHANT_ID: target.merchant_id}

    def send(self, ask: Ask) -> Reply:
        """Send a request."""
        url = self.judge.target.base_url + ask.target
        exchange = self.client.send(ask.method, url, ask.headers, ask.body or None)
        return Reply(ask=ask, exchange=exchange, judge=self.judge)

    def post(self, name: str, body: bytes, headers: Mapping[str, str | None] | None = None) -> Reply:
        """Send a signed body."""
        return self.send(self.make(name, body, headers=headers))

    def ask(self, name: str, query: Mapping[str, Any]) -> Reply:
        """Send a query as the very text that is signed."""
        return self.post(name, self.judge.text(query))

    @property
    def has_codes(self) -> bool:
        """Whether answers tell by a business code what they mean."""
        return self.judge.operation.envelope is not None

    @cached_property
    def sound_bodies(self) -> "SearchStrategy[Any]":
        """Any body that the contract allows for the operation that is asked."""
        schema = self.judge.operation.request_schema
        return from_schema({} if schema is None else {"$ref": schema}, self.judge.contract)

    @cached_property
    def known(self) -> Reply:
        """The answer for the record that the target knows."""
        reply = self.send(self.make_known())
        self.succeeds(reply)
        return reply

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        """The known record's items; at least one."""
        items = [one for one in _objects(self.known.data) if self._item_name in one]
        if not items:
            raise self.known.breach(
                f"the record of {CUSTOMER_ID} has an item, so that one can be asked for", "no item"
            )
        return items

    @cached_property
    def tokens(self) -> list[str]:
        """The keys of the known record's items."""
        return [str(item[self._item_name]) for item in self.items] if self.judge.questions.by_item else []

    @property
    def _item_name(self) -> str:
        by = self.judge.questions.by_item
        return str(by.lookup.records.items.key[-1]) if by and by.lookup.records.items else ""

    def record_in(self, data: Any) -> dict[str, Any]:
        """Return the object in an answer's data that names its record; empty where there is none."""
        by = self.judge.questions.by_record
        name = str(by.lookup.records.key[-1]) if by else ""
        return next((one for one in _objects(data) if name in one), {})

    def key_in(self, data: Any) -> Any:
        """Return the key of the record that an answer's data are about."""
        by = self.judge.questions.by_record
        return self.record_in(data).get(str(by.lookup.records.key[-1])) if by else None

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

    def refuses_each(self, asks: Iterable[Ask], promise: str) -> None:
        """Fail unless all of some requests are refused."""
        check_each(map(self.send, asks), lambda reply: self.refuses(reply, promise))

    def stays_up(self, reply: Reply) -> None:
        """Fail where a target breaks instead of answering."""
        if reply.status >= _SERVER_ERROR:
            raise reply.breach("no request breaks the server", _outcome(reply))

    def tells_nothing(self, reply: Reply) -> None:
        """Fail where a refusal has something of the customer, the key, or the signature that would hold."""
        said = reply.exchange.response.body.decode("utf-8", "replace")
        said += "\n".join(value for _, value in reply.exchange.response.headers or ())
        lowered = said.lower()
        signed = reply.ask.body if self.judge.operation.is_signed else b""
        if any(digits in lowered for digits in self._right_digits(signed)):
            raise reply.breach("a refusal does not tell the signature that would hold", "the signature")
        if self.judge.target.private_key in said:
            raise reply.breach("no answer tells a key", "the private key")
        for name, value in self.record_in(self.known.data).items():
            if isinstance(value, str) and len(value) > 4 and value in said:  # noqa: PLR2004  shorter is chance
                raise reply.breach("a refusal tells nothing of the record", f"the record's {name}")

    def spare(self, wanted: int) -> int:
        """Return how many of some requests the budget has room for beside what the suite needs."""
        budget = self.client.rate_policy.budget
        return wanted if budget is None else max(1, min(wanted, (budget - self.client.sent) // 3))

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
    places = ((one, f"{one.contract.file}:{one.contract.line}" if one.contract else "") for one in findings)
    if found := [reply.discrepancy(one.rule.id, _found(one), place) for one, place in places]:
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
    words.append(quote_for_shell((judge.target.base_url + ask.target).encode(), ask.variables) or "")
    for name, value in ask.headers.items():
        if value == "":
            words.append(f"-H '{name};'")
        elif judge.contract.signature and name.lower() == judge.scheme.header.lower() and ask.signing:
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
