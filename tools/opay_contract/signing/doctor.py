r"""Names the mistake behind a signature that does not verify.

Whoever has the key, the body and the header can try what clients are known to do wrong. Each known mistake is
a change of the recipe by which a signature is made: of the value that is signed, of the way it is written as
JSON, of the text as a whole, of the key, or of the hash. The recipe is tried as it is, then with one change,
then with two; the first that gives the digits in the header is the diagnosis. What is odd about the header
itself (its prefix, upper case, base64) is read off it, and does not count against the two.

No word of a diagnosis shows the key, the body, or a digit of a signature.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import combinations
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from opay_contract.model.exchange import Request, header
from opay_contract.signing.signer import (
    DIGITS,
    PUBLIC_TEST_KEY,
    SignatureScheme,
    UnsignableBody,
    documented_forms,
    escape,
    parse_header,
    parse_signable,
    verify,
)

MOST_BODY = 64 << 10
"""Bytes of a body for which mistakes are tried; each try writes the body again."""

_MOST_IN_VAIN = 20
"""Searches without a result after which a `Doctor` tries single mistakes alone."""

_MOST_REMEMBERED = 256
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NON_ASCII = re.compile("[^\0-\x7f]")
_INTEGER = re.compile("-?[1-9][0-9]{0,17}|0")


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a signature, in words that go on from "the signature was", and what to do.

    `is_known` tells whether the mistakes explain the digits in the header; else they are those of the
    header's form alone. A signature that verifies has neither mistakes nor advice.
    """

    is_known: bool
    mistakes: tuple[str, ...] = ()
    advice: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether the signature verifies."""
        return self.is_known and not self.mistakes

    def describe(self) -> str:
        """Return the mistakes as one phrase that goes on from "the signature was"."""
        if self.is_sound:
            return "made as the contract says"
        *others, last = self.mistakes or ("made in a way that is not known",)
        return f"{', '.join(others)} and {last}" if others else last

    def explain(self) -> str:
        """Return what is wrong and what to do as one phrase."""
        return f"the signature was {self.describe()}" + (f"; {self.advice}" if self.advice else "")


class _Recipe(msgspec.Struct, frozen=True):
    """How a signature is made: as the scheme says, or with a mistake.

    A thousand are tried where none fits. What each way to write the value gives is kept in `written`, which a
    recipe shares with those that are made of it and have the same value.
    """

    value: Any
    body: bytes
    key: bytes
    sort_keys: bool
    separators: tuple[str, str]
    escape_slashes: bool
    non_ascii: str
    indent: int | None = None
    escapes: str = ""
    upper_escapes: bool = False
    text: Callable[["_Recipe", bytes], bytes] | None = None
    algorithm: str = "sha512"
    digest: Callable[[bytes, bytes, str], str] = lambda key, text, name: hmac.digest(key, text, name).hex()
    written: dict[tuple[Any, ...], bytes] = msgspec.field(default_factory=dict)

    def digits(self) -> str:
        """Return the hexadecimal digits that the recipe gives."""
        way = (
            self.sort_keys,
            self.separators,
            self.escape_slashes,
            self.non_ascii,
            self.indent,
            self.escapes,
            self.upper_escapes,
        )
        text = self.written.get(way)
        if text is None:
            text = self.written[way] = self._write()
        return self.digest(self.key, self.text(self, text) if self.text else text, self.algorithm)

    def members(self) -> list[tuple[str, str]]:
        """Return the names and the values as plain texts, in the order in which they are signed."""
        members = sorted(self.value.items()) if self.sort_keys else self.value.items()
        return [(name, one if isinstance(one, str) else json.dumps(one)) for name, one in members]

    def _write(self) -> bytes:
        written = json.dumps(
            self.value,
            sort_keys=self.sort_keys,
            separators=self.separators,
            indent=self.indent,
            ensure_ascii=False,
        )
        if self.escape_slashes:
            written = written.replace("/", "\\/")
        for character in self.escapes:
            written = written.replace(character, self._escape(character))
        if self.non_ascii == "escaped":
            written = _NON_ASCII.sub(lambda match: self._escape(match[0]), written)
        return written.encode("latin-1" if self.non_ascii == "latin-1" else "utf-8")

    def _escape(self, character: str) -> str:
        escaped = escape(character)
        return "\\u".join(map(str.upper, escaped.split("\\u"))) if self.upper_escapes else escaped


class _Mistake(msgspec.Struct, frozen=True):
    """A known mistake: its words, what to do, and the recipe with it; two of a `kind` exclude each other."""

    kind: str
    words: str
    advice: str
    change: Callable[[_Recipe], _Recipe | None]


class Doctor:
    """Diagnoses the requests that are meant for one key, call after call, at a cost that is bounded.

    What was seen before is remembered, and when many searches were in vain, which takes some milliseconds
    each, two mistakes at once are tried no more.
    """

    def __init__(self, key: str, scheme: SignatureScheme, identity: str | None = None) -> None:
        self._key, self._scheme, self._identity = key, scheme, identity
        self._remembered: dict[tuple[str, bytes], Diagnosis] = {}
        self._in_vain = 0

    def examine(self, request: Request) -> Diagnosis | None:
        """Name what is wrong with a request's signature; None where it has none."""
        value = header(request.headers, self._scheme.header)
        if value is None or request.body is None:
            return None
        known = self._remembered.get((value, request.body))
        if known is not None:
            return known
        pairs = self._in_vain < _MOST_IN_VAIN
        diagnosis = diagnose_request(request, self._key, self._scheme, self._identity, pairs=pairs)
        if diagnosis is None:
            return None
        self._in_vain += not diagnosis.is_known
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[value, request.body] = diagnosis
        return diagnosis


