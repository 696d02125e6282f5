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
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from opay_contract.contract.contract import Contract, at
from opay_contract.contract.operation import Form, Operation
from opay_contract.errors import ContractError
from opay_contract.mock.answers import (
    AUTHENTICATION_FAILED,
    BY_CUSTOMER,
    BY_TOKEN,
    INVALID_PARAMETERS,
    MERCHANT_IS_NULL,
    Answer,
    Writer,
)
from opay_contract.mock.authentication import Authentication, Credentials, SignedBody, identity_header
from opay_contract.mock.choices import Choices

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
        scheme = contract.signature
        if scheme is None:
            raise ContractError("openapi.yaml: the mock needs x-signature")
        self._choices, self._writer, self._forms = choices, writer, operation.forms
        self._method = operation.method
        self._merchant = credentials.merchant_id.encode()
        self._merchant_header = (identity_header(operation, scheme) or "").lower().encode()
        self._signature_header = scheme.header.lower().encode()
        space = choices["authorization-form"] == "one-space"
        self._authentication = Authentication(credentials, scheme, space=space)
        self._media_types = _request_media_types(contract, operation)
        self._open = {form.id: contract.schemas.validator(form.request) for form in operation.forms}
        self._closed = {form.id: contract.schemas.closed_validator(form.request) for form in operation.forms}

    def pass_or_refuse(self, method: str, fields: Fields, body: bytes) -> Query | Answer:
        """Return what a request asks for, or the answer that refuses it."""
        if method != self._method:
            return self._by_choice("wrong-method", 405, ((b"allow", self._method.encode()),))
        if len(body) > MAX_BODY:
            return self._by_choice("oversized-body", 413)
        if not self._is_documented_type(fields.get(b"content-type", b"")):
            return self._by_choice("wrong-content-type", 415)
        if not fields.get(self._merchant_header):
            return self._without_merchant()
        read = self._authentication.read(body)
        if read is None:
            return self._by_choice("malformed-json", 400)
        if not self._is_authentic(fields, body, read):
            return self._writer.error(AUTHENTICATION_FAILED)
        return self._query(read.value)

    def _is_documented_type(self, content_type: bytes) -> bool:
        if content_type in self._media_types or self._choices["wrong-content-type"] == "accepted":
            return True
        media_type = content_type.partition(b";")[0].strip().lower()
        return any(fnmatchcase(media_type.decode("latin-1"), known.decode()) for known in self._media_types)

    def _without_merchant(self) -> Answer:
        unnamed = self._choices["missing-merchant-id"] == "merchant-is-null"
        return self._writer.error(MERCHANT_IS_NULL if unnamed else AUTHENTICATION_FAILED)

    def _is_authentic(self, fields: Fields, body: bytes, read: SignedBody) -> bool:
        signed = self._authentication.holds(body, read, fields.get(self._signature_header, b""))
        return hmac.compare_digest(fields[self._merchant_header], self._merchant) and signed

    def _query(self, body: dict[str, Any]) -> Query | Answer:
        forms = [form for form in self._forms if form.required <= body.keys()]
        if not forms:
            return self._by_choice("missing-parameter", 400)
        form = forms[0]
        if len(forms) > 1:
            if self._choices["both-keys"] == "business-error":
                return self._writer.error(INVALID_PARAMETERS)
            chosen = BY_TOKEN if self._choices["both-keys"] == "token" else BY_CUSTOMER
            form = next(form for form in forms if form.id == chosen)
            ignored = frozenset[str]().union(*(other.required for other in forms)) - form.required
            body = {name: value for name, value in body.items() if name not in ignored}
        return self._asked(form, body)

    def _asked(self, form: Form, body: dict[str, Any]) -> Query | Answer:
        tolerant = self._choices["undocumented-member"] == "ignored"
        if not (self._open if tolerant else self._closed)[form.id].is_valid(body):
            return self._writer.error(INVALID_PARAMETERS)
        return Query(form=form, asked=str(at(body, form.echoes[0].request)))

    def _by_choice(self, question: str, status: int, fields: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
        if self._choices[question] == "http-error":
            return Answer(status=status, fields=(*fields, (b"content-length", b"0")))
        return self._writer.error(INVALID_PARAMETERS)


def _request_media_types(contract: Contract, operation: Operation) -> tuple[bytes, ...]:
    content = (operation.request_schema or "").rpartition("/schema")[0].rpartition("/")[0]
    return (
        tuple(media_type.lower().encode() for media_type in contract.schemas.node(content)) if content else ()
    )
