"""Tells who may ask: the merchant's id and the signature of the body."""

import hmac
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from opay_contract.contract.operation import Operation
from opay_contract.errors import UsageError
from opay_contract.model.signature import SignatureScheme
from opay_contract.signing.canonical import UnsignableBody, parse_signable
from opay_contract.signing.signer import verify

_TEXTS = msgspec.json.Decoder(dict[str, str])
_SORTED = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who the one merchant of the mock is. The defaults are made up and open nothing."""

    merchant_id: str = "256612345678901"
    private_key: str = field(default="OPAYPRV_TEST_SYNTHETIC_0001", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBody:
    """A request's body, read: `canonical` when its bytes are the very text that is signed, all ASCII."""

    value: dict[str, Any]
    canonical: bool


class Authentication:
    """Verifies signatures with one key by the contract's scheme."""

    def __init__(self, credentials: Credentials, scheme: SignatureScheme, *, space: bool) -> None:
        if not credentials.private_key.strip():
            raise UsageError(
                "the mock's private key is empty; leave OPAY_PRIVATE_KEY unset for a made-up one"
            )
        self._scheme = scheme if space else replace(scheme, prefix=scheme.prefix.rstrip(" "))
        self._key = credentials.private_key
        self._secret = credentials.private_key.encode()
        self._prefix = self._scheme.prefix.encode()
        self._plain = (
            scheme.sort_keys,
            scheme.item_separator,
            scheme.key_separator,
            scheme.escape_slashes,
        ) == (
            True,
            ",",
            ":",
            False,
        )

    def read(self, body: bytes) -> SignedBody | None:
        """Return the object in a body, None where readers of JSON would not agree on one.

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
        try:
            return SignedBody(value=parse_signable(body), canonical=False)
        except UnsignableBody:
            return None

    def holds(self, body: bytes, read: SignedBody, header: bytes) -> bool:
        """Tell whether a header's value signs a body, in any form that the scheme documents."""
        if read.canonical:
            digest = hmac.digest(self._secret, body, "sha512").hex().encode()
            return hmac.compare_digest(self._prefix + digest, header)
        return verify(body, header.decode("latin-1"), self._key, self._scheme).ok


def identity_header(operation: Operation, scheme: SignatureScheme) -> str | None:
    """Return the name of the required header that says which merchant asks."""
    others = (scheme.header.lower(), "content-type")
    return next(
        (header.name for header in operation.required_headers if header.name.lower() not in others), None
    )
