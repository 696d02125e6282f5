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
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, TypeVar
from urllib.parse import quote_plus

from opay_contract.model.exchange import Request, header
from opay_contract.model.signature import SignatureScheme
from opay_contract.signing.canonical import UnsignableBody, documented_forms, parse_signable
from opay_contract.signing.header_forms import HeaderForm, parse_header
from opay_contract.signing.signer import PUBLIC_TEST_KEY, verify

MOST_BODY = 64 << 10
"""Bytes of a body for which mistakes are tried; each try writes the body again."""

_MOST_IN_VAIN = 20
"""Searches without a result after which a `Doctor` tries single mistakes alone."""

_MOST_REMEMBERED = 256
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NON_ASCII = re.compile("[^\0-\x7f]")
_INTEGER = re.compile("-?[1-9][0-9]{0,17}|0")
_DIGITS = 128

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What else is known of a call, and may have been signed, or signed with, by mistake.

    `url` is where the request went, `merchant_id` whose it was, `other_keys` are keys by the words for them
    ("the public key"), `other_bodies` the bodies of other requests of the same client.
    """

    url: str | None = field(default=None, repr=False)
    merchant_id: str | None = field(default=None, repr=False)
    other_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    other_bodies: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
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


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How a signature is made: as the scheme says, or with a mistake."""

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

    def digits(self) -> str:
        """Return the hexadecimal digits that the recipe gives."""
        text = self._written()
        return self.digest(self.key, self.text(self, text) if self.text else text, self.algorithm)

    def members(self) -> list[tuple[str, str]]:
        """Return the names and the values as plain texts, in the order in which they are signed."""
        members = sorted(self.value.items()) if self.sort_keys else self.value.items()
        return [(name, one if isinstance(one, str) else json.dumps(one)) for name, one in members]

    def _written(self) -> bytes:
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
        units = character.encode("utf-16-be").hex(" ", 2).split()
        return "".join(f"\\u{unit.upper() if self.upper_escapes else unit}" for unit in units)


@dataclass(frozen=True, slots=True)
class _Mistake:
    """A known mistake: its words, what to do, and the recipe with it; two of a `kind` exclude each other."""

    kind: str
    words: str
    advice: str
    change: Callable[[_Recipe], _Recipe | None]


