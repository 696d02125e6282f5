"""Refuses what the vendor would refuse, in a fixed order: the first thing that is wrong is the answer.

1. another method: `wrong-method`
2. a body of more than 1 MiB: `oversized-body`
3. another content type than the documented, or none where a body is demanded: `wrong-content-type`
4. no header that says who asks: `missing-identity`; no other parameter that is demanded: parameters not valid
5. a body that is not one JSON value to every reader, where it is signed one object: `malformed-json`
6. nobody's or another's credentials, no signature or a wrong one: `authentication-failed`
7. none of the request forms: `missing-parameter`; more than one: `several-forms`
8. what does not fit its schema: parameters not valid; an undocumented member: `undocumented-member`

The names are situations in which a choice may decide on the answer; see `opay-contract mock --choices`.
"""

import hmac
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus

import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract.contract.addresses import MISSING, value_below
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import Credential, Form, Operation, is_of_another_type
from opay_contract.contract.parameters import (
    COOKIE,
    HEADER,
    PATH,
    QUERY,
    Pairs,
    ParameterReader,
    split_cookies,
    split_query,
)
from opay_contract.errors import UsageError
from opay_contract.jsontext import Parsed, parse_json
from opay_contract.judge.describing import describe_media_type, fold_pointer
from opay_contract.mock.answers import AUTHENTICATION_FAILED, INVALID_PARAMETERS, MockAnswer, Writer
from opay_contract.mock.records import iter_faults
from opay_contract.mock.statement import AdmittedRequest, Choices, Lookup, needs_body
from opay_contract.model.exchange import Hidden, Request, as_headers
from opay_contract.signing.doctor import Doctor
from opay_contract.signing.signer import (
    PUBLIC_TEST_KEY,
    SignatureScheme,
    UnsignableBody,
    parse_signable,
    verify,
)

_TEXTS = msgspec.json.Decoder(dict[str, str])
_SORTED = msgspec.json.Encoder(order="sorted")


class Credentials(Hidden, frozen=True, kw_only=True):
    """Who the one merchant of the mock is. The defaults are made up and open nothing."""

    merchant_id: str = "256612345678901"
    private_key: str = PUBLIC_TEST_KEY


class Authentication:
    """Verifies signatures with one key by the contract's scheme, and says what is wrong with one."""

    def __init__(
        self,
        credentials: Credentials,
        scheme: SignatureScheme,
        *,
        prefix: str | None = None,
        identity: str | None = None,
    ) -> None:
        if not credentials.private_key.strip():
            raise UsageError(
                "the mock's private key is empty; leave OPAY_PRIVATE_KEY unset for a made-up one"
            )
        self._scheme = scheme if prefix is None else replace(scheme, prefix=prefix)
        self._key = credentials.private_key
        self._secret = credentials.private_key.encode()
        self._prefix = self._scheme.prefix.encode()
        self._doctor = Doctor(self._key, self._scheme, identity)
        written = scheme.sort_keys, scheme.item_separator, scheme.key_separator, scheme.escape_slashes
        self._plain = written == (True, ",", ":", False)

    def read(self, body: bytes) -> tuple[dict[str, Any], bool]:
        """Return the object in a body, an `UnsignableBody` where readers of JSON would not agree on one.

        Beside it stands whether the body is the very text that is signed, all ASCII. Nearly every client
        sends what it signed: that is told by writing it again, twenty times as fast as the careful way, which
        everything else takes.
        """
        if self._plain and body.isascii():
            try:
                texts = _TEXTS.decode(body)
            except (ValueError, RecursionError):
                texts = {}
            if texts and _SORTED.encode(texts) == body:
                return texts, True
        return parse_signable(body), False

    def holds(self, body: bytes, header: bytes, *, is_canonical: bool) -> bool:
        """Tell whether a header's value signs a body, in any form that the scheme documents."""
        if is_canonical:
            digest = hmac.digest(self._secret, body, "sha512").hex().encode()
            return hmac.compare_digest(self._prefix + digest, header)
        return verify(body, header.decode("latin-1"), self._key, self._scheme).ok

    def explain(self, request: Request) -> str:
        """Return in words what is wrong with a signature that does not hold."""
        diagnosis = self._doctor.examine(request)
        return diagnosis.explain() if diagnosis else f"no {self._scheme.header}"


MAX_BODY = 2**20
_FORM = "application/x-www-form-urlencoded"

Headers = Mapping[bytes, bytes]
"""Header fields by name in lower case; of a name that comes twice, the first."""


class MockRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came; the parameters in its path are known from where it is answered."""

    method: str
    target: bytes
    path_values: Mapping[str, str] = field(default_factory=dict)
    query: bytes = b""
    headers: Headers = field(default_factory=dict)
    body: bytes = b""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is to be answered: its form, what it says, and the key of what it is about."""

    form: Form | None
    call: AdmittedRequest
    lookup: Lookup | None
    asked: str