def diagnose_request(
    request: Request, key: str, scheme: SignatureScheme, identity: str | None = None, *, pairs: bool = True
) -> Diagnosis | None:
    """Name what is wrong with a request's signature; None where header or body are not there.

    `identity` is the name of the header that says who asks.
    """
    value = header(request.headers, scheme.header)
    if value is None or request.body is None:
        return None
    merchant_id = header(request.headers, identity) if identity else None
    return diagnose(request.body, value, key, scheme, url=request.url, merchant_id=merchant_id, pairs=pairs)


def diagnose(  # noqa: PLR0913  what is known of a call
    body: bytes,
    header_value: str,
    key: str,
    scheme: SignatureScheme,
    *,
    url: str | None = None,
    merchant_id: str | None = None,
    other_keys: Mapping[str, str] | None = None,
    pairs: bool = True,
) -> Diagnosis:
    """Name what was done wrong where `header_value` does not sign `body` with `key`.

    What else is known of a call may have been signed, or signed with, by mistake: `url` is where the request
    went, `merchant_id` whose it was, `other_keys` are keys by the words for them ("the public key"). Takes
    some milliseconds where none is found; without `pairs` of mistakes, one at most.
    """
    if verify(body, header_value, key, scheme).ok:
        return Diagnosis(is_known=True)
    others = {**(other_keys or {}), "the test key of redaction and the mock": PUBLIC_TEST_KEY}
    for words, known in {"the private key": key, **others}.items():
        if known in header_value:
            advice = f"send the signature, never {words}; have a key that went out replaced"
            return Diagnosis(is_known=True, mistakes=(f"{words} itself",), advice=advice)
    form = parse_header(header_value, scheme.prefix)
    on_form = f"send '{scheme.header}: {scheme.prefix}' and then {DIGITS} lower-case hexadecimal digits"
    if form.digits is None:
        mistakes = (*form.mistakes, "sent without the digits of a hash")
        return Diagnosis(is_known=False, mistakes=mistakes, advice=on_form)
    mistakes = form.mistakes
    if len(body) > MOST_BODY:
        return Diagnosis(is_known=False, mistakes=mistakes, advice="the body is too large to try mistakes")
    try:
        value = parse_signable(body.removeprefix(_BYTE_ORDER_MARK))
    except UnsignableBody as error:
        advice = f"the body has no canonical text: it {error.fault}"
        return Diagnosis(is_known=False, mistakes=mistakes, advice=advice)
    if body.startswith(_BYTE_ORDER_MARK):
        mistakes = (*mistakes, "sent beside a body that begins with a byte order mark")
    recipes = [
        _Recipe(
            value=value,
            body=body,
            key=key.encode(),
            sort_keys=scheme.sort_keys,
            separators=(scheme.item_separator, scheme.key_separator),
            escape_slashes=scheme.escape_slashes,
            non_ascii=non_ascii,
        )
        for non_ascii in documented_forms(scheme)
    ]
    tried = _iter_tried(url, merchant_id, others, pairs=pairs)
    digits, made = next(_fitting(recipes, tried, form.digits), ("", ()))
    if not digits:
        advice = "the key is another one, or the body was changed after it was signed"
        return Diagnosis(is_known=False, mistakes=mistakes, advice=advice)
    cut = (f"cut after {len(form.digits)} of {len(digits)} digits",) if len(form.digits) < len(digits) else ()
    advice = made[0].advice if made else on_form
    mistakes = (*(one.words for one in made), *mistakes, *cut)
    return Diagnosis(is_known=True, mistakes=mistakes, advice=advice)


