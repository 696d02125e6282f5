"""Rewrites header fields, and the URLs in them and of requests; signs requests again.

Known fields are rewritten word by word, any other as a whole. Of a URL host, path and query are, by what they
may hold, so that it leads to the same operation.
"""

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from itertools import zip_longest
from urllib.parse import quote_plus, unquote_plus, urlsplit

import msgspec

from opay_contract.contract.contract import Contract, is_version
from opay_contract.contract.operation import Operation
from opay_contract.contract.parameters import PATH, QUERY, Parameter, split_cookies
from opay_contract.judge.describing import describe_media_type
from opay_contract.model.exchange import Hidden, Request
from opay_contract.redact.pseudonyms import (
    card_hits,
    is_hex_pseudonym,
    is_reserved,
    is_test_number,
    iter_cards,
    stand_in_number,
)
from opay_contract.redact.texts import FREE_TEXT, NAME, STRICT, Manner
from opay_contract.redact.values import Values
from opay_contract.redact.vocabulary import HEADERS, HOST_HEADERS, METHODS, PSEUDO_HEADERS, URL_HEADERS
from opay_contract.signing.signer import (
    PUBLIC_TEST_KEY,
    SignatureScheme,
    UnsignableBody,
    Verification,
    sign,
    verify,
)
from opay_contract.signing.signer import is_mask as is_no_signature

_REST = r"([^?#\t\r\n]*)(\?[^#\t\r\n]*)?(#[^\t\r\n]*)?"
_URL = re.compile(rf"([A-Za-z][A-Za-z0-9+.-]*):(//[^/?#\s]*)?{_REST}")
_PATH = re.compile(rf"()(//[^/?#\s]*)?{_REST}")
_PASSED_OVER = re.compile(r"[\t\r\n]")
"""Characters that readers of URLs take out wherever they stand."""

_UNIT = re.compile(rb"%[0-9A-Fa-f]{2}|.", re.DOTALL)
_STRAY_BYTE = re.compile("[\udc80-\udcff]")
_USUAL_PORT = re.compile(":(?:80|443)$")
WEB = frozenset({"http", "https", "ws", "wss", ""})
_OWN_HOST = re.compile(
    r"(?:localhost|127\.0\.0\.1|\[::1\]|((?:[a-z-]+\.)*)(?:example|invalid|test|localhost))(?::[0-9]{1,5})?"
)


