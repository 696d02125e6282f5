"""A target's one operation: what the suite asks is signed and sent, and an answer is read by its code.

HTTP 200 comes with errors too, so what an answer means is told by its business code. An answer that breaks
the contract becomes a `Breach`.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from msgspec import structs

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.operation import Operation, is_json
from opay_contract.errors import ContractError
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.judge.table import (
    CARD_NUMBER_EXPOSED,
    REQUEST_FIELD_UNDOCUMENTED,
    SIGNATURE_MISMATCH,
    STATUS_UNDOCUMENTED,
    SUCCESS_WITHOUT_DATA,
)
from opay_contract.mock.answers import AUTHENTICATION_FAILED
from opay_contract.mock.sound import PLACEHOLDER, SoundRequest
from opay_contract.model.exchange import Exchange, header
from opay_contract.model.finding import Area, Finding, Outcome, Rule, Severity
from opay_contract.model.signature import SignatureScheme
from opay_contract.signing.signer import (
    UnsignableBody,
    documented_forms,
    render_canonical,
    sign,
    sign_as_it_is,
    verify,
)
from opay_contract.suite.breach import Breach, Discrepancy, quote_for_shell
from opay_contract.suite.client import Client
from opay_contract.suite.questions import Questions
from opay_contract.suite.targets import CREDENTIAL, CUSTOMER_ID, MERCHANT_ID, PRIVATE_KEY, ApiTarget

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_BAD_REQUEST, _SERVER_ERROR = 400, 500

_SIGNED = 'opay-contract sign "$body"'
SIGNED_AS_IT_IS = (
    f'printf %s "$body" | openssl dgst -sha512 -hmac "${PRIVATE_KEY}" | sed \'s/.* /Authorization: Bearer /\''
)


@dataclass(frozen=True, kw_only=True)
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
            raise ContractError(f"{self.contract.schemas.root.name}: a target needs x-signature")
        return scheme if self.has_space else replace(scheme, prefix=scheme.prefix.rstrip())

    @cached_property
    def questions(self) -> Questions:
        """What can be asked by the contract."""
        return Questions(self.contract)

    @property
    def operation(self) -> Operation:
        """The operation that most is asked of."""
        return self.questions.operation

    @property
    def identity_header(self) -> str:
        """The name of the header that says who asks; empty where there is none."""
        return self.questions.identity or ""

    @property
    def authentication_codes(self) -> frozenset[str]:
        """The codes for failed authentication, as far as they are known."""
        codes = self.operation.envelope.codes.values() if self.operation.envelope else ()
        return frozenset(one.code for one in codes if one.means == AUTHENTICATION_FAILED)

    @property
    def member(self) -> str:
        """The name of the member that a record is asked for by."""
        return self.questions.by_record.member if self.questions.by_record else ""

    @property
    def item_member(self) -> str:
        """The name of the member that an item is asked for by."""
        return self.questions.by_item.member if self.questions.by_item else ""

    def query(self, key: str) -> dict[str, Any]:
        """Return the query for a record; without records, a sound body."""
        return self.questions.body(self.questions.by_record, key)

    def item_query(self, key: str) -> dict[str, Any]:
        """Return the query for an item."""
        return self.questions.body(self.questions.by_item, key)

    def known_query(self) -> dict[str, Any]:
        """Return the query for the record that the target knows."""
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
            return self.scheme.prefix + sign_as_it_is(body, secret)

    def is_signed(self, exchange: Exchange) -> bool:
        """Tell whether a request carries the signature of its body, and says who asks."""
        fields = exchange.request.headers
        signature, name = header(fields, self.scheme.header) or "", self.identity_header
        ours = not name or header(fields, name) == self.target.merchant_id
        return (
            ours and verify(exchange.request.body or b"", signature, self.target.private_key, self.scheme).ok
        )

    def match(self, exchange: Exchange) -> Match:
        """See an exchange through the contract, one by another method as if it were by the documented one."""
        match = self.contract.match(exchange)
        if match.route.operation is not None:
            return match
        path = self.contract.path(exchange.request.url or "") or ""
        known = [one for one in self.contract.operations if one.path_pattern.fullmatch(path)]
        method = known[0].method if known else self.operation.method
        request = structs.replace(exchange.request, method=method)
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
        graver = (one for one in found if one.rule.severity >= self.fail_on and not _is_of_ours(one))
        return [one for one in graver if not self._is_open(one, exchange)]

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
        forms = match.route.operation.forms if match.route.operation else ()
        is_of_both = sum(form.required <= names for form in forms) > 1
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
    target: str = ""
    """The path with its query."""
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
        usual: dict[str, str | None] = {"Content-Type": self.media_type}
        if self.judge.operation.is_signed:
            usual[self.judge.scheme.header] = self.judge.authorization(body, key)
        if self.judge.identity_header:
            usual[self.judge.identity_header] = self.judge.target.merchant_id
        given = usual | dict(headers or {})
        return Ask(
            name=name,
            method=method or self.judge.operation.method,
            body=body,
            headers={name: value for name, value in given.items() if value is not None},
            signing=signing or self._signing_of(body),
            is_made_up=is_made_up,
            target=self.judge.operation.path,
            variables={
                CUSTOMER_ID: self.judge.target.customer_id,
                MERCHANT_ID: self.judge.target.merchant_id,
            }
            | self._token_variables(),
        )

    @property
    def media_type(self) -> str:
        """The media type that queries are sent as."""
        types = self.judge.operation.request_types
        return next(filter(is_json, types), "application/json")

    def make_sound(
        self, request: SoundRequest, *, is_let_in: bool = True, method: str | None = None, name: str = ""
    ) -> Ask:
        """Return a request as the contract alone makes it, with what says who asks or without."""
        operation, target = request.operation, self.judge.target
        as_json = is_json(request.media_type)
        body = b"" if request.body is None else _written(request.body, as_json=as_json)
        if operation.is_signed and as_json and isinstance(request.body, dict):
            body = self.judge.text(request.body)
        headers = dict(one.split(": ", 1) for one in request.headers)
        if operation.is_signed and not body:  # where no body is documented, an empty object is what is signed
            body = b"{}"
            headers["Content-Type"] = "application/json"
        if not is_let_in:
            headers = {name: value for name, value in headers.items() if PLACEHOLDER not in value}
        headers = {name: value.replace(PLACEHOLDER, target.credential) for name, value in headers.items()}
        if request.body is not None:
            headers["Content-Type"] = request.media_type
        scheme = self.judge.contract.signature
        if operation.is_signed and scheme is not None:
            identity = operation.identity_header(scheme)
            headers |= {identity: target.merchant_id} if identity else {}
            headers |= {scheme.header: self.judge.authorization(body)} if is_let_in else {}
        sent = request.target.replace(PLACEHOLDER, target.credential if is_let_in else "")
        form = f" ({request.form.id})" if request.form else ""
        return Ask(
            name=name or f"a sound request of {operation.id}{form}",
            method=method or operation.method,
            body=body,
            headers=headers,
            target=sent,
            variables={
                CUSTOMER_ID: target.customer_id,
                MERCHANT_ID: target.merchant_id,
                CREDENTIAL: target.credential,
            },
        )

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

    def admin(self, method: str, path: str, body: dict[str, Any] | None = None) -> Exchange:
        """Ask the mock's admin path; no other target has one."""
        sent = None if body is None else json.dumps(body).encode()
        return self.client.send(method, f"{self.judge.target.base_url}/__mock__/{path}", {}, sent)

    @property
    def has_codes(self) -> bool:
        """Whether answers tell by a business code what they mean."""
        return self.judge.operation.envelope is not None

    @cached_property
    def sound_bodies(self) -> "SearchStrategy[Any]":
        """Any body that the contract allows for the operation that is asked."""
        from opay_contract.suite.generation import from_schema  # noqa: PLC0415  heavy

        schema = self.judge.operation.request_schema
        return from_schema({} if schema is None else {"$ref": schema}, self.judge.contract)

    @cached_property
    def known(self) -> Reply:
        """The answer for the record that the target knows."""
        reply = self.ask("the known record", self.judge.known_query())
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


def _is_of_ours(finding: Finding) -> bool:
    """Tell what is of a request on purpose: a card's number that it must have, or what was made up."""
    if finding.rule is REQUEST_FIELD_UNDOCUMENTED:
        return True
    return finding.rule is CARD_NUMBER_EXPOSED and finding.pointer.startswith("request:")


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


def _written(value: Any, *, as_json: bool) -> bytes:
    """Return a body of any media type; a form's members as in a query."""
    if as_json:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return (urlencode(value, doseq=True) if isinstance(value, dict) else str(value)).encode()


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