def _iter_tried(
    url: str | None, merchant_id: str | None, other_keys: Mapping[str, str], *, pairs: bool
) -> Iterator[tuple[_Mistake, ...]]:
    """Yield no mistake, then each that is known, also of what is around the call, then each two."""
    known = list(_MISTAKES)
    if url is not None:
        path, _, query = url.partition("?")
        path = "/" + path.partition("//")[2].partition("/")[2]
        for words, text in (("URL", url), ("URL's path", path), ("URL's query", query)):
            known.append(_style(f"over the {words}", _NOT_THE_ADDRESS, text=_always(_bytes(text))))
    if merchant_id is not None:
        merchant = _bytes(merchant_id)
        before = _style(
            "over the merchant id and the body", _TEXT_ALONE, text=lambda _, text: merchant + text
        )
        known += [before, _key("made with the merchant id as the key", _always(merchant))]
    known += [_key(f"made with {words}", _always(_bytes(key))) for words, key in other_keys.items()]
    yield from [(), *((one,) for one in known)]
    if pairs:
        yield from ((one, other) for one, other in combinations(known, 2) if one.kind != other.kind)


def _fitting(
    recipes: list[_Recipe], tried: Iterable[tuple[_Mistake, ...]], given: str
) -> Iterator[tuple[str, tuple[_Mistake, ...]]]:
    """Yield the digits that begin with those that are given, with the mistakes that lead to them."""
    for made in tried:
        for recipe in recipes:
            changed: _Recipe | None = recipe
            for mistake in made:
                changed = mistake.change(changed) if changed is not None else None
            with suppress(UnicodeError):  # the text has no Latin-1
                digits = "" if changed is None else changed.digits()
                if digits.startswith(given):
                    yield digits, made


def _always(value: bytes) -> Callable[..., bytes]:
    return lambda *_: value


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _style(words: str, advice: str, **changes: Any) -> _Mistake:
    """Return the mistake of changes to a recipe; the first of them says its kind."""
    return _Mistake(next(iter(changes)), f"made {words}", advice, lambda recipe: replace(recipe, **changes))


def _value(words: str, change: Callable[[Any], Any]) -> _Mistake:
    def changed(recipe: _Recipe) -> _Recipe | None:
        value = change(recipe.value)
        return None if value == recipe.value else replace(recipe, value=value, written={})

    advice = "sign the very values that are sent, after the last change to them"
    return _Mistake("value", f"made over {words}", advice, changed)


def _each_value(words: str, change: Callable[[Any], Any]) -> _Mistake:
    return _value(words, lambda value: {name: change(one) for name, one in value.items()})


def _key(words: str, change: Callable[[bytes], bytes]) -> _Mistake:
    advice = "use the private key just as the vendor gave it"
    return _Mistake("key", words, advice, lambda recipe: replace(recipe, key=change(recipe.key)))


_COMPACT = "sign the compact form, without white space"
_SORTING = "sort the keys before the body is signed"
_ESCAPING = "switch the JSON library's escaping off for the text that is signed"
_NOT_THE_ADDRESS = "sign the request's body, not its address"
_TEXT_ALONE = "sign the JSON text of the body and nothing else"
_LINE_END = "cut the line's end off: printf '%s' instead of echo, rstrip"
_NO_MARK = "write UTF-8 without a byte order mark"
_ONCE = "encode the text once: it is JSON already"
_AFTER = "sign after the body is set"
_SHA_512 = "use SHA-512"
_HMAC = "make an HMAC: the private key is its key, the JSON text its message"