class Urls(msgspec.Struct, frozen=True):
    """Rewrites URLs as the contract's servers and paths allow."""

    contract: Contract
    values: Values

    def redact(self, url: str) -> str:
        """Return a URL with nothing of a person in it, and as many card numbers as there were."""
        url = _PASSED_OVER.sub("", url)
        match, hits = _URL.fullmatch(url), card_hits(unquote_plus(url))
        if match is None and (url.startswith("/") or self.contract.route(Request(url=url)).near is not None):
            match = _PATH.fullmatch(url)
        try:
            urlsplit(url)
        except ValueError:
            match = None
        if match is None:
            return self._as_text(url, hits)
        ways = ((self._path, True), (self._path, False), (self._path_of_cards, True))
        for way, decode in ways:
            made = self._rewrite(match, way, decode=decode)
            if card_hits(unquote_plus(made)) == hits:
                return made
        return self._as_text(url, hits)

    def _as_text(self, url: str, hits: list[int]) -> str:
        made = self.values.texts.redact(url, STRICT)
        return made if card_hits(unquote_plus(made)) == hits else self._encoded(url)

    def host(self, host: str) -> str:
        """Return a host: the contract's servers' and this machine's as they are, any other a pseudonym."""
        known = {server.host for server in self.contract.servers}
        plain = _USUAL_PORT.sub("", host.lower())
        if not known.isdisjoint((host.lower(), plain)):
            return host
        own = _OWN_HOST.fullmatch(host.lower())
        if own and all(map(self.values.texts.detector.is_known, (own[1] or "").split("."))):
            return host
        return self.values.texts.redact(host, NAME)

    def value(self, name: str, value: str) -> str:
        """Return the value of a parameter."""
        return self.values.text(value, self.values.sensitivity.of_name(name), 0.0)

    def _rewrite(self, match: re.Match[str], redact_path: Callable[[str], str], *, decode: bool) -> str:
        scheme, authority, path, query, fragment = (part or "" for part in match.groups())
        if scheme.lower() not in WEB:
            rest = self.values.texts.redact(match[0][len(scheme) + 1 :], STRICT)
            return f"{self.values.name(scheme, 0)}:{rest}"
        user, at, host = authority[2:].rpartition("@")
        made = f"{scheme}:" if scheme else ""
        made += "//" if authority else ""
        made += self.values.texts.redact(user, NAME) + at + self.host(host)
        made += redact_path(path)
        if query:
            operations, pairs = self._operations(path), query[1:].split("&")
            made += "?" + "&".join(self._pair(pair, operations, decode=decode) for pair in pairs)
        return made + ("#" + self.values.texts.redact(fragment[1:], STRICT) if fragment else "")

    def _path(self, path: str) -> str:
        operations = self._operations(path)
        if operations:
            return self._filled(operations, path)
        near = self.contract.route(Request(url=path)).near
        if near is not None:
            return self._near(path, near.documented)
        return "/".join(map(self.segment, path.split("/")))

    def _operations(self, path: str) -> list[Operation]:
        """Return the operations of a path, whatever their methods; those of the most telling pattern."""
        below = self.contract.path(path)
        found = [one for one in self.contract.operations if below and one.path_pattern.fullmatch(below)]
        first = min((one.rank for one in found), default=None)
        return [one for one in found if one.rank == first]

    def _filled(self, operations: list[Operation], path: str) -> str:
        """Return a path of operations with other values for the parameters in it."""
        below = self.contract.path(path) or ""
        match = operations[0].path_pattern.fullmatch(below)
        made, end = path[: len(path) - len(below)], 0
        for at, name in enumerate(operations[0].path_names if match else (), 1):
            start, stop = match.span(at) if match else (0, 0)
            raw, documented = below[start:stop], self._documented(operations, PATH, name)
            if documented is not None and documented.schema is not None:
                new = self.values.parameter(documented, name, raw)
            else:
                new = self._encoded(raw) if "%" in raw else self.values.texts.redact(raw, NAME)
            made += below[end:start] + new
            end = stop
        return made + below[end:]

    def _documented(self, operations: list[Operation], place: str, name: str) -> Parameter | None:
        """Return the parameter of some operations to which a name belongs."""
        stated = [one for operation in operations for one in operation.parameters if one.place == place]
        return next((one for one in stated if self.contract.parameters.owns(one, name)), None)

    def _near(self, path: str, documented: str) -> str:
        """Return a path that slips alone tell from a documented one, which are nobody's data."""
        segments = path.split("/")
        places = [at for at, one in enumerate(segments) if one and not is_version(one.partition(";")[0])]
        wanted = [one for one in documented.split("/") if one and not is_version(one)]
        words = dict(zip(reversed(places), reversed(wanted), strict=False))
        return "/".join(self._slip(one, words.get(at, one)) for at, one in enumerate(segments))

    def _slip(self, segment: str, wanted: str) -> str:
        word, semicolon, tail = segment.partition(";")
        if wanted.startswith("{"):
            word = self._encoded(word) if "%" in word else self.values.texts.redact(word, NAME)
        return word + semicolon + self.values.texts.redact(tail, NAME)

    def _path_of_cards(self, path: str) -> str:
        """Return a path in which card numbers go over several parts, with others in the same parts."""
        texts, digits, touched = self.values.texts, list(path), set[int]()
        for spans in iter_cards(path):
            places = [at for begin, end in spans for at in range(begin, end)]
            number = "".join(path[at] for at in places)
            new = number if is_test_number(number) else stand_in_number(texts.pseudonyms, number)
            touched.update(places)
            for at, digit in zip(places, new, strict=True):
                digits[at] = digit
        made, start = [], 0
        for segment in path.split("/"):
            here = range(start, start + len(segment))
            is_touched = not touched.isdisjoint(here)
            made.append(self._around(here, digits, touched) if is_touched else self.segment(segment))
            start = here.stop + 1
        return "/".join(made)

    def _around(self, here: range, digits: list[str], touched: set[int]) -> str:
        """Return a part of a path with the digits of card numbers, and pseudonyms for what is around them."""
        text = "".join("9" if digits[at].isdigit() and at not in touched else digits[at] for at in here)
        letters = self.values.texts.pseudonyms.letters(text, text)
        return text if is_reserved(text) else letters

    def segment(self, segment: str) -> str:
        """Return a part of a path, which stays if it is made of known words."""
        if "%" in segment:
            return self._encoded(segment)
        return self.values.name(segment, 0, is_shown=False)

    def _encoded(self, segment: str) -> str:
        """Redact what a segment says, and write each byte in the way that it was written in before."""
        try:
            units = _UNIT.findall(segment.encode(errors="surrogateescape"))
        except UnicodeEncodeError:  # half of a surrogate pair
            return self.values.name(segment, 0, is_shown=False)
        raw = b"".join(bytes.fromhex(unit[1:].decode()) if len(unit) > 1 else unit for unit in units)
        text = _STRAY_BYTE.sub("\udcff", raw.decode(errors="surrogateescape"))
        new = self.values.texts.redact(text, NAME).encode(errors="surrogateescape")
        if len(new) != len(raw):
            return self.values.name(segment, 0, is_shown=False)
        written = (
            b"%%%02X" % byte if len(unit) > 1 else bytes([byte])
            for byte, unit in zip(new, units, strict=True)
        )
        return b"".join(written).decode(errors="surrogateescape")

    def _pair(self, pair: str, operations: list[Operation], *, decode: bool) -> str:
        """Return a pair of a query; in a call of an operation, names that a report may show stay."""
        name, equals, value = pair.partition("=")
        plain = unquote_plus(name)
        documented = self._documented(operations, QUERY, plain)
        if documented is not None:
            return (
                self._name_of(documented, name)
                + equals
                + (value and self.values.parameter(documented, plain, value))
            )
        if plain in self.contract.keys_in_queries:
            return name + equals + self.values.texts.redact(value, NAME)
        if not equals and not operations:
            return self._encoded_value("", name, decode=decode)
        name = self.values.name(name, 0) if operations and "%" not in name else self.segment(name)
        return name + equals + self._encoded_value(name, value, decode=decode)

    def _name_of(self, parameter: Parameter, name: str) -> str:
        """Return the name under which a parameter was sent, without what a client may have put into it."""
        inner = unquote_plus(name).removeprefix(parameter.name)
        if not inner.startswith("["):
            return name
        made = re.sub(r"[^\[\]]+", lambda found: self.values.name(found[0], 0), inner)
        return name if made == inner else parameter.name + made

    def _encoded_value(self, name: str, value: str, *, decode: bool) -> str:
        plain = unquote_plus(value, errors="replace")
        if not decode or plain == value:
            return self.value(name, value)
        new = self.value(name, plain)
        return value if new == plain else quote_plus(new)


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
