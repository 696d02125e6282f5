"""Reads what a client put into the signature's header: the digest in it, and what is odd around it."""

import base64
import binascii
import re
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderForm:
    """A header's value taken apart: the digest as lower-case hexadecimal digits, None where there is none.

    `mistakes` are the words for what differs from the scheme's form, in the order of reading; each goes on
    from "the signature was".
    """

    digits: str | None = field(repr=False)
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
    return len(set(written)) <= _MASK_VARIETY or not _has_both_cases(written)


def _has_both_cases(text: str) -> bool:
    return text not in (text.lower(), text.upper())


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
        try:
            raw = base64.b64decode(
                text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=_altchars(text)
            )
        except (binascii.Error, ValueError):
            return None, None
        if len(raw) in _DIGEST_BYTES:
            return raw.hex(), "written in base64"
        if _HEX.fullmatch(inner := raw.decode("ascii", "replace")) and len(inner) >= LEAST_DIGITS:
            return inner.lower(), "written as base64 of the hexadecimal digits"
    return None, None


def _altchars(text: str) -> bytes | None:
    return b"-_" if set(text) & set("-_") else None
