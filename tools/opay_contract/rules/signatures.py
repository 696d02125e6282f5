"""Checks the request's signature, where a key is at hand."""

from collections.abc import Iterator

from opay_contract.model.exchange import header
from opay_contract.rules.subject import Hit, Subject
from opay_contract.rules.table import SIGNATURE_MISMATCH
from opay_contract.signing.header_forms import is_mask
from opay_contract.signing.signer import verify


def check_signature(subject: Subject) -> Iterator[Hit]:
    """Find a signature that does not verify although the request was not refused.

    What a recording tool put in its place says nothing about it.
    """
    scheme, key, request = subject.contract.signature, subject.settings.private_key, subject.exchange.request
    if scheme is None or not key or request.body is None or subject.is_refused:
        return
    value = header(request.headers, scheme.header)
    if value is None or is_mask(value, scheme.prefix):
        return
    verification = verify(request.body, value, key, scheme)
    if not verification.ok:
        actual = f"a header that does not verify ({verification.reason})"
        yield Hit(
            SIGNATURE_MISMATCH,
            scheme.header,
            "the signature of the body",
            actual,
            subject.contract.signature_uri,
        )
