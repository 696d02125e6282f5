"""The canaries that are planted in recordings, and the search for them in what was written or said."""

import base64
import binascii
import re
import unicodedata

_ARABIC_DIGITS = {ord(digit): 0x660 + int(digit) for digit in "0123456789"}
_WIDE_DIGITS = {ord(digit): 0xFF10 + int(digit) for digit in "0123456789"}

FOUND_CARDS: dict[str, str | int] = {
    "plain": "4111111111111111",
    "spaced": "4111 1111 1111 1111",
    "dashed": "4111-1111-1111-1111",
    "dotted": "4111.1111.1111.1111",
    "slashed": "4111/1111/1111/1111",
    "no-break-spaced": "4111\u00a01111\u00a01111\u00a01111",
    "in-text": "saved card no. 4111_1111_1111_1111, thank you",
    "number": 4111111111111111,
    "arabic-digits": "4111 1111 1111 1111".translate(_ARABIC_DIGITS),
    "wide-digits": "4111111111111111".translate(_WIDE_DIGITS),
}
"""The card number that every payment page is tested with, in the spellings that a check finds anywhere."""

CARDS: dict[str, str | int] = FOUND_CARDS | {
    "percent-encoded": "".join(f"%{ord(digit):x}" for digit in "4111111111111111"),
}
"""The same in eleven spellings; the last is found in URLs only."""

PEOPLE: dict[str, str | int] = {
    "latin-name": "Amira Canarywood",
    "arabic-name": "أميرة كناري",
    "ideographic-name": "金絲雀夫人",
    "e-mail": "amira.canarywood@example.com",
    "mobile": "+20 109 876 5432",
    "token": "OPAY_TOKEN_c0ffee12c0ffee34c0ffee56c0ffee78",
    "merchant-key": "OPAYPRV17263544998877665",
    "public-key": "OPAYPUB17263544998877665",
    "authorization": "Bearer " + "9f8e7d6c" * 16,
    "url": "https://amira:canarywood@shop.example.net/amira%20canarywood?card=4111111111111111#amira",
    "everything": "user 88442200119, 金絲雀夫人 (Amira Canarywood), 201098765432: OPAYPRV17263544998877665",
}
"""A customer, her merchant and his secrets; none of them exists. Hosts are shown, so they hold none of it."""

CANARIES = CARDS | PEOPLE

NAMES: dict[str, str] = {
    "hyphened": "Amira-Canarywood",
    "dotted-name": "amira.canarywood",
    "camel": "AmiraCanarywood",
    "id": "cust-amira-7731",
    "token-of-letters": "opaypsecretabcdefghijk",
    "path": "/users/Amira-Canarywood/cards",
    "path-by-id": "/u/cust-amira-7731",
    "elsewhere": "https://api.example.net/customers/cust-amira-7731/amira.canarywood",
    "own-host": "https://sandbox-cashierapi.opaycheckout.com/api/v1/international/customers/AmiraCanarywood",
    "link": "<https://s.example.net/u/amira.canarywood>; rel=next",
}
"""The same people as ids and names that look like a member's, alone and as parts of paths."""

_NEEDLES = re.compile(
    r"4(?:[\W_]{0,3}1){7}|(?:1[\W_]{0,3}){8}|(?:%31){4}"  # half of the card number, from either end
    r"|amira|canarywood|أميرة|كناري|金絲|夫人"
    r"|1098765|109[\W_]*876|884422|c0ffee12|opayp|1726354|9f8e7d6c",
    re.IGNORECASE,
)
"""Parts of the canaries that are long enough to be nothing else."""

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{4}){3,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_BYTES = re.compile(r"\[\s*[0-9]{1,3}(?:\s*,\s*[0-9]{1,3}){4,}\s*\]")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def find_canaries(said: str | bytes) -> list[str]:
    """Return every part of a canary: as text, behind escapes, in base64 and in bytes listed as numbers."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    layers = [text]
    if "\\u" in text:
        layers.append(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text))
    layers += [_decoded(match) for match in _BASE64.findall(text)]
    layers += [
        bytes(min(int(one), 255) for one in match[1:-1].split(",")).decode(errors="replace")
        for match in _BYTES.findall(text)
    ]
    plain = "\n".join(layers)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
        for digit in {c for c in set(plain) if c.isdigit() and not c.isascii()}:
            plain = plain.replace(digit, str(unicodedata.digit(digit)))
    return [plain[max(0, hit.start() - 60) : hit.end() + 20] for hit in _NEEDLES.finditer(plain)]


def _decoded(match: str) -> str:
    try:
        return base64.b64decode(match).decode(errors="replace")
    except binascii.Error:
        return ""
