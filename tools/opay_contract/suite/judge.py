"""Signs whatever is sent, and reads what an answer means: by its business code, not by its HTTP status."""

import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import structs

from opay_contract.contract.contract import Contract, Match
from opay_contract.contract.operation import Operation
from opay_contract.errors import ContractError
from opay_contract.judge.judge import check_exchange
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Exchange, header
from opay_contract.model.finding import Finding, Outcome, Severity
from opay_contract.model.signature import SignatureScheme
from opay_contract.signing.canonical import UnsignableBody
from opay_contract.signing.signer import sign, verify
from opay_contract.suite.targets import Target

_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """The contract, the credentials of a target, and the least severity of findings that matter there."""

    contract: Contract
    target: Target
    fail_on: Severity = Severity.ERROR

    @property
    def scheme(self) -> SignatureScheme:
        """How requests are signed."""
        if self.contract.signature is None:
            raise ContractError("openapi.yaml: a target needs x-signature")
        return self.contract.signature

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
        """Return the findings of an exchange that matter."""
        settings = Settings(started_at=time.time(), private_key=self.target.private_key)
        findings = check_exchange(self.contract, exchange, self.contract.match(exchange), settings)
        return [finding for finding in findings if finding.rule.severity >= self.fail_on]


def describe(findings: Iterable[Finding]) -> str:
    """Return findings as text, a line each; no line holds a value."""
    return "\n".join(
        f"{finding.rule.id} {finding.pointer}: expected {finding.expected}, got {finding.actual}"
        for finding in findings
    )
