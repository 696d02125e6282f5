"""Makes and verifies the keyed hash over a body's canonical text; no message or repr shows the key."""

import hmac
import re
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from opay_contract.errors import ContractError, UsageError
from opay_contract.jsontext import Parsed
from opay_contract.model.signature import SignatureScheme
from opay_contract.signing.canonical import (
    UnsignableBody,
    choose_form,
    documented_forms,
    parse_signable,
    render_canonical,
)

PUBLIC_TEST_KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
"""A key that everyone knows: of the mock, of samples and of redacted requests."""

_DIGITS = 128
_LOWER_HEX = re.compile("[0-9a-f]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature and what it was made over.

    Its repr shows neither the text, which is customer data, nor the digits, with which anyone could send
    the request again.
    """

    text: str = field(repr=False)
    value: str = field(repr=False)
    header: str = field(repr=False)
    non_ascii: str


class SignatureFault(StrEnum):
    """Why a header does not sign a body; the first that applies, in this order."""

    MALFORMED_HEADER = "malformed-header"
    WRONG_LENGTH = "wrong-length"
    NOT_LOWER_HEX = "not-lower-hex"
    UNSIGNABLE_BODY = "unsignable-body"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether a header signs a body.

    `non_ascii` is the form that the signer wrote; None where it does not hold, or where the text is all
    ASCII, so that the forms coincide.
    """

    reason: SignatureFault | None = None
    non_ascii: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the signature holds."""
        return self.reason is None

    def __bool__(self) -> bool:
        """Count as true only when `ok`, so that `if verify(...)` lets no forgery pass."""
        return self.ok


def sign(body: bytes, key: str, scheme: SignatureScheme, *, non_ascii: str | None = None) -> Signature:
    """Sign the canonical text of `body`, with text outside ASCII in the default form unless given."""
    secret = _secret(key)
    form = choose_form(scheme, non_ascii)
    text = render_canonical(parse_signable(body), scheme, form)
    value = _digest(text, secret, scheme)
    return Signature(text=text, value=value, header=scheme.prefix + value, non_ascii=form)


def sign_as_it_is(body: bytes, key: str) -> str:
    """Return the digits over a body as it stands, whatever it means: those of a client that signs so."""
    return hmac.digest(_secret(key), body, "sha512").hex()


def verify(
    body: bytes, header_value: str, key: str, scheme: SignatureScheme, known: Parsed | None = None
) -> Verification:
    """Tell whether `header_value` signs `body` in any form that the scheme documents.

    `known` is what the body was read as, where somebody has read it.
    """
    secret = _secret(key)
    forms = documented_forms(scheme)
    fault = _fault_of_header(header_value, scheme.prefix)
    if fault is not None:
        return Verification(reason=fault)
    try:
        value = parse_signable(body, known)
        texts = {forms[0]: render_canonical(value, scheme, forms[0])}
        if not texts[forms[0]].isascii() or "\\u" in texts[forms[0]]:  # else all forms are the same text
            texts = {form: render_canonical(value, scheme, form) for form in forms}
    except UnsignableBody:
        return Verification(reason=SignatureFault.UNSIGNABLE_BODY)
    # Every form is hashed and compared, whichever matches, so that the time taken says nothing.
    headers = {form: scheme.prefix + _digest(text, secret, scheme) for form, text in texts.items()}
    matching = [form for form, expected in headers.items() if _is_equal(expected, header_value)]
    if not matching:
        return Verification(reason=SignatureFault.MISMATCH)
    is_told = len(matching) == 1 and len(headers) == len(forms)
    return Verification(non_ascii=matching[0] if is_told else None)


def _fault_of_header(header_value: str, prefix: str) -> SignatureFault | None:
    digits = header_value.removeprefix(prefix)
    if prefix + digits != header_value or digits != digits.strip():
        return SignatureFault.MALFORMED_HEADER
    if len(digits) != _DIGITS:
        return SignatureFault.WRONG_LENGTH
    return None if _LOWER_HEX.fullmatch(digits) else SignatureFault.NOT_LOWER_HEX


def _is_equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())


def _secret(key: str) -> bytes:
    if not key.strip():
        raise UsageError("the signing key is empty")
    with suppress(UnicodeEncodeError):  # an exception that holds the key must not become another's context
        return key.encode()
    raise UsageError("the signing key is not text that UTF-8 can carry")


def _digest(text: str, secret: bytes, scheme: SignatureScheme) -> str:
    if (scheme.algorithm, scheme.encoding) != ("hmac-sha512", "hex-lower"):
        raise ContractError("x-signature: expected algorithm hmac-sha512 and encoding hex-lower")
    keyed = _keyed(secret).copy()
    keyed.update(text.encode())
    return keyed.hexdigest()


@lru_cache(maxsize=4)
def _keyed(secret: bytes) -> hmac.HMAC:
    """Return the keyed hash before any text; taking the key in costs more than hashing a body."""
    return hmac.new(secret, digestmod="sha512")
