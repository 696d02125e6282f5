"""Rewrites header fields: known ones word by word, any other as a whole, and signs requests again."""

import re
from email.utils import parsedate_to_datetime
from itertools import zip_longest

import msgspec

from opay_contract.contract.contract import Contract
from opay_contract.contract.parameters import split_cookies
from opay_contract.judge.describing import describe_media_type
from opay_contract.model.exchange import Hidden
from opay_contract.model.signature import SignatureScheme
from opay_contract.redact.pseudonyms import card_hits, is_hex_pseudonym
from opay_contract.redact.texts import FREE_TEXT, NAME, STRICT, Manner
from opay_contract.redact.urls import Urls
from opay_contract.redact.values import Values
from opay_contract.redact.vocabulary import HEADERS, HOST_HEADERS, METHODS, PSEUDO_HEADERS, URL_HEADERS
from opay_contract.signing.signer import PUBLIC_TEST_KEY, UnsignableBody, Verification, sign, verify
from opay_contract.signing.signer import is_mask as is_no_signature

_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")
_MASKED = re.compile(
    r"(?:[A-Za-z]+ )?(?:\*+|\[Filtered\]|\[REDACTED\]|<REDACTED>|<redacted>|REDACTED|<hidden>)"
)
_SCHEME = re.compile(r"((?:Bearer|Basic|Digest) ?)(.*)", re.DOTALL | re.IGNORECASE)
_MIXED_HEX = re.compile("(?=.*[a-f])(?=.*[A-F])[0-9A-Fa-f]{16,}")
_UNSEARCHED = Manner(cards=False)
_LENGTH = re.compile(r"[0-9]{1,7}")


def is_mask(value: str) -> bool:
    """Return whether a value is what a recording tool puts in place of a credential."""
    return _MASKED.fullmatch(value) is not None


class HeaderFields(msgspec.Struct, frozen=True):
    """Rewrites the names and values of header fields."""

    contract: Contract
    values: Values
    urls: Urls

    def name(self, name: str) -> str:
        """Return a field's name."""
        return name if name in PSEUDO_HEADERS else self.values.name(name, 0)

    def value(self, name: str, value: str) -> str:
        """Return a field's value; a signature and a length are the exchange's business and not known here."""
        lower = name.lower()
        return self.values.texts.memory.once(value, ("header", lower), lambda: self._value(lower, value))

    def _value(self, lower: str, value: str) -> str:
        if lower in ("content-length", "age", "access-control-max-age") and _LENGTH.fullmatch(value):
            return value
        if lower == "content-type":
            return self._media_type(value)
        if lower in URL_HEADERS:
            return value if value in ("*", "null") else self.urls.redact(value)
        if lower in HOST_HEADERS:
            return self.urls.host(value)
        if lower in PSEUDO_HEADERS:
            return value if value in METHODS else self.values.texts.redact(value, FREE_TEXT)
        if lower in HEADERS:
            return value if is_http_date(value) else self.values.texts.redact(value, FREE_TEXT)
        return self._other(lower, value)

    def credential(self, value: str) -> str:
        """Return a credential that opens nothing, after the same scheme."""
        match = _SCHEME.fullmatch(value)
        scheme, rest = (match[1], match[2]) if match else ("", value)
        if _MIXED_HEX.fullmatch(rest):  # a signature that somebody cut off or wrote in both cases
            return scheme + (rest if is_hex_pseudonym(rest) else self.values.texts.pseudonyms.hexes(rest))
        return scheme + self.values.texts.redact(rest, Manner(cards=False, exact=True))

    def _other(self, lower: str, value: str) -> str:
        if is_mask(value):
            return value
        if lower in self.contract.unsearched_headers:
            signature = self.contract.signature.header.lower() if self.contract.signature is not None else ""
            if lower in ("authorization", signature):
                return self.credential(value)
            return self.values.texts.redact(value, _UNSEARCHED)
        stated = self.values.sensitivity
        if lower in stated.by_name:
            return self.values.text(value, stated.identifier, 0.0)
        if lower in stated.headers:
            return self.values.parameter(stated.headers[lower], stated.headers[lower].name, value)
        if lower == "cookie" and stated.cookies:
            return "; ".join(self._cookie(*one) for one in split_cookies(value))
        return self.values.texts.redact(value, STRICT)

    def _cookie(self, name: str, value: str) -> str:
        cookies = self.values.sensitivity.cookies
        documented = cookies.get(name)
        if documented is not None:
            return f"{name}={self.values.parameter(documented, name, value)}"
        shown = name if name in cookies else self.values.name(name, 0, is_shown=False)
        return f"{shown}={self.values.texts.redact(value, NAME)}"

    def _media_type(self, value: str) -> str:
        """Return a media type that is described in the same words, with its parameters word by word."""
        media_type, semicolon, parameters = value.partition(";")
        kind, slash, subtype = media_type.partition("/")
        made = slash.join(self._media_name(part) for part in ((kind, subtype) if slash else (kind,)))
        made += semicolon + self.values.texts.redact(parameters, FREE_TEXT)
        described = describe_media_type(value)
        if _is_alike(describe_media_type(made), described) and card_hits(made) == card_hits(value):
            return made
        return self.values.texts.redact(value, NAME, lambda one: describe_media_type(one) == described)

    def _media_name(self, part: str) -> str:
        stripped = part.strip()
        return part.replace(stripped, self.values.name(stripped, 0, is_shown=False)) if stripped else part


def _is_alike(made: str, described: str) -> bool:
    """Tell whether a media type is described in the same words, names aside, which may be somebody's."""
    parts = zip_longest(made.split("/"), described.split("/"), fillvalue="(")
    return all(new == old or "(" not in new + old for new, old in parts)


def is_http_date(value: str) -> bool:
    """Return whether a value is a date as HTTP writes it."""
    if not _HTTP_DATE.fullmatch(value):
        return False
    try:
        parsedate_to_datetime(value)
    except ValueError:
        return False
    return True


_FULL = re.compile("[0-9a-f]{128}")
_MASK = "[Filtered]"


class Resigning(Hidden, frozen=True, kw_only=True):
    """Replaces the value of the header that carries the signature."""

    scheme: SignatureScheme
    fields: HeaderFields
    private_key: str | None = None

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
            return sign(new_body, PUBLIC_TEST_KEY, self.scheme, non_ascii=verification.non_ascii).header
        except UnsignableBody:
            return self._wrong(digits)

    def _verify(self, value: str, body: bytes | None) -> Verification | None:
        """Return how the signature holds, None where it is known not to."""
        if body is None:
            return None
        for key in (PUBLIC_TEST_KEY, self.private_key):
            if key and (verification := verify(body, value, key, self.scheme)).ok:
                return verification
        return None if self.private_key else Verification()

    def _wrong(self, digits: str) -> str:
        return self.scheme.prefix + self.fields.values.texts.pseudonyms.hexes(digits)