_MISTAKES = (
    _style("over the body with a space after ':' and ','", _COMPACT, separators=(", ", ": ")),
    _style("over the body with a space after ':'", _COMPACT, separators=(",", ": ")),
    _style("over the body with a space after ','", _COMPACT, separators=(", ", ":")),
    _style("over the body indented by two spaces", _COMPACT, separators=(",", ": "), indent=2),
    _style("over the body indented by four spaces", _COMPACT, separators=(",", ": "), indent=4),
    _style("over the body with its keys not sorted", _SORTING, sort_keys=False),
    _style(r"over the body with '/' written as '\/'", _ESCAPING, escape_slashes=True),
    _style(r"over the body with \uXXXX in upper case", _ESCAPING, non_ascii="escaped", upper_escapes=True),
    _style("over the body in Latin-1", "encode the text as UTF-8", non_ascii="latin-1"),
    _style(r"over the body with <, > and & as \uXXXX", _ESCAPING, escapes="<>&\u2028\u2029"),
    _style(r"over the body with <, >, &, = and ' as \uXXXX", _ESCAPING, escapes="<>&='"),
    _style(r"over the body with <, >, &, ', + and ` as \uXXXX in upper case", _ESCAPING,
           escapes="<>&'+`", non_ascii="escaped", upper_escapes=True),
    _style("over the body as it was sent", _COMPACT, text=lambda recipe, _: recipe.body),
    _style("over the body and a line feed", _LINE_END, text=lambda _, text: text + b"\n"),
    _style("over the body, a carriage return and a line feed", _LINE_END,
           text=lambda _, text: text + b"\r\n"),
    _style("over the body behind a byte order mark", _NO_MARK, text=lambda _, text: _BYTE_ORDER_MARK + text),
    _style("over the body as a JSON string, in quotes", _ONCE,
           text=lambda _, text: json.dumps(text.decode("utf-8", "replace"), ensure_ascii=False).encode()),
    _style("over the values alone", _TEXT_ALONE,
           text=lambda r, _: "".join(one for _, one in r.members()).encode()),
    _style("over the first value alone", _TEXT_ALONE,
           text=lambda r, _: "".join(one for _, one in r.members()[:1]).encode()),
    _style("over name=value, as in a query", _TEXT_ALONE,
           text=lambda r, _: "&".join(f"{name}={one}" for name, one in r.members()).encode()),
    _style("over name=value, escaped as in a form", _TEXT_ALONE,
           text=lambda r, _: urlencode(r.members()).encode()),
    _style("over an empty text", _AFTER, text=_always(b"")),
    _style("over an empty object", _AFTER, text=_always(b"{}")),
    _style("over the word null", _AFTER, text=_always(b"null")),
    _value("the body before its {{variables}} were filled in",
           lambda value: {name: f"{{{{{name}}}}}" for name in value}),
    _value("the first member alone", lambda value: dict(list(value.items())[:1])),
    _value("the body without its members that are null",
           lambda value: {name: one for name, one in value.items() if one is not None}),
    _each_value("the body with texts of digits as numbers",
                lambda one: int(one) if isinstance(one, str) and _INTEGER.fullmatch(one) else one),
    _each_value("the body with numbers as texts", lambda one: str(one) if type(one) is int else one),
    _each_value("the body with the white space around its values cut off",
                lambda one: one.strip() if isinstance(one, str) else one),
    _key("made with a line feed at the key's end", lambda key: key + b"\n"),
    _key("made with a carriage return and a line feed at the key's end", lambda key: key + b"\r\n"),
    _key("made with a space at the key's end", lambda key: key + b" "),
    _key("made with the key in double quotes", lambda key: b'"' + key + b'"'),
    _key("made with the key in single quotes", lambda key: b"'" + key + b"'"),
    _key("made with the key in lower case", bytes.lower),
    _key("made with the key in base64", base64.b64encode),
    _key("made with a hash of the key as the key", lambda key: hashlib.sha512(key).hexdigest().encode()),
    _key("made with an empty key", lambda _: b""),
    _style("with HMAC-SHA256", _SHA_512, algorithm="sha256"),
    _style("with HMAC-SHA1", _SHA_512, algorithm="sha1"),
    _style("with HMAC-SHA384", _SHA_512, algorithm="sha384"),
    _style("with HMAC-MD5", _SHA_512, algorithm="md5"),
    _style("with HMAC-SHA3-512", _SHA_512, algorithm="sha3_512"),
    _style("as a plain hash, without a key", _HMAC,
           digest=lambda _, text, name: hashlib.new(name, text).hexdigest()),
    _style("as a hash of the key and the body", _HMAC,
           digest=lambda key, text, name: hashlib.new(name, key + text).hexdigest()),
    _style("as a hash of the body and the key", _HMAC,
           digest=lambda key, text, name: hashlib.new(name, text + key).hexdigest()),
    _style("with key and message swapped", _HMAC,
           digest=lambda key, text, name: hmac.digest(text, key, name).hex()),
)  # fmt: skip
"""What clients are known to do, the likelier first: order decides where two mistakes give the same text."""


def describe_doubt(credentials: Mapping[str, str]) -> str:
    """Say what is odd about the looks of a key and of who signs, without a character of them, or nothing.

    `credentials` are by the names of the variables that hold them, the key first.
    """
    (key_name, key), *others = credentials.items()
    word = PUBLIC_TEST_KEY[: PUBLIC_TEST_KEY.index("_")]
    for name, text in others:
        if text.startswith(word) or key.isdigit():
            return f"{name} and {key_name} look swapped"
    if key.startswith(word.replace("PRV", "PUB")):
        return f"{key_name} holds a public key; the private key begins with {word}"
    if key == PUBLIC_TEST_KEY:
        return f"{key_name} holds the test key of the documentation"
    for name, text in credentials.items():
        if text[:1] in ('"', "'") or text[-1:] in ('"', "'"):
            return f"{name} has quotes in it, which belong to the shell"
        if any(char.isspace() for char in text) or "\\n" in text:
            return f"{name} has white space in it"
    return ""
