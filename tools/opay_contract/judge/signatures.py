"""Checks the request's signature, where a key is at hand."""

from collections.abc import Iterator

from opay_contract.contract.contract import Contract, Match
from opay_contract.judge.subject import RawFinding, Settings, Subject
from opay_contract.judge.table import SIGNATURE_MISMATCH
from opay_contract.model.exchange import Exchange, header
from opay_contract.signing.header_forms import is_mask
from opay_contract.signing.signer import Verification, verify


def check_signature(subject: Subject) -> Iterator[RawFinding]:
    """Find a signature that does not verify although the request was not refused."""
    contract, verification = subject.contract, subject.verification
    if subject.is_refused or verification is None:
        return
    if not verification.ok and contract.signature is not None:
        actual = f"a header that does not verify ({verification.reason})"
        header_name = contract.signature.header
        yield RawFinding(
            SIGNATURE_MISMATCH, header_name, "the signature of the body", actual, contract.signature_uri
        )


def verify_request(
    exchange: Exchange, match: Match, contract: Contract, settings: Settings
) -> Verification | None:
    """Verify the signature of a call of the API; None where there is no key, or nothing to verify.

    What a recording tool put in its place says nothing about it.
    """
    scheme, key, request = contract.signature, settings.private_key, exchange.request
    operation = match.route.operation
    if scheme is None or not key or request.body is None or operation is None or not operation.is_signed:
        return None
    value = header(request.headers, scheme.header)
    if value is None or (settings.may_be_masked and is_mask(value, scheme.prefix)):
        return None
    return verify(request.body, value, key, scheme)
