"""What of a contract the suite asks by, as whom it asks a target, and what of the answers matters there.

Tests that need what a contract does not have are left out, and that is said.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import ContractError
from opay_contract.jsontext import Parsed
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
from opay_contract.mock.calls import SoundRequest, make_request
from opay_contract.mock.records import LookedUp, RecordBook
from opay_contract.mock.statement import put
from opay_contract.model.exchange import Exchange, Hidden, header
from opay_contract.model.finding import Area, Finding, Outcome, Rule, Severity
from opay_contract.signing.signer import (
    SignatureScheme,
    UnsignableBody,
    render_canonical,
    sign,
    sign_as_it_is,
    verify,
)

MOCK = "mock"
"""The name of the target that starts for the run."""

MERCHANT_ID, PRIVATE_KEY, CUSTOMER_ID = "OPAY_MERCHANT_ID", "OPAY_PRIVATE_KEY", "OPAY_CUSTOMER_ID"
CREDENTIAL = "OPAY_CREDENTIAL"
"""The environment variables that say who asks, and a record that the target knows, as a customer."""

RECORDS, ITEMS, SIGNATURE, IDENTITY = "records", "items", "signature", "identity"
"""What a test may need of a contract."""

LACKS: Mapping[str, str] = {
    RECORDS: "no operation looks a record up by its body (`x-mock`)",
    ITEMS: "no operation looks an item up by its body (`x-mock`)",
    SIGNATURE: "no request is signed (`x-signature`)",
    IDENTITY: "no header says who signs",
}

NEEDS = "opay_needs"
"""The attribute of a test with what it needs."""

_BAD_REQUEST, _SERVER_ERROR = 400, 500

_Test = TypeVar("_Test", bound=Callable[..., Any])


def needs(*names: str) -> Callable[[_Test], _Test]:
    """Mark a test with what it needs of a contract."""

    def mark(test: _Test) -> _Test:
        setattr(test, NEEDS, names)
        return test

    return mark


class Questions:
    """What can be asked by a contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.book = RecordBook(contract)

    @cached_property
    def by_record(self) -> LookedUp | None:
        """How a record is asked for; None where none can be by a body."""
        return next((one for one in self.book.looking_up() if one.lookup.by.where == "body"), None)

    @cached_property
    def by_item(self) -> LookedUp | None:
        """How an item is asked for, at the same operation."""
        found = (one for one in self.book.looking_up(of_items=True) if one.lookup.by.where == "body")
        first, record = next(found, None), self.by_record
        return first if first and record and first.operation is record.operation else None

    @cached_property
    def operation(self) -> Operation:
        """The operation that most is asked of: one that looks a record up, or is signed, or the first."""
        if self.by_record is not None:
            return self.by_record.operation
        signed = (one for one in self.contract.operations if one.is_signed)
        return next(signed, self.contract.operations[0])

    @property
    def identity(self) -> str | None:
        """The name of the header that says who signs."""
        scheme = self.contract.signature
        return self.operation.identity_header(scheme) if scheme and self.operation.is_signed else None

    @cached_property
    def had(self) -> frozenset[str]:
        """What a test may need and the contract has."""
        found = {
            RECORDS: self.by_record is not None,
            ITEMS: self.by_item is not None,
            SIGNATURE: self.operation.is_signed and self.by_record is not None,
            IDENTITY: self.identity is not None,
        }
        return frozenset(name for name, is_there in found.items() if is_there)

    @cached_property
    def needs_credential(self) -> bool:
        """Whether some operation asks for a key or a password that is no signature."""
        return any(not one.is_signed and any(one.credentials) for one in self.contract.operations)

    def body(self, by: LookedUp | None, asked: str) -> dict[str, Any]:
        """Return the body that asks for a record or an item of a key."""
        if by is None:
            made = make_request(
                self.contract, self.book, self.operation, next(iter(self.operation.forms), None)
            )
            return made.body if isinstance(made.body, dict) else {}
        # a placeholder would stand in place of a key without a character
        made = make_request(self.contract, self.book, by.operation, by.form, asked or "-")
        body = deepcopy(made.body) if isinstance(made.body, dict) else {}
        if value_below(body, by.lookup.by.tokens) is not MISSING:
            put(body, by.lookup.by.tokens, asked)
        return body

    def requests(self, asked: str | None) -> list[SoundRequest]:
        """Return a sound request of each form of each operation, about a record of a key where about any."""
        return [
            make_request(self.contract, self.book, operation, form, self._key(operation, form, asked))
            for operation in self.contract.operations
            for form in operation.forms or (None,)
        ]

    def is_known(self, request: SoundRequest, asked: str | None) -> bool:
        """Tell whether a target has what a request is about: nothing, something new, or what it knows."""
        lookup = self.book.lookup(request.operation, request.form)
        return lookup is None or lookup.does == "adds" or (asked is not None and request.asked == asked)

    def _key(self, operation: Operation, form: Form | None, asked: str | None) -> str | None:
        lookup, by = self.book.lookup(operation, form), self.by_record
        if lookup is None:
            return None
        if lookup.does != "finds":  # nothing that is there is to be changed, least of all removed
            return f"opay-contract-{secrets.token_hex(6)}"
        is_known = by is not None and lookup.records is by.lookup.records and not lookup.of_items
        return asked if is_known else None


class ApiTarget(Hidden, frozen=True, kw_only=True):
    """A server and what it takes to ask it: what a contract asks for of this is there, the rest is empty.

    `customer_id` is the key of a record that it knows, as a customer's; `credential` is what goes where the
    contract asks for an API key, a bearer token or a password; `certificates` is the
    file or folder of those that are trusted, where it is not the usual one.
    """

    name: str
    base_url: str
    merchant_id: str
    private_key: str
    customer_id: str
    credential: str = ""
    certificates: str | None = None

    @property
    def is_real(self) -> bool:
        """Whether it is somebody's server, to be treated with care."""
        return self.name != MOCK


class ApiJudge(msgspec.Struct, frozen=True, kw_only=True, dict=True):
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
        return scheme if self.has_space else structs.replace(scheme, prefix=scheme.prefix.rstrip())

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
        by = self.questions.by_record
        return str(by.lookup.by.tokens[-1]) if by else ""

    @property
    def item_member(self) -> str:
        """The name of the member that an item is asked for by."""
        by = self.questions.by_item
        return str(by.lookup.by.tokens[-1]) if by else ""

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
        graver = (one for one in found if one.rule.severity >= self.fail_on)
        return [one for one in graver if not self._is_ours(one) and not self._is_open(one, exchange)]

    def findings_by(self, rule: Rule, exchange: Exchange) -> list[Finding]:
        """Return the findings of one rule about an exchange, however much they matter."""
        match = self.contract.match(exchange)
        found = check_exchange(self.contract, exchange, match, Settings(started_at=time.time()))
        return [one for one in found if one.rule is rule]

    @staticmethod
    def _is_ours(finding: Finding) -> bool:
        """Tell what is of a request on purpose: a card's number that it must have, or what was made up."""
        if finding.rule is REQUEST_FIELD_UNDOCUMENTED:
            return True
        return finding.rule is CARD_NUMBER_EXPOSED and finding.pointer.startswith("request:")

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
