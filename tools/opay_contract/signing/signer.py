r"""Signs and verifies bodies by a keyed hash, and reads what clients put into the header instead.

What client and server both sign is the body in one form: the server parses it and writes it again, so a body
has a signature only where every reader of JSON gets the same value from it; any other is refused. Keys are
ordered by Unicode code point. Integers of 64 bits are kept. Any other number is written as Python's `repr`
writes its double (`1.50` as `1.5`, `1e2` as `100.0`); how the server writes those is not known. No message
or repr shows the key.
"""

import base64
import binascii
import hmac
import json
import re
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from opay_contract.errors import ContractError, OpayContractError, UsageError
from opay_contract.jsontext import Flaw, FlawKind, NotJson, Parsed, parse_json, pointer
from opay_contract.model.exchange import Hidden


class SignatureScheme(msgspec.Struct, frozen=True, kw_only=True):
    r"""A keyed hash over the canonical JSON of the request body, carried in one header.

    `non_ascii` lists the documented ways of writing text outside ASCII, the default first: `raw` UTF-8
    or `escaped` as \uXXXX. The only algorithm is `hmac-sha512`, the only encoding `hex-lower`.
    """

    header: str
    prefix: str
    algorithm: str
    encoding: str
    sort_keys: bool
    item_separator: str
    key_separator: str
    escape_slashes: bool
    non_ascii: tuple[str, ...]


PUBLIC_TEST_KEY = "OPAYPRV_TEST_SYNTHETIC_0001"
"""A key that everyone knows: of the mock, of samples and of redacted requests."""

DIGITS = 128
"""Hexadecimal digits of a signature."""

_NON_ASCII = re.compile("[^\0-\x7f]+")
_FORMS = ("raw", "escaped")
_WORDS = {
    FlawKind.BYTE_ORDER_MARK: "begins with a byte order mark",
    FlawKind.INVALID_UTF8: "is not UTF-8",
    FlawKind.DUPLICATE_KEY: "has a key twice",
    FlawKind.NON_FINITE_NUMBER: "has NaN or an infinity",
    FlawKind.UNSAFE_NUMBER: "has a number beyond 64 bits",
    FlawKind.LONE_SURROGATE: "has half a surrogate pair",
}


class UnsignableBody(OpayContractError):  # noqa: N818  names what is refused, as `Unreadable` does
    """The body has no canonical text; the message says why and where, and shows no value.

    `fault` is the why alone, as in "it has a key twice": without the place, whose keys may be data.
    """

    def __init__(self, fault: str, place: str = "") -> None:
        super().__init__(f"cannot sign the request body: it {fault}{place}")
        self.fault = fault


class Signature(Hidden, frozen=True, kw_only=True):
    """A signature and what it was made over.

    Its repr shows neither the text, which is customer data, nor the digits, with which anyone could send
    the request again.
    """

    text: str
    value: str
    header: str
    non_ascii: str


class SignatureFault(StrEnum):
    """Why a header does not sign a body; the first that applies, in this order."""

    MALFORMED_HEADER = "malformed-header"
    WRONG_LENGTH = "wrong-length"
    NOT_LOWER_HEX = "not-lower-hex"
    UNSIGNABLE_BODY = "unsignable-body"
    MISMATCH = "mismatch"


class Verification(msgspec.Struct, frozen=True, kw_only=True):
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


def parse_signable(body: bytes, known: Parsed | None = None) -> dict[str, Any]:
    """Return the JSON object that `body` is to every reader; anything else is an `UnsignableBody`.

    `known` is what it was read as, where somebody has read it.
    """
    parsed = known or parse_json(body)
    if isinstance(parsed, NotJson):
        raise UnsignableBody(_describe_not_json(parsed))
    for flaw in parsed.flaws:
        if not _is_kept(flaw, parsed.value):
            raise UnsignableBody(_WORDS[flaw.kind], _place_of(flaw, body))
    if not isinstance(parsed.value, dict):
        raise UnsignableBody("is JSON, but not an object")
    return parsed.value


def render_canonical(value: dict[str, Any], scheme: SignatureScheme, non_ascii: str) -> str:
    """Return the text of `value` that is signed, with text outside ASCII in the form `non_ascii`."""
    try:
        text = _encoder(scheme).encode(value)
    except RecursionError:
        raise UnsignableBody(_describe_not_json(NotJson(line=1, column=1, too_deep=True))) from None
    if scheme.escape_slashes:
        text = text.replace("/", "\\/")
    return _NON_ASCII.sub(lambda match: escape(match[0]), text) if non_ascii == "escaped" else text


