r"""Writes a JSON body in the one form that client and server both sign.

The server parses the body and writes it again, so a body has a signature only where every reader of JSON
gets the same value from it; any other body is refused. Keys are ordered by Unicode code point. Integers of
64 bits are kept. Any other number is written as Python's `repr` writes its double (`1.50` as `1.5`, `1e2` as
`100.0`); how the server writes those is not known.
"""

import json
import re
from functools import lru_cache
from typing import Any

from opay_contract.errors import ContractError, OpayContractError, UsageError
from opay_contract.jsontext import Flaw, FlawKind, NotJson, Parsed, Tokens, parse_json, pointer
from opay_contract.model.signature import SignatureScheme

_FORMS = ("raw", "escaped")
_NON_ASCII = re.compile("[^\0-\x7f]+")
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
    return _NON_ASCII.sub(_escape, text) if non_ascii == "escaped" else text


@lru_cache(maxsize=16)
def _encoder(scheme: SignatureScheme) -> json.JSONEncoder:
    return json.JSONEncoder(
        sort_keys=scheme.sort_keys,
        separators=(scheme.item_separator, scheme.key_separator),
        ensure_ascii=False,  # its escapes include DEL, which neither PHP nor JavaScript escapes
        allow_nan=False,
    )


def canonical_text(body: bytes, scheme: SignatureScheme, *, non_ascii: str | None = None) -> str:
    """Return the text that is signed for `body`; `non_ascii` is the scheme's first form unless given."""
    return render_canonical(parse_signable(body), scheme, choose_form(scheme, non_ascii))


def documented_forms(scheme: SignatureScheme) -> tuple[str, ...]:
    """Return the forms of text outside ASCII that the scheme lists, the default first."""
    if not scheme.non_ascii or not set(scheme.non_ascii) <= set(_FORMS):
        raise ContractError(f"x-signature: non-ascii must list one or both of {', '.join(_FORMS)}")
    return scheme.non_ascii


def choose_form(scheme: SignatureScheme, non_ascii: str | None) -> str:
    """Return `non_ascii` if the scheme has it, or the scheme's default for None."""
    forms = documented_forms(scheme)
    if non_ascii is None:
        return forms[0]
    if non_ascii not in forms:
        raise UsageError(f"unknown form '{non_ascii}' of text outside ASCII; expected {' or '.join(forms)}")
    return non_ascii


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be").hex(" ", 2).split()
    return "".join(f"\\u{unit}" for unit in units)


def _is_kept(flaw: Flaw, root: Any) -> bool:
    """Whether the flaw is an integer beyond a double's 53 bits that a reader with 64-bit integers keeps."""
    if flaw.kind is not FlawKind.UNSAFE_NUMBER:
        return False
    value = root
    for token in flaw.tokens:  # leads somewhere: a flaw in a key on the way comes first, and ends it
        value = value[token]
    return isinstance(value, int) and -(2**63) <= value < 2**63


def _place_of(flaw: Flaw, body: bytes) -> str:
    if flaw.kind is FlawKind.INVALID_UTF8:
        return f" at byte {_first_invalid_byte(body)}"
    return "" if flaw.kind is FlawKind.BYTE_ORDER_MARK else f" at {_quoted_pointer(flaw.tokens)}"


def _describe_not_json(flaw: NotJson) -> str:
    if flaw.too_deep:
        return "is nested too deeply"
    fault = "breaks off" if flaw.truncated else "stops being JSON"
    return f"{fault} at line {flaw.line}, column {flaw.column}"


def _quoted_pointer(tokens: Tokens) -> str:
    """Return a pointer that fits one line of any terminal, whatever characters its keys have."""
    return json.dumps(pointer(tokens))


def _first_invalid_byte(body: bytes) -> int:
    start = 0
    try:
        body.decode()
    except UnicodeDecodeError as error:
        start = error.start
    return start