class Doctor:
    """Diagnoses the requests that are meant for one key, call after call, at a cost that is bounded.

    What was seen before is remembered, and when many searches were in vain, which takes some tens of
    milliseconds each, two mistakes at once are tried no more.
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
    around = Circumstances(url=request.url, merchant_id=merchant_id)
    return diagnose(request.body, value, key, scheme, around, pairs=pairs)


def diagnose(  # noqa: PLR0913  what is known of a call
    body: bytes,
    header_value: str,
    key: str,
    scheme: SignatureScheme,
    circumstances: Circumstances | None = None,
    *,
    pairs: bool = True,
) -> Diagnosis:
    """Name what was done wrong where `header_value` does not sign `body` with `key`.

    Takes a few milliseconds where the first mistakes that are tried fit, some tens where none does; without
    `pairs` of mistakes, one.
    """
    if verify(body, header_value, key, scheme).ok:
        return Diagnosis(is_known=True)
    circumstances = circumstances or Circumstances()
    if key != PUBLIC_TEST_KEY:
        other_keys = {**circumstances.other_keys, "the test key of redaction and the mock": PUBLIC_TEST_KEY}
        circumstances = replace(circumstances, other_keys=other_keys)
    exposed = _key_in_header(header_value, key, circumstances)
    if exposed is not None:
        return exposed
    form = parse_header(header_value, scheme.prefix)
    if form.digits is None:
        mistakes = (*form.mistakes, "sent without the digits of a hash")
        return Diagnosis(is_known=False, mistakes=mistakes, advice=_advice_on_form(scheme))
    if len(body) > MOST_BODY:
        return Diagnosis(
            is_known=False, mistakes=form.mistakes, advice="the body is too large to try mistakes"
        )
    marked = body.startswith(_BYTE_ORDER_MARK)
    try:
        value = parse_signable(body.removeprefix(_BYTE_ORDER_MARK))
    except UnsignableBody as error:
        advice = f"the body has no canonical text: it {error.fault}"
        return Diagnosis(is_known=False, mistakes=form.mistakes, advice=advice)
    if marked:
        form = replace(
            form, mistakes=(*form.mistakes, "sent beside a body that begins with a byte order mark")
        )
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
    known = [*_MISTAKES, *_circumstantial(circumstances)]
    tried: list[tuple[_Mistake, ...]] = [(), *((one,) for one in known)]
    if pairs:
        tried += [(one, other) for one, other in combinations(known, 2) if one.kind != other.kind]
    return _search(recipes, form, tried, _advice_on_form(scheme))


def _advice_on_form(scheme: SignatureScheme) -> str:
    return f"send '{scheme.header}: {scheme.prefix}' and then {_DIGITS} lower-case hexadecimal digits"


def _key_in_header(header_value: str, key: str, circumstances: Circumstances) -> Diagnosis | None:
    for words, known in {"the private key": key, **circumstances.other_keys}.items():
        if known in header_value:
            advice = f"send the signature, never {words}; have a key that went out replaced"
            return Diagnosis(is_known=True, mistakes=(f"{words} itself",), advice=advice)
    return None


def _search(
    recipes: list[_Recipe], form: HeaderForm, tried: Iterable[tuple[_Mistake, ...]], advice_on_form: str
) -> Diagnosis:
    for made in tried:
        for recipe in recipes:
            digits = _digits_with(recipe, made)
            if digits is not None and form.digits is not None and digits.startswith(form.digits):
                cut = f"cut after {len(form.digits)} of {len(digits)} digits"
                mistakes = [one.words for one in made] + list(form.mistakes)
                mistakes += [cut] if len(form.digits) < len(digits) else []
                advice = made[0].advice if made else advice_on_form
                return Diagnosis(is_known=True, mistakes=tuple(mistakes), advice=advice)
    advice = "the key is another one, or the body was changed after it was signed"
    return Diagnosis(is_known=False, mistakes=form.mistakes, advice=advice)


def _digits_with(recipe: _Recipe, made: tuple[_Mistake, ...]) -> str | None:
    """Return the digits that a recipe gives with mistakes; None where they cannot be made."""
    changed: _Recipe | None = recipe
    for mistake in made:
        changed = mistake.change(changed) if changed is not None else None
    try:
        return None if changed is None else changed.digits()
    except UnicodeError:  # the text has no Latin-1
        return None


def _circumstantial(circumstances: Circumstances) -> Iterator[_Mistake]:
    """Yield the mistakes that take something from around the call."""
    if circumstances.url is not None:
        path, _, query = circumstances.url.partition("?")
        path = "/" + path.partition("//")[2].partition("/")[2]
        for words, text in (("URL", circumstances.url), ("URL's path", path), ("URL's query", query)):
            yield _text(f"made over the {words}", _NOT_THE_ADDRESS, _always(_bytes(text)))
    if circumstances.merchant_id is not None:
        merchant = _bytes(circumstances.merchant_id)
        yield _text("made over the merchant id and the body", _TEXT_ALONE, lambda _, text: merchant + text)
        yield _key("made with the merchant id as the key", _always(merchant))
    for words, key in circumstances.other_keys.items():
        yield _key(f"made with {words}", _always(_bytes(key)))
    for body in circumstances.other_bodies:
        with suppress(UnsignableBody):
            yield _value("made over another request's body", _SAME_VALUES, _always(parse_signable(body)))


def _always(value: _T) -> Callable[..., _T]:
    return lambda *_: value


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _style(words: str, advice: str, **changes: Any) -> _Mistake:
    kind = next(iter(changes))
    return _Mistake(kind, f"made {words}", advice, lambda recipe: replace(recipe, **changes))


def _text(words: str, advice: str, text: Callable[[_Recipe, bytes], bytes]) -> _Mistake:
    return _Mistake("text", words, advice, lambda recipe: replace(recipe, text=text))


def _value(words: str, advice: str, change: Callable[[Any], Any]) -> _Mistake:
    def changed(recipe: _Recipe) -> _Recipe | None:
        value = change(recipe.value)
        return None if value == recipe.value else replace(recipe, value=value)

    return _Mistake("value", words, advice, changed)


def _key(words: str, change: Callable[[bytes], bytes]) -> _Mistake:
    advice = "use the private key just as the vendor gave it"
    return _Mistake("key", words, advice, lambda recipe: replace(recipe, key=change(recipe.key)))


def _hash(words: str, digest: Callable[[bytes, bytes, str], str]) -> _Mistake:
    advice = "make an HMAC: the private key is its key, the JSON text its message"
    return _Mistake("hash", f"made {words}", advice, lambda recipe: replace(recipe, digest=digest))


def _each_value(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: {name: change(one) for name, one in value.items()}


def _form_encoded(recipe: _Recipe, _text: bytes) -> bytes:
    return "&".join(f"{quote_plus(name)}={quote_plus(one)}" for name, one in recipe.members()).encode()


_COMPACT = "sign the compact form, without white space"
_ESCAPING = "switch the JSON library's escaping off for the text that is signed"
_NOT_THE_ADDRESS = "sign the request's body, not its address"
_TEXT_ALONE = "sign the JSON text of the body and nothing else"
_LINE_END = "cut the line's end off: printf '%s' instead of echo, rstrip"
_SAME_VALUES = "sign the very values that are sent, after the last change to them"
_SHA_512 = "use SHA-512"

_MISTAKES = (
    _style("over the body with a space after ':' and ','", _COMPACT, separators=(", ", ": ")),
    _style("over the body with a space after ':'", _COMPACT, separators=(",", ": ")),
    _style("over the body with a space after ','", _COMPACT, separators=(", ", ":")),
    _style("over the body indented by two spaces", _COMPACT, separators=(",", ": "), indent=2),
    _style("over the body indented by four spaces", _COMPACT, separators=(",", ": "), indent=4),
    _style(
        "over the body with its keys not sorted", "sort the keys before the body is signed", sort_keys=False
    ),
    _style(r"over the body with '/' written as '\/'", _ESCAPING, escape_slashes=True),
    _style(r"over the body with \uXXXX in upper case", _ESCAPING, non_ascii="escaped", upper_escapes=True),
    _style("over the body in Latin-1", "encode the text as UTF-8", non_ascii="latin-1"),
    _style(r"over the body with <, > and & as \uXXXX", _ESCAPING, escapes="<>&\u2028\u2029"),
    _style(r"over the body with <, >, &, = and ' as \uXXXX", _ESCAPING, escapes="<>&='"),
    _style(
        r"over the body with <, >, &, ', + and ` as \uXXXX in upper case",
        _ESCAPING,
        escapes="<>&'+`",
        non_ascii="escaped",
        upper_escapes=True,
    ),
    _text("made over the body as it was sent", _COMPACT, lambda recipe, _: recipe.body),
    _text("made over the body and a line feed", _LINE_END, lambda _, text: text + b"\n"),
    _text("made over the body, a carriage return and a line feed", _LINE_END, lambda _, text: text + b"\r\n"),
    _text(
        "made over the body behind a byte order mark",
        "write UTF-8 without a byte order mark",
        lambda _, text: _BYTE_ORDER_MARK + text,
    ),
    _text(
        "made over the body as a JSON string, in quotes",
        "encode the text once: it is JSON already",
        lambda _, text: json.dumps(text.decode("utf-8", "replace"), ensure_ascii=False).encode(),
    ),
    _text(
        "made over the values alone",
        _TEXT_ALONE,
        lambda r, _: "".join(one for _, one in r.members()).encode(),
    ),
    _text(
        "made over the first value alone",
        _TEXT_ALONE,
        lambda r, _: "".join(o for _, o in r.members()[:1]).encode(),
    ),
    _text(
        "made over name=value, as in a query",
        _TEXT_ALONE,
        lambda r, _: "&".join(f"{name}={one}" for name, one in r.members()).encode(),
    ),
    _text("made over name=value, escaped as in a form", _TEXT_ALONE, _form_encoded),
    _text("made over an empty text", "sign after the body is set", _always(b"")),
    _text("made over an empty object", "sign after the body is set", _always(b"{}")),
    _text("made over the word null", "sign after the body is set", _always(b"null")),
    _value(
        "made over the body before its {{variables}} were filled in",
        _SAME_VALUES,
        lambda value: {name: f"{{{{{name}}}}}" for name in value},
    ),
    _value("made over the first member alone", _SAME_VALUES, lambda value: dict(list(value.items())[:1])),
    _value(
        "made over the body without its members that are null",
        _SAME_VALUES,
        lambda value: {name: one for name, one in value.items() if one is not None},
    ),
    _value(
        "made over the body with texts of digits as numbers",
        _SAME_VALUES,
        _each_value(lambda one: int(one) if isinstance(one, str) and _INTEGER.fullmatch(one) else one),
    ),
    _value(
        "made over the body with numbers as texts",
        _SAME_VALUES,
        _each_value(lambda one: str(one) if type(one) is int else one),
    ),
    _value(
        "made over the body with the white space around its values cut off",
        _SAME_VALUES,
        _each_value(lambda one: one.strip() if isinstance(one, str) else one),
    ),
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
    _hash("as a plain hash, without a key", lambda _, text, name: hashlib.new(name, text).hexdigest()),
    _hash(
        "as a hash of the key and the body", lambda key, text, name: hashlib.new(name, key + text).hexdigest()
    ),
    _hash(
        "as a hash of the body and the key", lambda key, text, name: hashlib.new(name, text + key).hexdigest()
    ),
    _hash("with key and message swapped", lambda key, text, name: hmac.digest(text, key, name).hex()),
)
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