@lru_cache(maxsize=16)
def _encoder(scheme: SignatureScheme) -> json.JSONEncoder:
    return json.JSONEncoder(
        sort_keys=scheme.sort_keys,
        separators=(scheme.item_separator, scheme.key_separator),
        ensure_ascii=False,  # its escapes include DEL, which neither PHP nor JavaScript escapes
        allow_nan=False,
    )


def escape(text: str) -> str:
    """Return text as JSON's escapes, a surrogate pair where it takes one."""
    return "".join(f"\\u{unit}" for unit in text.encode("utf-16-be").hex(" ", 2).split())


def documented_forms(scheme: SignatureScheme) -> tuple[str, ...]:
    """Return the forms of text outside ASCII that the scheme lists, the default first."""
    if not scheme.non_ascii or not set(scheme.non_ascii) <= set(_FORMS):
        raise ContractError(f"x-signature: non-ascii must list one or both of {', '.join(_FORMS)}")
    return scheme.non_ascii


def sign(body: bytes, key: str, scheme: SignatureScheme, *, non_ascii: str | None = None) -> Signature:
    """Sign the canonical text of `body`, with text outside ASCII in the scheme's first form unless given."""
    secret, forms = _secret(key), documented_forms(scheme)
    form = forms[0] if non_ascii is None else non_ascii
    if form not in forms:
        raise UsageError(f"unknown form '{form}' of text outside ASCII; expected {' or '.join(forms)}")
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
    secret, forms = _secret(key), documented_forms(scheme)
    digits = header_value.removeprefix(scheme.prefix)
    if scheme.prefix + digits != header_value or digits != digits.strip():
        return Verification(reason=SignatureFault.MALFORMED_HEADER)
    if len(digits) != DIGITS:
        return Verification(reason=SignatureFault.WRONG_LENGTH)
    if not _LOWER_HEX.fullmatch(digits):
        return Verification(reason=SignatureFault.NOT_LOWER_HEX)
    try:
        value = parse_signable(body, known)
        texts = {forms[0]: render_canonical(value, scheme, forms[0])}
        if not texts[forms[0]].isascii() or "\\u" in texts[forms[0]]:  # else all forms are the same text
            texts = {form: render_canonical(value, scheme, form) for form in forms}
    except UnsignableBody:
        return Verification(reason=SignatureFault.UNSIGNABLE_BODY)
    # Every form is hashed and compared, whichever matches, so that the time taken says nothing.
    right = {form: _digest(text, secret, scheme) for form, text in texts.items()}
    matching = [form for form, expected in right.items() if hmac.compare_digest(expected, digits)]
    if not matching:
        return Verification(reason=SignatureFault.MISMATCH)
    is_told = len(matching) == 1 and len(right) == len(forms)
    return Verification(non_ascii=matching[0] if is_told else None)


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


def _is_kept(flaw: Flaw, root: Any) -> bool:
    """Whether the flaw is an integer beyond a double's 53 bits that a reader with 64-bit integers keeps."""
    if flaw.kind is not FlawKind.UNSAFE_NUMBER:
        return False
    value = root
    for token in flaw.tokens:  # leads somewhere: a flaw in a key on the way comes first, and ends it
        value = value[token]
    return isinstance(value, int) and -(2**63) <= value < 2**63


def _place_of(flaw: Flaw, body: bytes) -> str:
    if flaw.kind is FlawKind.BYTE_ORDER_MARK:
        return ""
    if flaw.kind is not FlawKind.INVALID_UTF8:
        return f" at {json.dumps(pointer(flaw.tokens))}"  # on one line, whatever characters its keys have
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f" at byte {error.start}"
    return " at byte 0"


def _describe_not_json(flaw: NotJson) -> str:
    if flaw.too_deep:
        return "is nested too deeply"
    fault = "breaks off" if flaw.truncated else "stops being JSON"
    return f"{fault} at line {flaw.line}, column {flaw.column}"


