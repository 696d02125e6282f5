"""Signs redacted requests again, with a key that everybody knows."""

import re
from dataclasses import dataclass, field

from opay_contract.model.signature import SignatureScheme
from opay_contract.redact.headers import HeaderFields, is_mask
from opay_contract.redact.pseudonyms import is_hex_pseudonym
from opay_contract.signing.canonical import UnsignableBody
from opay_contract.signing.header_forms import is_mask as is_no_signature
from opay_contract.signing.signer import SYNTHETIC_KEY, Verification, sign, verify

_FULL = re.compile("[0-9a-f]{128}")
_MASK = "[Filtered]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resigning:
    """Replaces the value of the header that carries the signature."""

    scheme: SignatureScheme
    fields: HeaderFields
    private_key: str | None = field(default=None, repr=False)

    def value(self, value: str, old_body: bytes | None, new_body: bytes | None) -> str:
        """Return the header's new value: what verified verifies, what did not does not.

        Without the merchant's key nobody can tell, and every full-length signature is made anew.
        """
        if is_mask(value) or not value:
            return value
        if is_no_signature(value, self.scheme.prefix):
            return (self.scheme.prefix if value.startswith(self.scheme.prefix) else "") + _MASK
        digits = value.removeprefix(self.scheme.prefix)
        if digits == value or not _FULL.fullmatch(digits):
            return self.fields.credential(value)
        if is_hex_pseudonym(digits):
            return value
        verification = self._verify(value, old_body)
        if verification is None or new_body is None:
            return self._wrong(digits)
        try:
            return sign(new_body, SYNTHETIC_KEY, self.scheme, non_ascii=verification.non_ascii).header
        except UnsignableBody:
            return self._wrong(digits)

    def _verify(self, value: str, body: bytes | None) -> Verification | None:
        """Return how the signature holds, None where it is known not to."""
        if body is None:
            return None
        for key in (SYNTHETIC_KEY, self.private_key):
            if key and (verification := verify(body, value, key, self.scheme)).ok:
                return verification
        return None if self.private_key else Verification()

    def _wrong(self, digits: str) -> str:
        return self.scheme.prefix + self.fields.values.texts.pseudonyms.hexes(digits)