class _FormBody(dict[str, Any]):
    """The members of a form, whose values are texts whatever their schemas say."""


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
        self._choices, self._writer, self._operation = choices, writer, operation
        scheme = contract.signature if operation.is_signed else None
        self._merchant = credentials.merchant_id.encode()
        self._identity = (operation.identity_header(scheme) if scheme else None) or ""
        self._identity_field = self._identity.lower().encode()
        self._signature_field = scheme.header.lower().encode() if scheme else b""
        prefix = choices.action("signing").prefix
        self._authentication = (
            Authentication(credentials, scheme, prefix=prefix, identity=self._identity or None)
            if scheme
            else None
        )
        self._ways = () if operation.is_signed else operation.credentials
        skipped = (self._identity.lower(), "authorization")
        self._parameters = [one for one in operation.parameters if one.name.lower() not in skipped]
        self._schemas, self._reader = contract.schemas, ParameterReader(contract.schemas)
        lookups = writer.book.statement.lookups.items()
        asked = {one.by.where for (name, _), one in lookups if name == operation.id}
        self._is_by_body = not self._parameters and not self._ways and "header" not in asked
        self._media_types = tuple(name.lower().encode() for name in operation.request_types)
        self._needs_body = needs_body(contract, operation)
        closed = choices.action("undocumented-member").accepted is False
        make = contract.schemas.closed_validator if closed else contract.schemas.validator
        self._forms = {form.id: make(form.request) for form in operation.forms}
        self._body = make(operation.request_schema) if operation.request_schema else None
        form_schema = operation.request_types.get(_FORM)
        nodes = (
            contract.schemas.iter_in_place(form_schema, lambda _, branches: branches[0])
            if form_schema
            else ()
        )
        self._demanded = {name for _, node in nodes for name in node.get("required", ())}

    def pass_or_refuse(self, request: MockRequest) -> Query | MockAnswer:
        """Return what a request asks for, or the answer that refuses it."""
        fields, body = request.headers, request.body
        if len(body) > MAX_BODY:
            refused = self._by_choice("oversized-body")
            if refused is not None:
                return refused.because(f"the body has more than {MAX_BODY:,} bytes")
        if self._media_types and (body or self._needs_body):
            refused = self._judge_type(fields.get(b"content-type"))
            if refused is not None:
                return refused
        if self._identity_field and not fields.get(self._identity_field):
            refused = self._by_choice("missing-identity")
            if refused is not None:
                return refused.because(f"no {self._identity}")
        parameters, fault = self._read_parameters(request)
        if fault:
            return self._writer.refusal(INVALID_PARAMETERS).because(fault)
        try:
            value, is_canonical = self._read(fields, body)
        except UnsignableBody as error:
            what = "JSON object" if self._authentication else "JSON"
            reason = f"the body is no {what} to every reader: it {error.fault}"
            return (self._by_choice("malformed-json") or self._writer.refusal(INVALID_PARAMETERS)).because(
                reason
            )
        if reasons := self._doubts(request, parameters, is_canonical=is_canonical):
            return self._writer.refusal(AUTHENTICATION_FAILED).because("; ".join(reasons))
        return self._query(value, parameters)

    def refuse_method(self, served: str, allowed: str) -> MockAnswer:
        """Return the answer to a method that the path does not have."""
        action = self._choices.action("wrong-method")
        fields = ((b"allow", allowed.encode()),)
        if action.status is not None:
            answer = self._writer.elsewhere(action.status, served, fields)
        else:
            answer = self._writer.act(action) or self._writer.refusal(INVALID_PARAMETERS)
        return answer.because(f"another method than {allowed}")

    def _judge_type(self, content_type: bytes | None) -> MockAnswer | None:
        if content_type in self._media_types:
            return None
        media_type = (content_type or b"").partition(b";")[0].strip().lower().decode("latin-1")
        if any(fnmatchcase(media_type, known.decode().partition(";")[0]) for known in self._media_types):
            return None
        refused = self._by_choice("wrong-content-type")
        sent = describe_media_type(content_type.decode("latin-1") if content_type else None)
        expected = b", ".join(self._media_types).decode()
        return refused and refused.because(f"expected Content-Type {expected}, got {sent}")

    def _read(self, fields: Headers, body: bytes) -> tuple[Any, bool]:
        """Return what a body says, MISSING where there is none, or it is documented as other than JSON.

        Beside it stands whether it is the very text that is signed.
        """
        if self._authentication is not None:
            return self._authentication.read(body)
        if not body or not self._operation.request_types:
            return MISSING, False
        content_type = fields.get(b"content-type", b"").decode("latin-1")
        if content_type.partition(";")[0].strip().lower() == _FORM:
            return _FormBody(parse_qsl(body.decode("latin-1"), keep_blank_values=True)), False
        if is_of_another_type(content_type or None, self._operation.request_types):
            return MISSING, False
        parsed = parse_json(body)
        if not isinstance(parsed, Parsed) or parsed.flaws:
            raise UnsignableBody("is broken" if not isinstance(parsed, Parsed) else "can be read in two ways")
        return parsed.value, False

    def _doubts(
        self, request: MockRequest, parameters: Mapping[tuple[str, str], str], *, is_canonical: bool
    ) -> list[str]:
        """Return why a request is not the merchant's; nothing where it is."""
        fields = request.headers
        if self._authentication is None:
            if not self._ways or any(all(_is_there(one, parameters) for one in way) for way in self._ways):
                return []
            asked = (" and ".join(f"{one.word or one.place} {one.name}" for one in way) for way in self._ways)
            return [f"no {' or '.join(asked)}"]
        signature, ours = fields.get(self._signature_field), True
        if self._identity_field:
            ours = hmac.compare_digest(fields.get(self._identity_field, b""), self._merchant)
        reasons = [] if ours else [f"the {self._identity} is not the mock's"]
        if not self._authentication.holds(request.body, signature or b"", is_canonical=is_canonical):
            host, headers = fields.get(b"host", b"").decode("latin-1"), as_headers(fields.items())
            sent = Request(url=f"http://{host}{self._operation.path}", headers=headers, body=request.body)
            reasons.append(self._authentication.explain(sent))
        return reasons

    def _query(self, body: Any, parameters: Mapping[tuple[str, str], str]) -> Query | MockAnswer:
        form = None
        if self._operation.forms:
            names = body.keys() if isinstance(body, dict) else frozenset[str]()
            forms = [one for one in self._operation.forms if one.required <= names]
            if not forms:
                told = " nor ".join(name for one in self._operation.forms for name in sorted(one.required))
                reason = f"neither {told}" if len(self._operation.forms) > 1 else f"no {told}"
                refused = self._by_choice("missing-parameter") or self._writer.refusal(INVALID_PARAMETERS)
                return refused.because(reason)
            form = forms[0]
            if len(forms) > 1:
                action = self._choices.action("several-forms")
                if action.form is None:
                    told = " and ".join(name for one in forms for name in sorted(one.required))
                    refused = self._writer.act(action) or self._writer.refusal(INVALID_PARAMETERS)
                    return refused.because(f"both {told}")
                form = next((one for one in forms if one.id == action.form), form)
                ignored = frozenset[str]().union(*(one.required for one in forms)) - form.required
                body = {name: value for name, value in body.items() if name not in ignored}
        validator = self._body if form is None else self._forms[form.id]
        if isinstance(body, _FormBody):
            lacking = sorted(self._demanded - body.keys())
            if lacking:
                return self._writer.refusal(INVALID_PARAMETERS).because(f"/{lacking[0]} is missing")
            validator = None
        if validator is not None and body is not MISSING and not validator.is_valid(body):
            tokens, fault = next(iter_faults(validator, body, self._schemas))
            return self._writer.refusal(INVALID_PARAMETERS).because(
                f"{fold_pointer(tokens) or 'the body'} {fault}"
            )
        if body is MISSING and self._needs_body and validator is not None:
            return self._writer.refusal(INVALID_PARAMETERS).because("no body")
        lookup = self._writer.book.lookup(self._operation, form)
        call = AdmittedRequest(body=body, parameters=parameters)
        asked = lookup.by.of(call) if lookup is not None else MISSING
        if asked is MISSING and form is not None and form.echoes:
            asked = value_below(body, form.echoes[0].request, None)
        return Query(form=form, call=call, lookup=lookup, asked="" if asked is MISSING else str(asked))

    def _read_parameters(self, request: MockRequest) -> tuple[dict[tuple[str, str], str], str]:
        """Return the parameters by place and name, and what is wrong with the first that is wrong."""
        if self._is_by_body and not request.path_values and not request.query:
            return {}, ""
        given: dict[str, Pairs] = {PATH: tuple(request.path_values.items())}
        given[QUERY] = split_query(request.query.decode("latin-1")) if request.query else ()
        given[HEADER] = as_headers(request.headers.items())
        given[COOKIE] = split_cookies(request.headers.get(b"cookie", b"").decode("latin-1"))
        for one in self._parameters:
            pairs = given[one.place]
            if one.place == HEADER:
                pairs = tuple((one.name, value) for name, value in pairs if name == one.name.lower())
            if not self._reader.is_given(one, pairs):
                if one.is_required:
                    return {}, f"no {one.place} parameter {one.name}"
            elif self._reader.errors(one, pairs)[1]:
                return {}, f"the {one.place} parameter {one.name} does not fit its schema"
        decode = {PATH: unquote, QUERY: unquote_plus}
        return {
            (place, name): decode.get(place, str)(value)
            for place, pairs in given.items()
            for name, value in pairs
        }, ""

    def _by_choice(self, situation: str) -> MockAnswer | None:
        return self._writer.act(self._choices.action(situation))


def _is_there(one: Credential, parameters: Mapping[tuple[str, str], str]) -> bool:
    """Tell whether a request has a credential; which it is is not looked at."""
    name = one.name.lower() if one.place == HEADER else one.name
    sent, word = parameters.get((one.place, name), ""), f"{one.word} " if one.word else ""
    return sent.lower().startswith(word.lower()) and len(sent) > len(word)