_HEX = re.compile(r"[0-9A-Fa-f]+")
_LOWER_HEX = re.compile(r"[0-9a-f]+")
_DASHED = re.compile(r"[0-9A-Fa-f]{2}([-: ])(?:[0-9A-Fa-f]{2}\1)+[0-9A-Fa-f]{2}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_QUOTED = re.compile(r"([\"'<{\[])(.*)[\"'>}\]]")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*(?=[: \t])")
_DIGEST_BYTES = (64, 48, 32, 20, 16)
LEAST_DIGITS = 16
"""Hexadecimal digits of a digest that are enough to tell whose it is."""

_MASK_VARIETY = 2


class HeaderForm(Hidden, frozen=True, kw_only=True):
    """A header's value taken apart: the digest as lower-case hexadecimal digits, None where there is none.

    `mistakes` are the words for what differs from the scheme's form, in the order of reading; each goes on
    from "the signature was".
    """

    digits: str | None
    mistakes: tuple[str, ...]


def parse_header(value: str, prefix: str) -> HeaderForm:
    """Take a header's value apart; the contract's form is `prefix` and lower-case hexadecimal digits."""
    rest, mistakes = _without_prefix(value, prefix)
    quoted = _QUOTED.fullmatch(rest)
    if quoted:
        rest, mistakes = quoted[2], [*mistakes, "sent in quotes or brackets"]
    digits, encoding = _digits_of(rest)
    return HeaderForm(digits=digits, mistakes=(*mistakes, *([encoding] if encoding else [])))


def is_mask(value: str, prefix: str) -> bool:
    """Tell what a recorder wrote in place of a signature, by its form: nobody's attempt at one looks so.

    An attempt has a digest in some writing: hexadecimal, whole or cut off, or base64 of a digest's length.
    What has the very length of one is one, whatever its digits; else one or two different characters make
    none, and base64 has letters of both cases.
    """
    is_whole = value.startswith(prefix) and len(value) == len(prefix) + 2 * _DIGEST_BYTES[0]
    if is_whole and _LOWER_HEX.fullmatch(value, len(prefix)):
        return False  # most are written as the contract has it
    form = parse_header(value, prefix)
    if form.digits is None:
        return True
    written = "".join(character for character in _without_prefix(value, prefix)[0] if character.isalnum())
    if _HEX.fullmatch(written.removeprefix("0x")):
        return len(set(form.digits)) <= _MASK_VARIETY and len(form.digits) != 2 * _DIGEST_BYTES[0]
    return len(set(written)) <= _MASK_VARIETY or written in (written.lower(), written.upper())


def _without_prefix(value: str, prefix: str) -> tuple[str, list[str]]:
    """Return what follows the prefix, whatever was made of it, and the words for that."""
    mistakes = []
    text = value.strip()
    if text != value:
        mistakes.append("sent with white space around the header's value")
    word, space = prefix.rstrip(), prefix[len(prefix.rstrip()) :]
    if not text.lower().startswith(word.lower()):
        other = _WORD.match(text)
        mistakes.append(
            f"sent with another word than '{word}' in front" if other else f"sent without '{word}' in front"
        )
        return text[other.end() :].lstrip(": \t") if other else text, mistakes
    if not text.startswith(word):
        mistakes.append(f"sent with '{word}' in another case")
    rest = text[len(word) :]
    if rest.startswith(":"):
        mistakes.append(f"sent with a colon after '{word}'")
        rest = rest.removeprefix(":")
    elif not rest.startswith(space):
        mistakes.append(f"sent without the space after '{word}'")
    elif rest.strip() != rest.removeprefix(space):
        mistakes.append(
            f"sent with more than one space after '{word}'" if space else f"sent with a space after '{word}'"
        )
    rest = rest.strip()
    if rest.lower().startswith(f"{word.lower()} "):
        mistakes.append(f"sent with '{word}' twice")
        rest = rest[len(word) :].strip()
    return rest, mistakes


def _digits_of(text: str) -> tuple[str | None, str | None]:
    """Return a digest's digits and the words for the way in which it was written, None for the right one."""
    bare = text.removeprefix("0x")
    if _HEX.fullmatch(bare) and len(bare) >= LEAST_DIGITS:
        if bare != text:
            return bare.lower(), "written with 0x in front"
        return bare.lower(), None if bare == bare.lower() else "written in upper-case hexadecimal"
    if _DASHED.fullmatch(text) and len(text) >= LEAST_DIGITS:
        return re.sub(
            "[^0-9A-Fa-f]", "", text
        ).lower(), "written in hexadecimal with a separator between the bytes"
    if _BASE64.fullmatch(text):
        bare = text.rstrip("=")
        try:
            raw = base64.b64decode(
                bare + "=" * (-len(bare) % 4), altchars=b"-_" if set(text) & set("-_") else None
            )
        except (binascii.Error, ValueError):
            return None, None
        if len(raw) in _DIGEST_BYTES:
            return raw.hex(), "written in base64"
        if _HEX.fullmatch(inner := raw.decode("ascii", "replace")) and len(inner) >= LEAST_DIGITS:
            return inner.lower(), "written as base64 of the hexadecimal digits"
    return None, None
