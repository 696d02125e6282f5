"""Refuses what the vendor would refuse, in a fixed order: the first thing that is wrong is the answer.

1. another method: `wrong-method`
2. a body of more than 1 MiB: `oversized-body`
3. another content type than the documented, or none: `wrong-content-type`
4. no merchant id: `missing-merchant-id`
5. a body that is not one JSON object to every reader: `malformed-json`
6. another merchant's id, no signature or a wrong one: authentication failed
7. none of the request forms: `missing-parameter`; more than one: `both-keys`
8. a member of a wrong type: parameters not valid; one that is not documented: `undocumented-member`

The names are those of the choices that decide on the answer; see `opay-contract mock --choices`.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from opay_contract.contract.contract import Contract, at
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import ContractError, UsageError
from opay_contract.judge.describing import describe_media_type, fold_pointer
from opay_contract.mock.answers import (
    AUTHENTICATION_FAILED,
    BY_CUSTOMER,
    BY_TOKEN,
    INVALID_PARAMETERS,
    MERCHANT_MISSING,
    MockAnswer,
    Writer,
)
from opay_contract.mock.choices import Choices
from opay_contract.mock.customers import iter_faults
from opay_contract.model.exchange import Request
from opay_contract.model.signature import SignatureScheme
from opay_contract.signing.canonical import UnsignableBody, parse_signable
from opay_contract.signing.doctor import Doctor
from opay_contract.signing.signer import PUBLIC_TEST_KEY, verify

_TEXTS = msgspec.json.Decoder(dict[str, str])
_SORTED = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who the one merchant of the mock is. The defaults are made up and open nothing."""

    merchant_id: str = "256612345678901"
    private_key: str = field(default=PUBLIC_TEST_KEY, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBody:
    """A request's body, read: `canonical` when its bytes are the very text that is signed, all ASCII."""

    value: dict[str, Any]
    canonical: bool


class Authentication:
    """Verifies signatures with one key by the contract's scheme, and says what is wrong with one."""

    def __init__(
        self, credentials: Credentials, scheme: SignatureScheme, *, space: bool, identity: str | None = None
    ) -> None:
        if not credentials.private_key.strip():
            raise UsageError(
                "the mock's private key is empty; leave OPAY_PRIVATE_KEY unset for a made-up one"
            )
        self._scheme = scheme if space else replace(scheme, prefix=scheme.prefix.rstrip(" "))
        self._key = credentials.private_key
        self._secret = credentials.private_key.encode()
        self._prefix = self._scheme.prefix.encode()
        self._doctor = Doctor(self._key, self._scheme, identity)
        written = scheme.sort_keys, scheme.item_separator, scheme.key_separator, scheme.escape_slashes
        self._plain = written == (True, ",", ":", False)

    def read(self, body: bytes) -> SignedBody:
        """Return the object in a body; an `UnsignableBody` where readers of JSON would not agree on one.

        Nearly every client sends what it signed. Such a body is told by writing it again, twenty times as
        fast as the careful way, which everything else takes.
        """
        if self._plain and body.isascii():
            try:
                texts = _TEXTS.decode(body)
            except (ValueError, RecursionError):
                texts = {}
            if texts and _SORTED.encode(texts) == body:
                return SignedBody(value=texts, canonical=True)
        return SignedBody(value=parse_signable(body), canonical=False)

    def holds(self, body: bytes, read: SignedBody, header: bytes) -> bool:
        """Tell whether a header's value signs a body, in any form that the scheme documents."""
        if read.canonical:
            digest = hmac.digest(self._secret, body, "sha512").hex().encode()
            return hmac.compare_digest(self._prefix + digest, header)
        return verify(body, header.decode("latin-1"), self._key, self._scheme).ok

    def explain(self, request: Request) -> str:
        """Return in words what is wrong with a signature that does not hold."""
        diagnosis = self._doctor.examine(request)
        return diagnosis.explain() if diagnosis else f"no {self._scheme.header}"


def scheme_of(contract: Contract) -> SignatureScheme:
    """Return how requests are signed."""
    if contract.signature is None:
        raise ContractError("openapi.yaml: the mock needs x-signature")
    return contract.signature


MAX_BODY = 2**20

Fields = Mapping[bytes, bytes]
"""Header fields by name in lower case; of a name that comes twice, the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A request that is to be answered: its form, and the id or the token that it asks for."""

    form: Form
    asked: str


class Validation:
    """Lets the requests of one operation through, or says the answer that refuses them."""

    def __init__(
        self,
        contract: Contract,
        operation: Operation,
        credentials: Credentials,
        choices: Choices,
        writer: Writer,
    ) -> None:
        scheme = scheme_of(contract)
        self._choices, self._writer, self._forms = choices, writer, operation.forms
        self._operation = operation
        self._merchant = credentials.merchant_id.encode()
        self._merchant_name = operation.identity_header(scheme) or ""
        self._merchant_header = self._merchant_name.lower().encode()
        self._signature_header = scheme.header.lower().encode()
        space = choices["authorization-form"] == "one-space"
        self._authentication = Authentication(credentials, scheme, space=space, identity=self._merchant_name)
        self._media_types = _request_media_types(contract, operation)
        self._open = {form.id: contract.schemas.validator(form.request) for form in operation.forms}
        self._closed = {form.id: contract.schemas.closed_validator(form.request) for form in operation.forms}

    def pass_or_refuse(self, method: str, fields: Fields, body: bytes) -> Query | MockAnswer:
        """Return what a request asks for, or the answer that refuses it."""
        if method != self._operation.method:
            return self._another_method()
        if len(body) > MAX_BODY:
            return self._by_choice("oversized-body", 413).because(
                f"the body has more than {MAX_BODY:,} bytes"
            )
        content_type = fields.get(b"content-type")
        if not self._is_documented_type(content_type or b""):
            sent = describe_media_type(content_type.decode("latin-1") if content_type else None)
            expected = b", ".join(self._media_types).decode()
            reason = f"expected Content-Type {expected}, got {sent}"
            return self._by_choice("wrong-content-type", 415).because(reason)
        if not fields.get(self._merchant_header):
            return self._without_merchant().because(f"no {self._merchant_name}")
        try:
            read = self._authentication.read(body)
        except UnsignableBody as error:
            reason = f"the body is no JSON object to every reader: it {error.fault}"
            return self._by_choice("malformed-json", 400).because(reason)
        if reasons := self._doubts(fields, body, read):
            return self._writer.refusal(AUTHENTICATION_FAILED).because("; ".join(reasons))
        return self._query(read.value)

    def _another_method(self) -> MockAnswer:
        allowed = ((b"allow", self._operation.method.encode()),)
        if self._choices["wrong-method"] == "http-error":
            answer = self._writer.elsewhere(405, served_by(self._operation), allowed)
        else:
            answer = self._writer.refusal(INVALID_PARAMETERS)
        return answer.because(f"another method than {self._operation.method}")

    def _is_documented_type(self, content_type: bytes) -> bool:
        if content_type in self._media_types or self._choices["wrong-content-type"] == "accepted":
            return True
        media_type = content_type.partition(b";")[0].strip().lower()
        return any(fnmatchcase(media_type.decode("latin-1"), known.decode()) for known in self._media_types)

    def _without_merchant(self) -> MockAnswer:
        unnamed = self._choices["missing-merchant-id"] == "merchant-is-null"
        return self._writer.refusal(MERCHANT_MISSING if unnamed else AUTHENTICATION_FAILED)

    def _doubts(self, fields: Fields, body: bytes, read: SignedBody) -> list[str]:
        """Return why a request is not the merchant's; nothing where it is."""
        signature = fields.get(self._signature_header)
        signed = self._authentication.holds(body, read, signature or b"")
        ours = hmac.compare_digest(fields[self._merchant_header], self._merchant)
        reasons = [] if ours else [f"the {self._merchant_name} is not the mock's"]
        if not signed:
            headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in fields.items())
            host = fields.get(b"host", b"").decode("latin-1")
            request = Request(url=f"http://{host}{self._operation.path}", headers=headers, body=body)
            reasons.append(self._authentication.explain(request))
        return reasons

    def _query(self, body: dict[str, Any]) -> Query | MockAnswer:
        forms = [form for form in self._forms if form.required <= body.keys()]
        if not forms:
            names = " nor ".join(name for form in self._forms for name in sorted(form.required))
            return self._by_choice("missing-parameter", 400).because(f"neither {names}")
        form = forms[0]
        if len(forms) > 1:
            if self._choices["both-keys"] == "business-error":
                names = " and ".join(name for one in forms for name in sorted(one.required))
                return self._writer.refusal(INVALID_PARAMETERS).because(f"both {names}")
            chosen = BY_TOKEN if self._choices["both-keys"] == "token" else BY_CUSTOMER
            form = next(form for form in forms if form.id == chosen)
            ignored = frozenset[str]().union(*(other.required for other in forms)) - form.required
            body = {name: value for name, value in body.items() if name not in ignored}
        return self._asked(form, body)

    def _asked(self, form: Form, body: dict[str, Any]) -> Query | MockAnswer:
        validator = (self._open if self._choices["undocumented-member"] == "ignored" else self._closed)[
            form.id
        ]
        if not validator.is_valid(body):
            tokens, fault = next(iter_faults(validator, body))
            return self._writer.refusal(INVALID_PARAMETERS).because(f"{fold_pointer(tokens)} {fault}")
        return Query(form=form, asked=str(at(body, form.echoes[0].request)))

    def _by_choice(self, question: str, status: int) -> MockAnswer:
        if self._choices[question] == "http-error":
            return MockAnswer(status=status, fields=((b"content-length", b"0"),))
        return self._writer.refusal(INVALID_PARAMETERS)


def served_by(operation: Operation) -> str:
    """Return method and path of an operation."""
    return f"{operation.method} {operation.path}"


def _request_media_types(contract: Contract, operation: Operation) -> tuple[bytes, ...]:
    content = (operation.request_schema or "").rpartition("/schema")[0].rpartition("/")[0]
    return (
        tuple(media_type.lower().encode() for media_type in contract.schemas.node(content)) if content else ()
    )
